"""The rows of the degradation table: what is asked of each door, all at once, and what came."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
from running import PASSWORD, Answer, Person
from websockets.exceptions import InvalidStatus, WebSocketException

from .house import House, Talk
from .probes_work import AtWork

Probe = Callable[[], Any]


@attrs.frozen
class Seen:
    """What a door answered: in the table's words, how fast, and what it was exactly."""

    word: str
    """``ok``, ``ok~search``, ``ok~cache``, ``503``, or what should not be."""
    seconds: float
    exact: str


@attrs.define(eq=False)
class Round:
    """People made for one round of probes, since some of what is probed can be done once only."""

    house: House
    leaver: Person  # will log out
    departed: Person  # has logged out, and is to stay so
    refresher: dict[str, Any]  # will refresh
    accepter: Person  # coaches of their own, since who writes to one waits for who writes to the same
    decliner: Person
    rewriter: Person
    ender: Person  # will leave a coach
    describer: Person  # will change what everybody may read of a coach
    eraser: Person  # will be erased
    seeker: Person  # will ask for a coach
    open_match: str  # will be accepted
    declined_match: str
    ended_match: str
    gone: Person  # will ask for a match
    at_work: AtWork
    message: dict[str, Any] = attrs.field(factory=dict)
    edit: dict[str, Any] = attrs.field(factory=dict)
    workout_id: str = ""
    key: str = ""
    etag: str = ""
    profile_etag: str = ""

    @classmethod
    def prepare(cls, house: House) -> Round:
        """Make them; everything is well while this runs."""
        server = house.server
        leaver, departed = server.register("trainee"), server.register("trainee")
        assert departed.ask("POST", "/api/auth/logout").status == 204
        seeker, asker, other, gone, ender, eraser = (server.trainee() for _ in range(6))
        accepter, decliner, rewriter, describer, former = (server.coach() for _ in range(5))
        ended_match = ender.request(former)
        accepted = former.ask("POST", f"/api/matches/{ended_match}/accept")
        assert accepted.status == 200, accepted
        made = Round(
            house=house,
            leaver=leaver,
            departed=departed,
            refresher=house.login(leaver.email).body,
            seeker=seeker,
            accepter=accepter,
            decliner=decliner,
            rewriter=rewriter,
            ender=ender,
            describer=describer,
            eraser=eraser,
            open_match=asker.request(accepter),
            declined_match=other.request(decliner),
            ended_match=ended_match,
            gone=gone,
            at_work=AtWork.prepare(server),
        )
        made.message = {"conversation_id": house.conversation_id, "client_id": str(uuid.uuid4()), "body": "hello"}
        said = house.talk.say("send_message", **{**made.message, "client_id": str(uuid.uuid4())})
        made.edit = {**made.message, "client_id": str(uuid.uuid4()), "seq": said["data"]["seq"], "body": "hallo"}
        made.etag = rewriter.ask("GET", "/api/coaches/me/availability").headers["etag"]
        made.profile_etag = describer.ask("GET", "/api/coaches/me").headers["etag"]
        rows = made.rows()
        copied = [rows[name] for name in ("coaches: list", "coaches: filter", "coaches: full text", "coach: one")]
        with ThreadPoolExecutor(
            12
        ) as pool:  # each worker keeps copies of its own: while one answers, the other is asked
            for row in copied:
                for answer in [pool.submit(row) for _ in range(24)]:
                    answer.result()
        made.workout_id, made.key = str(uuid.uuid4()), uuid.uuid4().hex
        return made

    # ── the rows ──

    def rows(self) -> Mapping[str, Probe]:
        """Name each row and how it is probed."""
        house = self.house
        ask, coach, trainee = house.server.ask, house.coach.ask, house.trainee.ask
        register = {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD, "role": "trainee", "name": "Kim"}
        with_key = {"Idempotency-Key": self.key}
        to_place = {"trainee_ids": [self.seeker.profile_id]}
        conversation = f"/api/conversations/{house.conversation_id}/messages"
        return {
            "GET /health/live": lambda: ask("GET", "/health/live"),
            "GET /health/ready": lambda: ask("GET", "/health/ready"),
            "register": lambda: ask("POST", "/api/auth/register", register),
            "login": lambda: house.login(house.trainee.email),
            "refresh": lambda: ask("POST", "/api/auth/refresh", {"refresh_token": self.refresher["refresh_token"]}),
            "logout": lambda: self.leaver.ask("POST", "/api/auth/logout"),
            "password": lambda: self.seeker.ask(
                "POST", "/api/auth/password", {"current_password": PASSWORD, "new_password": PASSWORD + " again"}
            ),
            "a revoked token": self._revoked,
            "account": lambda: trainee("GET", "/api/accounts/me"),
            "matches: read": lambda: trainee("GET", "/api/matches"),
            "plan: read": lambda: coach("GET", f"/api/plans/{house.plan_id}"),
            "assignments: read": lambda: trainee("GET", "/api/assignments"),
            "workouts: read": lambda: trainee("GET", "/api/workouts"),
            "notifications: read": lambda: trainee("GET", "/api/notifications"),
            "coaches: list": lambda: ask("GET", "/api/coaches"),
            "coaches: filter": lambda: ask("GET", "/api/coaches?specialty=marathon"),
            "coaches: full text": lambda: ask("GET", "/api/coaches?q=marathon"),
            "coach: one": lambda: ask("GET", f"/api/coaches/{house.coach.profile_id}"),
            "suggestions: new": lambda: self.seeker.ask("POST", "/api/coaches/match", {}),
            "suggestions: stored": lambda: trainee("GET", f"/api/suggestions/{house.suggestion_id}"),
            "matches: request": lambda: self.gone.ask(
                "POST", "/api/matches", {"coach_id": house.coach.profile_id}, headers=with_key
            ),
            "matches: accept": lambda: self.accepter.ask("POST", f"/api/matches/{self.open_match}/accept"),
            "matches: decline": lambda: self.decliner.ask(
                "POST", f"/api/matches/{self.declined_match}/decline", {"reason": "schedule"}
            ),
            "matches: end": lambda: self.ender.ask("POST", f"/api/matches/{self.ended_match}/end", {"reason": "other"}),
            "write: profile": self._profile,
            "write: bio": self._bio,
            "write: plan": lambda: coach("POST", "/api/plans", {"title": self.key}, headers=with_key),
            "write: workout": lambda: trainee(
                "POST", "/api/workouts", {"id": self.workout_id, "started_at": "2026-01-01T10:00:00Z"}
            ),
            "analytics": lambda: coach("GET", "/api/coaches/me/roster"),
            "export": lambda: self.seeker.ask("POST", "/api/accounts/me/exports"),
            "export: read": lambda: trainee("GET", "/api/accounts/me/exports"),
            "erasure": lambda: self.eraser.ask("POST", "/api/accounts/me/erasure", {"password": PASSWORD}),
            "cohort run: ask": lambda: house.admin.ask("POST", "/api/cohort-runs", to_place, headers=with_key),
            "cohort run: read": lambda: house.admin.ask("GET", "/api/cohort-runs"),
            "backup": lambda: house.admin.ask("POST", "/api/admin/backups", {"kind": "files"}),
            "chat: connect": lambda: self._connect(),
            "chat: history": lambda: house.talk.say("history", conversation_id=house.conversation_id),
            "chat: send": lambda: house.talk.say("send_message", **self.message),
            "chat: edit": lambda: house.talk.say("edit_message", **self.edit),
            "chat: read mark": lambda: house.talk.say("read", conversation_id=house.conversation_id, seq=1),
            "chat: typing": lambda: house.talk.say("typing", conversation_id=house.conversation_id, on=True),
            "chat: presence": lambda: house.talk.say("presence", account_ids=[house.coach.account_id]),
            "chat over REST: read": lambda: trainee("GET", conversation),
            **self.at_work.rows(with_key),
        }

    def _revoked(self) -> Answer:
        """Come with a token that was revoked: to be refused, or not to be judged, and never to be let in."""
        answer = self.departed.ask("GET", "/api/accounts/me")
        assert answer.status >= 400, "a revoked token was let in"
        return attrs.evolve(answer, status=200) if answer.status == 401 else answer

    def _profile(self) -> Answer:
        """Change a coach's week as it was read when all was well."""
        return self.rewriter.ask(
            "PUT",
            "/api/coaches/me/availability",
            {"zone": "UTC", "hours": []},
            headers={"If-Match": self.etag},
        )

    def _bio(self) -> Answer:
        """Let a coach write a word of which nobody has ever read."""
        return self.describer.ask(
            "PATCH", "/api/coaches/me", {"bio": self.word}, headers={"If-Match": self.profile_etag}
        )

    @property
    def word(self) -> str:
        """What the bio says when it is written."""
        return f"w{self.key[:12]}"

    def is_searchable(self) -> bool:
        """Whether the search engine itself finds who wrote that word."""
        answer = self.house.server.ask("GET", f"/api/coaches?q={self.word}")
        found = [coach["id"] for coach in answer.body["items"]]
        return "x-degraded" not in {n.lower() for n in answer.headers} and found == [self.describer.profile_id]

    def _connect(self) -> dict[str, Any]:
        talk = Talk(self.house.server.chat_port, self.house.trainee.token)
        try:
            return talk.say("join_chat", conversation_id=self.house.conversation_id)
        finally:
            talk.close()

    def probe(self, *, at_once: int | None = None) -> dict[str, Seen]:
        """
        Probe all rows at once; the rows of one chat connection one after the other.

        Args:
            at_once: No more than so many, where the time is the point and two processors would be what is measured.
        """
        rows = self.rows()
        one_socket = [name for name in rows if name.startswith("chat: ") and name != "chat: connect"]
        with ThreadPoolExecutor(at_once or len(rows)) as pool:
            at_once = {name: pool.submit(seen, row) for name, row in rows.items() if name not in one_socket}
            talked = pool.submit(lambda: {name: seen(rows[name]) for name in one_socket})
            return {name: future.result() for name, future in at_once.items()} | talked.result()


