"""Writes MODEL.calibrated.safetensors, what the calibrated lens of a model needs:

  ./wasm/toolchain/build native lens && /usr/bin/python3 models/calibrate.py --corpus ../shared/corpus

It holds ln p of the mean probability of every token in every row, over held-out text of every source in equal shares, in
windows of the model's context (`lens calibrate`, which says how it is smoothed: core/lens/mean_readings.h).
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import corpus

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PIECE = 4000  # characters of a document at a time, so that a few long books are not all there is


def held_out_text(folder, size, rng):
    """About `size` characters, in equal shares of every source as far as its held-out documents go."""
    sources = corpus.split(folder)
    parts = []
    for _, held in sources.values():
        pieces = [doc[at:at + PIECE] for doc in held for at in range(0, len(doc), PIECE)]
        rng.shuffle(pieces)
        left = size // len(sources)
        for piece in pieces:
            if left <= 0:
                break
            parts.append(piece)
            left -= len(piece)
    rng.shuffle(parts)
    return "\n\n".join(parts)


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--model", default=os.path.join(HERE, "primer.gguf"))
    a.add_argument("--corpus", default=os.path.join(HERE, "..", "..", "shared", "corpus"))
    a.add_argument("--lens", default=os.path.join(ROOT, "build", "native", "lens"))
    a.add_argument("--characters", type=int, default=700_000, help="of held-out text; Primer has 4 to a token")
    a.add_argument("--out", help="by default beside the model")
    args = a.parse_args()
    out = args.out or os.path.splitext(args.model)[0] + ".calibrated.safetensors"
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as f:
        f.write(held_out_text(args.corpus, args.characters, random.Random(1)))
        f.flush()
        subprocess.run([args.lens, "calibrate", "--model", args.model, "--text-file", f.name, out], check=True)


if __name__ == "__main__":
    sys.exit(main())
