"""The numbers of `lens read` against the float64 reference, for every kind of checkpoint."""

import json
import math
import random

import numpy as np

import gguf_reference
import make_tiny
import reference
from support import PRIMER, SHARED, TINY, Comparison, LensTest, experiment, read_json, run_experiments


class Numbers(LensTest):
    def test_tiny_by_every_norm(self):
        model = reference.read_model(TINY)
        ids = self.bpe.encode(make_tiny.PROMPTS["full"])
        for norm in reference.NORMS:
            for mid in (False, True):
                comparison = Comparison(self, f"tiny, {norm}{', mid' * mid}")
                arguments = ["--mid", "--change"] if mid else []
                found = read_json("--model", TINY, "--ids", ",".join(map(str, ids)), "--norm", norm, *arguments)
                comparison.reading(found, model, ids, norm=norm, mid=mid, change=mid)
                comparison.report()

    def test_every_kind_of_folder(self):
        kinds = {
            "linear": {"orientation": "linear"},
            "F16": {"dtype": "F16"},
            "BF16": {"dtype": "BF16", "orientation": "linear"},
            "prefix": {"prefix": "transformer."},
            "wrapped": {"prefix": "_orig_mod.transformer.", "dtype": "BF16"},
            "own head": {"untied": True, "prefix": "transformer."},
            "masks": {"mask_buffers": True, "prefix": "transformer."},
            "exact gelu": {"config": {"activation_function": "gelu"}},
            "relu": {"config": {"activation_function": "relu"}},
            "silu": {"config": {"activation_function": "silu"}},
            "tanh": {"config": {"activation_function": "tanh"}},
            "odd offset": {"odd_offset": True},
            "odd offset, F16": {"odd_offset": True, "dtype": "F16", "orientation": "linear"},
            "unscaled scores": {"config": {"scale_attn_weights": False}},
            "scores by depth": {"config": {"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True}},
            "epsilon": {"config": {"layer_norm_epsilon": 0.5}},
        }  # fmt: skip
        ids = self.bpe.encode(make_tiny.PROMPTS["full"])
        plain = reference.forward(reference.read_model(TINY), ids)["logits"]
        comparison = Comparison(self, f"tiny, {len(kinds)} kinds of folder")
        for name, options in kinds.items():
            with self.subTest(name):
                folder = self.folder()
                make_tiny.write_model(folder, **options)
                model = reference.read_model(folder)
                changed = np.abs(reference.forward(model, ids)["logits"] - plain).max()
                self.assertEqual(changed > 1e-3, name in (
                    "F16", "BF16", "wrapped", "own head", "exact gelu", "relu", "silu", "tanh", "odd offset, F16", "unscaled scores",
                    "scores by depth", "epsilon",
                ), "the kind should differ where its name says so")  # fmt: skip
                found = read_json("--model", folder, "--ids", ",".join(map(str, ids)), "--norm", "frozen")
                comparison.reading(found, model, ids, norm="frozen")
        comparison.report()

    def test_split_over_files_and_named_by_one_file(self):
        folder = self.folder()
        make_tiny.write_model(folder)
        weights = make_tiny.make_weights()
        names = list(weights)
        for part, chosen in enumerate((names[::2], names[1::2])):
            make_tiny.write_safetensors(folder / f"model-{part}.safetensors", {name: weights[name] for name in chosen})
        whole = read_json("--model", folder / "model.safetensors", "--prompt", "the cat")
        (folder / "model.safetensors").unlink()
        self.assertEqual(read_json("--model", folder, "--prompt", "the cat"), whole)
        self.assertEqual(read_json("--model", TINY, "--prompt", "the cat"), whole)

    def recorded(self, name):
        if not (SHARED / name).is_dir():
            self.skipTest(f"{SHARED / name} is absent")
        model = reference.read_model(SHARED / name)
        draw = random.Random(1)
        for norm in reference.NORMS:
            ids = [draw.randrange(model.config.d_vocab) for _ in range(model.config.n_ctx)]
            comparison = Comparison(self, f"{name}, {norm}")
            found = read_json("--model", SHARED / name, "--ids", ",".join(map(str, ids)), "--norm", norm, "--mid")
            comparison.reading(found, model, ids, norm=norm, mid=True)
            comparison.report()

    def test_gpt_nano_sort(self):
        self.recorded("gpt-nano-sort")

    def test_slm_4096(self):
        self.recorded("slm-4096")

    def test_primer(self):
        model, bpe = gguf_reference.read_model(PRIMER), gguf_reference.read_tokenizer(PRIMER)
        bos = gguf_reference.read_gguf(PRIMER).keys["tokenizer.ggml.bos_token_id"]
        prompt = "The capital of France is Paris. When Mary and John went to the store, John gave a drink to"
        ids = [bos, *bpe.encode(prompt)]
        track = [bpe.encode(text)[0] for text in (" Paris", " Mary", " the")]
        sets = {"names": [bpe.encode(text)[0] for text in (" Mary", " John")]}
        for norm in reference.NORMS:
            comparison = Comparison(self, f"primer, {norm}")
            read = {"norm": norm, "mid": True, "top": 50, "track": track, "sets": sets}
            status, (found,) = run_experiments([experiment(PRIMER, {"prompt": prompt}, read)])
            self.assertEqual(status, 0)
            comparison.reading(found, model, ids, norm=norm, mid=True, top=50, track=track, sets=sets)
            comparison.report()

    def test_five_thousand_tokens(self):
        """A context that long works, and its first columns are those of a short prompt to the bit."""
        folder = self.folder()
        n = 5000

        def stretch(weights):
            weights["wpe.weight"] = np.tile(weights["wpe.weight"], (n // 24 + 1, 1))[:n]

        make_tiny.write_model(folder, config={"n_positions": n, "n_ctx": n}, change=stretch)
        draw = random.Random(2)
        ids = [draw.randrange(300) for _ in range(n)]
        run = lambda count: read_json("--model", folder, "--ids", ",".join(map(str, ids[:count])), "--top", "1")  # noqa: E731
        long, short = run(n), run(40)
        self.assertEqual(len(long["tokens"]), n)
        for cells, first in zip(long["cells"], short["cells"], strict=True):
            self.assertEqual(cells[:39], first[:39])
            self.assertTrue(all(math.isfinite(cell["log_z"]) for cell in cells))

        # The last column, where softmax has 5,000 terms, against the reference.
        ids = ids[:700]
        comparison = Comparison(self, "tiny, 700 positions")
        comparison.reading(run(700), reference.read_model(folder), ids, top=1)
        comparison.report()
