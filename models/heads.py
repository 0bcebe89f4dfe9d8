"""What the heads of a model do: the section "Its heads" of README.md.

  ./wasm/toolchain/build native lens && /usr/bin/python3 models/heads.py --tasks ../shared/tasks --write

The best previous-token, duplicate-token and induction heads by score (mean attention on 100 random tokens twice over, seeds
1 and 2), held against what they attend to most elsewhere; and the heads that by their direct effect raise the right name
over the other most in indirect-object prompts (Wang et al. 2023). Where nothing has formed, that is what it says.
"""
import argparse
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np

import bpe
import evaluate
import gguf

HERE = os.path.dirname(os.path.abspath(__file__))
BEGIN, END = "<!-- heads.py writes this -->\n", "<!-- to here -->"
FORMED = 0.4  # of its attention, as web/src/views/heads.js
PROMPTS = 100  # of indirect objects
WORDS = {"previous": "previous token", "duplicate": "duplicate token", "induction": "induction"}


def ask(engine, run, **read):
    """(tokens, {table: array})"""
    found = engine.read(run, **read)
    tables = found.get("tables") or found["activations"]
    number = lambda v: np.nan if v is None else v  # noqa: E731
    return found["tokens"], {name: np.reshape([number(v) for v in t["data"]], t["shape"]) for name, t in tables.items()}


def name(head):
    return f"{head[0]}.{head[1]}"


def best(values):
    return np.unravel_index(np.argmax(values), values.shape)


def confirmed(engine, kind, head, texts):
    """The share of places at which the head attends most to where its score says."""
    hook = f"blocks.{head[0]}.attn.hook_pattern"
    runs = [{"prompt": text} for text in texts] if kind == "previous" else [{"repeat": {"seed": 3}}]
    hits = n = 0
    for run in runs:
        tokens, tables = ask(engine, run, what="activations", hooks=[hook])
        A, half = tables[hook][head[1]], len(tokens) // 2
        there = {"previous": lambda i: i - 1, "duplicate": lambda i: i - half, "induction": lambda i: i - half + 1}[kind]
        for i in range(2 if kind == "previous" else half, len(tokens)):
            hits, n = hits + (np.argmax(A[i]) == there(i)), n + 1
    return hits, n


def scores(engine, texts):
    found = [ask(engine, {"repeat": {"seed": seed}}, what="head_scores")[1] for seed in (1, 2)]
    yield "| | best head | score | attends there most | formed (0.4 and more) |"
    yield "|---|---|---|---|---|"
    for kind, words in WORDS.items():
        mean = np.mean([tables[kind] for tables in found], axis=0)
        head = best(mean)
        hits, n = confirmed(engine, kind, head, texts)
        formed = [name(h) for h in zip(*np.where(mean >= FORMED))]
        yield f"| {words} | {name(head)} | {mean[head]:.2f} | {100 * hits / n:.0f} % of {n} places | {', '.join(formed) or 'none'} |"


def indirect_objects(engine, tokenizer, tasks):
    one = lambda w: len(tokenizer.encode(" " + w)) == 1  # noqa: E731
    items = evaluate.indirect_object_items(tasks, one, random.Random(0))
    items = random.Random(1).sample(items, min(PROMPTS, len(items)))
    parts, to_name, right = [], [], 0
    for item in items:
        tokens, tables = ask(engine, {"prompt": item.prompt}, what="components", tokens=[item.answer, item.foil], neurons=0)
        parts.append(tables["head"])
        right += tables["total"][0] > 0
        to = lambda name: tables["pattern"][:, :, [i for i, token in enumerate(tokens) if token["text"] == name]].sum(axis=2)  # noqa: E731
        to_name.append(to(item.answer) > to(item.foil))
    mean, looks = np.mean(parts, axis=0), np.mean(to_name, axis=0)
    raised = np.mean(np.array(parts) > 0, axis=0)
    yield f"Over {len(items)} indirect-object prompts the right name's logit is above the other's in {100 * right / len(items):.0f} %. The heads that raise it most over the other, by direct effect:"
    yield ""
    yield "| head | mean, in logits | raises it | attends more to it than to the other |"
    yield "|---|---|---|---|"
    order = sorted(np.ndindex(mean.shape), key=lambda head: -mean[head])[:4]
    for head in order:
        yield f"| {name(head)} | {mean[head]:+.2f} | in {100 * raised[head]:.0f} % | in {100 * looks[head]:.0f} % |"
    movers = [name(head) for head in order if mean[head] > 0 and raised[head] > 0.8 and looks[head] > 0.8]
    yield ""
    yield (f"Name movers, heads that raise the right name in more than 80 % and attend more to it than to the other in as many: {', '.join(movers)}." if movers
           else "No head raises the right name in more than 80 % and attends more to it than to the other in as many: no name mover has formed.")


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--model", default=os.path.join(HERE, "primer.gguf"))
    a.add_argument("--tasks", default=os.path.join(HERE, "..", "..", "shared", "tasks"))
    a.add_argument("--write", action="store_true", help="into README.md, in place of what is there")
    args = a.parse_args()
    engine = evaluate.Engine(args.model)
    with open(os.path.join(HERE, "examples.json"), encoding="utf-8") as f:
        texts = [example["prompt"] for example in json.load(f)]
    text = "\n".join([*scores(engine, texts), "", *indirect_objects(engine, bpe.Tokenizer(gguf.read_merges(args.model)), args.tasks)]) + "\n"
    print(text)
    if args.write:
        path = os.path.join(HERE, "README.md")
        with open(path, encoding="utf-8") as f:
            card = f.read()
        begin, end = card.index(BEGIN) + len(BEGIN), card.index(END)
        with open(path, "w", encoding="utf-8") as f:
            f.write(card[:begin] + text + card[end:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
