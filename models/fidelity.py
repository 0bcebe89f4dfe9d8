"""How far a model's numbers are off, in every row of the raw lens, on a text in windows of 64 tokens opened by BOS.

  /usr/bin/python3 models/fidelity.py MODEL --text-file held-out.txt [--tokens 2000]

holds what our own engine (build/native/lens) says of a .gguf or a Hugging Face folder, its screened logits too, against
float64 of the weights as they are stored (tests/golden/reference.py): what the engine's arithmetic costs.

  /usr/bin/python3 models/fidelity.py EXACT OTHER --text-file held-out.txt

reads two files of one model by the engine, F16 or Q8_0 and the weights they were made of, say; from its residual stream each
row's distribution is computed here in float64, so that KL is over the whole vocabulary: what the weights' rounding costs.
"""
import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import gguf

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "tests", "golden"))
import gguf_reference  # noqa: E402
import reference  # noqa: E402

PROGRAM = os.environ.get("LENS") or os.path.join(HERE, "..", "build", "native", "lens")
WINDOW = 64


def lens(*arguments, stdin=None):
    done = subprocess.run([PROGRAM, *arguments], input=stdin, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise SystemExit(done.stderr or done.stdout[-500:])
    return done.stdout


def head(model):
    """(W_U [d_model, d_vocab], gamma, beta): `lens convert` makes F32 of whatever the model is."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "f32.gguf")
        lens("convert", model, path, "--type", "f32")
        _, tensors = gguf.read(path)
    return tuple(np.asarray(tensors[name], np.float64) for name in
                 ("token_embd.weight", "output_norm.weight", "output_norm.bias"))


def readings(model, windows, read):
    """What the engine answers to `read`, window by window."""
    lines = [json.dumps({"v": 1, "models": {"m": "m"}, "runs": {"a": {"model": "m", "ids": ids}}, "reads": [read]})
             for ids in windows]
    for line in lens("read", "--experiment", "-", "--model", model, stdin="\n".join(lines) + "\n").splitlines():
        yield json.loads(line)


def errors(model, ids, cells):
    """{what: [n_row, position]}: the engine's cells of a lens read with the ten best tokens against float64."""
    exact = reference.lens(model, np.array(ids), top=10)
    logits = exact["logits"]
    top_id, top_logit = (np.array([[[t[key] for t in c["top"]] for c in row] for row in cells]) for key in ("id", "logit"))
    off = {key: np.abs(np.array([[c[key] for c in row] for row in cells]) - exact[key])
           for key in ("log_z", "entropy", "kl", "input_rank")}
    logit = np.abs(top_logit - np.take_along_axis(logits, top_id, -1)).max(-1)
    return {"spread": logits.std(-1), "top": top_id[..., 0] == exact["top_id"][..., 0],
            "ten": (top_id == exact["top_id"]).all(-1), "logit": logit, "share": logit / np.abs(logits).max(-1), **off,
            "kl_share": off["kl"] / (1 + exact["kl"]), "input_rank": off["input_rank"] / logits.shape[-1]}


def against_float64(path, windows):
    model = (gguf_reference if path.endswith(".gguf") else reference).read_model(path)
    model = dataclasses.replace(model, rounds=False)  # to round inputs is the engine's own doing
    found = [errors(model, ids, reading["cells"])
             for ids, reading in zip(windows, readings(path, windows, {"what": "lens", "top": 10}))]
    e = {key: np.concatenate([window[key] for window in found], 1) for key in found[0]}
    print(f"{e['top'].shape[1]} positions in {len(windows)} windows, {path} against float64; mean and largest differences")
    print("row  top equal  ten equal  sd(logits)  top-10 logit  of largest            log Z          entropy               KL"
          "  of 1 + KL  rank/d_vocab")
    for name, r in rows_and_all(len(e["top"])):
        mean, most = ({key: f(values[r]) for key, values in e.items()} for f in (np.mean, np.max))
        both = "".join(f"  {mean[key]:.1e} {most[key]:.1e}" for key in ("log_z", "entropy", "kl"))
        print(f"{name:>4} {100 * mean['top']:8.2f} % {100 * mean['ten']:8.2f} % {mean['spread']:11.2f} {most['logit']:13.1e}"
              f" {most['share']:11.1e}{both} {most['kl_share']:10.1e} {most['input_rank']:13.1e}")


def streams(model, windows, n_layer):
    """The residual stream before block 0 and after every block, window by window: [n_row, position, d_model]."""
    hooks = ["blocks.0.hook_resid_pre"] + [f"blocks.{layer}.hook_resid_post" for layer in range(n_layer)]
    for reading in readings(model, windows, {"what": "activations", "hooks": hooks}):
        found = reading["activations"]
        yield np.stack([np.reshape(found[hook]["data"], found[hook]["shape"]) for hook in hooks]).astype(np.float64)


def log_probs(stream, W_E, gamma, beta, epsilon=1e-5):
    """The raw lens: ln_f with each row's own mean and sigma, W_U, log-softmax."""
    x = stream - stream.mean(-1, keepdims=True)
    logits = (x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * gamma + beta) @ W_E.T
    top = logits.max(-1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))


def rows_and_all(n_row):
    return [*((str(r), r) for r in range(n_row)), ("all", slice(None))]


def between(exact, other, windows, n_row):
    heads = head(exact), head(other)
    same, gap, kl, n = np.zeros(n_row), np.zeros(n_row), np.zeros(n_row), 0
    for both in zip(streams(exact, windows, n_row - 1), streams(other, windows, n_row - 1)):
        p, q = (log_probs(stream, *weights) for stream, weights in zip(both, heads))
        top = p.argmax(-1)[..., None]
        same += (q.argmax(-1)[..., None] == top).sum((1, 2))
        gap += np.abs(np.take_along_axis(p - q, top, -1)).sum((1, 2))
        kl += (np.exp(p) * (p - q)).sum((1, 2))
        n += p.shape[1]
    print(f"{n} positions in {len(windows)} windows, {other} against {exact}")
    print("row      top token equal   mean |Δ ln p(top)|   mean KL, nats")
    for name, r in rows_and_all(n_row):
        print(f"{name:>4} {100 * same[r].mean() / n:14.2f} % {gap[r].mean() / n:18.5f} {kl[r].mean() / n:18.2g}")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("exact", metavar="MODEL")
    a.add_argument("other", nargs="?", metavar="OTHER")
    a.add_argument("--text-file", required=True)
    a.add_argument("--tokens", type=int, default=2000)
    args = a.parse_args()

    with open(args.text_file, encoding="utf-8") as f:
        text = f.read()
    ids = [t["id"] for t in json.loads(lens("tokenize", "--json", "--model", args.exact, "--text", text))["tokens"]]
    # The engine says how many rows there are, and which token opens a document.
    empty = json.loads(lens("read", "--json", "--top", "1", "--model", args.exact, "--prompt", ""))
    ids = ids[:args.tokens]
    windows = [[empty["tokens"][0]["id"], *ids[i:i + WINDOW]] for i in range(0, len(ids), WINDOW)]
    if args.other:
        between(args.exact, args.other, windows, len(empty["rows"]))
    else:
        against_float64(args.exact, windows)


if __name__ == "__main__":
    main()
