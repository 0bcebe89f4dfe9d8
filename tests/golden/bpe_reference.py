"""GPT-2's byte-level BPE, written from its description to be held against the C++ tokenizer.

Source: Radford et al. 2019, 2.2 "Input Representation", and the pattern published with the model:
    's|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+
Python's `re` knows no \\p, so the pattern is scanned by hand.
"""

import json
import unicodedata
from pathlib import Path

END_OF_TEXT = "<|endoftext|>"


def byte_alphabet():
    """[256] the printable character that stands for each byte: itself where it prints, else the next from U+0100."""
    prints = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in prints]
    return {byte: chr(byte) for byte in prints} | {byte: chr(0x100 + i) for i, byte in enumerate(others)}


def byte_order():
    """The bytes in the order of the ids 0 to 255: those that print first."""
    alphabet = byte_alphabet()
    return sorted(range(256), key=alphabet.__getitem__)


def kind(char):
    """The class of a character in the pattern: letter, number, white space (Unicode White_Space) or anything else."""
    category = unicodedata.category(char)
    if category[0] in "LN":
        return category[0]
    return "space" if category[0] == "Z" or char in "\t\n\v\f\r\x85" else "other"


def pieces(text):
    """The pieces between which nothing is ever merged."""
    at = 0
    while at < len(text):
        end = piece_end(text, at)
        yield text[at:end]
        at = end


def piece_end(text, at):
    def run_end(start, wanted):
        end = start
        while end < len(text) and kind(text[end]) == wanted:
            end += 1
        return end

    for ending in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"):
        if text.startswith(ending, at):
            return at + len(ending)
    # One space (only U+0020) goes with the run that follows it.
    start = at + 1 if text[at] == " " and at + 1 < len(text) and kind(text[at + 1]) != "space" else at
    if kind(text[start]) != "space":
        return run_end(start, kind(text[start]))
    # White space leaves its last character to the word that follows, unless it is alone.
    end = run_end(at, "space")
    return end if end == len(text) or end == at + 1 else end - 1


class Bpe:
    def __init__(self, vocab, merges):
        """`vocab` {token in the byte alphabet: id}; `merges` [(left, right)], the most frequent first."""
        self.alphabet = byte_alphabet()
        self.id_of = vocab
        self.rank = {pair: i for i, pair in enumerate(merges)}
        back = {char: byte for byte, char in self.alphabet.items()}
        self.bytes_of = {
            id: token.encode() if token == END_OF_TEXT else bytes(back[char] for char in token)
            for token, id in vocab.items()
        }

    @classmethod
    def from_folder(cls, folder):
        vocab = json.loads((Path(folder) / "vocab.json").read_text(encoding="utf-8"))
        lines = (Path(folder) / "merges.txt").read_text(encoding="utf-8").splitlines()
        return cls(vocab, [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")])

    def encode(self, text):
        ids = []
        for i, part in enumerate(text.split(END_OF_TEXT)):
            ids += [self.id_of[END_OF_TEXT]] * (i > 0)
            for piece in pieces(part):
                ids += [self.id_of[token] for token in self.merge(self.alphabet[byte] for byte in piece.encode())]
        return ids

    def merge(self, tokens):
        """The pair that was learnt first is merged first, all its occurrences from the left."""
        tokens = list(tokens)
        while len(tokens) > 1:
            pair = min(zip(tokens, tokens[1:]), key=lambda pair: self.rank.get(pair, len(self.rank)))
            if pair not in self.rank:
                break
            tokens = merge_pair(tokens, pair)
        return tokens

    def decode(self, ids):
        return b"".join(self.bytes_of[id] for id in ids)


def merge_pair(tokens, pair):
    merged = []
    for token in tokens:
        if merged and (merged[-1], token) == pair:
            merged[-1] += token
        else:
            merged.append(token)
    return merged


def learn_merges(text, count):
    """The `count` pairs that BPE training takes, most frequent first, ties to the pair that sorts first."""
    alphabet = byte_alphabet()
    words = [[alphabet[byte] for byte in piece.encode()] for piece in pieces(text)]
    merges = []
    while len(merges) < count:
        seen = {}
        for word in words:
            for pair in zip(word, word[1:]):
                seen[pair] = seen.get(pair, 0) + 1
        merges.append(min(seen, key=lambda pair: (-seen[pair], pair)))
        words = [merge_pair(word, merges[-1]) for word in words]
    return merges
