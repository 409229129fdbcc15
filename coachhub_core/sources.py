"""From where a connection comes: its own address, or what a trusted proxy says. One rule for every door."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from coachhub_core.errors import SettingsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Sources:
    """
    Names sources as limits count them; an IPv6 client is its /64, because one customer has that many addresses.

    Args:
        trusted: Networks whose word in ``X-Forwarded-For`` counts; anybody else writes into it what they like.
    Raises:
        SettingsError: If one of them is no network.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        try:
            self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(text, strict=False) for text in trusted)
        except ValueError as exc:
            raise SettingsError.of([f"http.trusted_proxies: {exc}"]) from exc

    def of(self, peer: str, forwarded: Sequence[str]) -> str:
        """Return the source of a connection from *peer* whose ``X-Forwarded-For`` headers are *forwarded*."""
        if self._is_trusted(peer):
            for part in reversed(",".join(forwarded).split(",")):
                address = part.strip()
                if not address:
                    continue
                if _address(address) is None:
                    break
                peer = address
                if not self._is_trusted(address):
                    break
        return _named(peer)

    def _is_trusted(self, text: str) -> bool:
        address = _address(text) if self._trusted else None
        return address is not None and any(address in n for n in self._trusted if n.version == address.version)


@lru_cache(maxsize=4_096)
def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4_096)
def _named(text: str) -> str:
    address = _address(text)
    if address is None:
        return text or "unknown"
    if address.version == 6:
        return f"{ipaddress.ip_network((address, 64), strict=False).network_address}/64"
    return str(address)
