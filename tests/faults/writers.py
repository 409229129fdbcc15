"""What the writers write over REST: each does one kind of thing, and knows exactly what must be there at the end."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from running import PASSWORD, Person

from .load import PAUSE, Tally, Unsettled, Writer, compare, pages, patiently

RUN_SECONDS = 10.0  # for a worker, which may have to take over from a dead one; then it is looked at again


class Registrations(Writer):
    """People who come."""

    name = "register"

    def __init__(self, tally: Tally, nobody: Person) -> None:
        super().__init__(tally)
        self._nobody = nobody
        self.emails: list[str] = []

    def write(self, key: str) -> None:
        email = f"{key}@example.org"
        body = {"email": email, "password": PASSWORD, "role": "trainee", "name": "Load"}
        answer = self.ask(self._nobody, "POST", "/api/auth/register", body)
        if answer.status == 409:
            self.repeated(f"account {email}")
        elif answer.status != 201:
            self.tally.complain("invented", f"register: {answer}")
        self.emails.append(email)

    def check(self) -> None:
        with ThreadPoolExecutor(4) as several:  # a password takes its time
            list(several.map(self._log_in, self.emails))

    def _log_in(self, email: str) -> None:
        found = patiently(self._nobody, "POST", "/api/auth/login", {"email": email, "password": PASSWORD})
        if found.status != 200:
            self.tally.complain("lost", f"account {email}: {found.status}")


class Profiles(Writer):
    """A coach who rewrites the profile: each change raises the version by one."""

    name = "profile"

    def __init__(self, tally: Tally, coach: Person) -> None:
        super().__init__(tally)
        self._coach = coach
        self._path = f"/api/coaches/{coach.profile_id}"
        self._etag = coach.ask("GET", self._path).headers["etag"]
        self._first = _version(self._etag)
        self._n_done = 0
        self._last = ""

    def write(self, key: str) -> None:
        answer = self.ask(self._coach, "PATCH", self._path, {"bio": key}, headers={"If-Match": self._etag})
        if answer.status == 412:
            found = self.ask(self._coach, "GET", self._path)
            self._etag = found.headers["etag"]
            if found.body["bio"] != key:
                if found.body["bio"] != self._last:
                    self.tally.complain("lost", f"profile: {found.body['bio']} is neither {key} nor {self._last}")
                raise Unsettled
            self.repeated(f"profile {key}")
        elif answer.status == 200:
            self._etag = answer.headers["etag"]
        else:
            self.tally.complain("invented", f"profile: {answer}")
        self._last = key
        self._n_done += 1

    def check(self) -> None:
        found = patiently(self._coach, "GET", self._path)
        version = _version(found.headers["etag"])
        if found.body["bio"] != self._last:
            self.tally.complain("lost", f"profile: {found.body['bio']} is not {self._last}")
        if version != self._first + self._n_done:
            kind = "doubled" if version > self._first + self._n_done else "lost"
            self.tally.complain(kind, f"profile: version {version}, not {self._first} + {self._n_done}")


class Matches(Writer):
    """A trainee who asks a coach, is accepted, and leaves: again and again."""

    name = "match"

    def __init__(self, tally: Tally, trainee: Person, coach: Person) -> None:
        super().__init__(tally)
        self._trainee, self._coach = trainee, coach
        self._ids: list[str] = []
        self._done: dict[str, str] = {}  # step -> id, of the match in hand

    def write(self, key: str) -> None:
        done = self._done
        if "asked" not in done:
            body = {"coach_id": self._coach.profile_id}
            done["asked"] = self._step(self._trainee, "/api/matches", f"{key}-1", body)
        id = done["asked"]
        for step, person, more in (("accept", self._coach, {}), ("end", self._trainee, {"reason": "other"})):
            if step not in done:
                done[step] = self._step(person, f"/api/matches/{id}/{step}", f"{key}-{step}", more)
                if done[step] != id:
                    self.tally.complain("invented", f"match {id}: {step} answered {done[step]}")
        self._ids.append(id)
        self._done = {}

    def _step(self, person: Person, path: str, key: str, body: dict[str, Any]) -> str:
        answer = self.ask(person, "POST", path, body, headers={"Idempotency-Key": key})
        if answer.status not in (200, 201):
            self.tally.complain("invented", f"{path}: {answer}")
            raise Unsettled
        self.tally.add("acknowledged")
        id: str = answer.body["id"]
        return id

    def check(self) -> None:
        found = Counter(each["id"] for each in pages(self._trainee, "/api/matches"))
        expected = Counter(self._ids + ([self._done["asked"]] if "asked" in self._done else []))
        self._compare("match", found, expected)
        for id in self._ids:
            steps = [
                each["action"] for each in patiently(self._trainee, "GET", f"/api/matches/{id}/events").body["items"]
            ]
            if Counter(steps) != Counter(["request", "accept", "end"]):
                self.tally.complain("doubled" if len(steps) > 3 else "lost", f"match {id}: {steps}")

    def _compare(self, what: str, found: Counter[str], expected: Counter[str]) -> None:
        compare(self.tally, what, found, expected)


class Plans(Writer):
    """A coach who writes plans, each under a key."""

    name = "plan"

    def __init__(self, tally: Tally, coach: Person) -> None:
        super().__init__(tally)
        self._coach = coach
        self._ids: dict[str, str] = {}

    def write(self, key: str) -> None:
        answer = self.ask(self._coach, "POST", "/api/plans", {"title": key}, headers={"Idempotency-Key": key})
        if answer.status != 201:
            self.tally.complain("invented", f"plan: {answer}")
            raise Unsettled
        self._ids[key] = answer.body["id"]

    def check(self) -> None:
        found = list(pages(self._coach, "/api/plans"))
        compare(self.tally, "plan", Counter(each["title"] for each in found), Counter(list(self._ids)))
        ids = {each["title"]: each["id"] for each in found}
        for key, id in self._ids.items():
            if key in ids and ids[key] != id:
                self.tally.complain("invented", f"plan {key}: {ids[key]} is not {id}")


class Workouts(Writer):
    """A trainee whose device gives each workout its id."""

    name = "workout"

    def __init__(self, tally: Tally, trainee: Person) -> None:
        super().__init__(tally)
        self._trainee = trainee
        self._ids: list[str] = []

    def write(self, key: str) -> None:
        id = str(uuid.UUID(key))
        answer = self.ask(self._trainee, "POST", "/api/workouts", {"id": id, "started_at": "2026-01-01T10:00:00Z"})
        if answer.status == 200:
            self.repeated(f"workout {id}")
        elif answer.status != 201:
            self.tally.complain("invented", f"workout: {answer}")
            raise Unsettled
        self._ids.append(id)

    def check(self) -> None:
        found = Counter(each["id"] for each in pages(self._trainee, "/api/workouts"))
        compare(self.tally, "workout", found, Counter(self._ids))


class Cohorts(Writer):
    """An admin who places the same trainees again and again: each time each of them is asked for once."""

    name = "cohort run"

    def __init__(self, tally: Tally, admin: Person, trainees: list[Person]) -> None:
        super().__init__(tally)
        self._admin, self._trainees = admin, trainees
        self._asked: dict[str, list[str]] = {each.profile_id: [] for each in trainees}
        self._done: dict[str, str] = {}  # step -> what it said, of the run in hand

    def write(self, key: str) -> None:
        done = self._done
        if "made" not in done:
            named = {"trainee_ids": list(self._asked)}
            done["made"] = self._post(self._admin, "/api/cohort-runs", f"{key}-1", named)["id"]
        run = f"/api/cohort-runs/{done['made']}"
        placed = self._reached(run, "done")
        if "applied" not in done and placed["state"] == "done":
            done["applied"] = self._post(self._admin, f"{run}/apply", f"{key}-2", {})["state"]
        found = self._reached(run, "applied")
        if (found["state"], found["n_requested"]) != ("applied", len(self._trainees)):
            self.tally.complain("lost", f"{run}: {found}")
        for trainee in self._trainees:
            self._withdraw(trainee, done, key)
        self._done = {}

    def _withdraw(self, trainee: Person, done: dict[str, str], key: str) -> None:
        """Take back what was asked for, so that the next run finds everybody free."""
        id_ = trainee.profile_id
        if id_ in done:
            return
        if f"{id_} asked" not in done:
            items = self.ask(trainee, "GET", "/api/matches?status=requested").body["items"]
            if len(items) != 1:
                self.tally.complain("doubled" if items else "lost", f"trainee {id_}: {len(items)} open requests")
                done[id_] = ""
                return
            done[f"{id_} asked"] = items[0]["id"]
            self._asked[id_].append(items[0]["id"])
        match_id = done[f"{id_} asked"]
        self._post(trainee, f"/api/matches/{match_id}/withdraw", f"{key}-{id_}", {})
        done[id_] = match_id

    def _reached(self, run: str, state: str) -> dict[str, Any]:
        """Return the run once a worker has brought it there, or to another end; nobody asks anybody to go on."""
        until = time.monotonic() + RUN_SECONDS
        while time.monotonic() < until:
            found: dict[str, Any] = self.ask(self._admin, "GET", run).body
            if found["state"] in (state, "applied", "failed"):
                return found
            time.sleep(PAUSE)  # a worker is at it
        raise Unsettled

    def _post(self, person: Person, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.ask(person, "POST", path, body, headers={"Idempotency-Key": key})
        if answer.status not in (200, 202):
            self.tally.complain("invented", f"{path}: {answer}")
            raise Unsettled
        self.tally.add("acknowledged")
        found: dict[str, Any] = answer.body
        return found

    def check(self) -> None:
        for trainee in self._trainees:
            found = Counter(each["id"] for each in pages(trainee, "/api/matches"))
            compare(self.tally, "placement", found, Counter(self._asked[trainee.profile_id]))


def _version(etag: str) -> int:
    """Return the version an ETag begins with; what follows it counts what others changed."""
    return int(etag.strip('W/"').partition(".")[0])
