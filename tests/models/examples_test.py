"""What the examples tell the reader to look at is there to be seen: their claims, asked of the model that the page opens.

A claim is about some rows (first and last, 0 is the embedding) over one token of the prompt, its last unless `after` names
another (where it first stands): `top` is on top in each of them, with `prob` to two digits if that is given; none of
`not` is on top in any; the row's best tokens are those of `order`. A claim may be about another `prompt`.
"""

import json
import os
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("LENS", ROOT / "build" / "native" / "lens"))
EXAMPLES = json.loads((ROOT / "models" / "examples.json").read_text(encoding="utf-8"))
CATALOG = json.loads((ROOT / "models" / "catalog.json").read_text(encoding="utf-8"))


def shipped():
    entry = next(iter(CATALOG.values()))
    path = ROOT / "models" / entry["path"]
    return path / entry["files"][0] if len(entry["files"]) == 1 else path


def read(prompt):
    return json.loads(
        subprocess.run([PROGRAM, "read", "--json", "--model", shipped(), "--prompt", prompt],
                       capture_output=True, check=True, timeout=60).stdout)  # fmt: skip


class Examples(unittest.TestCase):
    def check(self, claim, reading):
        texts = [token["text"] for token in reading["tokens"]]
        position = texts.index(claim["after"]) if "after" in claim else -1
        first, last = claim["rows"]
        self.assertTrue(0 <= first <= last < len(reading["rows"]))
        self.assertTrue({"top", "not", "order"} & set(claim), "a claim says something")
        self.assertLessEqual(set(claim), {"prompt", "after", "rows", "top", "prob", "not", "order"})
        for row in range(first, last + 1):
            best = reading["cells"][row][position]["top"]
            found = f"row {row} after {texts[position]!r}: {best[0]['text']!r} with {best[0]['prob']:.3f}"
            if "top" in claim:
                self.assertEqual(best[0]["text"], claim["top"], found)
            if "prob" in claim:
                self.assertAlmostEqual(best[0]["prob"], claim["prob"], delta=0.0051, msg=found)
            self.assertNotIn(best[0]["text"], claim.get("not", []), found)
            order = claim.get("order", [])
            self.assertEqual([token["text"] for token in best[: len(order)]], order, found)

    def test_show_what_they_claim(self):
        for example in EXAMPLES:
            self.assertTrue(example["claims"], example["prompt"])
            readings = {}
            for claim in example["claims"]:
                prompt = claim.get("prompt", example["prompt"])
                with self.subTest(prompt=prompt, claim=claim):
                    readings.setdefault(prompt, read(prompt))
                    self.check(claim, readings[prompt])
