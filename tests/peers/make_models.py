#!/usr/bin/python3
"""Seeded random models in GPT-2's real vocabulary, for engines that nobody here wrote.

    /usr/bin/python3 tests/peers/make_models.py FOLDER VOCABULARY NAME...

FOLDER/NAME/ is a Hugging Face folder in F32, whose layout is OpenAI's: Conv1D, no prefix; logits.onnx in it is the same
model as a graph, input_ids, position_ids [1, n] -> logits [n, d_vocab]. VOCABULARY holds encoder.json and vocab.bpe.

Every weight is a whole number of at most 8 bits times a power of 2, which F32, F16 and BF16 hold alike: so all files of
one model have the same logits, whatever their type.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent / "bench"))
import models as bench
import onnx_graphs

SMALL = bench.CONFIG
TWO = {**SMALL, "n_layer": 2}
MODELS = {
    "two-layers": TWO,
    "own-head": {**TWO, "n_inner": 1536, "tie_word_embeddings": False},
    # What GGUF has no words for.
    "odd": {**TWO, "activation_function": "gelu", "scale_attn_by_inverse_layer_idx": True, "vocab_size": 50300},
    "gpt2": SMALL,
    "gpt2-medium": {**SMALL, "n_layer": 24, "n_head": 16, "n_embd": 1024},
    "distilgpt2": {**SMALL, "n_layer": 6},
}


def make_weights(config, seed):
    """bench's, about N(0, 0.02), in whole steps."""
    rng = np.random.default_rng(seed)

    def normal(*shape, step=2.0**-12):
        steps = np.rint(rng.standard_normal(shape, dtype=np.float32) * np.float32(0.02 / step))
        return np.clip(steps, -255, 255) * np.float32(step)

    return bench.make_weights(config, normal, gain=lambda *shape: normal(*shape, step=2.0**-7))


def main(out, vocabulary, *names):
    for name in names:
        config, folder = MODELS[name], Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        for given, known in (("encoder.json", "vocab.json"), ("vocab.bpe", "merges.txt")):
            shutil.copyfile(Path(vocabulary) / given, folder / known)
        weights = make_weights(config, seed=sorted(MODELS).index(name))
        offsets = bench.write_safetensors(folder / "model.safetensors", weights)
        onnx_graphs.write_logits(folder / "logits.onnx", "model.safetensors", config, weights, offsets)


if __name__ == "__main__":
    main(*sys.argv[1:])
