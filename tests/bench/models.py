#!/usr/bin/python3
"""A GPT-2 of GPT-2 small's shape with seeded random weights, as each contestant wants it.

    /usr/bin/python3 tests/bench/models.py FOLDER LENS      LENS is build/native/lens, whose `convert` writes the GGUFs

gpt2/                      a Hugging Face folder in F32, with a tokenizer of as many tokens
gpt2-f32.gguf, gpt2-q8_0.gguf
lm_*.onnx, lens_*.onnx     see onnx_graphs.py; the F32 graphs read gpt2/model.safetensors
reference.json             {"f32" | "q8_0": {"top", "entropy": [row][position], "text": [position]}}: the lens on prompt(64)
                           in float64, of the weights as they are in F32 and as Q8_0 holds them; text of the output

No real weights are needed: the time does not depend on them, and a random model is no easier to get right.
"""

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

import onnx_graphs

sys.path.append(str(Path(__file__).resolve().parent.parent / "golden"))
import bpe_reference
import gguf_reference
import reference

CONFIG = {
    "model_type": "gpt2",
    "n_layer": 12,
    "n_head": 12,
    "n_embd": 768,
    "n_positions": 1024,
    "vocab_size": 50257,
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
    "bos_token_id": 50256,
    "eos_token_id": 50256,
}
FIRST_LETTER = 256  # the token " a"; " b" to " z" follow. jobs.mjs knows it too
LONGEST = 64


def prompt(n):
    """Letters with spaces before them, one token each; the same rule is in jobs.mjs."""
    return [FIRST_LETTER + 7 * i % 26 for i in range(n)]


def seeded(seed=20260101):
    """normal(*shape): float32, N(0, 0.02), a new draw at each call."""
    rng = np.random.default_rng(seed)
    return lambda *shape: rng.standard_normal(shape, dtype=np.float32) * np.float32(0.02)


def make_weights(config, normal, gain=None):
    """{checkpoint name: [..] float32}: what normal(*shape) draws, around 1 for the norms' gains, which gain draws if given."""
    gain = gain or normal
    d, inner = config["n_embd"], config.get("n_inner", 4 * config["n_embd"])
    weights = {"wte.weight": normal(config["vocab_size"], d), "wpe.weight": normal(config["n_positions"], d)}

    def layer_norm(name):
        weights[name + ".weight"] = 1 + gain(d)
        weights[name + ".bias"] = normal(d)

    def linear(name, n_in, n_out):
        weights[name + ".weight"] = normal(n_in, n_out)
        weights[name + ".bias"] = normal(n_out)

    for layer in range(config["n_layer"]):
        h = f"h.{layer}."
        layer_norm(h + "ln_1")
        linear(h + "attn.c_attn", d, 3 * d)
        linear(h + "attn.c_proj", d, d)
        layer_norm(h + "ln_2")
        linear(h + "mlp.c_fc", d, inner)
        linear(h + "mlp.c_proj", inner, d)
    layer_norm("ln_f")
    if not config.get("tie_word_embeddings", True):
        weights["lm_head.weight"] = normal(config["vocab_size"], d)
    return weights


def write_safetensors(path, tensors):
    """Returns where each tensor begins in the file."""
    header, end = {}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [end, end + values.nbytes]}
        end += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-(len(text) + 8) % 64)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            file.write(values.tobytes())
    return {name: 8 + len(text) + entry["data_offsets"][0] for name, entry in header.items()}


def write_tokenizer(folder):
    """The 26 letters with their spaces, then whatever fills the vocabulary: all of it ASCII, for llama.cpp's server
    answers in JSON and refuses tokens that are not UTF-8."""
    alphabet = bpe_reference.byte_alphabet()
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    printable = [alphabet[byte] for byte in range(0x20, 0x7F)]
    pairs = [(printable[0], letter) for letter in letters]
    pairs += [pair for left in printable for right in printable if (pair := (left, right)) not in pairs[:26]]
    triples = [(left + right, letter) for left, right in pairs for letter in letters]
    merges = (pairs + triples)[: CONFIG["vocab_size"] - 256 - 1]
    tokens = [alphabet[byte] for byte in bpe_reference.byte_order()]
    tokens += [left + right for left, right in merges] + [bpe_reference.END_OF_TEXT]
    ids = {token: id for id, token in enumerate(tokens)}
    assert len(ids) == CONFIG["vocab_size"] and ids[printable[0] + "a"] == FIRST_LETTER
    (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    lines = ["#version: 0.2"] + [f"{left} {right}" for left, right in merges]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return bpe_reference.Bpe(ids, merges)


def lens(model, bpe):
    """The numbers that answers are held against; row by row, for all logits at once would be a lot of memory."""
    act = reference.forward(model, prompt(LONGEST))
    found = {"top": [], "entropy": []}
    for row in reference.lens_rows(model):
        logits = reference.lens_logits(model, act, row, "recomputed", {})  # [n, d_vocab]
        log_p = logits - reference.log_sum_exp(logits)[:, None]
        found["top"].append(logits.argmax(axis=-1).tolist())
        found["entropy"].append((-(np.exp(log_p) * log_p).sum(axis=-1)).tolist())
    found["text"] = [bpe.decode([id]).decode(errors="replace") for id in found["top"][-1]]
    return found


def main(out, lens_command):
    out = Path(out)
    folder = out / "gpt2"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    bpe = write_tokenizer(folder)
    weights = make_weights(CONFIG, seeded())
    offsets = write_safetensors(folder / "model.safetensors", weights)
    for type in ("f32", "q8_0"):
        subprocess.run([lens_command, "convert", folder, out / f"gpt2-{type}.gguf", "--type", type], check=True)
    onnx_graphs.write_f32(out, CONFIG, weights, offsets)
    onnx_graphs.write_i8(out, CONFIG, weights)
    models = {"f32": reference.read_model(folder), "q8_0": gguf_reference.read_model(out / "gpt2-q8_0.gguf")}
    text = json.dumps({name: lens(model, bpe) for name, model in models.items()})
    (out / "reference.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
