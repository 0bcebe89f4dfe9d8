"""Who wrote a logit: `lens read` of components, writes and head scores against numpy in float64, and what must hold of
any model."""

import numpy as np

import components_reference
import make_tiny
import reference
from support import SHARED, TINY, LensTest, run_experiments, run_lens

NEURONS = 36  # all of the tiny model's


def ask(folder, run, *reads, flags=()):
    document = {
        "v": 1, "models": {"m": str(folder)}, "runs": {"main": {"model": "m", **run}}, "reads": list(reads),
    }  # fmt: skip
    _, (found,) = run_experiments([document], *flags)
    if "error" in found:
        raise AssertionError(found["error"]["message"])
    return found["reads"] if len(reads) > 1 else found


def tables(found):
    arrays = {}
    for name, table in found["tables"].items():
        data = [np.nan if value is None else value for value in table["data"]]
        arrays[name] = np.reshape(data, table["shape"])
    return arrays


def summed(effects, prefix):
    """The parts of a name that are told one by one there, added up."""
    return sum(value for name, value in effects.items() if name.startswith(prefix))


class Components(LensTest):
    def compare(self, folder, ids, row, position, tokens, norm, neurons=NEURONS, lens=None, **of_lens):
        """`lens`: (its name, its file) where that is not the raw one, `of_lens` as for the reference."""
        model = reference.read_model(folder)
        effects, shown = components_reference.direct_effects(model, ids, row, position, tokens, norm, **of_lens)
        read = {"what": "components", "row": row, "position": position, "tokens": tokens, "norm": norm, "neurons": neurons}
        if lens:
            read["lens"] = lens[0]
        found = tables(ask(folder, {"ids": ids}, read, flags=["--lens-file", f"{lens[0]}={lens[1]}"] if lens else []))
        n_attn, n_mlp = components_reference.rows_written(model, row)
        size = found["total"][3]
        self.assertAlmostEqual(sum(effects.values()), shown, delta=1e-9 * size)
        worst = 0.0

        def close(what, value, expected):
            nonlocal worst
            worst = max(worst, abs(value - expected) / size)
            self.assertLessEqual(abs(value - expected), 1e-5 * size, f"{what} at {row}, {position}, {norm}")

        close("shown", found["total"][0], shown)
        close("sum", found["total"][1], shown)
        self.assertLessEqual(abs(found["total"][2]), 1e-5 * size)
        for name, value in zip(("W_E", "W_pos", "ln_f bias", "lens bias"), found["outside"], strict=True):
            close(name, value, effects[name])
        self.assertEqual(found["head"].shape, (n_attn, model.config.n_head))
        for layer in range(n_attn):
            for h in range(model.config.n_head):
                close(f"head {layer}.{h}", found["head"][layer, h], summed(effects, f"{layer}.{h} "))
                for j in range(position + 1):
                    close(f"source {j}", found["source"][layer, h, j], effects[f"{layer}.{h} from {j}"])
            close(f"attn_bias {layer}", found["attn_bias"][layer], effects[f"attn_bias {layer}"])
            if layer >= n_mlp:
                self.assertTrue(np.isnan(found["mlp"][layer]) and np.isnan(found["mlp_bias"][layer]))
                continue
            close(f"mlp {layer}", found["mlp"][layer], summed(effects, f"L{layer}N"))
            close(f"mlp_bias {layer}", found["mlp_bias"][layer], effects[f"mlp_bias {layer}"])
            listed = found["neuron_id"][layer]
            self.assertEqual(len(set(listed)), min(neurons, model.config.d_mlp))
            for i, value in zip(listed, found["neuron"][layer], strict=True):
                close(f"L{layer}N{i}", value, effects[f"L{layer}N{i}"])
            weights = np.abs(found["neuron"][layer])
            self.assertTrue((weights[:-1] >= weights[1:]).all())
        return worst

    def test_every_part_of_every_row(self):
        ids = self.bpe.encode(make_tiny.PROMPTS["full"])
        model = reference.read_model(TINY)
        worst = 0.0
        for norm in reference.NORMS:
            for row in reference.lens_rows(model, mid=True):
                for position, tokens in ((len(ids) - 1, [97]), (3, [64, 12]), (0, [200])):
                    worst = max(worst, self.compare(TINY, ids, row, position, tokens, norm))
        print(f"measured: components, tiny: max|Δ| / Σ|part| {worst:.1e}")

    def test_the_same_through_a_lens(self):
        ids = self.bpe.encode(make_tiny.PROMPTS["full"])
        model = reference.read_model(TINY)
        folder = self.folder()
        (folder / "text.txt").write_text(" the cat sat on the mat in the house" * 9)
        done = run_lens("calibrate", "--model", TINY, "--text-file", folder / "text.txt", folder / "own.safetensors")
        self.assertEqual(done.returncode, 0, done.stderr)
        log_means = reference.read_safetensors(folder / "own.safetensors")["mean_log_prob"].astype(np.float64)
        for name, (_, translators) in make_tiny.make_lenses().items():
            worst = 0.0
            for norm in reference.NORMS:
                for row in reference.lens_rows(model, mid=True):
                    for position, tokens in ((len(ids) - 1, [97]), (3, [64, 12])):
                        file = (name, TINY.parent / f"tiny_{name}.safetensors")
                        worst = max(worst, self.compare(TINY, ids, row, position, tokens, norm, lens=file, translators=translators))  # fmt: skip
            print(f"measured: components, tiny, the {name} lens: max|Δ| / Σ|part| {worst:.1e}")
        for row in reference.lens_rows(model, mid=True):
            for tokens in ([97], [64, 12]):
                file = ("calibrated", folder / "own.safetensors")
                self.compare(TINY, ids, row, 5, tokens, "recomputed", lens=file, log_means=log_means)

    def test_other_kinds_of_model(self):
        ids = [5, 9, 17, 80, 33, 61]
        for options in ({"untied": True}, {"orientation": "linear"}, {"config": {"activation_function": "gelu"}}):
            folder = self.folder()
            make_tiny.write_model(folder, **options)
            self.compare(folder, ids, "blocks.2.hook_resid_post", 5, [7], "recomputed")

    def test_recorded_models(self):
        for name, ids in (("gpt-nano-sort", [0, 2, 1, 0, 1, 1]), ("slm-4096", [5, 9, 17, 8, 33, 50])):
            if not (SHARED / name).is_dir():
                self.skipTest(f"{SHARED / name} is absent")
            rows = reference.lens_rows(reference.read_model(SHARED / name), mid=True)
            for row in (rows[0], rows[-2], rows[-1]):
                worst = self.compare(SHARED / name, ids, row, 5, [1, 2], "recomputed", neurons=50)
                print(f"measured: components, {name}, {row}: max|Δ| / Σ|part| {worst:.1e}")

    def test_no_query_attends_to_all_alike_and_no_value_writes_nothing(self):
        ids = self.bpe.encode(make_tiny.PROMPTS["full"])
        d = make_tiny.CONFIG["n_embd"]
        folder, plain = self.folder(), {"what": "components", "tokens": [97], "norm": "none"}

        def zero(columns):
            def change(weights):
                for layer in range(make_tiny.CONFIG["n_layer"]):
                    weights[f"h.{layer}.attn.c_attn.weight"][:, columns] = 0
                    if columns.start == 0:  # W_Q goes with its bias, W_V without
                        weights[f"h.{layer}.attn.c_attn.bias"][columns] = 0

            return change

        make_tiny.write_model(folder, change=zero(slice(0, d)))
        found = tables(ask(folder, {"ids": ids}, {**plain, "position": 6}))
        np.testing.assert_allclose(found["pattern"], 1 / 7, atol=1e-7)

        make_tiny.write_model(folder, change=zero(slice(2 * d, 3 * d)))
        found = tables(ask(folder, {"ids": ids}, plain))
        original = tables(ask(TINY, {"ids": ids}, plain))
        size = found["total"][3]
        self.assertLessEqual(np.abs(found["head"]).max(), 1e-6 * size)
        # Without a norm nothing else of the cell reaches the biases' bars.
        np.testing.assert_allclose(found["attn_bias"], original["attn_bias"], rtol=1e-6)
        np.testing.assert_allclose(found["mlp_bias"], original["mlp_bias"], rtol=1e-6)

    def test_writes(self):
        ids = self.bpe.encode(make_tiny.PROMPTS["full"])
        model = reference.read_model(TINY)
        for norm in reference.NORMS:
            read = {"what": "writes", "norm": norm, "top": 5}
            everywhere, some = ask(TINY, {"ids": ids}, read, {**read, "positions": [-1, 2]})
            labels = everywhere["tables"]["promoted_id"]["labels"]["write"]
            everywhere, some = tables(everywhere), tables(some)
            for name, values in some.items():
                np.testing.assert_array_equal(values, everywhere[name][:, [len(ids) - 1, 2]])
            for position in (0, 9, len(ids) - 1):
                expected = components_reference.writes(model, ids, position, norm)
                self.assertEqual(labels, list(expected))
                for i, logits in enumerate(expected.values()):
                    size = np.abs(logits).max()
                    for name, order in (("promoted", np.argsort(-logits)), ("suppressed", np.argsort(logits))):
                        found = everywhere[f"{name}_logit"][i, position]
                        np.testing.assert_allclose(found, logits[order[:5]], atol=1e-5 * size)
                        at = everywhere[f"{name}_id"][i, position].astype(int)
                        np.testing.assert_allclose(logits[at], found, atol=1e-5 * size)

    def test_head_scores(self):
        model = reference.read_model(TINY)
        ids = [5, 9, 17, 80, 33] * 3
        found = tables(ask(TINY, {"ids": ids}, {"what": "head_scores", "period": 5}))
        for name, expected in components_reference.head_scores(model, ids, 5).items():
            np.testing.assert_allclose(found[name], expected, atol=1e-6)

    def test_whether_a_head_writes_what_it_looks_at(self):
        model = reference.read_model(TINY)
        for ids in (self.bpe.encode(make_tiny.PROMPTS["full"]), [5, 9, 17, 80, 33], [7]):
            for layer, head in ((0, 1), (2, 0)):
                found = tables(ask(TINY, {"ids": ids}, {"what": "head_writes", "layer": layer, "head": head}))
                A, written, r, pairs = components_reference.head_writes(model, ids, layer, head)
                np.testing.assert_allclose(found["pattern"], A, atol=1e-6)
                np.testing.assert_allclose(found["written"], written, atol=1e-5 * np.nanmax(np.abs(written)))
                np.testing.assert_allclose(found["correlation"], [r, pairs], atol=1e-5)
                self.assertEqual(np.isnan(found["correlation"][0]), len(ids) < 8)  # fewer than 20 pairs

    def test_random_tokens_repeat_and_are_the_seed_s(self):
        draws = []
        for repeat in ({"length": 8, "seed": 1}, {"length": 8, "seed": 1}, {"length": 8, "seed": 2}, {}):
            found = ask(TINY, {"repeat": repeat}, {"what": "head_scores"})
            ids = [token["id"] for token in found["tokens"]]
            half = len(ids) // 2
            self.assertEqual(ids[:half], ids[half:])
            self.assertNotIn(299, ids)  # BOS
            draws.append(ids)
        self.assertEqual([len(ids) for ids in draws], [16, 16, 16, 24])  # all of n_ctx
        self.assertEqual(draws[0], draws[1])
        self.assertNotEqual(draws[0], draws[2])
        model = reference.read_model(TINY)
        found = tables(found)
        for name, expected in components_reference.head_scores(model, draws[3], 12).items():
            np.testing.assert_allclose(found[name], expected, atol=1e-6)

    def test_what_cannot_be_answered_is_refused_by_name(self):
        run, good = {"ids": [1, 2, 3]}, {"what": "components", "tokens": [5]}
        for read, code, said in (
            ({**good, "tokens": []}, "experiment_key", "tokens"),
            ({"what": "components"}, "experiment_key", "tokens"),
            ({**good, "tokens": [1, 2, 3]}, "experiment_key", "tokens"),
            ({**good, "tokens": [64, "a"]}, "token_text", "two tokens"),
            ({**good, "tokens": [300]}, "token_id", "300"),
            ({**good, "row": "blocks.3.hook_resid_post"}, "hook_layer", "blocks 0 to 2"),
            ({**good, "row": "blocks.0.hook_mlp_out"}, "experiment_key", "row"),
            ({**good, "position": 3}, "position", "3"),
            ({**good, "lens": "tuned"}, "lens_missing", "tuned"),
            ({**good, "norm": "mine"}, "experiment_key", "norm"),
            ({**good, "neurons": 101}, "experiment_key", "neurons"),
            ({"what": "writes", "lens": "tuned"}, "not_built", "tuned"),
            ({"what": "writes", "positions": [7]}, "position", "7"),
            ({"what": "head_writes", "layer": 0}, "experiment_key", "head"),
            ({"what": "head_writes", "layer": 0, "head": 2}, "head", "heads 0 to 1"),
            ({"what": "head_writes", "layer": 3, "head": 0}, "layer", "blocks 0 to 2"),
            ({"what": "head_scores"}, "head_scores", "repeat"),
            ({"what": "head_scores", "period": 3}, "head_scores", "period"),
            ({"what": "head_scores", "period": 1}, "experiment_key", "period"),
        ):
            document = {"v": 1, "models": {"m": str(TINY)}, "runs": {"main": {"model": "m", **run}}, "reads": [read]}
            with self.subTest(read=read):
                _, (found,) = run_experiments([document])
                self.assertEqual(found["error"]["code"], code)
                self.assertIn(said, found["error"]["message"])
        for repeat in ({"length": 1}, {"length": -3}, {"seed": -1}, [], {"length": 100000000}):
            document = {"v": 1, "models": {"m": str(TINY)}, "runs": {"main": {"model": "m", "repeat": repeat}}, "reads": [{"what": "head_scores"}]}  # fmt: skip
            with self.subTest(repeat=repeat):
                _, (found,) = run_experiments([document])
                self.assertIn(found["error"]["code"], ("experiment_key", "prompt_length"))

    def test_flags_write_the_same_experiment(self):
        ids = [5, 9, 17, 80]
        flags = ["--model", TINY, "--ids", "5,9,17,80", "--components", " the", "--against", " cat"]
        flags += ["--row", "blocks.1.hook_resid_mid", "--positions", "2"]
        text = run_lens("read", *flags).stdout.decode()
        read = {"what": "components", "tokens": [" the", " cat"], "row": "blocks.1.hook_resid_mid", "position": 2}
        found = tables(ask(TINY, {"ids": ids}, read))
        self.assertIn(f"{found['total'][0]:+.4f}", text)
        self.assertIn("·the rather than ·cat", text)
        self.assertIn("direct effects only", text)
        best = np.unravel_index(np.abs(found["head"]).argmax(), found["head"].shape)
        self.assertIn(f"head {best[0]}.{best[1]}", text)
