"""A list of things to happen, done in the order of time while the stage's clock follows."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime

from coachhub_demo.stage import Stage

Scene = Callable[[], None]


class Play:
    """Scenes by their time; a scene may add later ones. What would begin after the end never happens."""

    def __init__(self, stage: Stage, end: datetime) -> None:
        self._stage = stage
        self.end = end
        self._scenes: list[tuple[datetime, int, Scene]] = []
        self._n = 0

    def at(self, when: datetime, scene: Scene) -> None:
        """Let *scene* happen at *when*, at the earliest now."""
        self._n += 1  # scenes of one instant keep their order
        heapq.heappush(self._scenes, (max(when, self._stage.clock.now), self._n, scene))

    def run(self) -> Iterator[datetime]:
        """Play to the end; yield the played time after each scene."""
        while self._scenes and self._scenes[0][0] <= self.end:
            when, _, scene = heapq.heappop(self._scenes)
            self._stage.clock.now = when
            scene()
            yield when
        self._stage.clock.now = self.end
