"""models/gpt2.published.json says what ../shared/golden recorded of others' figures; their tokens stand there as ids."""

import json
import unittest
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT.parent / "shared" / "golden"
PUBLISHED = json.loads((ROOT / "models" / "gpt2.published.json").read_text(encoding="utf-8"))


def checks(what):
    return [check for check in PUBLISHED["checks"] if check["what"] == what]


@unittest.skipUnless(GOLDEN.is_dir(), f"{GOLDEN} is absent")
class Published(unittest.TestCase):
    def setUp(self):
        self.reference = json.loads((GOLDEN / "gpt2-small-reference.json").read_text(encoding="utf-8"))

    def test_best_tokens_of_five_prompts(self):
        examples = json.loads((GOLDEN / "transformer-explainer" / "index.json").read_text(encoding="utf-8"))["examples"]
        logits = np.fromfile(GOLDEN / "transformer-explainer" / "last_position_logits.f32", "<f4").astype(np.float64)
        for example, check in zip(examples, checks("next"), strict=True):
            z = logits[example["logits_offset_floats"] :][:50257]
            self.assertEqual(check["ids"], example["token_ids"])
            self.assertEqual(check["top"], [int(i) for i in np.argsort(-z, kind="stable")[:10]])
            log_prob = z[check["top"]] - z.max() - np.log(np.exp(z - z.max()).sum())
            self.assertLess(np.abs(log_prob - check["log_prob"]).max(), 1e-4)

    def test_losses(self):
        for entry, check in zip(self.reference["losses"], checks("loss"), strict=True):
            self.assertAlmostEqual(check["loss"], entry["loss"], places=6)
            self.assertEqual(check["tolerance"], entry["tol"])
            if "ids" in entry:
                self.assertEqual(check["rows"], [entry["ids"]])
            elif "ids_257" in entry:
                self.assertEqual(check["rows"], [entry["ids_257"][64 * b : 64 * b + 65] for b in range(4)])

    def test_greedy_continuations(self):
        known = [entry for entry in self.reference["greedy"] if "ids" in entry and "generated_ids" in entry]
        self.assertEqual([(c["ids"], c["continuation"]) for c in checks("greedy")], [(g["ids"], g["generated_ids"]) for g in known])

    def test_logit_differences(self):
        ioi = json.loads((GOLDEN / "gpt2-small-ioi.json").read_text(encoding="utf-8"))
        expected = [entry["logit_diff"] for entry in self.reference["logit_diffs"] if "prompt" in entry]
        self.assertEqual([c["difference"] for c in checks("difference")], expected + ioi["per_prompt_logit_diff"])

    def test_every_check_names_its_source(self):
        for check in PUBLISHED["checks"]:
            self.assertRegex(PUBLISHED["sources"][check["source"]], r"\((MIT|Apache-2\.0)\)")
            self.assertGreaterEqual(check["tolerance"], 0)
