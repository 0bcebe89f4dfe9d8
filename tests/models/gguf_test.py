"""models/gguf.py against `lens convert`: what a run continues from is what was written."""

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
sys.path.insert(0, str(ROOT / "models"))
sys.path.insert(0, str(ROOT / "tests" / "golden"))

import gguf  # noqa: E402
import make_tiny  # noqa: E402

PROGRAM = Path(os.environ.get("LENS", ROOT / "build" / "native" / "lens"))
TINY = ROOT / "tests" / "golden" / "tiny"


class Gguf(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.folder = Path(folder)

    def converted(self, source, kind):
        path = self.folder / f"{kind}.gguf"
        done = subprocess.run([PROGRAM, "convert", source, path, "--type", kind], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return str(path)

    def test_weights_come_back(self):
        weights = make_tiny.make_weights()
        for kind, tolerance in ("f32", 0), ("f16", 2**-11):
            found = gguf.read_gpt2(self.converted(TINY, kind))
            self.assertEqual(set(found), set(weights))
            for name, expected in weights.items():
                self.assertEqual(found[name].shape, expected.shape, name)
                np.testing.assert_allclose(found[name], expected.astype(np.float32), rtol=tolerance, atol=1e-7)

    def test_q8_0_is_near(self):
        """Blocks of 32 along the input: half a step of the block's largest is the most that rounding can lose."""
        folder = self.folder / "model"
        folder.mkdir()
        rng = np.random.default_rng(1)
        config = {"n_embd": 32, "n_inner": 64}
        grow = {20: 32, 60: 96, 36: 64}
        weights = {name: rng.normal(size=[grow.get(n, n) for n in array.shape]) for name, array in make_tiny.make_weights().items()}
        make_tiny.write_model(folder, config=config, change=lambda old: old.update(weights))
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(TINY / name, folder)
        found = gguf.read_gpt2(self.converted(folder, "q8_0"))
        for name, expected in weights.items():
            step = np.abs(expected).max() / 127
            self.assertLess(np.abs(found[name] - expected).max(), 0.51 * step + 1e-3, name)

    def test_the_tokenizer_comes_back(self):
        merges = [line.split(" ") for line in (TINY / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]]
        self.assertEqual(gguf.read_merges(self.converted(TINY, "f32")), merges)


if __name__ == "__main__":
    unittest.main()
