"""The real GPT-2 small against what others published of it (../shared/golden): needs its folder, LENS_GPT2=path ./tests/run."""

import json
import os
from pathlib import Path

import numpy as np

from support import SHARED, LensTest, experiment, run_experiments

GOLDEN = SHARED.parent / "golden"
MODEL = os.environ.get("LENS_GPT2")


class RealGpt2(LensTest):
    def setUp(self):
        if not MODEL:
            self.skipTest("skipped, no weights (LENS_GPT2=folder of openai-community/gpt2)")
        if not GOLDEN.is_dir():
            self.skipTest(f"{GOLDEN} is absent")

    def outputs(self, runs, model=MODEL, **read):
        """The output row's cells of each run."""
        status, found = run_experiments([experiment(model, run, read) for run in runs])
        self.assertEqual(status, 0, found)
        return [(reading["tokens"], reading["cells"][-1]) for reading in found]

    def test_logits_of_five_prompts(self):
        """Recorded from a copy whose activation is the exact GELU (ORIGIN.md), so ours is given that too."""
        folder = self.folder()
        for file in Path(MODEL).iterdir():
            if file.name != "config.json":
                (folder / file.name).symlink_to(file.resolve())
        config = json.loads((Path(MODEL) / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"activation_function": "gelu"}))
        examples = json.loads((GOLDEN / "transformer-explainer" / "index.json").read_text())["examples"]
        logits = np.fromfile(GOLDEN / "transformer-explainer" / "last_position_logits.f32", "<f4")
        worst = 0.0
        found = self.outputs([{"ids": e["token_ids"]} for e in examples], model=folder, top=50)
        for e, (_, cells) in zip(examples, found, strict=True):
            expected = logits[e["logits_offset_floats"] :][:50257]
            top = cells[-1]["top"]
            self.assertEqual([t["id"] for t in top[:10]], list(np.argsort(-expected, kind="stable")[:10]))
            worst = max([worst, *(abs(t["logit"] - expected[t["id"]]) / np.abs(expected).max() for t in top)])
        print(f"measured: GPT-2 small, logits of five prompts: max|Δ|/max|logit| {worst:.1e}")
        self.assertLessEqual(worst, 2e-4)

    def test_losses(self):
        reference = json.loads((GOLDEN / "gpt2-small-reference.json").read_text())
        for entry in reference["losses"]:
            if "ids_257" in entry:  # four rows of 64, each predicting the token after it
                ids = entry["ids_257"]
                rows = [ids[64 * b : 64 * b + 65] for b in range(4)]
            else:
                rows = [entry["ids"]] if "ids" in entry else [None]
            runs = [{"ids": row} if row else {"prompt": entry["text"], "bos": True} for row in rows]
            found = self.outputs(runs, top=1)
            surprisal = [cell["surprisal"] for _, cells in found for cell in cells[:-1]]
            loss = float(np.mean(surprisal))
            print(f"measured: GPT-2 small, loss: {loss:.5f}, published {entry['loss']:.5f}")
            self.assertLessEqual(abs(loss - entry["loss"]), entry["tol"])

    def test_greedy_continuations(self):
        """Given the published continuation, every next token of it is the one that leads."""
        reference = json.loads((GOLDEN / "gpt2-small-reference.json").read_text())
        known = [g for g in reference["greedy"] if "ids" in g and "generated_ids" in g]
        self.assertGreater(len(known), 0)
        for g, (_, cells) in zip(known, self.outputs([{"ids": g["ids"] + g["generated_ids"]} for g in known]), strict=True):
            leads = [cell["top"][0]["id"] for cell in cells[len(g["ids"]) - 1 : -1]]
            self.assertEqual(leads, g["generated_ids"], g["prompt"])

    def test_indirect_objects(self):
        reference = json.loads((GOLDEN / "gpt2-small-reference.json").read_text())
        ioi = json.loads((GOLDEN / "gpt2-small-ioi.json").read_text())
        asked = [(d["prompt"], d["answer"], d["foil"], d["logit_diff"], d["tol"]) for d in reference["logit_diffs"] if "prompt" in d]
        for prompt, (right, wrong), published in zip(
            ioi["prompts"], ioi["answers_correct_incorrect"], ioi["per_prompt_logit_diff"], strict=True
        ):
            asked.append((prompt, right, wrong, published, 2e-3))
        runs = [
            experiment(MODEL, {"prompt": prompt, "bos": True}, {"track": [right, wrong], "positions": [-1]})
            for prompt, right, wrong, _, _ in asked
        ]
        status, found = run_experiments(runs)
        self.assertEqual(status, 0, found)
        worst = 0.0
        for (prompt, _, _, published, tolerance), reading in zip(asked, found, strict=True):
            right, wrong = (token["logit"] for token in reading["cells"][-1][0]["track"])
            worst = max(worst, abs(right - wrong - published))
            self.assertLessEqual(abs(right - wrong - published), tolerance, prompt)
        print(f"measured: GPT-2 small, {len(asked)} logit differences: max|Δ| {worst:.1e}")
