"""Scores of a model folder, read from its F16 file with torch alone, so that the engine can be held against them.

  /usr/bin/python3 models/evaluate.py --corpus ../shared/corpus            writes models/primer/scores.json
  /usr/bin/python3 models/evaluate.py --trace "The capital of France is"   the raw lens at the last position
"""
import argparse
import collections
import json
import math
import os
import random
import struct

import numpy as np
import torch

import bpe
import corpus
import lessons
import train

HERE = os.path.dirname(os.path.abspath(__file__))


def load(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    model = train.GPT2({k: config[k] for k in train.FULL})
    with open(os.path.join(folder, "model.safetensors"), "rb") as f:
        data = f.read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    with torch.no_grad():
        for name, parameter in model.named().items():
            entry = header[name]
            begin, end = (8 + size + o for o in entry["data_offsets"])
            value = np.frombuffer(data[begin:end], "<f2").reshape(entry["shape"])
            parameter.copy_(torch.from_numpy(value.astype(np.float32)))
    return model, bpe.Tokenizer.load(folder)


def logits_of(model, ids):
    return model.unembed(model.residuals(torch.tensor([ids]))[-1])[0]


def unigram(encoded, vocab_size):
    """Token log-probabilities of the training text, each source as often as the model saw it; add-one."""
    counts = np.ones(vocab_size)
    for source, docs in encoded.items():
        for doc in docs:
            counts += corpus.SOURCES[source] * np.bincount(doc, minlength=vocab_size)
    return np.log(counts / counts.sum())


def score_text(model, tokenizer, docs, encoded, log_unigram):
    """Every held-out token once, in windows opened by <|endoftext|>; nats a token."""
    n = model.c["n_positions"]
    windows = collections.defaultdict(list)  # equal lengths run together
    for doc in encoded:
        for i in range(0, len(doc), n):
            windows[len(doc[i:i + n])].append([tokenizer.end] + doc[i:i + n])
    total = collections.Counter()
    for rows in windows.values():
        for i in range(0, len(rows), 8):
            ids = torch.tensor(rows[i:i + 8])
            lp = torch.log_softmax(model.unembed(model.residuals(ids[:, :-1])[-1]), -1)
            total["loss"] -= lp.gather(-1, ids[:, 1:, None]).double().sum().item()
            total["tokens"] += ids[:, 1:].numel()
    counts = sum(np.bincount(d, minlength=len(tokenizer.names)) for d in encoded)
    p = counts[counts > 0] / counts.sum()
    return {"documents": len(docs), "tokens": total["tokens"], "bytes": sum(len(d.encode("utf-8")) for d in docs),
            "loss": total["loss"] / total["tokens"], "unigram": float(-(counts * log_unigram).sum() / counts.sum()),
            "own_unigram_entropy": float(-(p * np.log(p)).sum())}


def finish(s):
    s["ratio"] = s["loss"] / s["unigram"]
    s["ratio_to_own_entropy"] = s["loss"] / s["own_unigram_entropy"]  # the stricter one
    s["bits_per_byte"] = s["loss"] * s["tokens"] / math.log(2) / s["bytes"]
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in s.items()}


def agreement(model, tokenizer, rows):
    """For each row of the raw lens, the share of cells whose top token is the final row's."""
    same = torch.zeros(model.c["n_layer"] + 1)
    for ids in rows:
        top = [model.unembed(x)[0].argmax(-1) for x in model.residuals(torch.tensor([ids]))]
        same += torch.tensor([(t == top[-1]).float().mean().item() for t in top])
    return [round(v, 4) for v in (same / len(rows)).tolist()]


def right(model, tokenizer, prompts):
    """Share of (prompt, answer, foil) where the answer is the top token, and, if there are foils, where it beats its own."""
    top = beats = 0
    for prompt, answer, foil in prompts:
        last = logits_of(model, [tokenizer.end] + tokenizer.encode(prompt))[-1]
        (a,) = tokenizer.encode(answer)
        top += int(last.argmax() == a)
        beats += int(foil is not None and last[a] > last[tokenizer.encode(foil)[0]])
    out = {"prompts": len(prompts), "top1": round(top / len(prompts), 4)}
    return {**out, "beats_foil": round(beats / len(prompts), 4)} if prompts[0][2] else out


