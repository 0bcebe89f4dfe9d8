"""Flags that make no sense have a message and an exit status."""

from support import TINY, LensTest, run_lens


class BadFlags(LensTest):
    def test_each_has_a_message_and_a_status(self):
        for arguments in (
            [],
            ["read"],
            ["read", "--model", TINY],
            ["read", "--model", TINY, "--prompt", "a", "--ids", "1"],
            ["read", "--model", TINY, "--ids", "1,x"],
            ["read", "--model", TINY, "--ids", "1.5"],
            ["read", "--model", TINY, "--ids", "99999999999999999999"],
            ["read", "--model", TINY, "--ids", "-1"],
            ["read", "--model", TINY, "--ids", ""],
            ["read", "--model", TINY, "--ids", "1", "--bos"],
            ["read", "--model", TINY, "--prompt", "a", "--norm", "mine"],
            ["read", "--model", TINY, "--prompt", "a", "--top", "0"],
            ["read", "--model", TINY, "--prompt", "a", "--top", "51"],
            ["read", "--model", TINY, "--prompt", "a", "--top", "-1"],
            ["read", "--model", TINY, "--prompt", "a", "--top", "x"],
            ["read", "--model", TINY, "--prompt", "a", "--track", "no such token"],
            ["read", "--prompt", "a"],
            ["read", "--experiment", "-", "--prompt", "a"],
            ["read", "--experiment", "-", "--ids", "1"],
            ["read", "--experiment", "-", "--top", "5"],
            ["read", "--experiment", "-", "--norm", "none"],
            ["read", "--experiment", "-", "--track", "a"],
            ["read", "--experiment", "-", "--no-bos"],
            ["read", "--experiment", "-", "--mid"],
            ["read", "--experiment", "-", "--change"],
            ["read", "--experiment", "-", "--positions", "1"],
            ["tokenize", "--model", TINY],
            ["tokenize", "--model", TINY, "--text", "a", "--nonsense"],
        ):
            with self.subTest(arguments=arguments):
                done = run_lens(*arguments)
                self.assertNotEqual(done.returncode, 0)
                self.assertGreater(len(done.stderr), 20)