def seen(row: Probe) -> Seen:
    """Call a row and put what came into the table's words."""
    began = time.monotonic()
    try:
        answer = row()
    except InvalidStatus as exc:
        return Seen(str(exc.response.status_code), time.monotonic() - began, "upgrade refused")
    except (OSError, ValueError, AssertionError, WebSocketException) as exc:
        return Seen("no answer", time.monotonic() - began, repr(exc))
    seconds = time.monotonic() - began
    if isinstance(answer, Answer):
        return _of_rest(answer, seconds)
    if answer["type"] == "error":
        data = answer["data"]
        is_right = data["code"] in ("unavailable", "overloaded") and data["retryable"]
        return Seen("503" if is_right else data["code"], seconds, str(data))
    return Seen("ok", seconds, answer["type"])


def _of_rest(answer: Answer, seconds: float) -> Seen:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if answer.status < 400:
        way = headers.get("x-degraded")
        return Seen(f"ok~{way}" if way else "ok", seconds, str(answer.status))
    exact = f"{answer.status} {answer.body}"
    if answer.status == 503:
        is_right = "retry-after" in headers and answer.code in ("unavailable", "overloaded")
        return Seen("503" if is_right else "503 without its signs", seconds, exact)
    return Seen(str(answer.status), seconds, exact)
