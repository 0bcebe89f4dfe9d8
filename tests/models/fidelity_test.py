"""models/fidelity.py: the engine's own numbers pass its comparison with float64, and numbers of other weights do not."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "models"), str(ROOT / "tests" / "golden")]

import fidelity  # noqa: E402
import reference  # noqa: E402

TINY = str(ROOT / "tests" / "golden" / "tiny")
IDS = [5, 9, 17, 80, 33]


class Fidelity(unittest.TestCase):
    def errors(self, model):
        (reading,) = fidelity.readings(TINY, [IDS], {"what": "lens", "top": 10})
        return fidelity.errors(model, IDS, reading["cells"])

    def test_the_engine_is_near_float64(self):
        errors = self.errors(reference.read_model(TINY))
        self.assertTrue(errors["top"].all() and errors["ten"].all())
        for key in ("share", "log_z", "entropy", "kl"):
            self.assertEqual(errors[key].shape, (4, len(IDS)))
            self.assertLess(errors[key].max(), 1e-5, key)
        self.assertEqual(errors["input_rank"].max(), 0)

    def test_another_model_is_not(self):
        model = reference.read_model(TINY)
        gamma, beta = model.ln_f
        model.ln_f = (gamma * np.linspace(-1, 2, len(gamma)), beta)
        errors = self.errors(model)
        self.assertFalse(errors["top"].all())
        for key in ("logit", "share", "log_z", "entropy", "kl", "input_rank"):
            self.assertGreater(errors[key].max(), 0.01, key)

    def test_both_tables(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "text.txt"
            file.write_text("the cat sat on the mat, and the dog sat on the cat", encoding="utf-8")
            f16 = str(Path(folder) / "f16.gguf")
            fidelity.lens("convert", TINY, f16, "--type", "f16")
            for models, top_equal in ([TINY], "100.00"), ([f16], "100.00"), ([TINY, f16], r"(100|9\d)\.\d\d"):
                command = [sys.executable, ROOT / "models" / "fidelity.py", *models, "--text-file", file, "--tokens", "20"]
                done = subprocess.run(command, capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)
                *_, last = done.stdout.splitlines()
                self.assertRegex(last, f"^ all +{top_equal} %")


if __name__ == "__main__":
    unittest.main()
