"""The lenses' fit on a tiny model: Jacobians against finite differences, the tuned lens against the raw one, the file."""

import importlib.util
import json
import random
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models"))

SIZES = dict(n_layer=2, n_embd=8, n_head=2, n_positions=16, vocab_size=30)


@unittest.skipUnless(importlib.util.find_spec("torch"), "python3-torch is not installed")
class Fit(unittest.TestCase):
    def setUp(self):
        import fit_lenses
        import torch

        self.fit, self.torch = fit_lenses, torch
        for name, value in dict(WINDOW=10, CELLS=5, FIRST=2, LAST=9, BATCH=2).items():
            self.addCleanup(setattr, fit_lenses, name, getattr(fit_lenses, name))
            setattr(fit_lenses, name, value)
        torch.manual_seed(1)
        self.model = fit_lenses.train.GPT2(SIZES).double().requires_grad_(False)
        for parameter in self.model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
        self.ids = torch.randint(0, SIZES["vocab_size"], (3, 10))

    def by_differences(self, ids, block, same):
        """[d out, d in] of one window, summed over t' >= t (or t' = t) and averaged over t, by moving each value of h."""
        fit, model, step = self.fit, self.model, 1e-5

        def output(h):
            for i in range(block, SIZES["n_layer"]):
                h = model.block(h, i)
            return h[0, fit.FIRST : fit.LAST]

        h = model.residuals(ids[None])[block]
        J = np.zeros((8, 8))
        positions = range(fit.FIRST, fit.LAST)
        for n, t in enumerate(positions):
            for j in range(8):
                up, down = h.clone(), h.clone()
                up[0, t, j] += step
                down[0, t, j] -= step
                slope = ((output(up) - output(down)) / (2 * step)).numpy()
                J[:, j] += (slope[n] if same else slope.sum(0)) / len(positions)
        return J

    def test_jacobians(self):
        here = self.fit.Here(SIZES).double()
        here.load_state_dict(self.model.state_dict())
        for model, same in (self.model, False), (here.requires_grad_(False), True):
            found, errors = self.fit.fit_jacobian(model, self.ids)
            self.assertEqual(len(errors), SIZES["n_layer"])
            for block in range(SIZES["n_layer"]):
                single = [self.by_differences(ids, block, same) for ids in self.ids]
                expected = np.mean(single, axis=0)
                np.testing.assert_allclose(found[block].numpy(), expected, atol=1e-7 * np.abs(expected).max())
                spread = np.sqrt(np.var(single, axis=0, ddof=1).sum() / len(single)) / np.linalg.norm(expected)
                self.assertAlmostEqual(errors[block], spread, places=6)

    def test_a_tuned_lens_is_nearer_to_the_output_than_the_raw_one(self):
        model, torch = self.model.float(), self.torch
        ids = torch.randint(0, SIZES["vocab_size"], (40, 10))
        with torch.no_grad():
            stream = self.fit.collect(model, ids, random.Random(1))
        self.assertEqual(tuple(stream.shape), (3, 200, 8))
        pairs = self.fit.fit_tuned(model, stream, steps=60, batch=50, rate=1e-2)
        with torch.no_grad():
            lenses = {name: self.fit.measure(model, kept, ids) for name, kept in (("raw", []), ("tuned", pairs))}
        self.assertTrue(self.fit.is_good({"lenses": lenses}))
        self.assertEqual(lenses["raw"]["kl"][-1], 0)
        self.assertEqual(lenses["raw"]["entropy"][-1], lenses["tuned"]["entropy"][-1])

    def test_the_file_and_the_fingerprint(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.tuned.safetensors"
            self.fit.save(path, {"0.bias": self.torch.tensor([1.0, 0.5])}, {"d_model": "2"})
            content = path.read_bytes()
            size = int.from_bytes(content[:8], "little")
            header = json.loads(content[8 : 8 + size])
            self.assertEqual(header["__metadata__"], {"d_model": "2"})
            self.assertEqual(header["0.bias"], {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]})
            self.assertEqual(np.frombuffer(content[8 + size :], "<f2").tolist(), [1.0, 0.5])
        # FNV-1a's published value for "a" begins the chain: one byte at a time.
        weights = {"ln_f.weight": np.frombuffer(b"foobarfoobar"[:4], "<f4"), "ln_f.bias": np.frombuffer(b"", "<f4")}
        value = 0xCBF29CE484222325
        for byte in b"foob":
            value = (value ^ byte) * 0x100000001B3 % 2**64
        self.assertEqual(self.fit.fingerprint(weights), f"{value:016x}")


if __name__ == "__main__":
    unittest.main()
