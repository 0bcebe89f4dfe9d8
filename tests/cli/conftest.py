"""What tests measured is worth a line even where they pass; pytest shows only failures."""


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("passed", []):
        for line in report.capstdout.splitlines():
            if line.startswith("measured: "):
                terminalreporter.write_line(line)
