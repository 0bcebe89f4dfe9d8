"""Feed-forward memories against float64 code that forms every matrix whole (tests/golden/memories_reference.py)."""

import unittest

import numpy as np

import make_tiny
import memories_reference
import reference
from support import PRIMER, SHARED, TINY, LensTest, run_experiments

TOLERANCE = 1e-4  # of the largest number of its kind


def read(model, run, *reads):
    """The tables of each read, as arrays."""
    document = {"v": 1, "models": {"m": str(model)}, "reads": list(reads)}
    if run is not None:
        document["runs"] = {"main": {"model": "m", **run}}
    status, (result,) = run_experiments([document])
    if status:
        raise AssertionError(result)
    results = result["reads"] if len(reads) > 1 else [result]
    return [{name: array_of(table) for name, table in each["tables"].items()} for each in results]


def array_of(table):
    return np.array([np.nan if x is None else x for x in table["data"]]).reshape(table["shape"])


class MemoriesTest(LensTest):
    worst = 0.0

    def close(self, what, found, expected):
        found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
        self.assertEqual(found.shape, expected.shape, what)
        error = np.abs(found - expected).max(initial=0) / max(np.abs(expected).max(initial=0), 1e-30)
        MemoriesTest.worst = max(self.worst, error)
        self.assertLessEqual(error, TOLERANCE, what)

    def ends(self, what, found, prefix, logits):
        """Both ends of each row of `logits`, furthest first."""
        top = found[prefix + "promoted_id"].shape[-1]
        for side, sign in (("promoted", 1), ("suppressed", -1)):
            ids = found[f"{prefix}{side}_id"].reshape(-1, top).astype(int)
            values = found[f"{prefix}{side}_logit"].reshape(-1, top)
            self.close(f"{what}: {prefix}{side}", values, sign * np.sort(sign * logits, axis=-1)[:, ::-1][:, :top])
            self.close(f"{what}: {prefix}{side} by id", values, np.take_along_axis(logits, ids, axis=-1))

    def models(self):
        """(name, folder, ids, layers)"""
        bpe = make_tiny.make_tokenizer()
        untied = self.folder()
        make_tiny.write_model(untied, untied=True)
        yield "tiny", TINY, bpe.encode(make_tiny.PROMPTS["text"]), (0, 1, 2)
        yield "tiny, its own head", untied, bpe.encode(make_tiny.PROMPTS["text"]), (1,)
        if (SHARED / "slm-4096").is_dir():
            yield "slm-4096", SHARED / "slm-4096", [5, 40, 12, 53, 33, 8], (0, 1)


