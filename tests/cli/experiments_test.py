"""Experiments given to `lens read`: one result a line, errors by name, several models and reads."""

import json

import numpy as np

import make_tiny
import reference
from support import TINY, Comparison, LensTest, experiment, read_json, run_experiments, run_lens


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
            json.dumps(experiment(TINY, {"ids": [1]}, {"lens": "tuned"})): "lens_missing",
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
