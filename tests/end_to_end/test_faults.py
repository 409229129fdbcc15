"""Ten seeded faults under a write load, on SQLite and on the servers that can be started here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.embedded  # it brings what it runs on


@pytest.fixture(scope="module", autouse=True)
def findable() -> Iterator[None]:
    """Let ``tests.faults`` be imported as it is with ``python -m``."""
    root = str(Path(__file__).resolve().parent.parent.parent)
    sys.path.insert(0, root)
    yield
    sys.path.remove(root)


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("faults")
@pytest.mark.parametrize("on", ["sqlite", "services"])
def test_nothing_acknowledged_is_lost_doubled_or_invented(
    on: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """And all is well again in time. ``--faults 50`` for more; the whole thousand: ``python -m tests.faults``."""
    from tests.faults.__main__ import ON
    from tests.faults.servers import why_absent
    from tests.faults.slices import run_slice

    if on == "services" and (absent := why_absent("mariadb") or why_absent("redis")) is not None:
        pytest.skip(absent)
    engines = tuple(kind for kind in ON[on] if why_absent(kind) is None)
    n_faults = int(request.config.getoption("--faults") or 10)
    found = run_slice(engines, 1, range(n_faults), print)
    counted = {
        kind: found.counts[kind] for kind in ("lost", "doubled", "invented", "differs", "unsettled", "not healed")
    }
    assert not any(counted.values()), (counted, found.wrong)
    assert found.counts["acknowledged"] > 10 * n_faults
    assert found.slowest < 7, found.wrong  # 5 s, and what two busy cores add
