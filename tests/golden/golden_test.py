"""The reference against what others recorded, and the tiny model against the script that makes it."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[2] / "shared"
sys.path.insert(0, str(HERE))

import bpe_reference  # noqa: E402
import make_tiny  # noqa: E402
import reference  # noqa: E402

needs_shared = unittest.skipUnless(SHARED.is_dir(), f"{SHARED} is absent")


class Tiny(unittest.TestCase):
    def test_is_what_the_script_writes(self):
        with tempfile.TemporaryDirectory() as again:
            make_tiny.main(again)
            written = [file.relative_to(again) for file in Path(again).rglob("*") if file.is_file()]
            self.assertEqual(len(written), 8)
            for file in written:
                same = (HERE / file).read_bytes() == (Path(again) / file).read_bytes()
                self.assertTrue(same, f"{file} differs: run make_tiny.py")

    def test_every_kind_of_folder_holds_the_same_model(self):
        ids = np.array(make_tiny.make_tokenizer().encode(make_tiny.PROMPTS["full"]))
        expected = reference.forward(reference.read_model(HERE / "tiny"), ids)["logits"]
        kinds = {
            "linear": ({"orientation": "linear"}, 0),
            "prefix, masks, odd offset": ({"prefix": "transformer.", "mask_buffers": True, "odd_offset": True}, 0),
            "F16": ({"dtype": "F16"}, 2**-9),
            "BF16": ({"dtype": "BF16"}, 2**-5),
        }
        for name, (options, tolerance) in kinds.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                make_tiny.write_model(folder, **options)
                logits = reference.forward(reference.read_model(folder), ids)["logits"]
                self.assertLessEqual(np.abs(logits - expected).max(), tolerance * np.abs(expected).max() + 1e-12)


class Recorded(unittest.TestCase):
    """Other people's models, run by PyTorch."""

    @needs_shared
    def test_gpt_nano_sort(self):
        folder = SHARED / "models" / "gpt-nano-sort"
        recorded = json.loads((folder / "reference_activations.json").read_text(encoding="utf-8"))
        model = reference.read_model(folder)
        logits = np.reshape(recorded["tensors"]["lm_head"]["data"], recorded["tensors"]["lm_head"]["shape"])

        def worst():
            runs = [reference.forward(model, np.array(ids))["logits"] for ids in recorded["idx"]]
            return np.abs(np.stack(runs) - logits).max()

        self.assertLess(worst(), 5e-6)
        model.config.activation = "gelu"
        self.assertGreater(worst(), 1e-3)

    @needs_shared
    def test_slm_4096(self):
        folder = SHARED / "models" / "slm-4096"
        model = reference.read_model(folder)
        for prompt in json.loads((folder / "reference.json").read_text(encoding="utf-8"))["prompts"]:
            found = reference.lens(model, np.array(prompt["ids"]))
            self.assertLess(np.abs(found["logits"] - prompt["lens_logits"]).max(), 1e-5)
            self.assertAlmostEqual(found["surprisal"][-1, :-1].mean(), prompt["mean_nll"], places=9)

    @needs_shared
    def test_gpt2_tokenizer(self):
        folder = SHARED / "gpt2-tokenizer"
        vocab = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        merges = (folder / "vocab.bpe").read_text(encoding="utf-8").split("\n")[1:-1]
        bpe = bpe_reference.Bpe(vocab, [tuple(merge.split(" ")) for merge in merges])
        for file in ("test_vectors.jsonl", "test_vectors_llamacpp.jsonl"):
            for line in (folder / file).read_text(encoding="utf-8").splitlines():
                vector = json.loads(line)
                self.assertEqual(bpe.encode(vector["text"]), vector["ids"], vector["text"])
                self.assertEqual(bpe.decode(vector["ids"]), vector["text"].encode())


if __name__ == "__main__":
    unittest.main()
