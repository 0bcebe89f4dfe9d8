"""`lens` and files that are not what they should be: one sentence each, no crash, no made-up number."""

import json
import random
import struct

import numpy as np

import make_tiny
import reference
from support import LensTest, run_lens


def nan_in(name):
    def change(weights):
        weights[name] = weights[name].copy()
        weights[name].flat[3] = np.nan

    return change


def renamed(old, new):
    def change(weights):
        weights[new] = weights.pop(old)

    return change


def reshaped(name, shape):
    def change(weights):
        weights[name] = np.resize(weights[name], shape)

    return change


def without(name):
    return lambda weights: weights.pop(name)


class BrokenFiles(LensTest):
    def refused(self, folder, *words):
        """Exit status 1, nothing on stdout, one line on stderr that has all of `words`."""
        done = run_lens("read", "--json", "--model", folder, "--ids", "1,2")
        message = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (1, b""), message)
        for word in words:
            self.assertIn(word, message)
        self.assertEqual(message.count("\n"), 1, message)
        return message

    def test_tensors(self):
        kinds = {
            "missing": (without("h.1.mlp.c_fc.weight"), ["h.1.mlp.c_fc.weight", "missing.\n"]),
            "missing embedding": (without("wte.weight"), ["wte.weight", "missing"]),
            "missing bias": (without("ln_f.bias"), ["ln_f.bias", "missing"]),
            "renamed": (renamed("h.2.ln_1.weight", "h.2.ln_one.weight"), ["h.2.ln_1.weight", "h.2.ln_one.weight"]),
            "wrong shape": (reshaped("h.0.mlp.c_proj.weight", (36, 21)), ["h.0.mlp.c_proj.weight", "[36, 20]", "[36, 21]"]),
            "transposed alone": (reshaped("h.1.attn.c_attn.weight", (60, 20)), ["h.1.attn.c_attn.weight", "[20, 60]", "[60, 20]"]),
            "one dimension too many": (reshaped("h.0.ln_1.bias", (1, 20)), ["h.0.ln_1.bias", "[20]", "[1, 20]"]),
            "scalar": (reshaped("ln_f.weight", ()), ["ln_f.weight", "[20]"]),
            "empty vocabulary": (reshaped("wte.weight", (0, 20)), ["wte.weight"]),
            "NaN": (nan_in("h.2.attn.c_proj.weight"), ["h.2.attn.c_proj.weight", "NaN"]),
            "NaN in the embedding": (nan_in("wte.weight"), ["wte.weight", "NaN"]),
            "unknown": (lambda weights: weights.update({"h.3.ln_1.weight": np.ones(20)}), ["h.3.ln_1.weight"]),
            "integers": (lambda weights: weights.update({"ln_f.bias": np.ones(20, int)}), ["ln_f.bias", "I32"]),
        }  # fmt: skip
        for name, (change, words) in kinds.items():
            with self.subTest(name):
                folder = self.folder()
                make_tiny.write_model(folder, change=change)
                self.refused(folder, "model.safetensors", *words)

    def test_infinity(self):
        folder = self.folder()
        make_tiny.write_model(folder, dtype="F16", change=lambda w: w.update({"ln_f.bias": np.full(20, 1e6)}))
        self.refused(folder, "ln_f.bias", "infinity")

    def test_one_tensor_under_two_names(self):
        """Which of the two is meant cannot be known."""
        folder = self.folder()
        make_tiny.write_model(
            folder, prefix="transformer.", change=lambda w: w.update({"ln_f.bias": np.ones(20)})
        )  # fmt: skip
        self.refused(folder, '"ln_f.bias"', '"transformer.ln_f.bias"')

    def test_weights_that_overflow(self):
        """Finite weights may still lead to infinities on the way; no number is made up from them."""
        names = ["wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias", "h.1.attn.c_attn.weight", "h.1.ln_2.weight",
                 "h.2.mlp.c_fc.weight", "h.2.mlp.c_proj.weight", "h.0.attn.c_proj.bias"]  # fmt: skip
        for name in names:
            for factor in (1e20, 1e30, 1e37):
                with self.subTest(name=name, factor=factor):
                    folder = self.folder()
                    make_tiny.write_model(folder, change=lambda w: w.update({name: w[name] * factor}))
                    for norm in reference.NORMS:
                        arguments = ["read", "--model", folder, "--ids", "1,2,3", "--norm", norm]
                        self.assertGreater(len(run_lens(*arguments).stdout), 0)
                        found = json.loads(run_lens(*arguments, "--json").stdout)
                        for cell in (cell for cells in found["cells"] for cell in cells):
                            self.assertEqual(len(cell["top"]), 10)
                            if cell["log_z"] is None:
                                unknown = [cell["entropy"], cell["kl"], cell["top"][0]["prob"], cell["answer_prob"]]
                                self.assertEqual(unknown, [None] * 4)

    def test_the_safetensors_file(self):
        folder = self.folder()
        make_tiny.write_model(folder)
        path = folder / "model.safetensors"
        whole = path.read_bytes()
        (n,) = struct.unpack_from("<Q", whole)
        header, data = json.loads(whole[8 : 8 + n]), whole[8 + n :]

        def with_entry(name, **changes):
            changed = json.dumps(header | {name: header[name] | changes}).encode()
            return struct.pack("<Q", len(changed)) + changed + data

        begin, end = header["ln_f.bias"]["data_offsets"]
        kinds = {
            "empty": b"",
            "four bytes": whole[:4],
            "header length alone": whole[:8],
            "header cut": whole[: 8 + n // 2],
            "no data": whole[: 8 + n],
            "data cut": whole[:-1],
            "data cut in half": whole[: len(whole) // 2],
            "trailing bytes": whole + b"x",
            "header longer than the file": struct.pack("<Q", len(whole)) + whole[8:],
            "header of 2^63": struct.pack("<Q", 2**63) + whole[8:],
            "header of 2^64 - 1": struct.pack("<Q", 2**64 - 1) + whole[8:],
            "header is no JSON": whole[:8] + b"x" + whole[9:],
            "header is a list": struct.pack("<Q", 2) + b"[]",
            "header is nested": struct.pack("<Q", 20000) + b"[" * 20000,
            "overlap": with_entry("ln_f.bias", data_offsets=[begin - 80, end - 80]),
            "out of range": with_entry("ln_f.bias", data_offsets=[begin, end + 2**40]),
            "negative": with_entry("ln_f.bias", data_offsets=[-80, 0]),
            "backwards": with_entry("ln_f.bias", data_offsets=[end, begin]),
            "shape that overflows": with_entry("ln_f.bias", shape=[2**32, 2**32, 20]),
            "shape of another size": with_entry("ln_f.bias", shape=[21]),
            "shape is text": with_entry("ln_f.bias", shape="20"),
            "unknown dtype": with_entry("ln_f.bias", dtype="F12"),
            "a pickle": b"PK\x03\x04" + b"\0" * 1000,
            "a git-lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        }
        for name, content in kinds.items():
            with self.subTest(name):
                path.write_bytes(content)
                self.refused(folder, "model.safetensors")

    def test_headers_with_random_damage_never_crash(self):
        folder = self.folder()
        make_tiny.write_model(folder)
        path = folder / "model.safetensors"
        whole = path.read_bytes()
        (n,) = struct.unpack_from("<Q", whole)
        draw = random.Random(4)
        for _ in range(150):
            damaged = bytearray(whole)
            for _ in range(draw.randrange(1, 4)):
                damaged[draw.randrange(8 + n)] = draw.choice(b'0123456789{}[]",:\\\xff\0 e-.')
            path.write_bytes(damaged)
            run_lens("read", "--model", folder, "--ids", "1,2")  # 0 or 1, as the damage happens to be

    def test_config(self):
        kinds = {
            "no JSON": ("{", ["config.json"]),
            "a list": ("[]", ["config.json"]),
            "another family": ({"model_type": "gptj"}, ["model_type", "gptj"]),
            "heads that do not divide": ({"n_head": 3}, ["config.json", "n_head"]),
            "no heads": ({"n_head": 0}, ["config.json", "n_head"]),
            "text for a number": ({"n_layer": "three"}, ["config.json", "n_layer"]),
            "a fraction": ({"n_embd": 20.5}, ["config.json", "n_embd"]),
            "too many blocks": ({"n_layer": 4}, ["h.3."]),
            "too few blocks": ({"n_layer": 2}, ["h.2."]),
            "absurdly many blocks": ({"n_layer": 10**18}, ["config.json", "n_layer"]),
            "another width": ({"n_embd": 24}, ["wte.weight", "24"]),
            "another context": ({"n_positions": 25}, ["wpe.weight", "25", "24"]),
            "an absurd context": ({"n_positions": 10**15}, ["config.json", "n_positions"]),
            "mish": ({"activation_function": "mish"}, ["activation_function", "mish"]),
            "cross-attention": ({"add_cross_attention": True}, ["cross-attention"]),
            "BOS out of the vocabulary": ({"bos_token_id": 300}, None),
        }  # fmt: skip
        for name, (config, words) in kinds.items():
            with self.subTest(name):
                folder = self.folder()
                make_tiny.write_model(folder, config=config if isinstance(config, dict) else None)
                if isinstance(config, str):
                    (folder / "config.json").write_text(config)
                if words is None:  # ids need no BOS; a prompt does
                    done = run_lens("read", "--model", folder, "--prompt", "a")
                    self.assertEqual((done.returncode, b"300" in done.stderr), (1, True), done.stderr)
                    continue
                self.refused(folder, *words)

    def test_files_that_are_not_there(self):
        for missing in ("config.json", "model.safetensors", "merges.txt", "vocab.json"):
            with self.subTest(missing):
                folder = self.folder()
                make_tiny.write_model(folder)
                (folder / missing).unlink()
                self.refused(folder, missing.replace("model.", "."))
        self.refused(self.folder(), "config.json")
        self.refused("/nowhere/at/all", "/nowhere/at/all")
        self.refused("/dev/null", "/dev/null")
        done = run_lens("read", "--experiment", "/nowhere.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/nowhere.json", done.stderr)

    def test_tokenizer_files(self):
        kinds = {
            "vocabulary is no JSON": ("vocab.json", "{"),
            "vocabulary is a list": ("vocab.json", "[1]"),
            "an id twice": ("vocab.json", json.dumps(self.bpe.id_of | {"zz": 5})),
            "an id beyond the model's": ("vocab.json", json.dumps(self.bpe.id_of | {"zz": 300})),
            "a negative id": ("vocab.json", json.dumps(self.bpe.id_of | {"!": -1})),
            "a byte without a token": ("vocab.json", json.dumps({k: v for k, v in self.bpe.id_of.items() if k != "!"})),
            "a merge of unknown tokens": ("merges.txt", "#version: 0.2\nq z\n"),
            "a merge of one": ("merges.txt", "#version: 0.2\nth\n"),
            "a merge of three": ("merges.txt", "#version: 0.2\nt h e\n"),
        }
        for name, (file, content) in kinds.items():
            with self.subTest(name):
                folder = self.folder()
                make_tiny.write_model(folder)
                (folder / file).write_text(content, encoding="utf-8")
                done = run_lens("tokenize", "--model", folder, "--text", "the")
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertGreater(len(done.stderr), 20)
