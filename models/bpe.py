"""Byte-level BPE with GPT-2's rules: a trainer and an encoder, plain Python.

The file formats and every rule are GPT-2's (vocab.json + merges.txt, the
pre-tokenisation pattern, bytes_to_unicode), so any GPT-2 tokenizer reads what
is written here. Two things are ours: the size, and that a token holds at most
two digits, which keeps years as " 19" + "84" and counting learnable.
"""
import collections
import functools
import heapq
import json
import os
import re
import sys
import unicodedata

END = "<|endoftext|>"


def _unicode_class(kinds):
    """A regex character class of all code points whose category begins with one of `kinds`.
    Python's re has no \\p{L}; listing the ranges is the exact equivalent."""
    ranges, start = [], None
    for c in range(sys.maxunicode + 2):
        inside = c <= sys.maxunicode and unicodedata.category(chr(c))[0] in kinds
        if inside and start is None:
            start = c
        elif not inside and start is not None:
            ranges.append(f"\\U{start:08x}-\\U{c - 1:08x}")
            start = None
    return "".join(ranges)


# Unicode White_Space; Python's own \s also takes U+001C..U+001F, which GPT-2's does not.
_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


@functools.lru_cache(None)
def pattern():
    letters, numbers = _unicode_class("L"), _unicode_class("N")
    return re.compile(
        f"'s|'t|'re|'ve|'m|'ll|'d| ?[{letters}]+| ?[{numbers}]+"
        f"| ?[^{_SPACE}{letters}{numbers}]+|[{_SPACE}]+(?![^{_SPACE}])|[{_SPACE}]+")


def bytes_to_unicode():
    """GPT-2's printable stand-ins for the 256 bytes; dict order is the id order of the byte tokens."""
    table = {b: chr(b) for b in [*range(33, 127), *range(161, 173), *range(174, 256)]}
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + len(table) - 188)
    return table


BYTE_TO_CHAR = bytes_to_unicode()
CHAR_TO_BYTE = {c: b for b, c in BYTE_TO_CHAR.items()}


def to_chars(text):
    return "".join(BYTE_TO_CHAR[b] for b in text.encode("utf-8"))


def count_words(texts):
    """Pre-token counts; `texts` are (text, weight) pairs."""
    counts = collections.Counter()
    for text, weight in texts:
        for word in pattern().findall(text):
            counts[word] += weight
    return counts


def train(counts, vocab_size):
    """The list of merges for a vocabulary of 256 bytes + merges + <|endoftext|>.

    Always the most frequent pair next, ties by the pair itself, so the result
    does not depend on the order of the text."""
    words = [(list(to_chars(w)), n) for w, n in counts.items()]
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for i, (symbols, n) in enumerate(words):
        for pair in zip(symbols, symbols[1:]):
            pairs[pair] += n
            where[pair].add(i)
    heap = [(-n, pair) for pair, n in pairs.items()]
    heapq.heapify(heap)
    merges = []
    while len(merges) < vocab_size - 257 and heap:
        negative, pair = heapq.heappop(heap)
        if -negative != pairs[pair]:  # stale entry: the true count was pushed when it changed
            continue
        if pairs[pair] <= 0 or sum(c.isdigit() for c in pair[0] + pair[1]) > 2:
            continue
        merges.append(pair)
        changed = set()
        for i in where.pop(pair):
            symbols, n = words[i]
            for p in zip(symbols, symbols[1:]):
                pairs[p] -= n
                changed.add(p)
            symbols = _merge(symbols, pair)
            words[i] = (symbols, n)
            for p in zip(symbols, symbols[1:]):
                pairs[p] += n
                where[p].add(i)
                changed.add(p)
        for p in changed:
            if pairs[p] > 0:
                heapq.heappush(heap, (-pairs[p], p))
    return merges


def _merge(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and symbols[i] == pair[0] and symbols[i + 1] == pair[1]:
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(m) for m in merges]
        self.rank = {m: i for i, m in enumerate(self.merges)}
        names = [*BYTE_TO_CHAR.values(), *(a + b for a, b in self.merges), END]
        self.vocab = {name: i for i, name in enumerate(names)}
        self.names = names
        self.end = len(names) - 1
        self._cache = {}

    @classmethod
    def load(cls, folder):
        with open(os.path.join(folder, "merges.txt"), encoding="utf-8") as f:
            lines = f.read().split("\n")[1:]
        return cls([line.split(" ") for line in lines if line])

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as f:
            f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in self.merges))
        with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as f:
            json.dump(self.vocab, f, ensure_ascii=False)

    def _word(self, word):
        ids = self._cache.get(word)
        if ids is None:
            symbols = list(to_chars(word))
            while len(symbols) > 1:
                best = min(zip(symbols, symbols[1:]), key=lambda p: self.rank.get(p, 1 << 30))
                if best not in self.rank:
                    break
                symbols = _merge(symbols, best)
            ids = self._cache[word] = [self.vocab[s] for s in symbols]
        return ids

    def encode(self, text):
        """Ids of ordinary text; <|endoftext|> in it is text, not the special token."""
        return [i for word in pattern().findall(text) for i in self._word(word)]

    def decode(self, ids):
        """Bytes that are not whole UTF-8 come out as U+FFFD."""
        data = bytearray()
        for i in ids:
            data += END.encode() if i == self.end else bytes(CHAR_TO_BYTE[c] for c in self.names[i])
        return data.decode("utf-8", errors="replace")