class Memories(MemoriesTest):
    def test_a_cells_memories(self):
        for name, folder, ids, layers in self.models():
            model = reference.read_model(folder)
            for layer in layers:
                for position in (0, len(ids) - 1):
                    for gamma in (True, False):
                        for by, token in (("weight", None), ("effect", None), ("effect", 7)):
                            self.cell(name, folder, model, ids, layer, position, gamma, by, token)
        print(f"measured: memories: max|Δ|/max|value| {MemoriesTest.worst:.1e}")

    def cell(self, name, folder, model, ids, layer, position, gamma, by, token):
        what = f"{name}, block {layer}, position {position}, gamma {gamma}, {by}, token {token}"
        asked = {"what": "memories", "layer": layer, "position": position, "gamma": gamma, "by": by, "neurons": 12, "top": 5}
        if token is not None:
            asked["token"] = token
        (found,) = read(folder, {"ids": ids}, asked)
        expected = memories_reference.memories(model, ids, layer, position, gamma, token)
        neurons = found["neuron"].astype(int)
        size = np.abs(expected[by])
        self.close(f"{what}: order", size[neurons], np.sort(size)[::-1][:12])
        for column in ("pre", "activation", "weight", "effect"):
            self.close(f"{what}: {column}", found[column], expected[column][neurons])
        self.close(f"{what}: explained", found["explained"], memories_reference.explained(expected, neurons))
        self.ends(what, found, "", expected["logits"][neurons])
        self.assertEqual(int(found["effect_token"]), expected["effect_token"])
        self.close(f"{what}: sum", found["effect_sum"], expected["effect"].sum())
        self.assertAlmostEqual(float(found["active_share"]), expected["active_share"], places=6)
        self.assertEqual(int(found["layer_top"]), expected["layer_top"], what)
        self.assertEqual(found["says_layer_top"].astype(int).tolist(), expected["says_layer_top"], what)
        if gamma:  # with the row below, b_out and ln_f's bias, the effects are the cell's own logit
            parts = expected["effect"].sum() + expected["rest"].sum() + expected["norm_bias"]
            self.assertAlmostEqual(parts, expected["cell_logit"], places=9)

    def test_all_memories_explain_all(self):
        d_mlp = make_tiny.CONFIG["n_inner"]
        (found,) = read(TINY, {"ids": [1, 2, 3]}, {"what": "memories", "layer": 1, "neurons": 1000, "top": 1})
        self.assertEqual(found["neuron"].shape, (d_mlp,))
        self.assertAlmostEqual(found["explained"][-1], 1, places=6)
        self.assertEqual(sorted(found["neuron"]), list(range(d_mlp)))
        self.close("sum", found["effect_sum"], found["effect"].sum())

    def test_numbers_that_overflow_have_a_place_in_every_order(self):
        folder = self.folder()

        def overflow(weights):
            weights["h.1.mlp.c_fc.weight"][:, ::3] = 3e38
            weights["h.1.mlp.c_proj.weight"][::2] *= 1e38

        make_tiny.write_model(folder, change=overflow)
        memories, effects, neuron, promoters, parts = read(
            folder, {"ids": [5, 9, 17, 80]},
            {"what": "memories", "layer": 1, "neurons": 36}, {"what": "memories", "layer": 1, "by": "effect", "neurons": 36},
            {"what": "neuron", "layer": 1, "neuron": 0}, {"what": "promoters", "token": 7, "neurons": 108},
            {"what": "components", "tokens": [7], "neurons": 36},
        )  # fmt: skip
        self.assertTrue(np.isnan(effects["effect"]).any() or np.isnan(parts["neuron"]).any())
        for listed in (memories["neuron"], effects["neuron"], parts["neuron_id"][1]):
            self.assertEqual(sorted(listed), list(range(36)))
        self.assertEqual(len(set(zip(promoters["layer"], promoters["neuron"]))), 108)
        self.assertEqual(neuron["pre"].shape, (4,))

    def test_refusals_name_what_is_wrong(self):
        for asked, code in (
            ({"layer": 3}, "layer"),
            ({}, "experiment_key"),
            ({"layer": -1}, "experiment_key"),
            ({"layer": 0, "position": 9}, "position"),
            ({"layer": 0, "by": "size"}, "experiment_key"),
            ({"layer": 0, "token": 300}, "token_id"),
            ({"layer": 0, "token": [1]}, "experiment_key"),
            ({"layer": 0, "gamma": 1}, "experiment_key"),
            ({"layer": 0, "neurons": 0}, "experiment_key"),
        ):
            document = {
                "v": 1,
                "models": {"m": str(TINY)},
                "runs": {"main": {"model": "m", "ids": [1, 2]}},
                "reads": [{"what": "memories", **asked}],
            }
            _, (found,) = run_experiments([document])
            self.assertEqual(found["error"]["code"], code, asked)


