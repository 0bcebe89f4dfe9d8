"""A lens file by name: its numbers against the reference, and how it is refused."""

import importlib.util
import json
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np

import make_tiny
import reference
from support import TINY, Comparison, LensTest, experiment, read_json, run_experiments, run_lens

GOLDEN = Path(TINY).parent
IDS = [5, 9, 17, 80, 33]
READ = ("--model", TINY, "--ids", ",".join(map(str, IDS)))


class LensFiles(LensTest):
    def test_numbers_of_a_tuned_and_a_jacobian_lens(self):
        model = reference.read_model(TINY)
        for name, (_, translators) in make_tiny.make_lenses().items():
            flags = ("--lens-file", f"{name}={GOLDEN / f'tiny_{name}.safetensors'}", "--lens", name, "--mid")
            comparison = Comparison(self, f"the {name} lens")
            comparison.reading(read_json(*READ, *flags), model, IDS, mid=True, translators=translators)
            comparison.report()

    def test_a_file_without_a_name_is_the_tuned_lens_and_raw_is_still_there(self):
        file = ("--lens-file", GOLDEN / "tiny_tuned.safetensors")
        raw = read_json(*READ)
        self.assertEqual(read_json(*READ, *file)["cells"], raw["cells"])
        self.assertNotEqual(read_json(*READ, *file, "--lens", "tuned")["cells"], raw["cells"])
        beside = np.array([[c["beside_kl"] for c in row] for row in read_json(*READ, *file, "--beside", "tuned")["cells"]])
        self.assertTrue((beside[:-1] > 0).all())
        self.assertTrue((beside[-1] == 0).all())

    def test_refusals_name_the_file_and_what_there_is(self):
        for flags, words in (
            (["--lens", "tuned"], 'no lens "tuned"'),
            (["--lens-file", "jacobian=/nowhere/x.safetensors"], "/nowhere/x.safetensors cannot be opened"),
            (["--lens-file", GOLDEN / "tiny_expected.safetensors"], "tiny_expected.safetensors: tensor"),
            (["--lens-file", f"raw={GOLDEN / 'tiny_tuned.safetensors'}"], 'cannot be called "raw"'),
        ):
            done = run_lens("read", *READ, *flags)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr.decode())
        asked = experiment("m", {"ids": IDS}, {"lens": "tuned"})
        flags = ("--model", TINY, "--lens-file", GOLDEN / "tiny_expected.safetensors")
        status, lines = run_experiments([asked, asked], *flags)
        self.assertEqual((status, [line["error"]["code"] for line in lines]), (1, ["lens_format"] * 2))


class Published(LensTest):
    @unittest.skipUnless(importlib.util.find_spec("torch"), "python3-torch is not installed")
    def test_what_torch_saves_reads_as_the_same_lens(self):
        code = """
import json, sys, torch
folder, tensors = sys.argv[1], json.load(sys.stdin)
layers = torch.nn.ModuleList(torch.nn.Linear(20, 20) for _ in range(3))
layers.load_state_dict({name: torch.tensor(values) for name, values in tensors.items()})
torch.save(layers.state_dict(), folder + "/params.pt")
"""
        folder = self.folder()
        tensors = {name: values.tolist() for name, values in make_tiny.make_lenses()["tuned"][0].items()}
        subprocess.run([sys.executable, "-c", code, folder], input=json.dumps(tensors), text=True, check=True)
        config = {"base_model_name_or_path": "tiny", "d_model": 20, "num_hidden_layers": 3, "bias": True}
        (folder / "config.json").write_text(json.dumps(config))
        expected = read_json(*READ, "--lens-file", GOLDEN / "tiny_tuned.safetensors", "--lens", "tuned")
        for file in (folder, folder / "params.pt"):
            self.assertEqual(read_json(*READ, "--lens-file", file, "--lens", "tuned"), expected)
        (folder / "config.json").write_text(json.dumps({**config, "d_model": 768}))
        done = run_lens("read", *READ, "--lens-file", folder)
        self.assertIn("params.pt: d_model is 768, that of the model", done.stderr.decode())
