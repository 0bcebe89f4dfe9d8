"""Fits the lenses of a model and says how good they are:

  /usr/bin/python3 models/fit_lenses.py --corpus ../shared/corpus

tuned          (Belrose 2023) for the stream h that enters each block a translator h + W h + b, trained so that the lens
               says what the output says: by KL(output | lens) at the same position, from a least-squares start
jacobian       (Anthropic 2026) J h, J = the mean over texts and positions t of the sum over t' >= t of d h_out[t'] / d h[t],
               h_out the stream before the final norm; windows of 128 tokens, of which the first 16 and the last are left out
jacobian-here  the same with t' = t alone

Each becomes MODEL.NAME.safetensors beside the model (F16; core/lens/lens_file.h says the keys), and what they do
on held-out text MODEL.lenses.json: KL from the output, cross-entropy with the next token, and entropy of every row, in nats.
Ends with these as a table, and with status 1 where the tuned lens is not what it should be: below the raw lens' KL in
every row, and never more than 1 % above the row before.

A row of J is one backward pass for all blocks and positions at once, d_model passes for a window: exact, no random
directions. What is left is the choice of windows; its standard error, as a share of J's Frobenius norm, stands in the file.
"""
import argparse
import json
import math
import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np
import torch

import bpe
import corpus
import gguf
import lessons
import train

HERE = os.path.dirname(os.path.abspath(__file__))
WINDOW = 128
CELLS = 32        # of a window that the tuned lens is trained on: neighbours say much the same
FIRST, LAST = 16, WINDOW - 1  # of the Jacobian lens' positions: these and before LAST
BATCH = 8         # windows at a time


def load(path):
    """(model, tokenizer, fingerprint) of a GGUF of ours."""
    keys = gguf.read(path)[0]
    weights, merges = gguf.read_gpt2(path), gguf.read_merges(path)
    model = train.GPT2(dict(n_layer=keys["gpt2.block_count"], n_embd=keys["gpt2.embedding_length"],
                            n_head=keys["gpt2.attention.head_count"], n_positions=keys["gpt2.context_length"],
                            vocab_size=len(weights["wte.weight"])))
    with torch.no_grad():
        for name, parameter in model.named().items():
            parameter.copy_(torch.from_numpy(weights[name]))
    return model.requires_grad_(False), bpe.Tokenizer(merges), fingerprint(weights)


def fingerprint(weights):
    """As Model::fingerprint in core/model/model.h: FNV-1a, 64 bits, of the final norm's float32."""
    value = 0xCBF29CE484222325
    for name in "ln_f.weight", "ln_f.bias":
        for byte in weights[name].astype("<f4").tobytes():
            value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


# ---- text -------------------------------------------------------------------

def windows(docs, tokenizer, count, rng, teacher=None):
    """[count, WINDOW] token ids: as many windows of every source, each from a random line of a random document on and
    opened by <|endoftext|>, as is every further document where one is too short; and of lessons, where there is a teacher."""
    rows = []
    sources = [*docs, *(["lessons"] if teacher else [])]
    for i in range(count):
        source = sources[i % len(sources)]
        if source != "lessons":
            lengths = [len(d) for d in docs[source]]
        row = []
        while len(row) < WINDOW:
            if source == "lessons":
                text = teacher.text(rng)
            else:
                (text,) = rng.choices(docs[source], lengths)
                at = rng.randrange(max(1, len(text) - 6 * WINDOW))
                text = text[text.find("\n", at) + 1 if at else 0:][:12 * WINDOW]
            row += [tokenizer.end, *tokenizer.encode(text)]
        rows.append(row[:WINDOW])
    rng.shuffle(rows)
    return torch.tensor(rows)


# ---- the tuned lens ---------------------------------------------------------

def collect(model, ids, rng):
    """The stream at CELLS random positions of every window: [n_layer + 1, cells, d_model]."""
    parts = []
    for batch in ids.split(BATCH):
        stream = torch.stack(model.residuals(batch))
        at = torch.tensor([rng.sample(range(WINDOW), CELLS) for _ in batch])
        parts.append(stream[:, torch.arange(len(batch))[:, None], at].flatten(1, 2))
    return torch.cat(parts, 1)


def least_squares(h, target):
    """(W, b) for which h + W h + b is nearest to target: [d, d], [d]."""
    x = torch.cat([h, torch.ones(len(h), 1)], 1).double()
    moments = x.t() @ x + 1e-3 * len(x) * torch.eye(x.shape[1], dtype=torch.float64)
    solved = torch.linalg.solve(moments, x.t() @ (target - h).double()).float()
    return solved[:-1].t().contiguous(), solved[-1].clone()


def final_norm(model, x):
    p = model.named_cache
    return torch.nn.functional.layer_norm(x, x.shape[-1:], p["ln_f.weight"], p["ln_f.bias"], 1e-5)


