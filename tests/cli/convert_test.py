"""`lens convert`: its file as an independent reader sees it, and as `lens read` does."""

import json

import numpy as np

import gguf_reference
import make_tiny
from support import TINY, Comparison, LensTest, read_json, run_lens

UNSIGNED, SIGNED, FLOAT, STRING, ARRAY = 4, 5, 6, 8, 9


class Convert(LensTest):
    def convert(self, source, type, *words):
        """The new file, after a success that says all of `words`."""
        path = self.folder() / "new.gguf"
        done = run_lens("convert", source, path, "--type", type)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        for word in words:
            self.assertIn(word, done.stdout.decode())
        self.assertEqual([file.name for file in path.parent.iterdir()], ["new.gguf"])
        return path

    def refused(self, arguments, *words):
        done = run_lens("convert", *arguments)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, b"")
        for word in words:
            self.assertIn(word, done.stderr.decode())

    def wide(self, **options):
        """A folder like tiny, of widths that divide into blocks of 32."""
        folder = self.folder()
        sizes = {"n_embd": 64, "n_inner": 96}
        draw = np.random.RandomState(11)

        def change(weights):
            widths = {20: 64, 60: 192, 36: 96}
            for name, values in weights.items():
                shape = [widths.get(n, n) for n in values.shape]
                weights[name] = draw.standard_normal(shape).astype(np.float32) * 0.3

        make_tiny.write_model(folder, config=sizes, change=change, **options)
        return folder

    def test_keys(self):
        found = gguf_reference.read_gguf(self.convert(TINY, "f32"))
        self.assertEqual(found.version, 3)
        config = make_tiny.CONFIG
        for key, type, value in (
            ("general.architecture", STRING, "gpt2"),
            ("general.name", STRING, "tiny"),
            ("general.file_type", UNSIGNED, 0),
            ("gpt2.block_count", UNSIGNED, config["n_layer"]),
            ("gpt2.attention.head_count", UNSIGNED, config["n_head"]),
            ("gpt2.context_length", UNSIGNED, config["n_positions"]),
            ("gpt2.embedding_length", UNSIGNED, config["n_embd"]),
            ("gpt2.feed_forward_length", UNSIGNED, config["n_inner"]),
            ("gpt2.vocab_size", UNSIGNED, config["vocab_size"]),
            ("gpt2.attention.layer_norm_epsilon", FLOAT, float(np.float32(config["layer_norm_epsilon"]))),
            ("tokenizer.ggml.model", STRING, "gpt2"),
            ("tokenizer.ggml.pre", STRING, "gpt-2"),
            ("tokenizer.ggml.bos_token_id", UNSIGNED, config["bos_token_id"]),
            ("tokenizer.ggml.eos_token_id", UNSIGNED, config["eos_token_id"]),
        ):
            self.assertEqual((key, found.types[key], found.keys[key]), (key, type, value))
        vocab = json.loads((TINY / "vocab.json").read_text(encoding="utf-8"))
        self.assertEqual(found.types["tokenizer.ggml.tokens"], (ARRAY, STRING))
        self.assertEqual(found.keys["tokenizer.ggml.tokens"], sorted(vocab, key=vocab.get))
        merges = (TINY / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
        self.assertEqual(found.types["tokenizer.ggml.merges"], (ARRAY, STRING))
        self.assertEqual(found.keys["tokenizer.ggml.merges"], merges)
        # Normal tokens, and <|endoftext|> as control.
        self.assertEqual(found.types["tokenizer.ggml.token_type"], (ARRAY, SIGNED))
        self.assertEqual(found.keys["tokenizer.ggml.token_type"], [1] * 299 + [3])

    def test_a_vocabulary_with_holes_and_added_tokens(self):
        folder = self.folder()
        make_tiny.write_model(
            folder, change=lambda w: w.update({"wte.weight": np.resize(w["wte.weight"], (306, 20))})
        )  # fmt: skip
        document = {
            "model": {"type": "BPE", "vocab": self.bpe.id_of, "merges": [list(merge) for merge in self.bpe.rank]},
            "pre_tokenizer": {"type": "ByteLevel"},
            "added_tokens": [
                {"id": 299, "content": "<|endoftext|>", "special": True},
                {"id": 303, "content": "a token", "special": False},
            ],
        }
        (folder / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
        path = self.convert(folder, "f32")
        found = gguf_reference.read_gguf(path).keys
        tokens, types = found["tokenizer.ggml.tokens"], found["tokenizer.ggml.token_type"]
        self.assertEqual(tokens[299:], ["<|endoftext|>", "[PAD300]", "[PAD301]", "[PAD302]", "a token", "[PAD304]", "[PAD305]"])
        self.assertEqual(types[299:], [3, 5, 5, 5, 4, 5, 5])
        text = "the cat<|endoftext|> a token [PAD301]"
        both = [run_lens("tokenize", "--json", "--model", model, "--text", text).stdout for model in (folder, path)]
        self.assertEqual(both[0], both[1])
        self.assertIn(b'"id":303', both[0])

    def test_tensors(self):
        found = gguf_reference.read_gguf(self.convert(TINY, "f32", "every weight is what it was"))
        expected = {"token_embd.weight", "position_embd.weight", "output_norm.weight", "output_norm.bias"} | {
            f"blk.{layer}.{name}.{part}"
            for layer in range(3)
            for name in ("attn_norm", "attn_qkv", "attn_output", "ffn_norm", "ffn_up", "ffn_down")
            for part in ("weight", "bias")
        }
        self.assertEqual(set(found.tensors), expected)
        weights = make_tiny.make_weights()
        for name, conv1d in (("attn_qkv", "attn.c_attn"), ("attn_output", "attn.c_proj"), ("ffn_up", "mlp.c_fc"),
                             ("ffn_down", "mlp.c_proj")):  # fmt: skip
            np.testing.assert_array_equal(found.tensors[f"blk.1.{name}.weight"].values, weights[f"h.1.{conv1d}.weight"].T)
            np.testing.assert_array_equal(found.tensors[f"blk.1.{name}.bias"].values, weights[f"h.1.{conv1d}.bias"])
        np.testing.assert_array_equal(found.tensors["token_embd.weight"].values, weights["wte.weight"])
        np.testing.assert_array_equal(found.tensors["position_embd.weight"].values, weights["wpe.weight"])
        np.testing.assert_array_equal(found.tensors["output_norm.bias"].values, weights["ln_f.bias"])

    def test_f32_reads_to_the_same_bits(self):
        kinds = {
            "conv1d": {},
            "linear": {"orientation": "linear"},
            "F16": {"dtype": "F16"},
            "BF16": {"dtype": "BF16", "prefix": "transformer."},
            "own head": {"untied": True},
            "masks": {"mask_buffers": True, "odd_offset": True},
            "no tokenizer": {"tokenizer": False},
        }
        for name, options in kinds.items():
            with self.subTest(name):
                folder = self.folder()
                make_tiny.write_model(folder, **options)
                path = self.convert(folder, "f32", "every weight is what it was")
                arguments = ["--ids", "299,5,80,17,12", "--mid", "--change"]
                self.assertEqual(read_json("--model", path, *arguments), read_json("--model", folder, *arguments))
                self.assertEqual("output.weight" in gguf_reference.read_gguf(path).tensors, name == "own head")

    def test_f16_and_q8_0(self):
        folder = self.wide()
        exact = gguf_reference.read_gguf(self.convert(folder, "f32"))
        for type in ("f16", "q8_0"):
            path = self.convert(folder, type, "largest weight error: ")
            found = gguf_reference.read_gguf(path)
            self.assertEqual(found.keys["general.file_type"], {"f16": 1, "q8_0": 7}[type])
            for name, tensor in found.tensors.items():
                values = exact.tensors[name].values
                if values.ndim == 1 or name == "position_embd.weight":
                    self.assertEqual(tensor.type, "F32", name)
                    np.testing.assert_array_equal(tensor.values, values, name)
                    continue
                self.assertEqual(tensor.type, type.upper(), name)
                wanted = values.astype("<f2") if type == "f16" else gguf_reference.quantized(values)
                np.testing.assert_array_equal(tensor.stored, wanted, name)

            # What is read from it is the model that the independent reader sees.
            comparison = Comparison(self, f"wide, converted to {type}")
            ids = [299, 5, 80, 17, 12]
            found = read_json("--model", path, "--ids", ",".join(map(str, ids)), "--mid")
            comparison.reading(found, gguf_reference.read_model(path), ids, mid=True)
            comparison.report()

            # And once more it is the same file.
            self.assertEqual(self.convert(path, type, "every weight is what it was").read_bytes(), path.read_bytes())

    def test_rows_too_short_for_blocks(self):
        path = self.convert(TINY, "q8_0", "h.2.mlp.c_proj.weight is F16")
        kinds = {name: tensor.type for name, tensor in gguf_reference.read_gguf(path).tensors.items()}
        self.assertEqual(kinds["blk.2.ffn_down.weight"], "F16")
        self.assertEqual(kinds["blk.2.ffn_down.bias"], "F32")

    def test_what_a_gguf_says_about_itself_is_kept(self):
        first = self.convert(TINY, "f32")
        renamed = first.with_name("renamed.gguf")
        first.rename(renamed)
        self.assertEqual(gguf_reference.read_gguf(self.convert(renamed, "f16")).keys["general.name"], "tiny")

    def test_the_old_file_stays_until_the_new_one_is_whole(self):
        folder = self.folder()
        path = folder / "model.gguf"
        path.write_bytes(b"old")
        make_tiny.write_model(folder / "broken", change=lambda w: w.update({"ln_f.bias": np.full(20, np.nan)}))
        self.refused([folder / "broken", path], "ln_f.bias", "NaN")
        self.assertEqual(path.read_bytes(), b"old")
        self.assertEqual({file.name for file in folder.iterdir()}, {"model.gguf", "broken"})
        # In place: what is read is in memory before anything is written.
        run_lens("convert", TINY, path, "--type", "f32")
        self.assertEqual(run_lens("convert", path, path, "--type", "f16").returncode, 0)
        self.assertEqual(gguf_reference.read_gguf(path).tensors["blk.0.ffn_up.weight"].type, "F16")

    def test_refusals(self):
        folder = self.folder()
        self.refused([TINY, folder / "model.bin"], "model.bin", ".gguf")
        self.refused([TINY, folder / "no" / "such" / "folder.gguf"], "folder.gguf", "could not be written")
        self.refused(["/nowhere", folder / "a.gguf"], "/nowhere")
        self.refused([TINY, folder / "a.gguf", "--type", "q4_0"], "q4_0")
        self.refused([TINY], "OUT")
        make_tiny.write_model(folder / "erf", config={"activation_function": "gelu"})
        self.refused([folder / "erf", folder / "a.gguf"], "GELU")
        make_tiny.write_model(folder / "large", change=lambda w: w.update({"wte.weight": w["wte.weight"] * 1e6}))
        self.refused([folder / "large", folder / "a.gguf", "--type", "f16"], "wte.weight", "F16")
        self.assertEqual({file.name for file in folder.iterdir()}, {"erf", "large"})
