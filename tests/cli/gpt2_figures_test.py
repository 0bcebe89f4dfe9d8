"""Published figures of GPT-2 small, where somebody gives its weights: LENS_GPT2=folder (config.json, model.safetensors,
vocab.json, merges.txt). The numbers are the stored outputs of TransformerLens' demos (../shared/golden/gpt2-small-ioi.json).

Conventions that could differ and do not: TransformerLens folds value biases into b_O, so its heads are without b_V, as
ours are; it centres W_U and what is written to the stream, which no difference of two logits and no norm sees; its
prompts begin with BOS. It folds ln_f's bias into b_U, which cancels over its prompts, for each comes with both names.
"""

import json
import os
import unittest
from pathlib import Path

import numpy as np

from components_test import ask, tables
from support import SHARED, LensTest

FIGURES = SHARED.parent / "golden" / "gpt2-small-ioi.json"
GPT2 = Path(os.environ.get("LENS_GPT2", "/nonexistent"))


@unittest.skipUnless(GPT2.is_dir() and FIGURES.is_file(), "LENS_GPT2 names no folder with GPT-2 small")
class Gpt2Small(LensTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.figures = json.loads(FIGURES.read_text(encoding="utf-8"))

    def parts(self, prompt, tokens, **read):
        return tables(ask(GPT2, {"prompt": prompt, "bos": True}, {"what": "components", "tokens": tokens, **read}))

    def test_indirect_objects(self):
        pairs = zip(self.figures["prompts"], self.figures["answers_correct_incorrect"], strict=True)
        found = [self.parts(prompt, answers) for prompt, answers in pairs]
        for parts, expected in zip(found, self.figures["per_prompt_logit_diff"], strict=True):
            self.assertAlmostEqual(parts["total"][0], expected, delta=0.005)
            self.assertLessEqual(abs(parts["total"][2]), 1e-5 * parts["total"][3])
        mean = {name: np.mean([parts[name] for parts in found], axis=0) for name in found[0] if name != "of"}
        np.testing.assert_allclose(mean["head"], self.figures["per_head_dla"], atol=0.005)
        self.assertAlmostEqual(mean["outside"][2], 0, delta=1e-4)
        attn = mean["head"].sum(axis=1) + mean["attn_bias"]
        mlp = mean["mlp"] + mean["mlp_bias"]
        for name, expected in self.figures["per_layer_logit_diff"]:
            layer, _, site = name.partition("_")
            if layer.isdigit():
                self.assertAlmostEqual((attn if site == "attn_out" else mlp)[int(layer)], expected, delta=0.005, msg=name)

    def test_one_prompt(self):
        single = self.figures["single_prompt_dla"]
        found = self.parts(single["prompt"], [" Mary", " John"])["head"]
        for name, expected in single["top8_abs"]:
            layer, head = name[1:].split("H")
            self.assertAlmostEqual(found[int(layer), int(head)], expected, delta=0.005, msg=name)
        name, expected = single["top_neuron_for_token"][" Mary"]
        layer, neuron = map(int, name[1:].split("N"))
        parts = self.parts(single["prompt"], [" Mary"])
        listed = dict(zip(parts["neuron_id"][layer].astype(int), parts["neuron"][layer], strict=True))
        self.assertAlmostEqual(listed[neuron], expected, delta=0.005)

    def test_head_scores(self):
        """Random tokens are other ones here than there; what stands out there must stand out."""
        runs = [tables(ask(GPT2, {"repeat": {"seed": seed}}, {"what": "head_scores"})) for seed in (1, 2)]
        scores = {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]}
        for name, heads, least in (
            ("induction", ((5, 1), (6, 9), (5, 5), (7, 10), (7, 2)), 0.75),
            ("previous", ((4, 11),), 0.9),
            ("duplicate", ((0, 5), (3, 0)), 0.5),
        ):
            for head in heads:
                self.assertGreater(scores[name][head], least, f"{name} {head}")