def fit_tuned(model, stream, steps, batch, rate):
    """[(W, b)] of each block. The gradient of KL(p | softmax z) by z is softmax z - p: no second pass over the vocabulary."""
    *rows, output = stream
    pairs = [least_squares(h, output) for h in rows]
    for pair in pairs:
        for value in pair:
            value.requires_grad_(True)
    optimiser = torch.optim.Adam([value for pair in pairs for value in pair], lr=rate, betas=(0.9, 0.98))
    W_U = model.named_cache["wte.weight"]
    order, begun = torch.randperm(output.shape[0]), time.time()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 20) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        at = order[torch.arange(step * batch, (step + 1) * batch) % len(order)]
        p = torch.softmax(model.unembed(output[at]), -1)
        optimiser.zero_grad()
        for h, (W, b) in zip(rows, pairs):
            x = final_norm(model, torch.addmm(h[at] + b, h[at], W.t()))
            with torch.no_grad():
                slope = (torch.softmax(x @ W_U.t(), -1).sub_(p) @ W_U) / batch
            x.backward(slope)
        optimiser.step()
        if step % 50 == 49:
            print(f"tuned: step {step + 1} of {steps}, {time.time() - begun:.0f} s", flush=True)
    return [(W.detach(), b.detach()) for W, b in pairs]


# ---- the Jacobian lens ------------------------------------------------------

class Here(train.GPT2):
    """The same numbers forward; backward a position hears of no other one. Since attention only looks back, what is left
    of d h_out[t'] / d h[t] is t' = t."""

    def attend(self, q, k, v):
        t = q.shape[-2]
        own = torch.eye(t)
        scores = torch.matmul(q, k.detach().transpose(-1, -2)) * (1 - own) + torch.diag_embed((q * k).sum(-1))
        pattern = torch.softmax(scores + self.mask[:t, :t], -1)
        return torch.matmul(pattern * (1 - own), v.detach()) + (pattern * own).sum(-1, keepdim=True) * v


def fit_jacobian(model, ids):
    """([J of each block], their standard errors as a share of their norm)"""
    d, sums, squares, begun = model.c["n_embd"], 0, 0, time.time()
    for n, batch in enumerate(ids.split(BATCH), 1):
        with torch.enable_grad():
            model.residuals(batch)  # for the mask and the names
            p = model.named_cache
            rows = [(p["wte.weight"][batch] + p["wpe.weight"][:WINDOW]).requires_grad_(True)]
            for i in range(model.c["n_layer"]):
                rows.append(model.block(rows[-1], i))
            parts = []
            for out in range(d):
                slopes = torch.autograd.grad(rows[-1][:, FIRST:LAST, out].sum(), rows[:-1], retain_graph=True)
                parts.append(torch.stack([s[:, FIRST:LAST].mean(1) for s in slopes]))  # [n_layer, windows, d]
        J = torch.stack(parts, 2)  # [n_layer, windows, out, in]
        sums, squares = sums + J.sum(1), squares + (J ** 2).sum(1)
        print(f"jacobian: {n * BATCH} of {len(ids)} windows, {time.time() - begun:.0f} s", flush=True)
    mean = sums / len(ids)
    variance = (squares / len(ids) - mean ** 2) / (len(ids) - 1)
    return list(mean), [math.sqrt(v.sum() / (m ** 2).sum()) for v, m in zip(variance, mean)]


# ---- files ------------------------------------------------------------------

def half(values):
    """As the file will hold them."""
    return values.half().float()


