"""What the tests of build/native/lens share: running it, and holding its numbers against the float64 reference.

LENS=path runs another build of the program (one with sanitizers, say).
"""

import json
import math
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np

import make_tiny
import reference

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("LENS", ROOT / "build" / "native" / "lens"))
TINY = ROOT / "tests" / "golden" / "tiny"
SHARED = ROOT.parent / "shared" / "models"
PRIMER = ROOT / "models" / "primer.gguf"

TOLERANCE = 1e-4  # of the largest logit in a row of the lens


def run_lens(*arguments, stdin=None, timeout=120):
    """The finished process; a crash (death by a signal) fails the test wherever it happens."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        input=stdin, capture_output=True, timeout=timeout,
    )  # fmt: skip
    if done.returncode not in (0, 1) and done.returncode < 100:  # CLI11 refuses flags with 100 and more
        raise AssertionError(f"lens {arguments} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    return done


def read_json(*arguments, **options):
    done = run_lens("read", "--json", *arguments, **options)
    if done.returncode:
        raise AssertionError(f"lens read {arguments} failed: {done.stderr.decode()}")
    return json.loads(done.stdout)


def run_experiments(lines, *arguments):
    """(exit status, [result]) of `lens read --experiment -`; a line may be text that is no JSON."""
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    done = run_lens("read", "--experiment", "-", *arguments, stdin=text.encode())
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def experiment(model, run, *reads):
    return {
        "v": 1,
        "models": {"m": str(model)},
        "runs": {"main": {"model": "m", **run}},
        "reads": [{"what": "lens", "run": "main", **read} for read in reads or [{}]],
    }


class Comparison:
    """What a reading of the program says against reference.lens, and the worst it saw."""

    def __init__(self, test, title):
        self.test, self.title, self.worst = test, title, 0.0

    def close(self, what, found, expected, size):
        error = abs(found - expected)
        self.worst = max(self.worst, error / size)
        self.test.assertLessEqual(error, TOLERANCE * size, f"{self.title}: {what} is {found}, expected {expected}")

    def rank(self, what, found, logits, id, slack):
        """The rank that some logits within `slack` of the reference give."""
        first, last = 1 + (logits > logits[id] + slack).sum(), (logits >= logits[id] - slack).sum()
        self.test.assertTrue(first <= found <= last, f"{self.title}: {what} is {found}, expected {first} to {last}")

    def reading(self, found, model, ids, **options):
        """One lens reading; `options` as for reference.lens."""
        asked = {name: value for name, value in options.items() if name != "change"}
        expected = reference.lens(model, np.array(ids), **asked)
        test = self.test
        test.assertEqual(found["v"], 1)
        test.assertEqual([token["id"] for token in found["tokens"]], list(ids))
        test.assertEqual(found["rows"], expected["rows"])
        test.assertEqual(len(found["cells"]), len(expected["rows"]))
        for row, cells in enumerate(found["cells"]):
            test.assertEqual(len(cells), len(ids))
            size = np.abs(expected["logits"][row]).max()
            for position, cell in enumerate(cells):
                where = f"{expected['rows'][row]} at {position}: "
                self.cell(where, cell, expected, (row, position), size, {**options, "ids": ids})
        for position, token in enumerate(found["answers"]):
            self.rank(f"answer at {position}", 1, expected["logits_out"][position], token["id"], TOLERANCE * size)

    def cell(self, where, cell, expected, at, size, options):
        test, logits = self.test, expected["logits"][at]
        for column in ("log_z", "mean_logit", "entropy", "kl"):
            self.close(where + column, cell[column], expected[column][at], size)
        surprisal = expected["surprisal"][at]
        if math.isnan(surprisal):
            test.assertIsNone(cell["surprisal"], where)
        else:
            self.close(where + "surprisal", cell["surprisal"], surprisal, size)

        test.assertEqual(len(cell["top"]), min(options.get("top", 10), len(logits)))
        order = [(-token["logit"], token["id"]) for token in cell["top"]]
        test.assertEqual(order, sorted(order), where + "best first, ties to the lower id")
        for rank, token in enumerate(cell["top"], 1):
            self.close(where + "logit", token["logit"], logits[token["id"]], size)
            self.rank(where + "top", rank, logits, token["id"], TOLERANCE * size)
            self.prob(where + "prob", token["prob"], logits[token["id"]] - expected["log_z"][at], size)
            prob = math.exp(token["logit"] - cell["log_z"])
            test.assertAlmostEqual(token["prob"], prob, delta=1e-4 * prob + 1e-30)

        test.assertEqual("change" in cell, options.get("change", False))
        if "change" in cell and at[0] == 0:
            test.assertIsNone(cell["change"], where)
        elif "change" in cell:
            self.close(where + "change", cell["change"], expected["change"][at], size)

        answer = expected["answer"][at[1]]
        self.close(where + "answer_logit", cell["answer_logit"], logits[answer], size)
        given = options["ids"][at[1]]
        self.prob(where + "input_prob", cell["input_prob"], logits[given] - expected["log_z"][at], size)
        self.rank(where + "input_rank", cell["input_rank"], logits, given, TOLERANCE * size)
        self.prob(where + "answer_prob", cell["answer_prob"], logits[answer] - expected["log_z"][at], size)
        self.rank(where + "answer_rank", cell["answer_rank"], logits, answer, TOLERANCE * size)
        for token, id in zip(cell.get("track", []), options.get("track", []), strict=True):
            test.assertEqual(token["id"], id)
            self.close(where + "tracked logit", token["logit"], logits[id], size)
            self.prob(where + "tracked prob", token["prob"], logits[id] - expected["log_z"][at], size)
            self.rank(where + "tracked rank", token["rank"], logits, id, TOLERANCE * size)
        test.assertEqual(list(cell.get("sets", {})), list(options.get("sets") or {}))
        for name, value in cell.get("sets", {}).items():
            test.assertAlmostEqual(value, expected["set_prob"][name][at], delta=TOLERANCE)

    def prob(self, what, found, log_p, size):
        """Probabilities are compared as they are read, by difference, scaled as their logarithm's error makes it."""
        self.test.assertAlmostEqual(found, math.exp(log_p), delta=2 * TOLERANCE * size * math.exp(log_p) + 1e-12, msg=what)

    def report(self):
        print(f"measured: lens read, {self.title}: max|Δ|/max|logit| a row {self.worst:.1e}")


class LensTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not PROGRAM.is_file():
            raise AssertionError(f"{PROGRAM} is not built; ./tests/run builds it")
        cls.bpe = make_tiny.make_tokenizer()

    def folder(self):
        path = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, path)
        return Path(path)