class Neurons(MemoriesTest):
    def test_a_neuron_over_a_text(self):
        for name, folder, ids, layers in self.models():
            model = reference.read_model(folder)
            act = reference.forward(model, np.array(ids))
            for layer in layers:
                for neuron in (0, 17, 35):
                    for gamma in (True, False):
                        what = f"{name}, L{layer}N{neuron}, gamma {gamma}"
                        asked = {"what": "neuron", "layer": layer, "neuron": neuron, "gamma": gamma, "top": 6, "triggers": 4}
                        (found,) = read(folder, {"ids": ids}, asked)
                        block, hook = model.blocks[layer], f"blocks.{layer}.mlp.hook_"
                        post = act[hook + "post"][:, neuron]
                        self.close(f"{what}: pre", found["pre"], act[hook + "pre"][:, neuron])
                        self.close(f"{what}: post", found["activation"], post)
                        triggers = [int(p) for p in np.argsort(-post, kind="stable") if post[p] > 0][:4]
                        self.assertEqual(found["trigger"].astype(int).tolist(), triggers, what)
                        value, key = block["W_out"][None, neuron], block["W_in"][None, :, neuron]
                        written = memories_reference.written_logits(model, value, gamma)
                        ranks = np.argsort(reference.ranking(written), axis=-1)[0] + 1
                        next_ranks = [int(ranks[ids[p + 1]]) if p + 1 < len(ids) else -1 for p in triggers]
                        self.assertEqual(found["trigger_next_rank"].astype(int).tolist(), next_ranks, what)
                        followed = [rank for rank in next_ranks if rank > 0]
                        share = np.mean([rank == 1 for rank in followed]) if followed else np.nan
                        np.testing.assert_allclose(found["said_next"], share, rtol=1e-6)
                        self.ends(what, found, "value_", written)
                        self.ends(what, found, "key_", memories_reference.read_logits(model, block["ln_2"], key, gamma))
                        self.close(f"{what}: norm", found["value_norm"], np.linalg.norm(value))
                        self.close(f"{what}: norm", found["key_norm"], np.linalg.norm(key))
                        self.close(f"{what}: bias", found["key_bias"], block["b_in"][neuron])

    def test_neurons_that_promote_a_token_need_no_run(self):
        for name, folder, _, _ in self.models():
            model = reference.read_model(folder)
            for gamma in (True, False):
                (found,) = read(folder, None, {"what": "promoters", "token": 40, "gamma": gamma, "neurons": 9})
                logits = np.stack([memories_reference.written_logits(model, w["W_out"], gamma)[:, 40] for w in model.blocks])
                norms = np.stack([np.linalg.norm(w["W_out"], axis=-1) for w in model.blocks])
                for prefix, sign in (("", 1), ("against_", -1)):
                    at = found[prefix + "layer"].astype(int), found[prefix + "neuron"].astype(int)
                    best = sign * np.sort(sign * logits.ravel())[::-1][:9]
                    self.close(f"{name}: {prefix}", found[prefix + "logit"], best)
                    self.close(f"{name}: {prefix} by neuron", found[prefix + "logit"], logits[at])
                    self.close(f"{name}: {prefix} norm", found[prefix + "norm"], norms[at])

    @unittest.skipUnless(PRIMER.is_file(), "the page's model is absent")
    def test_the_pages_model_has_its_tokens_by_text(self):
        found, memories = read(
            PRIMER, {"prompt": "The capital of France is"},
            {"what": "promoters", "token": " Paris", "neurons": 3}, {"what": "memories", "layer": 6},
        )  # fmt: skip
        self.assertEqual(found["neuron"].shape, (3,))
        self.assertTrue((np.diff(memories["weight"]) <= 0).all())

    def test_refusals_name_what_is_wrong(self):
        runs = {"main": {"model": "m", "ids": [1, 2]}}
        for asked, code in (
            ({"what": "neuron", "layer": 0, "neuron": 36}, "neuron"),
            ({"what": "neuron", "layer": 3, "neuron": 0}, "layer"),
            ({"what": "neuron", "layer": 0}, "experiment_key"),
            ({"what": "promoters"}, "experiment_key"),
            ({"what": "promoters", "token": "no such token"}, "token_text"),
            ({"what": "promoters", "token": 1, "model": "other"}, "experiment_key"),
        ):
            _, (found,) = run_experiments([{"v": 1, "models": {"m": str(TINY)}, "runs": runs, "reads": [asked]}])
            self.assertEqual(found["error"]["code"], code, asked)
        # A reading of a run needs one.
        _, (found,) = run_experiments([{"v": 1, "models": {"m": str(TINY)}, "reads": [{"what": "lens"}]}])
        self.assertIn("reads[0].run", found["error"]["message"])
