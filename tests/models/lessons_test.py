"""What the lessons say, read by itself: nothing that an evaluation set asks may stand in them."""

import json
import random
import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
sys.path.insert(0, str(ROOT / "models"))

import bpe  # noqa: E402
import evaluate  # noqa: E402
import gguf  # noqa: E402
import lessons  # noqa: E402


def read(name):
    return json.loads((SHARED / "tasks" / name).read_text(encoding="utf-8"))


def frame(template, **slots):
    """A pattern for a template with any word in its slots."""
    return re.compile(re.sub(r"\\\[[A-Z]+\\\]|\\\{[A-Za-z]*\\\}", r"[\\w'-]+", re.escape(template)))


class Lessons(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not (SHARED / "corpus" / "countries.json").is_file():
            raise unittest.SkipTest("shared/corpus is absent")
        tokenizer = bpe.Tokenizer(gguf.read_merges(ROOT / "models" / "primer.gguf"))
        teacher, draw = lessons.Lessons(SHARED / "corpus", tokenizer), random.Random(7)
        cls.of_kind = {kind.__name__: [kind(teacher, draw) for _ in range(3000)] for kind in teacher.KINDS}
        cls.passages = [p for passages in cls.of_kind.values() for p in passages]
        cls.words = set(re.findall(r"[\w'-]+", " ".join(cls.passages)))

    def said_nowhere(self, *patterns):
        for pattern in patterns:
            found = next((p for p in self.passages if pattern.search(p)), None)
            self.assertIsNone(found, pattern.pattern)

    def test_every_kind_says_many_things(self):
        for kind, passages in self.of_kind.items():
            self.assertGreater(len(set(passages)), 100, kind)
            for passage in passages:
                self.assertNotRegex(passage, r"[{}]|None|  |\bnan\b", kind)

    def test_indirect_objects(self):
        ioi = read("ioi_templates.json")
        for held_out in ("names_single_token", "places", "objects"):
            self.assertEqual(self.words & set(ioi[held_out]), set())
        self.said_nowhere(*(frame(t) for key in ioi if key.endswith("templates") for t in ioi[key]))

    def test_countries_and_their_capitals(self):
        self.assertEqual(self.words & {country for country, _ in read("fv_country-capital.json")}, set())
        text = " ".join(self.of_kind["geography"])
        for country, capital in read("fv_country-capital.json"):
            self.assertNotRegex(text, rf"\b{re.escape(country)}\b")
            if capital not in ("Georgetown", "Kingston"):
                self.assertNotIn(f" {capital}.", text)
        self.said_nowhere(re.compile(r"[Tt]he capital( city)? of [\w ]+ is\b"))

    def test_opposites(self):
        pairs = {frozenset(pair) for pair in read("fv_antonym.json")}
        for line in (SHARED / "tasks" / "lre_relations.jsonl").read_text(encoding="utf-8").splitlines():
            relation = json.loads(line)
            if relation["relation"] == "adjective antonym":
                pairs |= {frozenset(pair) for pair in relation["samples"]}
        self.assertGreater(len(pairs), 400)
        for passage in self.of_kind["opposites"]:
            for sentence in passage.lower().split("."):
                words = set(re.findall(r"\w+", sentence))
                self.assertFalse([set(p) for p in pairs if len(p) == 2 and p <= words], sentence)

    def test_years(self):
        task = read("greater_than.json")
        self.assertEqual(self.words & set(task["nouns"]), set())
        self.said_nowhere(re.compile("lasted"), frame(task["template"]))

    def test_our_own_sets(self):
        self.assertEqual(self.words & {word for pair in evaluate.NOUNS for word in pair}, set())
        self.said_nowhere(*(frame(phrase) for phrase in evaluate.PHRASES if phrase not in evaluate.LESSON_PHRASES))
        self.said_nowhere(re.compile(r"^The \w+ on the \w+"), re.compile(r"\. The \w+ on the \w+"))
        self.assertTrue(all(any(frame(p).search(x) for x in self.passages) for p in evaluate.LESSON_PHRASES))

    def test_years_rise(self):
        for passage in self.of_kind["years"]:
            first, last = map(int, re.findall(r"\d{4}", passage))
            self.assertLess(first, last)


class Repeated(unittest.TestCase):
    def test_it_comes_again_at_every_offset_with_tokens_of_the_whole_vocabulary(self):
        draw, vocab_size = random.Random(1), 4096
        counts, offsets = [0] * 16, set()
        for _ in range(2000):
            said = lessons.Lessons.repeated(draw, vocab_size)
            ids = [max(i, ~i) for i in said]
            self.assertTrue(all(0 <= i < vocab_size - 1 for i in ids), "never <|endoftext|>, the last id")
            offset = next(k for k in range(3, len(ids)) if ids[k:] == ids[: len(ids) - k])
            offsets.add(offset)
            asked = [k for k, i in enumerate(said) if i >= 0]
            self.assertTrue(all(k > offset for k in asked), "the first time it is not asked for")
            self.assertGreaterEqual(len(asked), 2)
            for i in ids[:offset]:
                counts[i * 16 // vocab_size] += 1
        self.assertGreater(len(offsets), 35)
        self.assertLess(max(counts) / min(counts), 1.15)


if __name__ == "__main__":
    unittest.main()
