"""What `lens read --json` says, as numpy arrays: the last position of a prompt, row by row."""
import json
import subprocess
import sys

import numpy as np

lens, model, prompt = sys.argv[1:] or ["build/native/lens", "models/primer.gguf", "The capital of France is"]
read = json.loads(subprocess.check_output([lens, "read", "--model", model, "--prompt", prompt, "--json"]))

cells = read["cells"]  # [row][position], the embedding first
entropy = np.array([[cell["entropy"] for cell in row] for row in cells])  # nats
answer = np.array([[cell["answer_prob"] for cell in row] for row in cells])  # of the output's own top token

print(f"after {read['tokens'][-1]['text']!r} the model says {read['answers'][-1]['text']!r}")
for name, row, h, p in reversed(list(zip(read["rows"], cells, entropy[:, -1], answer[:, -1]))):
    top = row[-1]["top"][0]
    print(f"{name:28} {top['text']!r:>14} {top['prob']:.3f}   answer {p:.3f}   entropy {h:.2f}")
