"""
People who never stop writing, and remember what they were told.

Each of them does one kind of write again and again. What had no answer, or one
that does not say, is sent again under the same key until it is settled; until
then it counts as unknown. Nobody else writes what one of them writes, so each
knows exactly what must be there at the end.
"""

from __future__ import annotations

import http.client
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

import attrs
from running import Answer, Person
from websockets.exceptions import WebSocketException

TIMEOUT = 9.0  # seconds for an answer; who gets none within them counts it
PAUSE = 0.05
BREATH = 0.1  # between two writes of one writer: nine without any keep every core from what has to start again
LIMIT = 5.0


@attrs.define
class Tally:
    """What was counted, by all writers together."""

    counts: Counter[str] = attrs.field(factory=Counter)
    slowest: float = 0.0
    slow: list[str] = attrs.field(factory=list)
    wrong: list[str] = attrs.field(factory=list)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, repr=False)

    def add(self, name: str, n: int = 1) -> None:
        """Count *n* more of *name*."""
        with self._lock:
            self.counts[name] += n

    def answered(self, what: str, seconds: float) -> None:
        """Count an answer and its time."""
        with self._lock:
            self.counts["answers"] += 1
            self.slowest = max(self.slowest, seconds)
            if seconds > LIMIT:
                self.counts["answers over 5 s"] += 1
                self.slow.append(f"{what}: {seconds:.2f} s")

    def complain(self, kind: str, what: str) -> None:
        """Count something that must not be: ``lost``, ``doubled``, ``invented``."""
        with self._lock:
            self.counts[kind] += 1
            self.wrong.append(f"{kind}: {what}")


class Unsettled(Exception):
    """The outcome is not known, or it was refused: the same again, under the same key."""


class Writer(ABC):
    """
    Does one kind of write until it is told to stop, and settles what it began.

    ``is_fresh`` holds while nothing was sent under the present key: what the
    server then calls a repetition was never sent before.
    """

    name = ""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.is_fresh = True
        self.may_be_done = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"writer-{self.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing new."""
        self._stop.set()

    def join(self, seconds: float) -> bool:
        """Wait until what was begun is settled; say whether it is."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            key = uuid.uuid4().hex
            self.is_fresh, self.may_be_done = True, False
            while True:
                try:
                    self.write(key)
                except (Unsettled, OSError, http.client.HTTPException, WebSocketException, ValueError, KeyError) as exc:
                    if not isinstance(exc, Unsettled):
                        self.may_be_done = True
                        self.tally.add("unknown")
                    self.is_fresh = False
                    time.sleep(PAUSE)  # something is broken: give it a moment
                    continue
                break
            self.tally.add("acknowledged")
            self.tally.add(f"acknowledged: {self.name}")
            if self.may_be_done:
                self.tally.add("unknown and settled")
            self._stop.wait(BREATH)

    @abstractmethod
    def write(self, key: str) -> None:
        """Do one write under *key*; ``Unsettled`` when it is to be done again."""

    @abstractmethod
    def check(self) -> None:
        """Compare what is there with what was acknowledged, and complain."""

    # ── helpers ──

    def ask(self, person: Person, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """Send a request, and count its answer and its time."""
        began = time.monotonic()
        answer = person.ask(method, path, body, timeout=TIMEOUT, **more)
        self.tally.answered(f"{method} {path}", time.monotonic() - began)
        if answer.status == 503:
            self.tally.add("refused")
            said = str(answer.body.get("error", {}).get("message", ""))
            if "not known" in said or "did not say" in said or "not say whether" in said:
                self.may_be_done = True
                self.tally.add("told as unknown")
            raise Unsettled
        if answer.status >= 500:
            self.tally.complain("invented", f"{method} {path}: {answer}")
            raise Unsettled
        return answer

    def repeated(self, what: str) -> None:
        """Take note that the server calls it a repetition."""
        if self.is_fresh:
            self.tally.complain("invented", f"{what} was there before it was sent")
        elif not self.may_be_done:
            self.tally.complain("invented", f"{what} was refused as not done, and was done")


def patiently(person: Person, method: str, path: str, body: Any = None) -> Answer:
    """Ask until it is not refused as unavailable: a check is not a part of the load."""
    deadline = time.monotonic() + 30
    while True:
        answer = person.ask(method, path, body)
        if answer.status != 503 or time.monotonic() > deadline:
            assert answer.status < 400, f"{method} {path}: {answer}"
            return answer
        time.sleep(PAUSE)


def compare(tally: Tally, what: str, found: Counter[str], expected: Counter[str]) -> None:
    """Complain of each that is missing, there twice, or there without having been made."""
    for key in expected - found:
        tally.complain("lost", f"{what} {key}")
    for key in found - expected:
        tally.complain("doubled" if key in expected else "invented", f"{what} {key}")


def pages(person: Person, path: str) -> list[dict[str, Any]]:
    """Return every item of a list."""
    found: list[dict[str, Any]] = []
    address = f"{path}?limit=100"
    while address:
        page = patiently(person, "GET", address).body
        found += page["items"]
        address = f"{path}?limit=100&cursor={page['next']}" if page["next"] else ""
    return found
