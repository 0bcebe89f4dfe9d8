"""The training text: documents, the held-out split, and how often each source is seen."""
import hashlib
import lzma
import os
import typing

from bpe import END

class Stage(typing.NamedTuple):
    budget: float   # share of the run
    lessons: float  # share of the tokens that are lessons, at most
    sources: dict   # file: how many times over one pass sees it

# First everything, then mostly what is simple and clear: it comes last, and more often. The novels are many
# and hard, so only part of them is read. wiki-leads is share-alike and stays out: the shipped weights
# have not seen it. Between the two a drill, lessons alone, and then mostly lessons: what nine million tokens with lessons
# woven in did not teach, such as to copy a random string, forms in some hundred thousand tokens of them; and the last
# stage keeps it.
STAGES = (
    Stage(0.60, 0.10, {"books-children": 1.0, "books-classics": 0.35, "stories-ccby": 3.0, "tatoeba-eng": 3.5,
                       "factbook": 2.5}),
    Stage(0.04, 1.00, {}),
    Stage(0.08, 0.60, {"books-children": 0.3, "books-classics": 0.15, "stories-ccby": 0.8, "tatoeba-eng": 0.8,
                       "factbook": 0.6}),
    Stage(0.28, 0.30, {"books-children": 0.7, "books-classics": 0.25, "stories-ccby": 2.0, "tatoeba-eng": 2.0,
                       "factbook": 1.5}),
)
SOURCES = tuple(STAGES[0].sources)
TATOEBA_GROUP = 12  # sentences to a document: a single one is too short to stand alone


def is_held_out(text):
    """Every 20th document, by a hash of its text: stable whatever else changes."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:4], "big") % 20 == 0


def documents(folder, source):
    path = os.path.join(folder, source + ".txt.xz")
    if not os.path.exists(path):
        raise SystemExit(f"{path} is missing: pass --corpus DIR, the folder with the .txt.xz files")
    with lzma.open(path, "rt", encoding="utf-8") as f:
        text = f.read()
    if source == "tatoeba-eng":
        lines = text.splitlines()
        parts = ["\n".join(lines[i:i + TATOEBA_GROUP]) for i in range(0, len(lines), TATOEBA_GROUP)]
    elif source == "factbook":  # one entry a country, blank line between
        parts = text.split("\n\n")
    else:
        parts = text.split(END)
    return [p for p in (part.strip() for part in parts) if p]


def split(folder, sources=SOURCES):
    """{source: (training documents, held-out documents)}"""
    out = {}
    for source in sources:
        docs = documents(folder, source)
        out[source] = ([d for d in docs if not is_held_out(d)], [d for d in docs if is_held_out(d)])
    return out