def tasks(model, tokenizer, folder, tasks_folder):
    rng = random.Random(0)
    one = lambda w: len(tokenizer.encode(" " + w)) == 1
    out = {}
    for key, names in ("weekdays", lessons.DAYS), ("months", lessons.MONTHS):
        pairs = [(a, names[(i + 1) % len(names)]) for i, a in enumerate(names)]
        lead = "day" if key == "weekdays" else "month"
        out[key] = right(model, tokenizer, [(f"The {lead} after {a} is", " " + b, None) for a, b in pairs])
        out[key + "_new_phrasing"] = right(model, tokenizer, [
            (f"She came in {names[i - 1]}, {a}, and" if key == "months" else f"We met on {names[i - 1]}, on {a} and on", " " + b, None)
            for i, (a, b) in enumerate(pairs)])
    taught = [c for c in lessons.Lessons(folder).countries if one(c["capital"])]
    out["capitals_taught"] = right(model, tokenizer, [(f"The capital of {c['name']} is", " " + c["capital"], None) for c in taught])
    hits = total = 0
    for _ in range(50):
        unit = [rng.randrange(tokenizer.end) for _ in range(20)]
        top = logits_of(model, [tokenizer.end] + unit + unit[:-1])[20:].argmax(-1).tolist()
        hits, total = hits + sum(a == b for a, b in zip(top[1:], unit[1:])), total + 19
    out["repeated_string"] = {"tokens": total, "top1": round(hits / total, 4)}
    if tasks_folder:
        with open(os.path.join(tasks_folder, "ioi_templates.json"), encoding="utf-8") as f:
            ioi = json.load(f)
        names = [n for n in ioi["names_single_token"] if one(n)]
        prompts = []
        for template in ioi["BABA_templates"] + ioi["ABBA_templates"]:
            for a in names:
                for b in names:
                    if a != b:
                        text = (template.replace("[B]", b).replace("[PLACE]", rng.choice(ioi["places"]))
                                .replace("[OBJECT]", rng.choice(ioi["objects"])))
                        text = text[:text.rindex(" [A]")].replace("[A]", a)
                        prompts.append((text, " " + a, " " + b))
        out["indirect_object_held_out"] = {"names": names, **right(model, tokenizer, prompts)}
        agree = []
        for s, p in [p for p in lessons.SUBJECTS if one(p[0]) and one(p[1])]:
            agree += [(f"The {s} on the tables", " is", " are"), (f"The {p} on the table", " are", " is")]
        out["agreement_with_attractor"] = right(model, tokenizer, agree)
    return out


def story(model, tokenizer, prompt):
    """What the raw lens tells at the last position: the answer, its probability, the row since which
    it leads without a break, and what led before."""
    ids = [tokenizer.end] + tokenizer.encode(prompt)
    rows = [torch.softmax(model.unembed(x)[0, -1], -1) for x in model.residuals(torch.tensor([ids]))]
    tops = [int(p.argmax()) for p in rows]
    since = len(tops) - 1
    while since > 0 and tops[since - 1] == tops[-1]:
        since -= 1
    return {"prompt": prompt, "answer": tokenizer.decode([tops[-1]]), "probability": round(rows[-1].max().item(), 3),
            "leading_since_row": since, "row_tops": [tokenizer.decode([t]) for t in tops]}


def trace(model, tokenizer, prompt, k=3):
    ids = [tokenizer.end] + tokenizer.encode(prompt)
    print([tokenizer.decode([i]) for i in ids])
    for row, x in reversed(list(enumerate(model.residuals(torch.tensor([ids]))))):
        p = torch.softmax(model.unembed(x)[0, -1], -1).topk(k)
        print(f"row {row}  " + "  ".join(f"{tokenizer.decode([i])!r} {v:.2f}" for v, i in zip(p.values.tolist(), p.indices.tolist())))


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--model", default=os.path.join(HERE, "primer"))
    a.add_argument("--corpus", default=os.path.join(HERE, "..", "..", "shared", "corpus"))
    a.add_argument("--tasks", help="folder of the evaluation sets, for indirect objects on held-out names and templates")
    a.add_argument("--trace", action="append", help="print the lens at the end of this prompt instead of scoring")
    args = a.parse_args()
    torch.set_grad_enabled(False)
    model, tokenizer = load(args.model)
    if args.trace:
        for prompt in args.trace:
            trace(model, tokenizer, prompt)
        return
    docs = corpus.split(args.corpus)
    kept = {s: [tokenizer.encode(d) for d in d_in] for s, (d_in, _) in docs.items()}
    log_unigram = unigram(kept, len(tokenizer.names))
    sources, everything, rows, all_counts = {}, collections.Counter(), [], []
    for source, (_, out) in docs.items():
        encoded = [tokenizer.encode(d) for d in out]
        all_counts += [np.bincount(d, minlength=len(tokenizer.names)) for d in encoded]
        sources[source] = s = score_text(model, tokenizer, out, encoded, log_unigram)
        for k in ("documents", "tokens", "bytes"):
            everything[k] += s[k]
        for k in ("loss", "unigram"):
            everything[k] += s[k] * s["tokens"]
        text = [i for doc in encoded for i in doc]
        for k in range(12):  # the same number of places from every source
            at = k * len(text) // 12
            rows.append([tokenizer.end] + text[at:at + 127])
        print(source, finish(s), flush=True)
    for k in ("loss", "unigram"):
        everything[k] /= everything["tokens"]
    every = sum(all_counts)
    p = every[every > 0] / every.sum()
    everything["own_unigram_entropy"] = float(-(p * np.log(p)).sum())
    result = {"parameters": sum(p.numel() for p in model.parameters()),
              "held_out": {"all": finish(dict(everything)), **{k: finish(v) for k, v in sources.items()}},
              "agreement_with_final_row": agreement(model, tokenizer, rows),
              "middle_row": model.c["n_layer"] // 2,
              "tasks": tasks(model, tokenizer, args.corpus, args.tasks)}
    examples = os.path.join(HERE, "examples.json")
    if os.path.exists(examples):
        with open(examples, encoding="utf-8") as f:
            result["examples"] = [story(model, tokenizer, e["prompt"]) for e in json.load(f)]
    with open(os.path.join(args.model, "scores.json"), "w", encoding="utf-8") as f:
        json.dump(result, f, indent=2)
        f.write("\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
