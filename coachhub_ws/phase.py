"""Where a chat server is in its life: what /health/ready answers by."""

from __future__ import annotations


class Phase:
    """Starting, then ready, then draining."""

    def __init__(self) -> None:
        self.is_started = False
        self.is_draining = False

    @property
    def is_ready(self) -> bool:
        """Whether a balancer may send connections here: a broken neighbour must not take every node out."""
        return self.is_started and not self.is_draining
