"""How far one file of a model reads from another of the same model, in every row of the raw lens: F16 or Q8_0 against the
weights they were made of, say.

  /usr/bin/python3 models/fidelity.py EXACT OTHER --text-file held-out.txt [--tokens 2000]

Both are read by our own engine (build/native/lens), in windows of 64 tokens opened by BOS; from its residual stream each
row's distribution is computed here in float64, so that KL is over the whole vocabulary.
"""
import argparse
import json
import os
import subprocess
import tempfile

import numpy as np

import gguf

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "native", "lens")
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


def streams(model, windows, n_layer):
    """The residual stream before block 0 and after every block, window by window: [n_row, position, d_model]."""
    hooks = ["blocks.0.hook_resid_pre"] + [f"blocks.{layer}.hook_resid_post" for layer in range(n_layer)]
    lines = [json.dumps({"v": 1, "models": {"m": "m"}, "runs": {"a": {"model": "m", "ids": ids}},
                         "reads": [{"what": "activations", "hooks": hooks}]}) for ids in windows]
    for line in lens("read", "--experiment", "-", "--model", model, stdin="\n".join(lines) + "\n").splitlines():
        found = json.loads(line)["activations"]
        yield np.stack([np.reshape(found[hook]["data"], found[hook]["shape"]) for hook in hooks]).astype(np.float64)


def log_probs(stream, W_E, gamma, beta, epsilon=1e-5):
    """The raw lens: ln_f with each row's own mean and sigma, W_U, log-softmax."""
    x = stream - stream.mean(-1, keepdims=True)
    logits = (x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * gamma + beta) @ W_E.T
    top = logits.max(-1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("exact")
    a.add_argument("other")
    a.add_argument("--text-file", required=True)
    a.add_argument("--tokens", type=int, default=2000)
    args = a.parse_args()

    with open(args.text_file, encoding="utf-8") as f:
        text = f.read()
    ids = [t["id"] for t in json.loads(lens("tokenize", "--json", "--model", args.exact, "--text", text))["tokens"]]
    # The engine says how many rows there are, and which token opens a document.
    empty = json.loads(lens("read", "--json", "--top", "1", "--model", args.exact, "--prompt", ""))
    bos, n_row = empty["tokens"][0]["id"], len(empty["rows"])
    ids = ids[:args.tokens]
    windows = [[bos, *ids[i:i + WINDOW]] for i in range(0, len(ids), WINDOW)]

    heads = head(args.exact), head(args.other)
    same, gap, kl, n = np.zeros(n_row), np.zeros(n_row), np.zeros(n_row), 0
    for both in zip(streams(args.exact, windows, n_row - 1), streams(args.other, windows, n_row - 1)):
        p, q = (log_probs(stream, *weights) for stream, weights in zip(both, heads))
        top = p.argmax(-1)[..., None]
        same += (q.argmax(-1)[..., None] == top).sum((1, 2))
        gap += np.abs(np.take_along_axis(p - q, top, -1)).sum((1, 2))
        kl += (np.exp(p) * (p - q)).sum((1, 2))
        n += p.shape[1]
    print(f"{n} positions in {len(windows)} windows, {args.other} against {args.exact}")
    print("row      top token equal   mean |Δ ln p(top)|   mean KL, nats")
    for name, r in [(str(r), r) for r in range(n_row)] + [("all", slice(None))]:
        print(f"{name:>4} {100 * same[r].mean() / n:14.2f} % {gap[r].mean() / n:18.5f} {kl[r].mean() / n:18.2g}")


if __name__ == "__main__":
    main()
