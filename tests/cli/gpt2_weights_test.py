"""Published readings of GPT-2's weights, where somebody gives them: LENS_GPT2=folder with GPT-2 small, LENS_GPT2_MEDIUM=folder
with GPT-2 medium (config.json, model.safetensors, vocab.json, merges.txt).

Wang et al. 2022: the name movers 9.9, 9.6, 10.0 copy more than 95 % of names, the negative ones 10.7, 11.10 say 98 % of them
with their sign turned, other heads under 20 % and 12 % on average. Their names stood in the task's sentences, ours in a list
with commas, so the limits here are wider.
Dar et al. 2022 (their notebook): neuron 23.907 of GPT-2 medium has hands in its key and in its value; their vocabulary was
filtered by the words of film reviews, ours is whole.
"""

import os
import unittest
from pathlib import Path

import numpy as np

from memories_test import read
from support import LensTest, run_experiments

GPT2 = Path(os.environ.get("LENS_GPT2", "/nonexistent"))
MEDIUM = Path(os.environ.get("LENS_GPT2_MEDIUM", "/nonexistent"))
NAMES = [" Mary", " John", " Tom", " James", " Dan", " Sarah", " Anna", " Peter", " David", " Alice", " Paul", " Laura"]


@unittest.skipUnless(GPT2.is_dir(), "LENS_GPT2 names no folder with GPT-2 small")
class Small(LensTest):
    def test_name_movers_copy_names_and_negative_ones_turn_them_round(self):
        (found,) = read(GPT2, {"prompt": "Names:" + ",".join(NAMES)}, {"what": "copying", "names": NAMES})
        self.assertEqual(len(found["names"]), len(NAMES))
        for column, movers in (("copied", [(9, 9), (9, 6), (10, 0)]), ("turned_round", [(10, 7), (11, 10)])):
            shares = found[column]
            for head in movers:
                self.assertGreaterEqual(shares[head], 0.8, f"{head} {column}")
            others = np.ones(shares.shape, dtype=bool)
            others[tuple(zip(*movers))] = False
            self.assertLess(shares[others].mean(), 0.3, column)


@unittest.skipUnless(MEDIUM.is_dir(), "LENS_GPT2_MEDIUM names no folder with GPT-2 medium")
class Medium(LensTest):
    def test_a_neuron_of_hands(self):
        asked = {"what": "parameters", "layer": 23, "neuron": 907, "gamma": False, "top": 20}
        _, (found,) = run_experiments([{"v": 1, "models": {"m": str(MEDIUM)}, "reads": [asked]}])
        for side in ("key", "value"):
            # The sign of a neuron's directions is not fixed by itself.
            texts = found["tables"][f"{side}_promoted_id"]["text"] + found["tables"][f"{side}_suppressed_id"]["text"]
            self.assertTrue(any("hand" in text.lower() for text in texts), (side, texts))
