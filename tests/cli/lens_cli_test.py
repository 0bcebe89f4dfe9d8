"""build/native/lens as a user meets it: its numbers against the float64 reference, its JSON, its answers to bad files.

LENS=path runs another build of the program (one with sanitizers, say).
"""

import json
import math
import os
import random
import shutil
import struct
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
SHARED = ROOT.parent / "shared" / "models"
PRIMER = ROOT / "models" / "primer"

TOLERANCE = 1e-4  # of the largest logit in a row of the lens


def run_lens(*arguments, stdin=None, timeout=120):
    """The finished process; a crash (death by a signal) fails the test wherever it happens."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        input=stdin, capture_output=True, timeout=timeout,
    )  # fmt: skip
    if done.returncode not in (0, 1) and done.returncode < 100:  # CLI11 refuses flags with 100 and more
        raise AssertionError(f"lens {arguments} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    return done


def read_json(*arguments, **options):
    done = run_lens("read", "--json", *arguments, **options)
    if done.returncode:
        raise AssertionError(f"lens read {arguments} failed: {done.stderr.decode()}")
    return json.loads(done.stdout)


def run_experiments(lines, *arguments):
    """(exit status, [result]) of `lens read --experiment -`; a line may be text that is no JSON."""
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    done = run_lens("read", "--experiment", "-", *arguments, stdin=text.encode())
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def experiment(model, run, *reads):
    return {
        "v": 1,
        "models": {"m": str(model)},
        "runs": {"main": {"model": "m", **run}},
        "reads": [{"what": "lens", "run": "main", **read} for read in reads or [{}]],
    }


# --- comparing ------------------------------------------------------------------------------------------------------


class Comparison:
    """What a reading of the program says against reference.lens, and the worst it saw."""

    def __init__(self, test, title):
        self.test, self.title, self.worst = test, title, 0.0

    def close(self, what, found, expected, size):
        error = abs(found - expected)
        self.worst = max(self.worst, error / size)
        self.test.assertLessEqual(error, TOLERANCE * size, f"{self.title}: {what} is {found}, expected {expected}")

    def rank(self, what, found, logits, id, slack):
        """The rank that some logits within `slack` of the reference give."""
        first, last = 1 + (logits > logits[id] + slack).sum(), (logits >= logits[id] - slack).sum()
        self.test.assertTrue(first <= found <= last, f"{self.title}: {what} is {found}, expected {first} to {last}")

    def reading(self, found, model, ids, **options):
        """One lens reading; `options` as for reference.lens."""
        asked = {name: value for name, value in options.items() if name != "change"}
        expected = reference.lens(model, np.array(ids), **asked)
        test = self.test
        test.assertEqual(found["v"], 1)
        test.assertEqual([token["id"] for token in found["tokens"]], list(ids))
        test.assertEqual(found["rows"], expected["rows"])
        test.assertEqual(len(found["cells"]), len(expected["rows"]))
        for row, cells in enumerate(found["cells"]):
            test.assertEqual(len(cells), len(ids))
            size = np.abs(expected["logits"][row]).max()
            for position, cell in enumerate(cells):
                where = f"{expected['rows'][row]} at {position}: "
                self.cell(where, cell, expected, (row, position), size, {**options, "ids": ids})
        for position, token in enumerate(found["answers"]):
            self.rank(f"answer at {position}", 1, expected["logits_out"][position], token["id"], TOLERANCE * size)

    def cell(self, where, cell, expected, at, size, options):
        test, logits = self.test, expected["logits"][at]
        for column in ("log_z", "mean_logit", "entropy", "kl"):
            self.close(where + column, cell[column], expected[column][at], size)
        surprisal = expected["surprisal"][at]
        if math.isnan(surprisal):
            test.assertIsNone(cell["surprisal"], where)
        else:
            self.close(where + "surprisal", cell["surprisal"], surprisal, size)

        test.assertEqual(len(cell["top"]), min(options.get("top", 10), len(logits)))
        order = [(-token["logit"], token["id"]) for token in cell["top"]]
        test.assertEqual(order, sorted(order), where + "best first, ties to the lower id")
        for rank, token in enumerate(cell["top"], 1):
            self.close(where + "logit", token["logit"], logits[token["id"]], size)
            self.rank(where + "top", rank, logits, token["id"], TOLERANCE * size)
            self.prob(where + "prob", token["prob"], logits[token["id"]] - expected["log_z"][at], size)
            prob = math.exp(token["logit"] - cell["log_z"])
            test.assertAlmostEqual(token["prob"], prob, delta=1e-4 * prob + 1e-30)

        test.assertEqual("change" in cell, options.get("change", False))
        if "change" in cell and at[0] == 0:
            test.assertIsNone(cell["change"], where)
        elif "change" in cell:
            self.close(where + "change", cell["change"], expected["change"][at], size)

        answer = expected["answer"][at[1]]
        self.close(where + "answer_logit", cell["answer_logit"], logits[answer], size)
        given = options["ids"][at[1]]
        self.prob(where + "input_prob", cell["input_prob"], logits[given] - expected["log_z"][at], size)
        self.rank(where + "input_rank", cell["input_rank"], logits, given, TOLERANCE * size)
        self.prob(where + "answer_prob", cell["answer_prob"], logits[answer] - expected["log_z"][at], size)
        self.rank(where + "answer_rank", cell["answer_rank"], logits, answer, TOLERANCE * size)
        for token, id in zip(cell.get("track", []), options.get("track", []), strict=True):
            test.assertEqual(token["id"], id)
            self.close(where + "tracked logit", token["logit"], logits[id], size)
            self.prob(where + "tracked prob", token["prob"], logits[id] - expected["log_z"][at], size)
            self.rank(where + "tracked rank", token["rank"], logits, id, TOLERANCE * size)
        test.assertEqual(list(cell.get("sets", {})), list(options.get("sets") or {}))
        for name, value in cell.get("sets", {}).items():
            test.assertAlmostEqual(value, expected["set_prob"][name][at], delta=TOLERANCE)

    def prob(self, what, found, log_p, size):
        """Probabilities are compared as they are read, by difference, scaled as their logarithm's error makes it."""
        self.test.assertAlmostEqual(found, math.exp(log_p), delta=2 * TOLERANCE * size * math.exp(log_p) + 1e-12, msg=what)

    def report(self):
        print(f"measured: lens read, {self.title}: max|Δ|/max|logit| a row {self.worst:.1e}")


class LensTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not PROGRAM.is_file():
            raise AssertionError(f"{PROGRAM} is not built; ./tests/run builds it")
        cls.bpe = make_tiny.make_tokenizer()

    def folder(self):
        path = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, path)
        return Path(path)


# --- numbers --------------------------------------------------------------------------------------------------------


class Numbers(LensTest):
    def test_tiny_by_every_norm(self):
        model = reference.read_model(TINY)
        ids = self.bpe.encode(make_tiny.PROMPTS["full"])
        for norm in reference.NORMS:
            for mid in (False, True):
                comparison = Comparison(self, f"tiny, {norm}{', mid' * mid}")
                arguments = ["--mid", "--change"] if mid else []
                found = read_json("--model", TINY, "--ids", ",".join(map(str, ids)), "--norm", norm, *arguments)
                comparison.reading(found, model, ids, norm=norm, mid=mid, change=mid)
                comparison.report()

    def test_every_kind_of_folder(self):
        kinds = {
            "linear": {"orientation": "linear"},
            "F16": {"dtype": "F16"},
            "BF16": {"dtype": "BF16", "orientation": "linear"},
            "prefix": {"prefix": "transformer."},
            "wrapped": {"prefix": "_orig_mod.transformer.", "dtype": "BF16"},
            "own head": {"untied": True, "prefix": "transformer."},
            "masks": {"mask_buffers": True, "prefix": "transformer."},
            "exact gelu": {"config": {"activation_function": "gelu"}},
            "odd offset": {"odd_offset": True},
            "odd offset, F16": {"odd_offset": True, "dtype": "F16", "orientation": "linear"},
            "unscaled scores": {"config": {"scale_attn_weights": False}},
            "scores by depth": {"config": {"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True}},
            "epsilon": {"config": {"layer_norm_epsilon": 0.5}},
        }  # fmt: skip
        ids = self.bpe.encode(make_tiny.PROMPTS["full"])
        plain = reference.forward(reference.read_model(TINY), ids)["logits"]
        comparison = Comparison(self, f"tiny, {len(kinds)} kinds of folder")
        for name, options in kinds.items():
            with self.subTest(name):
                folder = self.folder()
                make_tiny.write_model(folder, **options)
                model = reference.read_model(folder)
                changed = np.abs(reference.forward(model, ids)["logits"] - plain).max()
                self.assertEqual(changed > 1e-3, name in (
                    "F16", "BF16", "wrapped", "own head", "exact gelu", "odd offset, F16", "unscaled scores",
                    "scores by depth", "epsilon",
                ), "the kind should differ where its name says so")  # fmt: skip
                found = read_json("--model", folder, "--ids", ",".join(map(str, ids)), "--norm", "frozen")
                comparison.reading(found, model, ids, norm="frozen")
        comparison.report()

    def test_split_over_files_and_named_by_one_file(self):
        folder = self.folder()
        make_tiny.write_model(folder)
        weights = make_tiny.make_weights()
        names = list(weights)
        for part, chosen in enumerate((names[::2], names[1::2])):
            make_tiny.write_safetensors(folder / f"model-{part}.safetensors", {name: weights[name] for name in chosen})
        whole = read_json("--model", folder / "model.safetensors", "--prompt", "the cat")
        (folder / "model.safetensors").unlink()
        self.assertEqual(read_json("--model", folder, "--prompt", "the cat"), whole)
        self.assertEqual(read_json("--model", TINY, "--prompt", "the cat"), whole)

    def recorded(self, name):
        if not (SHARED / name).is_dir():
            self.skipTest(f"{SHARED / name} is absent")
        model = reference.read_model(SHARED / name)
        draw = random.Random(1)
        for norm in reference.NORMS:
            ids = [draw.randrange(model.config.d_vocab) for _ in range(model.config.n_ctx)]
            comparison = Comparison(self, f"{name}, {norm}")
            found = read_json("--model", SHARED / name, "--ids", ",".join(map(str, ids)), "--norm", norm, "--mid")
            comparison.reading(found, model, ids, norm=norm, mid=True)
            comparison.report()

    def test_gpt_nano_sort(self):
        self.recorded("gpt-nano-sort")

    def test_slm_4096(self):
        self.recorded("slm-4096")

    def test_primer(self):
        if not (PRIMER / "model.safetensors").is_file():
            self.skipTest("models/primer is absent")
        model, bpe = reference.read_model(PRIMER), bpe_reference.Bpe.from_folder(PRIMER)
        bos = json.loads((PRIMER / "config.json").read_text(encoding="utf-8"))["bos_token_id"]
        prompt = "The capital of France is Paris. When Mary and John went to the store, John gave a drink to"
        ids = [bos, *bpe.encode(prompt)]
        track = [bpe.encode(text)[0] for text in (" Paris", " Mary", " the")]
        sets = {"names": [bpe.encode(text)[0] for text in (" Mary", " John")]}
        for norm in reference.NORMS:
            comparison = Comparison(self, f"primer, {norm}")
            read = {"norm": norm, "mid": True, "top": 50, "track": track, "sets": sets}
            status, (found,) = run_experiments([experiment(PRIMER, {"prompt": prompt}, read)])
            self.assertEqual(status, 0)
            comparison.reading(found, model, ids, norm=norm, mid=True, top=50, track=track, sets=sets)
            comparison.report()

    def test_five_thousand_tokens(self):
        """A context that long works, and its first columns are those of a short prompt to the bit."""
        folder = self.folder()
        n = 5000

        def stretch(weights):
            weights["wpe.weight"] = np.tile(weights["wpe.weight"], (n // 24 + 1, 1))[:n]

        make_tiny.write_model(folder, config={"n_positions": n, "n_ctx": n}, change=stretch)
        draw = random.Random(2)
        ids = [draw.randrange(300) for _ in range(n)]
        run = lambda count: read_json("--model", folder, "--ids", ",".join(map(str, ids[:count])), "--top", "1")  # noqa: E731
        long, short = run(n), run(40)
        self.assertEqual(len(long["tokens"]), n)
        for cells, first in zip(long["cells"], short["cells"], strict=True):
            self.assertEqual(cells[:39], first[:39])
            self.assertTrue(all(math.isfinite(cell["log_z"]) for cell in cells))

        # The last column, where softmax has 5,000 terms, against the reference.
        ids = ids[:700]
        comparison = Comparison(self, "tiny, 700 positions")
        comparison.reading(run(700), reference.read_model(folder), ids, top=1)
        comparison.report()


# --- JSON -----------------------------------------------------------------------------------------------------------


class Json(LensTest):
    def test_shape(self):
        found = read_json("--model", TINY, "--prompt", "the cat — 7", "--top", "3")
        self.assertLessEqual({"v", "tokens", "rows", "cells"}, set(found))
        ids = [299, *self.bpe.encode("the cat — 7")]
        self.assertEqual([token["id"] for token in found["tokens"]], ids)
        self.assertEqual(found["rows"], [
            "blocks.0.hook_resid_pre", "blocks.0.hook_resid_post", "blocks.1.hook_resid_post", "blocks.2.hook_resid_post",
        ])  # fmt: skip
        for cells in found["cells"]:
            for position, cell in enumerate(cells):
                self.assertLessEqual({"top", "entropy", "kl", "surprisal", "log_z", "mean_logit"}, set(cell))
                self.assertEqual(cell["surprisal"] is None, position == len(ids) - 1)
                self.assertEqual(len(cell["top"]), 3)
                for token in cell["top"]:
                    self.assertEqual(set(token) - {"bytes"}, {"id", "text", "logit", "prob"})
        self.assertTrue(all(cell["kl"] == 0 for cell in found["cells"][-1]))
        for cells in [[{"top": found["tokens"]}], *found["cells"]]:
            for cell in cells:
                self.check_texts(cell["top"])

    def check_texts(self, tokens):
        """Text is the token's own where its bytes are UTF-8; where not, it has U+FFFD and the bytes stand beside it."""
        for token in tokens:
            of_token = self.bpe.bytes_of[token["id"]]
            self.assertEqual(token["text"], of_token.decode(errors="replace"))
            is_text = of_token.decode(errors="replace").encode() == of_token
            self.assertEqual(token.get("bytes"), None if is_text else list(of_token))

    def test_ids_are_taken_as_they_are(self):
        found = read_json("--model", TINY, "--ids", "5")
        self.assertEqual([token["id"] for token in found["tokens"]], [5])
        status, (found,) = run_experiments([experiment(TINY, {"ids": [299, 0, 299]})])
        self.assertEqual([token["id"] for token in found["tokens"]], [299, 0, 299])

    def test_bos(self):
        def tokens(*arguments):
            return [token["id"] for token in read_json("--model", TINY, "--prompt", "a", *arguments)["tokens"]]

        self.assertEqual(tokens(), [299, 64])
        self.assertEqual(tokens("--bos"), [299, 64])
        self.assertEqual(tokens("--no-bos"), [64])
        _, found = run_experiments([experiment(TINY, {"prompt": "a", "bos": bos}) for bos in (True, False)])
        self.assertEqual([len(reading["tokens"]) for reading in found], [2, 1])

    def test_named_positions(self):
        arguments = ["--model", TINY, "--ids", "5,9,17,80", "--change"]
        whole = read_json(*arguments)
        self.assertNotIn("positions", whole)
        some = read_json(*arguments, "--positions", "2,-4")
        self.assertEqual(some["positions"], [2, 0])
        self.assertEqual([token["id"] for token in some["tokens"]], [17, 5])
        self.assertEqual(some["cells"], [[cells[2], cells[0]] for cells in whole["cells"]])
        for positions, word in (("4", "Position 4"), ("-5", "Position -5"), ("x", "--positions"), ("", "positions")):
            done = run_lens("read", *arguments, "--positions=" + positions)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(word, done.stderr.decode())

    def test_without_a_tokenizer(self):
        folder = self.folder()
        make_tiny.write_model(folder, tokenizer=False)
        found = read_json("--model", folder, "--ids", "12,299")
        self.assertEqual([token["text"] for token in found["tokens"]], ["#12", "#299"])
        for command in (["read", "--prompt", "a"], ["tokenize", "--text", "a"]):
            done = run_lens(*command, "--model", folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"tokenizer", done.stderr)

    def test_the_grid_for_a_terminal(self):
        done = run_lens("read", "--model", TINY, "--prompt", "the cat\n\x1b[31m — 7")
        self.assertEqual(done.returncode, 0)
        lines = done.stdout.decode().splitlines()
        self.assertEqual([line.split()[0] for line in lines], [
            "blocks.2.hook_resid_post", "blocks.1.hook_resid_post", "blocks.0.hook_resid_post",
            "blocks.0.hook_resid_pre", "after",
        ])  # fmt: skip
        self.assertNotIn("\x1b", done.stdout.decode())


class Experiments(LensTest):
    def test_one_line_in_one_line_out_in_order(self):
        model = reference.read_model(TINY)
        track = [self.bpe.encode(" cat")[0], 7]
        good = [
            ({"ids": [1, 2, 3]}, {"norm": "frozen"}, {"norm": "frozen"}),
            ({"prompt": "the rat", "bos": False}, {"mid": True, "top": 2}, {"mid": True, "top": 2}),
            ({"prompt": "the rat", "bos": False}, {"norm": "none", "track": [" cat", 7]}, {"norm": "none", "track": track}),
            ({"prompt": "the rat on", "bos": False}, {"sets": {"x": [1, "a", 1], "y": []}}, {"sets": {"x": [1, 64], "y": []}}),
            ({"prompt": "the", "bos": False}, {}, {}),
        ]  # fmt: skip
        newer = {**experiment(TINY, {"ids": [1]}), "v": 2}
        bad = {
            "not json": "json_syntax",
            '{"v": 1': "json_syntax",
            "[]": "experiment_key",
            "[" * 200 + "]" * 200: "json_depth",
            json.dumps(newer): "experiment_version",
            json.dumps(experiment(TINY, {"ids": [300]})): "token_id",
            json.dumps(experiment(TINY, {"ids": [-1]})): "experiment_key",
            json.dumps(experiment(TINY, {"ids": []})): "prompt_empty",
            json.dumps(experiment(TINY, {"prompt": "", "bos": False})): "prompt_empty",
            json.dumps(experiment(TINY, {"ids": [1] * 25})): "prompt_length",
            json.dumps(experiment(TINY, {"ids": [1] * 5000})): "prompt_length",
            json.dumps(experiment(TINY, {"prompt": "word " * 5000})): "prompt_length",
            json.dumps(experiment("/nowhere", {"ids": [1]})): "file_missing",
            json.dumps(experiment(TINY, {"ids": [1], "edits": [{"op": "zero"}]})): "not_built",
            json.dumps(experiment(TINY, {"ids": [1], "prompts": []})): "not_built",
            json.dumps({**experiment(TINY, {"ids": [1]}), "sweep": {}}): "not_built",
            json.dumps(experiment(TINY, {"ids": [1]}, {"lens": "tuned"})): "not_built",
            json.dumps(experiment(TINY, {"ids": [1]}, {"norm": "mine"})): "experiment_key",
            json.dumps(experiment(TINY, {"ids": [1]}, {"top": 51})): "experiment_key",
            json.dumps(experiment(TINY, {"ids": [1]}, {"top": 0})): "experiment_key",
            json.dumps(experiment(TINY, {"ids": [1]}, {"track": ["the cat"]})): "token_text",
            json.dumps(experiment(TINY, {"ids": [1]}, {"track": [300]})): "token_id",
            json.dumps(experiment(TINY, {"ids": [1]}, {"run": "other"})): "experiment_key",
        }
        lines, expected = [], []
        for i, (text, code) in enumerate(bad.items()):
            lines += [text, experiment(TINY, good[i % len(good)][0], good[i % len(good)][1])]
            expected += [code, good[i % len(good)]]
        status, found = run_experiments(lines)
        self.assertEqual(status, 1)
        self.assertEqual(len(found), len(lines))
        comparison = Comparison(self, "tiny, experiments by line")
        for line, result, wanted in zip(lines, found, expected, strict=True):
            self.assertEqual(result["v"], 1)
            if isinstance(wanted, str):
                self.assertEqual(set(result), {"v", "error"}, line[:200])
                self.assertEqual(result["error"]["code"], wanted, line[:200])
                self.assertGreater(len(result["error"]["message"]), 20)
                continue
            run, _, options = wanted
            ids = run.get("ids") or self.bpe.encode(run["prompt"])
            comparison.reading(result, model, ids, **options)
        comparison.report()
        status, _ = run_experiments(line for line, wanted in zip(lines, expected) if not isinstance(wanted, str))
        self.assertEqual(status, 0)

    def test_lines_agree_with_runs_of_their_own_to_the_bit(self):
        """Earlier lines leave finished work behind; it must not show."""
        prompts = ["the cat sat", "the cat", "the cat sat on", "the dog", "the cat sat", "a", "the cat sat on the mat"]
        lines = [experiment(TINY, {"prompt": prompt}, {"norm": norm}) for norm in reference.NORMS for prompt in prompts]
        _, together = run_experiments(lines)
        self.assertEqual(together, [run_experiments([line])[1][0] for line in lines])

    def test_several_runs_models_and_reads(self):
        other = self.folder()
        make_tiny.write_model(other, untied=True)
        document = {
            "v": 1,
            "models": {"a": str(TINY), "b": str(other)},
            "runs": {"x": {"model": "a", "ids": [1, 2]}, "y": {"model": "b", "ids": [3, 4, 5]}},
            "reads": [
                {"what": "lens", "run": "y"},
                {"what": "lens", "run": "x", "norm": "none"},
                {"what": "lens", "run": "y"},
                {"what": "activations", "run": "x", "hooks": ["blocks.1.attn.hook_pattern", "hook_embed"]},
            ],
            "view": {"selected": [1, 2]},
            "unknown": 1,
        }
        path = self.folder() / "experiment.json"
        path.write_text(json.dumps(document, indent=2), encoding="utf-8")
        found = read_json("--experiment", path)
        self.assertEqual(found["v"], 1)
        y, x, y_again, activations = found["reads"]
        comparison = Comparison(self, "two models")
        comparison.reading(y, reference.read_model(other), [3, 4, 5])
        comparison.reading(x, reference.read_model(TINY), [1, 2], norm="none")
        self.assertEqual(y, y_again)
        self.assertEqual([y["run"], x["run"]], ["y", "x"])
        act = reference.forward(reference.read_model(TINY), np.array([1, 2]))
        for hook, table in activations["activations"].items():
            self.assertEqual(table["shape"], list(act[hook].shape))
            np.testing.assert_allclose(np.reshape(table["data"], table["shape"]), act[hook], atol=1e-5)

    def test_masked_scores_are_null(self):
        hooks = ["blocks.0.attn.hook_attn_scores"]
        document = {**experiment(TINY, {"ids": [1, 2]}), "reads": [{"what": "activations", "hooks": hooks}]}
        _, (found,) = run_experiments([document])
        self.assertEqual([value is None for value in found["activations"][hooks[0]]["data"]], [False, True, False, False] * 2)

    def test_model_flag_says_what_a_ref_means(self):
        document = experiment("some name", {"ids": [1, 2]})
        self.assertEqual(run_experiments([document], "--model", TINY), run_experiments([experiment(TINY, {"ids": [1, 2]})]))

    def test_prompts_that_no_keyboard_makes(self):
        prompts = {
            "a\0b": "a\0b",
            "half an emoji \ud83d": "half an emoji \ufffd",
            "\udc00\ud800": "\ufffd\ufffd",
            "\U0001f408": "\U0001f408",
            "<|endoftext|><|endoftext": "<|endoftext|><|endoftext",
            "\u2028\u200b\ufeff": "\u2028\u200b\ufeff",
        }
        for prompt, meant in prompts.items():
            with self.subTest(prompt=ascii(prompt)):
                _, (found,) = run_experiments([experiment(TINY, {"prompt": prompt})])
                self.assertNotIn("error", found)
                self.assertEqual([token["id"] for token in found["tokens"]], [299, *self.bpe.encode(meant)])

    def test_an_empty_prompt_is_bos_alone_or_a_named_message(self):
        self.assertEqual([token["id"] for token in read_json("--model", TINY, "--prompt", "")["tokens"]], [299])
        done = run_lens("read", "--json", "--model", TINY, "--prompt", "", "--no-bos")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"empty", done.stderr)


class Tokenize(LensTest):
    TEXTS = [
        "", " ", "   a", "the cat's mat, they'll re-run it's", "a\n\n\n b\t\tc \n", "naïve café — 12345½ ४२",
        "\U0001f408\u200d\U0001f408", "<|endoftext|>", "x<|endoftext|>\n<|endoftext|>", "\u00a0\u3000 .\u0085x", "'S 'LL'll",
        "日本語のテキスト", "\x01\x7f", "a" * 10000, " " * 5000 + "a", "!?" * 500 + "...", "\u0301e\u0301",
    ]  # fmt: skip

    def test_equals_the_reference(self):
        draw = random.Random(3)
        alphabet = "aetn 's\n\t.,!7½éß—日\U0001f408\u00a0'lvd\r"
        texts = self.TEXTS + ["".join(draw.choices(alphabet, k=draw.randrange(1, 60))) for _ in range(40)]
        for folder, some in ((TINY, texts), (PRIMER, self.TEXTS)):
            if not (folder / "vocab.json").is_file():
                continue
            bpe = bpe_reference.Bpe.from_folder(folder)
            for text in some:
                with self.subTest(folder=folder.name, text=text[:60]):
                    found = self.tokenize(folder, text)
                    self.assertEqual([token["id"] for token in found["tokens"]], bpe.encode(text))
                    joined = b"".join(bytes(t.get("bytes") or t["text"].encode()) for t in found["tokens"])
                    self.assertEqual(joined, text.encode())

    def tokenize(self, folder, text):
        done = run_lens("tokenize", "--json", "--model", folder, "--text", text)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual(set(found), {"v", "tokens"})
        return found

    def test_bytes_that_are_no_text(self):
        for text in (b"\xff", b"a\xe2\x80", b"\xed\xa0\x80"):
            done = subprocess.run(
                [PROGRAM, "tokenize", "--json", "--model", TINY, "--text", text], capture_output=True, timeout=60
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            tokens = json.loads(done.stdout)["tokens"]
            self.assertEqual(b"".join(bytes(t.get("bytes") or t["text"].encode()) for t in tokens), text)

    def test_for_a_reader(self):
        done = run_lens("tokenize", "--model", TINY, "--text", "the cat")
        self.assertEqual(done.stdout.decode(), '%d\t"the"\n%d\t" cat"\n' % tuple(self.bpe.encode("the cat")))


# --- broken files ---------------------------------------------------------------------------------------------------


def nan_in(name):
    def change(weights):
        weights[name] = weights[name].copy()
        weights[name].flat[3] = np.nan

    return change


def renamed(old, new):
    def change(weights):
        weights[new] = weights.pop(old)

    return change


def reshaped(name, shape):
    def change(weights):
        weights[name] = np.resize(weights[name], shape)

    return change


def without(name):
    return lambda weights: weights.pop(name)


class BrokenFiles(LensTest):
    def refused(self, folder, *words):
        """Exit status 1, nothing on stdout, one line on stderr that has all of `words`."""
        done = run_lens("read", "--json", "--model", folder, "--ids", "1,2")
        message = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (1, b""), message)
        for word in words:
            self.assertIn(word, message)
        self.assertEqual(message.count("\n"), 1, message)
        return message

    def test_tensors(self):
        kinds = {
            "missing": (without("h.1.mlp.c_fc.weight"), ["h.1.mlp.c_fc.weight", "missing.\n"]),
            "missing embedding": (without("wte.weight"), ["wte.weight", "missing"]),
            "missing bias": (without("ln_f.bias"), ["ln_f.bias", "missing"]),
            "renamed": (renamed("h.2.ln_1.weight", "h.2.ln_one.weight"), ["h.2.ln_1.weight", "h.2.ln_one.weight"]),
            "wrong shape": (reshaped("h.0.mlp.c_proj.weight", (36, 21)), ["h.0.mlp.c_proj.weight", "[36, 20]", "[36, 21]"]),
            "transposed alone": (reshaped("h.1.attn.c_attn.weight", (60, 20)), ["h.1.attn.c_attn.weight", "[20, 60]", "[60, 20]"]),
            "one dimension too many": (reshaped("h.0.ln_1.bias", (1, 20)), ["h.0.ln_1.bias", "[20]", "[1, 20]"]),
            "scalar": (reshaped("ln_f.weight", ()), ["ln_f.weight", "[20]"]),
            "empty vocabulary": (reshaped("wte.weight", (0, 20)), ["wte.weight"]),
            "NaN": (nan_in("h.2.attn.c_proj.weight"), ["h.2.attn.c_proj.weight", "NaN"]),
            "NaN in the embedding": (nan_in("wte.weight"), ["wte.weight", "NaN"]),
            "unknown": (lambda weights: weights.update({"h.3.ln_1.weight": np.ones(20)}), ["h.3.ln_1.weight"]),
            "integers": (lambda weights: weights.update({"ln_f.bias": np.ones(20, int)}), ["ln_f.bias", "I32"]),
        }  # fmt: skip
        for name, (change, words) in kinds.items():
            with self.subTest(name):
                folder = self.folder()
                make_tiny.write_model(folder, change=change)
                self.refused(folder, "model.safetensors", *words)

    def test_infinity(self):
        folder = self.folder()
        make_tiny.write_model(folder, dtype="F16", change=lambda w: w.update({"ln_f.bias": np.full(20, 1e6)}))
        self.refused(folder, "ln_f.bias", "infinity")

    def test_one_tensor_under_two_names(self):
        """Which of the two is meant cannot be known."""
        folder = self.folder()
        make_tiny.write_model(
            folder, prefix="transformer.", change=lambda w: w.update({"ln_f.bias": np.ones(20)})
        )  # fmt: skip
        self.refused(folder, '"ln_f.bias"', '"transformer.ln_f.bias"')

    def test_weights_that_overflow(self):
        """Finite weights may still lead to infinities on the way; no number is made up from them."""
        names = ["wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias", "h.1.attn.c_attn.weight", "h.1.ln_2.weight",
                 "h.2.mlp.c_fc.weight", "h.2.mlp.c_proj.weight", "h.0.attn.c_proj.bias"]  # fmt: skip
        for name in names:
            for factor in (1e20, 1e30, 1e37):
                with self.subTest(name=name, factor=factor):
                    folder = self.folder()
                    make_tiny.write_model(folder, change=lambda w: w.update({name: w[name] * factor}))
                    for norm in reference.NORMS:
                        arguments = ["read", "--model", folder, "--ids", "1,2,3", "--norm", norm]
                        self.assertGreater(len(run_lens(*arguments).stdout), 0)
                        found = json.loads(run_lens(*arguments, "--json").stdout)
                        for cell in (cell for cells in found["cells"] for cell in cells):
                            self.assertEqual(len(cell["top"]), 10)
                            if cell["log_z"] is None:
                                unknown = [cell["entropy"], cell["kl"], cell["top"][0]["prob"], cell["answer_prob"]]
                                self.assertEqual(unknown, [None] * 4)

    def test_the_safetensors_file(self):
        folder = self.folder()
        make_tiny.write_model(folder)
        path = folder / "model.safetensors"
        whole = path.read_bytes()
        (n,) = struct.unpack_from("<Q", whole)
        header, data = json.loads(whole[8 : 8 + n]), whole[8 + n :]

        def with_entry(name, **changes):
            changed = json.dumps(header | {name: header[name] | changes}).encode()
            return struct.pack("<Q", len(changed)) + changed + data

        begin, end = header["ln_f.bias"]["data_offsets"]
        kinds = {
            "empty": b"",
            "four bytes": whole[:4],
            "header length alone": whole[:8],
            "header cut": whole[: 8 + n // 2],
            "no data": whole[: 8 + n],
            "data cut": whole[:-1],
            "data cut in half": whole[: len(whole) // 2],
            "trailing bytes": whole + b"x",
            "header longer than the file": struct.pack("<Q", len(whole)) + whole[8:],
            "header of 2^63": struct.pack("<Q", 2**63) + whole[8:],
            "header of 2^64 - 1": struct.pack("<Q", 2**64 - 1) + whole[8:],
            "header is no JSON": whole[:8] + b"x" + whole[9:],
            "header is a list": struct.pack("<Q", 2) + b"[]",
            "header is nested": struct.pack("<Q", 20000) + b"[" * 20000,
            "overlap": with_entry("ln_f.bias", data_offsets=[begin - 80, end - 80]),
            "out of range": with_entry("ln_f.bias", data_offsets=[begin, end + 2**40]),
            "negative": with_entry("ln_f.bias", data_offsets=[-80, 0]),
            "backwards": with_entry("ln_f.bias", data_offsets=[end, begin]),
            "shape that overflows": with_entry("ln_f.bias", shape=[2**32, 2**32, 20]),
            "shape of another size": with_entry("ln_f.bias", shape=[21]),
            "shape is text": with_entry("ln_f.bias", shape="20"),
            "unknown dtype": with_entry("ln_f.bias", dtype="F12"),
            "a pickle": b"PK\x03\x04" + b"\0" * 1000,
            "a git-lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        }
        for name, content in kinds.items():
            with self.subTest(name):
                path.write_bytes(content)
                self.refused(folder, "model.safetensors")

    def test_headers_with_random_damage_never_crash(self):
        folder = self.folder()
        make_tiny.write_model(folder)
        path = folder / "model.safetensors"
        whole = path.read_bytes()
        (n,) = struct.unpack_from("<Q", whole)
        draw = random.Random(4)
        for _ in range(150):
            damaged = bytearray(whole)
            for _ in range(draw.randrange(1, 4)):
                damaged[draw.randrange(8 + n)] = draw.choice(b'0123456789{}[]",:\\\xff\0 e-.')
            path.write_bytes(damaged)
            run_lens("read", "--model", folder, "--ids", "1,2")  # 0 or 1, as the damage happens to be

    def test_config(self):
        kinds = {
            "no JSON": ("{", ["config.json"]),
            "a list": ("[]", ["config.json"]),
            "another family": ({"model_type": "gptj"}, ["model_type", "gptj"]),
            "heads that do not divide": ({"n_head": 3}, ["config.json", "n_head"]),
            "no heads": ({"n_head": 0}, ["config.json", "n_head"]),
            "text for a number": ({"n_layer": "three"}, ["config.json", "n_layer"]),
            "a fraction": ({"n_embd": 20.5}, ["config.json", "n_embd"]),
            "too many blocks": ({"n_layer": 4}, ["h.3."]),
            "too few blocks": ({"n_layer": 2}, ["h.2."]),
            "absurdly many blocks": ({"n_layer": 10**18}, ["config.json", "n_layer"]),
            "another width": ({"n_embd": 24}, ["wte.weight", "24"]),
            "another context": ({"n_positions": 25}, ["wpe.weight", "25", "24"]),
            "an absurd context": ({"n_positions": 10**15}, ["config.json", "n_positions"]),
            "relu": ({"activation_function": "relu"}, ["activation_function", "relu"]),
            "cross-attention": ({"add_cross_attention": True}, ["cross-attention"]),
            "BOS out of the vocabulary": ({"bos_token_id": 300}, None),
        }  # fmt: skip
        for name, (config, words) in kinds.items():
            with self.subTest(name):
                folder = self.folder()
                make_tiny.write_model(folder, config=config if isinstance(config, dict) else None)
                if isinstance(config, str):
                    (folder / "config.json").write_text(config)
                if words is None:  # ids need no BOS; a prompt does
                    done = run_lens("read", "--model", folder, "--prompt", "a")
                    self.assertEqual((done.returncode, b"300" in done.stderr), (1, True), done.stderr)
                    continue
                self.refused(folder, *words)

    def test_files_that_are_not_there(self):
        for missing in ("config.json", "model.safetensors", "merges.txt", "vocab.json"):
            with self.subTest(missing):
                folder = self.folder()
                make_tiny.write_model(folder)
                (folder / missing).unlink()
                self.refused(folder, missing.replace("model.", "."))
        self.refused(self.folder(), "config.json")
        self.refused("/nowhere/at/all", "/nowhere/at/all")
        self.refused("/dev/null", "/dev/null")
        done = run_lens("read", "--experiment", "/nowhere.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/nowhere.json", done.stderr)

    def test_tokenizer_files(self):
        kinds = {
            "vocabulary is no JSON": ("vocab.json", "{"),
            "vocabulary is a list": ("vocab.json", "[1]"),
            "an id twice": ("vocab.json", json.dumps(self.bpe.id_of | {"zz": 5})),
            "an id beyond the model's": ("vocab.json", json.dumps(self.bpe.id_of | {"zz": 300})),
            "a negative id": ("vocab.json", json.dumps(self.bpe.id_of | {"!": -1})),
            "a byte without a token": ("vocab.json", json.dumps({k: v for k, v in self.bpe.id_of.items() if k != "!"})),
            "a merge of unknown tokens": ("merges.txt", "#version: 0.2\nq z\n"),
            "a merge of one": ("merges.txt", "#version: 0.2\nth\n"),
            "a merge of three": ("merges.txt", "#version: 0.2\nt h e\n"),
        }
        for name, (file, content) in kinds.items():
            with self.subTest(name):
                folder = self.folder()
                make_tiny.write_model(folder)
                (folder / file).write_text(content, encoding="utf-8")
                done = run_lens("tokenize", "--model", folder, "--text", "the")
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertGreater(len(done.stderr), 20)


class BadFlags(LensTest):
    def test_each_has_a_message_and_a_status(self):
        for arguments in (
            [],
            ["read"],
            ["read", "--model", TINY],
            ["read", "--model", TINY, "--prompt", "a", "--ids", "1"],
            ["read", "--model", TINY, "--ids", "1,x"],
            ["read", "--model", TINY, "--ids", "1.5"],
            ["read", "--model", TINY, "--ids", "99999999999999999999"],
            ["read", "--model", TINY, "--ids", "-1"],
            ["read", "--model", TINY, "--ids", ""],
            ["read", "--model", TINY, "--ids", "1", "--bos"],
            ["read", "--model", TINY, "--prompt", "a", "--norm", "mine"],
            ["read", "--model", TINY, "--prompt", "a", "--top", "0"],
            ["read", "--model", TINY, "--prompt", "a", "--top", "51"],
            ["read", "--model", TINY, "--prompt", "a", "--top", "-1"],
            ["read", "--model", TINY, "--prompt", "a", "--top", "x"],
            ["read", "--model", TINY, "--prompt", "a", "--track", "no such token"],
            ["read", "--prompt", "a"],
            ["read", "--experiment", "-", "--prompt", "a"],
            ["read", "--experiment", "-", "--ids", "1"],
            ["read", "--experiment", "-", "--top", "5"],
            ["read", "--experiment", "-", "--norm", "none"],
            ["read", "--experiment", "-", "--track", "a"],
            ["read", "--experiment", "-", "--no-bos"],
            ["read", "--experiment", "-", "--mid"],
            ["read", "--experiment", "-", "--change"],
            ["read", "--experiment", "-", "--positions", "1"],
            ["tokenize", "--model", TINY],
            ["tokenize", "--model", TINY, "--text", "a", "--nonsense"],
        ):
            with self.subTest(arguments=arguments):
                done = run_lens(*arguments)
                self.assertNotEqual(done.returncode, 0)
                self.assertGreater(len(done.stderr), 20)


if __name__ == "__main__":
    unittest.main()
