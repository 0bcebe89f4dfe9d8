"""Fits the tuned lens (Belrose 2023) of a model: for each row below the output a translator h + W h + b, trained so
that the lens says what the output says, by KL(output | lens) at the same position on training text.

  /usr/bin/python3 models/fit_lenses.py --model models/primer.gguf --corpus ../shared/corpus --out models/primer.tuned.safetensors

The file holds `{i}.weight` [out, in] and `{i}.bias` (F16) for the residual stream entering block i, and the keys of the
tuned-lens project's config.json as metadata. A translator of zeros is the raw lens. It ends with each row's KL on
held-out text, raw and tuned.
"""
import argparse
import json
import math
import os
import random
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np
import torch

import bpe
import corpus
import gguf
import train

HERE = os.path.dirname(os.path.abspath(__file__))


def load(path):
    """(model, tokenizer) of a GGUF of ours."""
    keys = gguf.read(path)[0]
    weights, merges = gguf.read_gpt2(path), gguf.read_merges(path)
    tokenizer = bpe.Tokenizer(merges)
    model = train.GPT2(dict(n_layer=keys["gpt2.block_count"], n_embd=keys["gpt2.embedding_length"],
                            n_head=keys["gpt2.attention.head_count"], n_positions=keys["gpt2.context_length"],
                            vocab_size=len(weights["wte.weight"])))
    with torch.no_grad():
        for name, parameter in model.named().items():
            parameter.copy_(torch.from_numpy(weights[name]))
    return model.requires_grad_(False), tokenizer


def windows(docs, tokenizer, length, most, rng):
    """Windows opened by <|endoftext|>, as many from every source."""
    rows = []
    for texts in docs.values():
        ids = [i for t in texts for i in tokenizer.encode(t)]
        starts = range(0, len(ids) - length, length - 1)
        for at in rng.sample(starts, min(len(starts), most // len(docs))):
            rows.append([tokenizer.end, *ids[at:at + length - 1]])
    rng.shuffle(rows)
    return torch.tensor(rows)


def divergences(model, translators, ids):
    """KL(output | lens) of each row below the output, nats, mean over the cells."""
    rows = model.residuals(ids)
    output = torch.log_softmax(model.unembed(rows[-1]), -1)
    out = []
    for h, (w, b) in zip(rows, translators):
        said = torch.log_softmax(model.unembed(h + torch.matmul(h, w.t()) + b), -1)
        out.append((output.exp() * (output - said)).sum(-1).mean())
    return torch.stack(out)


def fit(model, rows, steps, batch, rate):
    c = model.c
    translators = [(torch.zeros(c["n_embd"], c["n_embd"], requires_grad=True), torch.zeros(c["n_embd"], requires_grad=True))
                   for _ in range(c["n_layer"])]
    optimiser = torch.optim.Adam([p for t in translators for p in t], lr=rate, betas=(0.9, 0.98))
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 20) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        at = torch.arange(step * batch, (step + 1) * batch) % len(rows)
        kl = divergences(model, translators, rows[at])
        optimiser.zero_grad()
        kl.sum().backward()
        optimiser.step()
        if step % 20 == 0:
            print(f"step {step} KL", " ".join(f"{v:.3f}" for v in kl.tolist()), flush=True)
    return [(w.detach(), b.detach()) for w, b in translators]


def rounded(translators):
    """As the file will hold them."""
    return [(w.half().float(), b.half().float()) for w, b in translators]


def save(translators, path, name):
    entries, data = {}, b""
    for i, pair in enumerate(translators):
        for kind, value in zip(("weight", "bias"), pair):
            raw = value.numpy().astype("<f2").tobytes()
            entries[f"{i}.{kind}"] = {"dtype": "F16", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
    about = {"base_model_name_or_path": name, "d_model": str(len(translators[0][1])), "num_hidden_layers": str(len(translators)),
             "bias": "true", "lens_type": "linear_tuned_lens"}
    text = json.dumps({"__metadata__": about, **entries}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--model", default=os.path.join(HERE, "primer.gguf"))
    a.add_argument("--corpus", default=os.path.join(HERE, "..", "..", "shared", "corpus"))
    a.add_argument("--out", default=os.path.join(HERE, "primer.tuned.safetensors"))
    a.add_argument("--steps", type=int, default=600)
    a.add_argument("--batch", type=int, default=8, help="windows a step")
    a.add_argument("--length", type=int, default=128, help="tokens a window")
    a.add_argument("--rate", type=float, default=1e-3)
    a.add_argument("--seed", type=int, default=1)
    args = a.parse_args()
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    model, tokenizer = load(args.model)
    docs = corpus.split(args.corpus)
    length = min(args.length, model.c["n_positions"])
    rows = windows({s: kept for s, (kept, _) in docs.items()}, tokenizer, length, args.steps * args.batch, rng)
    held = windows({s: out for s, (_, out) in docs.items()}, tokenizer, length, 40, rng)
    translators = rounded(fit(model, rows, args.steps, args.batch, args.rate))
    save(translators, args.out, os.path.splitext(os.path.basename(args.model))[0])
    with torch.no_grad():
        zeros = [(torch.zeros_like(w), torch.zeros_like(b)) for w, b in translators]
        for name, pairs in ("raw", zeros), ("tuned", translators):
            kl = torch.stack([divergences(model, pairs, held[i:i + 8]) for i in range(0, len(held), 8)]).mean(0)
            print(f"held-out KL, {name}:", " ".join(f"{v:.3f}" for v in kl.tolist()))


if __name__ == "__main__":
    main()
