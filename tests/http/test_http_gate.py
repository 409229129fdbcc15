"""The parts of the gate alone: the memory of tokens, the client's address, the general limit."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from coachhub_core.clock import ManualClock
from coachhub_core.errors import RateLimited, SettingsError, Unauthorized
from coachhub_core.security import Claims
from coachhub_http import middleware
from coachhub_http.middleware import GeneralLimit, RequestSources, Tokens

ID = UUID(int=1)


class Request:
    """What :class:`RequestSources` reads of a request."""

    def __init__(self, peer: str | None, *forwarded: str) -> None:
        self.scope: dict[str, Any] = {
            "client": None if peer is None else (peer, 1),
            "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded],
        }


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "source"),
    [
        ((), "1.2.3.4", ("9.9.9.9",), "1.2.3.4"),
        (("10.0.0.0/8",), "1.2.3.4", ("9.9.9.9",), "1.2.3.4"),
        (("10.0.0.0/8",), "10.0.0.1", ("9.9.9.9",), "9.9.9.9"),
        (("10.0.0.0/8",), "10.0.0.1", ("8.8.8.8, 9.9.9.9, 10.0.0.2",), "9.9.9.9"),
        (("10.0.0.0/8",), "10.0.0.1", ("8.8.8.8", "9.9.9.9"), "9.9.9.9"),
        (("10.0.0.0/8",), "10.0.0.1", ("9.9.9.9, nonsense",), "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", (), "10.0.0.1"),
        (("10.0.0.0/8",), "::ffff:10.0.0.1", ("9.9.9.9",), "9.9.9.9"),
        ((), "2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::/64"),
        ((), "::ffff:1.2.3.4", (), "1.2.3.4"),
        ((), None, (), "unknown"),
    ],
)
def test_the_source_is_the_connections_or_a_trusted_proxys_word(
    trusted: tuple[str, ...], peer: str | None, forwarded: tuple[str, ...], source: str
) -> None:
    """Read from the right as long as the proxies are ours; an IPv6 client is its network."""
    assert RequestSources(trusted).of(Request(peer, *forwarded)) == source  # type: ignore[arg-type]  # the scope is all it reads


def test_a_proxy_that_is_no_network_stops_the_start() -> None:
    """The sentence names the setting."""
    with pytest.raises(SettingsError, match=r"http\.trusted_proxies"):
        RequestSources(("proxy.internal",))


def test_a_signature_is_checked_once_and_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least recently seen go first; what was refused is not remembered."""
    monkeypatch.setattr(middleware, "MAX_TOKENS", 2)
    clock, checked = ManualClock(), []

    def verify(token: str) -> Claims:
        checked.append(token)
        if token == "bad":
            raise Unauthorized
        return Claims(account_id=ID, role="coach", session_id=ID, expires_at=clock.advance(0).replace(year=2030))

    tokens = Tokens(verify, clock)
    for token in ("a", "a", "b", "a", "c", "a", "b", "bad", "bad"):
        found = tokens.claims_of(f"Bearer {token}".encode())
        assert (found is None) == (token == "bad")
    assert checked == ["a", "b", "c", "b", "bad", "bad"]


def test_the_burst_comes_back_with_time() -> None:
    """Two a second, twenty at once; after a second there are two more."""
    now = [100.0]
    limit = GeneralLimit(2, lambda: now[0])
    for _ in range(20):
        limit.hit("sam")
    with pytest.raises(RateLimited) as refused:
        limit.hit("sam")
    assert refused.value.retry_after_seconds == pytest.approx(0.5)
    limit.hit("kim")
    now[0] += 1
    limit.hit("sam")
    limit.hit("sam")
    with pytest.raises(RateLimited):
        limit.hit("sam")


def test_a_limit_of_zero_counts_nothing() -> None:
    """Switched off, for a proxy that has one and for benchmarks."""
    limit = GeneralLimit(0)
    for _ in range(1_000):
        limit.hit("sam")


def test_the_counters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of sources does not fill the memory; who asked last is kept."""
    monkeypatch.setattr(middleware, "MAX_BUCKETS", 3)
    limit = GeneralLimit(1, lambda: 0.0)
    for number in range(10):
        limit.hit(f"s{number}")
    assert list(limit._buckets) == ["s7", "s8", "s9"]
