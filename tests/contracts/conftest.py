"""The list of excuses, at the end of every run of the contracts."""

import pytest

from thalweg.contracts.excuses import excuses


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    given = excuses()
    terminalreporter.section("excuses from contracts")
    for excuse in given:
        terminalreporter.line(str(excuse))
    if not given:
        terminalreporter.line("none")
