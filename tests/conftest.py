"""Options for the batteries that run short by default and long by hand."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the sizes that a person may choose."""
    parser.addoption("--kills", default=None, help="how many processes the kill test kills (6 by default)")
    parser.addoption("--rounds", default=None, help="how often each storm blows (3 by default)")
    parser.addoption("--bodies", default=None, help="invalid bodies per operation (12 by default)")
    parser.addoption("--fuzz", default=None, help="examples per operation for schemathesis (10 by default)")
