"""
Rate counters all nodes share: one script, one round trip; without Redis this process counts, to half the limit.

A Redis that came back empty has forgotten what was counted. A mark beside the
counters shows it: who saw another mark before sets a new one with its time, and
for one window from then on everybody counts to half the limit.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

from coachhub_core.errors import Unavailable
from coachhub_core.memory.rate_counters import MemoryRateCounters
from coachhub_core.ports.rate_counters import Hit
from coachhub_redis.client import Link

# KEYS: the counter, the mark. ARGV: limit, window in ms, cost, a name for this hit, the mark that was seen last.
# Times are the server's: nodes' clocks differ. What is a window ahead was counted before its clock went back.
_SLIDING_WINDOW: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local mark = redis.call('GET', KEYS[2])
if not mark then
  local emptied = 0
  if ARGV[5] ~= '' then emptied = now end
  mark = string.format('%.0f', emptied) .. ':' .. ARGV[4]
  redis.call('SET', KEYS[2], mark)
end
if math.abs(now - tonumber(string.match(mark, '^%d+'))) < window then limit = math.max(1, math.floor(limit / 2)) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('(%.0f', now + window), '+inf')
local n = redis.call('ZCARD', KEYS[1])
if n + math.max(cost, 1) > limit then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  if first[2] then return {0, math.max(1, tonumber(first[2]) + window - now), mark} end
  return {0, window, mark}
end
for i = 1, cost do redis.call('ZADD', KEYS[1], now, ARGV[4] .. ':' .. i) end
if cost > 0 then redis.call('PEXPIRE', KEYS[1], window) end
return {1, 0, mark}
"""


class RedisRateCounters:
    """Counts over a sliding window in a sorted set per key."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._script: Any = link.client.register_script(_SLIDING_WINDOW)
        self._here = MemoryRateCounters()
        self._mark = b""

    def hit(self, key: str, *, limit: int, window_seconds: float, cost: int = 1) -> Hit:
        """Count one more, if there is room; a process without Redis knows only its own hits, so it is stricter."""
        keys = [self._key(key), self._link.key("rate-mark")]
        arguments = [limit, round(window_seconds * 1000), cost, secrets.token_hex(8), self._mark]
        try:
            hit, self._mark = self._link.ask(lambda r: _read(self._script(keys=keys, args=arguments, client=r)))
        except Unavailable:
            return self._here.hit(key, limit=max(1, limit // 2), window_seconds=window_seconds, cost=cost)
        return hit

    def forget(self, key: str) -> None:
        """Start a key anew."""
        self._here.forget(key)
        try:
            self._link.ask(lambda r: r.delete(self._key(key)))
        except Unavailable:
            return

    def _key(self, key: str) -> str:
        """Name *key* by its digest: it may hold an address, which must not outlive its owner here."""
        return self._link.key(f"rate:{hashlib.sha256(key.encode()).hexdigest()}")

    def close(self) -> None:
        """Give back every connection."""
        self._link.close()


def _read(answer: Any) -> tuple[Hit, bytes]:
    is_allowed, wait, mark = answer
    if is_allowed not in (0, 1) or not isinstance(wait, int) or not isinstance(mark, bytes):
        raise ValueError("this is no answer of the script")
    return Hit(bool(is_allowed), wait / 1000), mark
