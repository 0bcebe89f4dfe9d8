"""`lens tokenize` against the reference tokenizer."""

import json
import random
import subprocess

import gguf_reference
from support import PRIMER, PROGRAM, TINY, LensTest, run_lens


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
        primer = gguf_reference.read_tokenizer(PRIMER)
        for model, bpe, some in ((TINY, self.bpe, texts), (PRIMER, primer, self.TEXTS)):
            for text in some:
                with self.subTest(model=model.name, text=text[:60]):
                    found = self.tokenize(model, text)
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
