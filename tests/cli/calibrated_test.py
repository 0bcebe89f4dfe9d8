"""The calibrated lens: its file as `lens calibrate` makes it, its numbers against the reference, and how it is refused."""

import json
import struct
import unittest

import numpy as np

import make_tiny
import reference
from support import PRIMER, TINY, LensTest, experiment, read_json, run_experiments, run_lens

SMOOTHING = 0.01
IDS = [5, 9, 17, 80, 33]
READ = ("--model", TINY, "--ids", ",".join(map(str, IDS)))


class Calibrated(LensTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = reference.read_model(TINY)
        cls.text = " the cat's — 7! The rat sat on that mat, and the cat ran in the house. the sun is on" * 5

    def calibrate(self, model=TINY, text=None):
        folder = self.folder()
        (folder / "text.txt").write_text(self.text if text is None else text, encoding="utf-8")
        done = run_lens("calibrate", "--model", model, "--text-file", folder / "text.txt", folder / "own.safetensors")
        return done, folder / "own.safetensors"

    def read(self, file, *flags):
        return read_json(*READ, "--lens-file", f"calibrated={file}", *flags)

    def log_means(self, file):
        return reference.read_safetensors(file)["mean_log_prob"].astype(np.float64)

    def test_the_file_holds_the_mean_probabilities_of_every_row_smoothed(self):
        done, file = self.calibrate()
        bos, n_ctx = 299, self.model.config.n_ctx
        ids = [bos, *self.bpe.encode(self.text)][:-1]  # every token is predicted once
        windows = [[bos, *ids[at + 1 : at + n_ctx]] for at in range(0, len(ids), n_ctx)]
        expected = reference.mean_log_probs(self.model, [np.array(w) for w in windows if len(w) > 1], SMOOTHING)
        self.assertGreater(len(windows), 2)
        self.assertIn(f"{sum(map(len, windows)) - len(windows)} positions", done.stdout.decode())
        found = self.log_means(file)
        np.testing.assert_allclose(found, expected, atol=2e-3 + 2**-11 * np.abs(expected).max())
        np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, atol=0.01)
        self.assertLess(file.stat().st_size, found.size * 2 + 600)

    def test_a_cell_is_what_the_formula_says_and_the_output_row_is_unchanged(self):
        _, file = self.calibrate()
        found = self.read(file, "--lens", "calibrated", "--mid")
        expected = reference.lens(self.model, np.array(IDS), mid=True, log_means=self.log_means(file))
        raw = read_json(*READ, "--mid")
        for r, row in enumerate(found["cells"]):
            for i, cell in enumerate(row):
                self.assertEqual([t["id"] for t in cell["top"]], list(expected["top_id"][r, i]))
                np.testing.assert_allclose([t["prob"] for t in cell["top"]], expected["top_prob"][r, i], rtol=1e-4)
                for name in ("kl", "entropy", "answer_prob", "input_prob"):
                    self.assertAlmostEqual(cell[name], expected[name][r, i], delta=1e-4 * max(1, abs(expected[name][r, i])))
                self.assertEqual(cell["answer_rank"], expected["answer_rank"][r, i])
                if i + 1 < len(IDS):
                    self.assertAlmostEqual(cell["surprisal"], expected["surprisal"][r, i], delta=1e-3)
        self.assertEqual(found["cells"][-1], raw["cells"][-1])
        self.assertNotEqual([c["top"] for c in found["cells"][0]], [c["top"] for c in raw["cells"][0]])

    def test_probabilities_sum_to_one(self):
        _, file = self.calibrate()
        thirds = {str(first): list(range(first, first + 100)) for first in (0, 100, 200)}
        asked = experiment(TINY, {"ids": IDS}, {"lens": "calibrated", "sets": thirds, "mid": True})
        _, (found,) = run_experiments([asked], "--lens-file", f"calibrated={file}")
        sums = [sum(cell["sets"].values()) for row in found["cells"] for cell in row]
        self.assertEqual(len(sums), 7 * len(IDS))
        np.testing.assert_allclose(sums, 1, atol=1e-5)

    def test_lift_is_told_of_what_is_near_the_top_alone(self):
        _, file = self.calibrate()
        asked = experiment(TINY, {"ids": IDS}, {"lift": "calibrated", "top": 50, "track": [7]})
        _, (found,) = run_experiments([asked], "--lens-file", f"calibrated={file}")
        log_out = self.log_means(file)[-1]
        told = untold = 0
        for row in found["cells"]:
            for cell in row:
                for token in [*cell["top"], *cell["track"]]:
                    near = token["prob"] >= 0.1 * cell["top"][0]["prob"]
                    self.assertEqual(token["lift"] is not None, near)
                    told, untold = told + near, untold + (not near)
                    if near:
                        self.assertAlmostEqual(token["lift"], np.log(token["prob"]) - log_out[token["id"]], delta=1e-4)
        self.assertTrue(told > 0 and untold > 0)

    def test_the_shipped_file_is_of_the_shipped_model_and_of_enough_text(self):
        file = PRIMER.with_suffix(".calibrated.safetensors")
        found = read_json("--model", PRIMER, "--ids", "5,9", "--lens-file", f"calibrated={file}", "--lens", "calibrated")
        self.assertEqual(len(found["cells"]), len(self.log_means(file)))
        with open(file, "rb") as f:
            about = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))["__metadata__"]
        self.assertGreaterEqual(int(about["positions"]), 100_000)

    def test_refusals(self):
        _, file = self.calibrate()
        for flags, words in (
            (["--lens", "calibrated", "--norm", "none"], "norm recomputed"),
            (["--beside", "calibrated", "--norm", "frozen"], "norm recomputed"),
        ):
            done = run_lens("read", *READ, "--lens-file", f"calibrated={file}", *flags)
            self.assertIn(words, done.stderr.decode())
        asked = experiment(TINY, {"ids": IDS}, {"lift": "raw"})
        _, (found,) = run_experiments([asked])
        self.assertEqual(found["error"]["code"], "lens_means")
        # Of another model: its sizes, or its weights.
        done = run_lens("read", "--model", PRIMER, "--ids", "5", "--lens-file", f"calibrated={file}")
        self.assertIn("d_model is 20", done.stderr.decode())
        other = self.folder() / "tiny"
        make_tiny.write_model(other, change=lambda weights: weights["ln_f.bias"].__iadd__(0.25))
        done = run_lens("read", "--model", other, "--ids", "5", "--lens-file", f"calibrated={file}")
        self.assertIn("base_model_fingerprint", done.stderr.decode())
        # Not probabilities, or not all rows.
        means = self.log_means(file).astype(np.float32)
        for name, wrong, words in (
            ("sum", means + 1, "add up to 1"), ("nan", means * np.nan, "add up to 1"), ("rows", means[1:], "[4, 300]"),
        ):  # fmt: skip
            path = file.parent / f"{name}.safetensors"
            make_tiny.write_safetensors(path, {"mean_log_prob": wrong})
            done = run_lens("read", *READ, "--lens-file", path)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr.decode())
        both = file.parent / "both.safetensors"
        make_tiny.write_safetensors(both, {"mean_log_prob": means, "0.weight": np.zeros((20, 20), np.float32)})
        self.assertIn("one lens", run_lens("read", *READ, "--lens-file", both).stderr.decode())
        self.assertIn("no token to predict", self.calibrate(text="")[0].stderr.decode())


if __name__ == "__main__":
    unittest.main()
