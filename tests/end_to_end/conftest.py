"""With ``--on services``, a database and names in Redis for each test, for every process that it starts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from services import CURRENT, environment_of_services


@pytest.fixture(autouse=True)
def services_of_this_test(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.config.getoption("--on") != "services":
        yield
        return
    with environment_of_services() as environ:
        CURRENT.update(environ)
        yield
        CURRENT.clear()
