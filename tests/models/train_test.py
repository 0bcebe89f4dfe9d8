"""The recipe, on a tiny model: its stages, a restart, the folder it writes through our engine, and a GGUF back."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
PROGRAM = Path(os.environ.get("LENS", ROOT / "build" / "native" / "lens"))
sys.path.insert(0, str(ROOT / "models"))

import corpus  # noqa: E402


@unittest.skipUnless(CORPUS.is_dir(), "shared/corpus is absent")
@unittest.skipUnless(importlib.util.find_spec("torch"), "python3-torch is not installed")
class Smoke(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.folder = Path(folder)

    def train(self, *flags):
        done = subprocess.run(
            [sys.executable, "-B", ROOT / "models" / "train.py", "--smoke", "--workers", "1", "--corpus", CORPUS,
             "--work", self.folder / "work", "--out", self.folder / "out", *flags],
            capture_output=True, text=True, timeout=500, env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return done.stdout

    def loss(self, text="Once upon a time there was a king. He had a horse, and the horse was old."):
        path = self.folder / "text.txt"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([PROGRAM, "score", "--json", "--model", self.folder / "out", "--text-file", path],
                              capture_output=True, timeout=60)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["loss"]

    def test_trains_restarts_and_loads(self):
        said = self.train("--tokens", "12800")
        self.assertIn("done: 50 steps", said)
        for stage in range(1, len(corpus.STAGES) + 1):
            self.assertIn(f"stage {stage}, pass 1", said)
        first = self.loss()
        self.assertLess(first, np.log(512), "better than knowing nothing")

        counts = json.loads((self.folder / "out" / "counts.json").read_text())
        self.assertEqual((len(counts["counts"]), sum(counts["counts"])), (512, counts["tokens"]))
        self.assertEqual(counts["tokens"], 12800)

        said = self.train("--tokens", "38400")
        self.assertIn("continuing from step 50", said)
        self.assertIn("done: 150 steps", said)
        second = self.loss()
        self.assertLess(second, first)

        # From what the page would be given: another work folder, nothing but the GGUF and its counts. What it read counts.
        done = subprocess.run([PROGRAM, "convert", self.folder / "out", self.folder / "tiny.gguf", "--type", "q8_0"],
                              capture_output=True, timeout=60)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        shutil.copy(self.folder / "out" / "counts.json", self.folder / "tiny.counts.json")
        shutil.rmtree(self.folder / "work")
        shutil.rmtree(self.folder / "out")
        said = self.train("--tokens", str(38400 + 2560), "--from", self.folder / "tiny.gguf", "--lr", "1e-9", "--muon-lr", "1e-9")
        self.assertIn("done: 10 steps", said)
        self.assertAlmostEqual(self.loss(), second, delta=0.05)
        counts = json.loads((self.folder / "out" / "counts.json").read_text())
        self.assertEqual(counts["tokens"], 38400 + 2560)


if __name__ == "__main__":
    unittest.main()
