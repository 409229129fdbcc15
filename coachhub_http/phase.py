"""Where a server is in its life: what /health/ready answers by."""

from __future__ import annotations


class Phase:
    """Starting, then ready, then draining; each server process has one."""

    def __init__(self, *, is_started: bool = False) -> None:
        self.is_started = is_started
        self.is_draining = False

    @property
    def is_ready(self) -> bool:
        """Whether a balancer may send requests here: a broken neighbour must not take every node out."""
        return self.is_started and not self.is_draining
