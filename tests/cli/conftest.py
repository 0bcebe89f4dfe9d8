import sys
from pathlib import Path

# The tests import what they share, and the references.
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "golden")]


def pytest_terminal_summary(terminalreporter):
    """What tests measured is worth a line even where they pass; pytest shows only failures."""
    for report in terminalreporter.stats.get("passed", []):
        for line in report.capstdout.splitlines():
            if line.startswith("measured: "):
                terminalreporter.write_line(line)
