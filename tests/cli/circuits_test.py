"""Heads' weights and scores against float64 code that forms every circuit whole (tests/golden/circuits_reference.py)."""

import unittest

import numpy as np

import circuits_reference
import make_tiny
import memories_reference
import reference
from memories_test import MemoriesTest, read
from support import PRIMER, TINY, run_experiments


class Parameters(MemoriesTest):
    def test_a_neurons_weights_need_no_run(self):
        for name, folder, _, layers in self.models():
            model = reference.read_model(folder)
            for gamma in (True, False):
                block = model.blocks[layers[-1]]
                asked = {"what": "parameters", "layer": layers[-1], "neuron": 9, "gamma": gamma, "top": 4}
                (found,) = read(folder, None, asked)
                written = memories_reference.written_logits(model, block["W_out"][None, 9], gamma)
                self.ends(name, found, "value_", written)
                key = memories_reference.read_logits(model, block["ln_2"], block["W_in"][None, :, 9], gamma)
                self.ends(name, found, "key_", key)

    def test_the_best_pairs_of_both_circuits(self):
        for name, folder, _, layers in self.models():
            model = reference.read_model(folder)
            for layer in layers:
                for head in range(model.config.n_head):
                    for gamma in (True, False):
                        asked = {"what": "parameters", "layer": layer, "head": head, "gamma": gamma, "top": 7}
                        (found,) = read(folder, None, asked)
                        circuits = circuits_reference.circuits(model, layer, head, gamma)
                        for circuit, whole in zip(("ov", "qk"), circuits, strict=True):
                            for side, sign in (("best", 1), ("worst", -1)):
                                what, prefix = f"{name} {layer}.{head} gamma {gamma}", f"{circuit}_{side}_"
                                best = sign * np.sort(sign * whole.ravel())[::-1][:7]
                                self.close(what + prefix, found[prefix + "score"], best)
                                at = found[prefix + "from"].astype(int), found[prefix + "to"].astype(int)
                                self.close(what + prefix, found[prefix + "score"], whole[at])

    def test_one_tokens_part_in_both_circuits(self):
        for name, folder, _, layers in self.models():
            model = reference.read_model(folder)
            for gamma in (True, False):
                asked = {"what": "parameters", "layer": layers[-1], "head": 1, "gamma": gamma, "top": 5, "token": 33}
                (found,) = read(folder, None, asked)
                ov, qk = circuits_reference.circuits(model, layers[-1], 1, gamma)
                for prefix, row in (("writes_", ov[33]), ("attends_to_", qk[33]), ("attended_by_", qk[:, 33])):
                    self.ends(f"{name} {prefix}", found, prefix, memories_reference.centred(row[None]))


class Scores(MemoriesTest):
    def test_copying_and_composition(self):
        for name, folder, _, _ in self.models():
            model = reference.read_model(folder)
            n = model.config.n_head
            heads = [(layer, head) for layer in range(model.config.n_layer) for head in range(n)]
            for gamma in (True, False):
                (found,) = read(folder, None, {"what": "circuits", "gamma": gamma})
                expected = [circuits_reference.copying(model, *head, gamma) for head in heads]
                np.testing.assert_allclose(found["copying"].ravel(), expected, atol=1e-4, err_msg=name)
                chance = circuits_reference.random_composition(model.config.d_model, model.config.d_head)
                self.assertAlmostEqual(float(found["random_composition"]), chance, places=6)
                for s, second in enumerate(heads):
                    for f, first in enumerate(heads):
                        got = [found[part + "_composition"][s, f] for part in "qkv"]
                        if first[0] >= second[0]:
                            self.assertTrue(np.isnan(got).all())
                        else:
                            wanted = circuits_reference.compositions(model, second, first, gamma)
                            np.testing.assert_allclose(got, wanted, atol=1e-5, err_msg=f"{name} {second} after {first}")

    def test_tied_is_said(self):
        untied = self.folder()
        make_tiny.write_model(untied, untied=True)
        self.assertEqual([int(read(m, None, {"what": "circuits"})[0]["tied"]) for m in (TINY, untied)], [1, 0])

    def test_name_copying(self):
        for name, folder, ids, _ in self.models():
            model = reference.read_model(folder)
            names = [ids[1], ids[3], ids[4]]
            positions = [p for p, id in enumerate(ids) if id in names]
            (found,) = read(folder, {"ids": ids}, {"what": "copying", "names": names})
            self.assertEqual(found["names"].astype(int).tolist(), positions)
            for layer in range(model.config.n_layer):
                for head in range(model.config.n_head):
                    wanted = circuits_reference.name_copying(model, ids, positions, layer, head)
                    got = [found["copied"][layer, head], found["turned_round"][layer, head]]
                    np.testing.assert_allclose(got, wanted, atol=1e-6, err_msg=f"{name} {layer}.{head}")

    def test_refusals_name_what_is_wrong(self):
        runs = {"main": {"model": "m", "ids": [1, 2]}}
        for asked, code in (
            ({"what": "parameters", "layer": 0, "head": 2}, "head"),
            ({"what": "parameters", "layer": 9, "head": 0}, "layer"),
            ({"what": "parameters", "layer": 0}, "experiment_key"),
            ({"what": "parameters", "layer": 0, "head": 0, "neuron": 0}, "experiment_key"),
            ({"what": "parameters", "layer": 0, "neuron": 0, "token": 1}, "experiment_key"),
            ({"what": "copying", "names": [5]}, "no_names"),
            ({"what": "copying"}, "experiment_key"),
        ):
            _, (found,) = run_experiments([{"v": 1, "models": {"m": str(TINY)}, "runs": runs, "reads": [asked]}])
            self.assertEqual(found["error"]["code"], code, asked)

    @unittest.skipUnless(PRIMER.is_file(), "the page's model is absent")
    def test_the_pages_model(self):
        (found,) = read(PRIMER, None, {"what": "circuits"})
        self.assertTrue((np.abs(found["copying"]) <= 1).all())
        best = np.unravel_index(found["copying"].argmax(), found["copying"].shape)
        print(f"measured: the page's model: head {best[0]}.{best[1]} copies most, {found['copying'].max():.2f}")
