"""The recipe of the page's "about" reads what the command line prints."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_recipe_runs_as_it_stands():
    done = subprocess.run([sys.executable, "web/src/views/recipe.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.startswith("after ' is' the model says '")
    assert rows[0].startswith("blocks.7.hook_resid_post") and rows[-1].startswith("blocks.0.hook_resid_pre")
    # The output's own top token is its answer: one number, said twice.
    said, answer = rows[0].split("answer")
    assert said.split()[-1] == answer.split()[0]
