"""`lens score` against the float64 reference, which sums -ln p over the same windows by itself."""

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "golden"))

import bpe_reference  # noqa: E402
import make_tiny  # noqa: E402
import reference  # noqa: E402

PROGRAM = Path(os.environ.get("LENS", ROOT / "build" / "native" / "lens"))
TINY = ROOT / "tests" / "golden" / "tiny"
TEXT = "the cat sat on the mat.\n" * 9 + "Naïve — 12345½ <|endoftext|> the end"


def expected(folder, text, bos):
    """(tokens, bytes, nats): each window is a prefix of its own for the reference's forward pass."""
    model, bpe = reference.read_model(folder), bpe_reference.Bpe.from_folder(folder)
    ids, n_byte = bpe.encode(text), len(text.encode("utf-8"))
    if bos is None:
        first = len(text.encode("utf-8")) - len(bpe_text_after_first(bpe, ids, text))
        pairs, n_byte = list(zip(ids, ids[1:])), n_byte - first
    else:
        pairs = list(zip([bos, *ids], ids))
    nats, n = 0.0, model.config.n_ctx
    for begin in range(0, len(pairs), n):
        window = pairs[begin : begin + n]
        inputs = [a for a, _ in window]
        if bos is not None:
            inputs[0] = bos
        logits = reference.forward(model, np.array(inputs))["logits"]
        log_p = logits - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True)) - logits.max(-1, keepdims=True)
        nats -= sum(log_p[i, b] for i, (_, b) in enumerate(window))
    return len(pairs), n_byte, nats


def bpe_text_after_first(bpe, ids, text):
    """The bytes of all tokens but the first: found by encoding ever shorter ends until the ids agree."""
    data = text.encode("utf-8")
    for cut in range(1, len(data)):
        try:
            if bpe.encode(data[cut:].decode("utf-8")) == ids[1:]:
                return data[cut:]
        except UnicodeDecodeError:
            continue
    raise AssertionError("no end of the text has these ids")


class Score(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.folder = Path(folder)

    def lens(self, model, text, *flags):
        path = self.folder / "text.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return subprocess.run(
            [PROGRAM, "score", "--model", model, "--text-file", path, *flags], capture_output=True, timeout=120
        )  # fmt: skip

    def score(self, model, text):
        done = self.lens(model, text, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return json.loads(done.stdout)

    def compare(self, folder, text, bos):
        found = self.score(folder, text)
        n_token, n_byte, nats = expected(folder, text, bos)
        self.assertEqual((found["tokens"], found["bytes"], found["bos"]), (n_token, n_byte, bos is not None))
        error = abs(found["loss"] - nats / n_token)
        self.assertLess(error, 1e-5)
        self.assertAlmostEqual(found["bits_per_byte"], nats / math.log(2) / n_byte, delta=1e-5 * n_token / n_byte * 2)
        return error

    def test_windows_opened_by_bos(self):
        n = json.loads((TINY / "config.json").read_text())["n_positions"]
        bpe = bpe_reference.Bpe.from_folder(TINY)
        self.assertGreater(len(bpe.encode(TEXT)), 3 * n, "several windows, the last not full")
        worst = self.compare(TINY, TEXT, 299)
        for text in ("the", "the cat sat", "".join(" cat" for _ in range(n)), "".join(" cat" for _ in range(n + 1))):
            worst = max(worst, self.compare(TINY, text, 299))
        print(f"measured: lens score, tiny: |Δ loss| {worst:.1e} nats")

    def test_windows_without_bos(self):
        folder = self.folder / "model"
        folder.mkdir()
        make_tiny.write_model(folder, config={"bos_token_id": None})
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(TINY / name, folder)
        self.compare(folder, TEXT, None)

    def test_a_uniform_model_knows_nothing(self):
        """All logits equal: ln d_vocab nats a token, whatever the text."""
        folder = self.folder / "model"
        folder.mkdir()

        def flat(weights):
            weights["ln_f.weight"] = weights["ln_f.weight"] * 0
            weights["ln_f.bias"] = weights["ln_f.bias"] * 0

        make_tiny.write_model(folder, change=flat)
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(TINY / name, folder)
        found = self.score(folder, TEXT)
        self.assertAlmostEqual(found["loss"], math.log(300), places=5)

    def test_for_a_reader(self):
        found = self.score(TINY, TEXT)
        line = self.lens(TINY, TEXT).stdout.decode()
        self.assertTrue(line.startswith(f"{found['tokens']} tokens, "), line)
        self.assertIn(f"{found['loss']:.3f}"[:4], line)

    def test_what_cannot_be_scored_is_said(self):
        empty = self.lens(TINY, "")
        self.assertEqual((empty.returncode, empty.stdout), (1, b""))
        self.assertIn(b"no token to predict", empty.stderr)
        self.assertEqual(self.lens(TINY, b"\xff\xfe the cat").returncode, 0, "bytes that are no text are tokens too")
        missing = subprocess.run([PROGRAM, "score", "--model", TINY, "--text-file", self.folder / "none"], capture_output=True)
        self.assertEqual(missing.returncode, 1)
        self.assertIn(b"none", missing.stderr)

        folder = self.folder / "model"
        folder.mkdir()
        make_tiny.write_model(folder, config={"bos_token_id": 300})
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(TINY / name, folder)
        outside = self.lens(folder, TEXT)
        self.assertEqual(outside.returncode, 1)
        self.assertIn(b"300", outside.stderr)
