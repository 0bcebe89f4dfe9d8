"""What `lens read` prints: its JSON, and its grid for a terminal."""

import make_tiny
from support import TINY, LensTest, experiment, read_json, run_experiments, run_lens


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