def save(path, tensors, about):
    entries, data = {}, b""
    for name, value in tensors.items():
        raw = value.numpy().astype("<f2").tobytes()
        entries[name] = {"dtype": "F16", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps({"__metadata__": about, **entries}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
    print(f"{path}: {os.path.getsize(path) / 1e6:.2f} MB")


# ---- what they do on held-out text ------------------------------------------

def measure(model, pairs, ids):
    """{"kl", "cross_entropy", "entropy"}: each row's mean, the output last, without the first position and the last."""
    sums, n = np.zeros((3, model.c["n_layer"] + 1)), 0
    for batch in ids.split(BATCH):
        rows = [h[:, 1:-1].flatten(0, 1) for h in model.residuals(batch)]
        following = batch[:, 2:].flatten()[:, None]
        output = torch.log_softmax(model.unembed(rows[-1]), -1)
        for r, h in enumerate(rows):
            if r < len(pairs):
                h = h + h @ pairs[r][0].t() + pairs[r][1]
            said = torch.log_softmax(model.unembed(h), -1)
            sums[:, r] += [(output.exp() * (output - said)).sum().item(), -said.gather(1, following).sum().item(),
                           -(said.exp() * said).sum().item()]
        n += len(following)
    return {name: [round(v, 4) for v in row] for name, row in zip(("kl", "cross_entropy", "entropy"), sums / n)}


def table(scores):
    """Markdown, for the card."""
    lenses = scores["lenses"]
    print("| row | " + " | ".join(f"{measure} {name}" for measure in ("KL", "cross-entropy", "entropy") for name in lenses) + " |")
    print("|---" * (1 + 3 * len(lenses)) + "|")
    n = len(lenses["raw"]["kl"])
    for r in range(n):
        row = "embedding" if r == 0 else "output" if r == n - 1 else f"after block {r - 1}"
        values = [lenses[name][measure][r] for measure in ("kl", "cross_entropy", "entropy") for name in lenses]
        print(f"| {row} | " + " | ".join(f"{v:.2f}" for v in values) + " |")


def is_good(scores):
    raw, tuned = (scores["lenses"][name]["kl"] for name in ("raw", "tuned"))
    below = all(t < r for t, r in zip(tuned[:-1], raw))
    falls = all(b <= 1.01 * a for a, b in zip(tuned, tuned[1:]))
    print(f"tuned KL below the raw lens' in every row: {'yes' if below else 'NO'}; never more than 1 % above the row before: "
          f"{'yes' if falls else 'NO'}")
    return below and falls


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--model", default=os.path.join(HERE, "primer.gguf"))
    a.add_argument("--corpus", default=os.path.join(HERE, "..", "..", "shared", "corpus"))
    a.add_argument("--out", help="folder; by default the model's")
    a.add_argument("--steps", type=int, default=300, help="of the tuned lens, 256 positions each")
    a.add_argument("--texts", type=int, default=1200, help="windows that the tuned lens is fitted on")
    a.add_argument("--jacobian-texts", type=int, default=16, help="windows that the Jacobian lenses are fitted on")
    a.add_argument("--held-out", type=int, default=40, help="windows that all are measured on")
    a.add_argument("--seed", type=int, default=1)
    args = a.parse_args()
    torch.manual_seed(args.seed)
    rng, begun = random.Random(args.seed), time.time()
    model, tokenizer, mark = load(args.model)
    docs = corpus.split(args.corpus)
    kept, held = ({s: pair[i] for s, pair in docs.items()} for i in (0, 1))
    teacher = lessons.Lessons(args.corpus, tokenizer)
    print(f"read in {time.time() - begun:.0f} s", flush=True)

    name = os.path.splitext(os.path.basename(args.model))[0]
    path = os.path.join(args.out or os.path.dirname(args.model), name)
    about = {"base_model_name_or_path": name, "base_model_fingerprint": mark, "d_model": str(model.c["n_embd"]),
             "num_hidden_layers": str(model.c["n_layer"])}

    with torch.no_grad():
        stream = collect(model, windows(kept, tokenizer, args.texts, rng, teacher), rng)
    print(f"{stream.shape[1]} positions after {time.time() - begun:.0f} s", flush=True)
    tuned = [(half(W), half(b)) for W, b in fit_tuned(model, stream, args.steps, 256, 1e-3)]
    del stream
    save(path + ".tuned.safetensors", {f"{i}.{kind}": v for i, pair in enumerate(tuned) for kind, v in zip(("weight", "bias"), pair)},
         {**about, "bias": "true", "lens_type": "linear_tuned_lens"})
    lenses = {"raw": [], "tuned": tuned}

    texts = windows(kept, tokenizer, args.jacobian_texts, rng, teacher)
    here = Here(model.c)
    here.load_state_dict(model.state_dict())
    for kind, fitted in ("jacobian", model), ("jacobian-here", here.requires_grad_(False)):
        J, errors = fit_jacobian(fitted, texts)
        print(f"{kind}: standard error / norm, by block:", " ".join(f"{e:.3f}" for e in errors))
        J = [half(j) for j in J]
        save(f"{path}.{kind}.safetensors", {f"{i}.jacobian": j for i, j in enumerate(J)},
             {**about, "lens_type": "jacobian_lens", "windows": str(len(texts)),
              "standard_error": " ".join(f"{e:.3f}" for e in errors)})
        lenses[kind] = [(j - torch.eye(len(j)), torch.zeros(len(j))) for j in J]

    with torch.no_grad():
        texts = windows(held, tokenizer, args.held_out, rng)
        scores = {"v": 1, "fingerprint": mark, "positions": len(texts) * (WINDOW - 2),
                  "lenses": {kind: measure(model, pairs, texts) for kind, pairs in lenses.items()}}
    with open(path + ".lenses.json", "w", encoding="utf-8") as f:
        json.dump(scores, f, indent=1)
        f.write("\n")
    table(scores)
    good = is_good(scores)
    print(f"done in {time.time() - begun:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
