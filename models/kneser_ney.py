"""An interpolated Kneser-Ney n-gram model (Kneser and Ney 1995; Chen and Goodman 1999, section 2.7), the baseline
that a language model has to beat.

  p_k(w | h) = max(c(h w) - D_k, 0) / c(h) + D_k N(h .) / c(h) * p_{k-1}(w | h without its first),  p_0 = 1 / V

c counts in the highest order, and the distinct left neighbours of an n-gram below it; N(h .) is the number of
distinct words after h; D_k = n1 / (n1 + 2 n2), of the n-grams with count 1 and 2 (1/2 without any). A document is opened by
order - 1 tokens <|endoftext|>, so that its first word has a full history too.
"""
import numpy as np


class KneserNey:
    def __init__(self, documents, vocab_size, opening, order=5):
        self.vocab_size, self.opening, self.order = vocab_size, opening, order
        self.bits = max(1, (vocab_size - 1).bit_length())
        if self.bits * order > 63:
            raise ValueError(f"{order} tokens of a vocabulary of {vocab_size} do not fit in 63 bits")
        grams = np.concatenate([self._pack(self._windows(d)) for d in documents if len(d)])
        grams, counts = np.unique(grams, return_counts=True)
        self.levels = [None] * (order + 1)
        for k in range(order, 0, -1):
            self.levels[k] = self._level(grams, counts)
            rest = grams & ((1 << self.bits * (k - 1)) - 1)  # without the first token
            grams, counts = np.unique(rest, return_counts=True)  # each different first token once

    def _windows(self, tokens):
        """[n, order]: each token with its history before it."""
        padded = np.concatenate([np.full(self.order - 1, self.opening, np.int64), np.asarray(tokens, np.int64)])
        return np.lib.stride_tricks.sliding_window_view(padded, self.order)

    def _pack(self, rows):
        packed = np.zeros(len(rows), np.int64)
        for column in rows.T:
            packed = packed << self.bits | column
        return packed

    def _level(self, grams, counts):
        n1, n2 = (counts == 1).sum(), (counts == 2).sum()
        history, first, types = np.unique(grams >> self.bits, return_index=True, return_counts=True)
        return {"grams": grams, "counts": counts, "discount": n1 / (n1 + 2 * n2) if n1 else 0.5,
                "history": history, "total": np.add.reduceat(counts, first), "types": types}

    def _probability(self, histories, words):
        """p(word | the last order - 1 tokens of its history), for arrays of packed histories and of words."""
        p = np.full(len(words), 1 / self.vocab_size)
        for k, level in enumerate(self.levels[1:], 1):
            h = histories & ((1 << self.bits * (k - 1)) - 1)
            seen, i = find(level["history"], h)
            total = np.where(seen, level["total"][i], 1)
            hit, j = find(level["grams"], h << self.bits | words)
            count = np.where(hit, level["counts"][j], 0)
            d = level["discount"]
            p = np.where(seen, (np.maximum(count - d, 0) + d * level["types"][i] * p) / total, p)
        return p

    def log_p(self, tokens):
        """ln p of each token of one document."""
        rows = self._windows(tokens)
        return np.log(self._probability(self._pack(rows[:, :-1]), rows[:, -1]))

    def next(self, tokens):
        """p of every token of the vocabulary after these."""
        history = self._pack(self._windows([*tokens, 0])[-1:, :-1])
        return self._probability(np.repeat(history, self.vocab_size), np.arange(self.vocab_size))


def find(table, keys):
    """(whether each key is in the sorted table, where)"""
    i = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return table[i] == keys, i
