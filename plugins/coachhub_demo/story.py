"""
One person's story through the real doors, each step checked.

Sam wants to run a marathon; Mara coaches runners and has one place left. Nothing
here knows the inside of CoachHub: it speaks REST and chat as any app would.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

import attrs

from coachhub_core.errors import CoachHubError
from coachhub_demo.chat_client import ChatClient
from coachhub_demo.doors import Answer, Rest
from coachhub_demo.script import ABOUT, COACHES, GOAL, PASSWORD, ZONE, plan_document
from coachhub_demo.telling import Teller

EXPORT_SECONDS: Final = 20.0


@attrs.define(kw_only=True)
class StepFailed(CoachHubError):
    """Raised when a step did not do what it says; the reason is what came instead."""

    code: ClassVar[str] = "demo.step_failed"
    reason: str

    def __str__(self) -> str:
        return self.reason


@attrs.define(kw_only=True)
class Someone:
    """A person with their token."""

    name: str
    token: str
    account_id: str
    chat: ChatClient | None = None


_HEARD_SECONDS: Final = 10.0


class Story:
    """
    Plays the steps.

    Args:
        rest: The REST door.
        chat_url: The address of the chat door.
        mark: What makes the people's addresses new where the story was played before.
    """

    def __init__(self, rest: Rest, chat_url: str, teller: Teller, *, mark: str = "") -> None:
        self._rest = rest
        self._mark = mark
        self._chat_url = chat_url
        self._teller = teller
        self._coaches: dict[str, Someone] = {}
        self._facts: dict[str, Any] = {}
        self._people: dict[str, Someone] = {}

    def play(self) -> bool:
        """Play every step; False as soon as one did not do what it says."""
        steps: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("Four coaches offer what they do", ABOUT["coaches"], self._offer),
            ("Sam registers and says a goal in his own words", ABOUT["goal"], self._goal),
            ("Sam gets coaches, best first, each with reasons", ABOUT["ranked"], self._ranked),
            ("Sam asks Mara", ABOUT["ask"], self._ask),
            ("Mara accepts; Lee, who comes second, is told why not", ABOUT["accept"], self._accept),
            ("Mara publishes a plan and puts it on Sam's calendar", ABOUT["plan"], self._plan),
            ("Sam and Mara talk", ABOUT["chat"], self._talk),
            ("Sam's connection is cut, and nothing is lost", ABOUT["cut"], self._cut),
            ("Sam logs what really happened", ABOUT["log"], self._log),
            ("Mara sees who needs a word today", ABOUT["attention"], self._attention),
            ("Sam takes everything along", ABOUT["export"], self._export),
        )
        try:
            for title, about, step in steps:
                self._teller.begin(title, about)
                try:
                    step()
                except Exception as exc:  # whatever it was, the step did not do what it says
                    self._teller.fail(str(exc) if isinstance(exc, StepFailed) else f"{type(exc).__name__}: {exc}")
                    return False
                self._teller.end()
        finally:
            for person in (*self._people.values(), *self._coaches.values()):
                if person.chat is not None:
                    person.chat.cut()
        return True

    # ── asking and checking ──

    def _call(
        self, method: str, path: str, body: Any = None, *, who: Someone | None = None, wants: int = 200, **more: Any
    ) -> Answer:
        answer = self._rest.ask(method, path, body, token=who.token if who is not None else None, **more)
        if answer.status != wants:
            said = f"{answer.error_code}: {answer.reason}" if answer.status >= 400 else "something else"
            raise StepFailed(reason=f"{method} /api{path} was answered {answer.status}, not {wants} ({said})")
        return answer

    def _expect(self, is_so: bool, otherwise: str) -> None:
        if not is_so:
            raise StepFailed(reason=otherwise)

    def _register(self, name: str, role: str, city: str) -> Someone:
        email = f"{name.split()[0].lower()}{self._mark}@example.org"
        body = {"email": email, "password": PASSWORD, "role": role, "name": name, "city": city, "zone": ZONE}
        made = self._call("POST", "/auth/register", body, wants=201).body
        return Someone(name=name, token=made["access_token"], account_id=made["account"]["id"])

    @property
    def _sam(self) -> Someone:
        return self._people["Sam"]

    @property
    def _mara(self) -> Someone:
        return self._coaches["Mara Keller"]

    # ── the steps ──

    def _offer(self) -> None:
        self._teller.did("POST /api/auth/register and POST /api/coaches, four times")
        for name, city, profile in COACHES:
            coach = self._register(name, "coach", city)
            view = self._call("POST", "/coaches", profile, who=coach, wants=201).body
            self._expect(view["seats_left"] == profile["capacity"], f"{name} should have all seats free")
            self._coaches[name] = coach
            self._facts[name] = view["id"]
            seats = view["seats_left"]
            tags = ", ".join(view["specialties"])
            self._teller.came(f"{name}, {city}: {tags}, {view['pricing']} {view['currency']}, {_count(seats, 'place')}")
        self._expect(self._is_found("marathn", "Mara Keller"), "a search with a typo should find Mara")
        self._teller.came("a search for “marathn” (with the typo) finds Mara Keller")

    def _is_found(self, words: str, name: str) -> bool:
        """Search until *name* comes first: a search engine of its own hears of a change a moment later."""
        deadline = time.monotonic() + _HEARD_SECONDS
        while True:
            found = self._call("GET", f"/coaches?q={words}").body["items"]
            if [coach["name"] for coach in found][:1] == [name]:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.25)

    def _goal(self) -> None:
        self._teller.did("POST /api/auth/register")
        sam = self._people["Sam"] = self._register("Sam Rivera", "trainee", "Berlin")
        self._teller.did("PATCH /api/trainees/me, based on the version he has seen (If-Match)")
        etag = self._call("GET", "/trainees/me", who=sam).etag
        body = {"goal": GOAL, "fitness_level": "beginner", "budget": "60.00", "currency": "EUR", "languages": ["en"]}
        view = self._call("PATCH", "/trainees/me", body, who=sam, if_match=etag).body
        self._expect(view["goal"] == GOAL, "the goal should be kept word for word")
        self._facts["trainee_id"] = view["id"]
        self._teller.came(f"“{GOAL}” is kept word for word")

    def _ranked(self) -> None:
        self._teller.did("POST /api/coaches/match")
        found = self._call("POST", "/coaches/match", {}, who=self._sam).body
        items = found["items"]
        self._expect(len(items) >= 2, "there should be several suggestions")
        self._expect(items[0]["coach"]["name"] == "Mara Keller", "Mara should come first")
        scores = [item["score"] for item in items]
        self._expect(scores == sorted(scores, reverse=True), "the best should come first")
        for item in items:
            product = math.prod(_probabilities(item["reasons"]).values())
            self._expect(abs(product - item["score"]) < 1e-6, f"the reasons for {item['coach']['name']} should add up")
        for item in items[:2]:
            said = [reason for reason in item["reasons"] if not reason["code"].endswith(".base")]
            lines = "\n".join(f"  {r['contribution']:+.2f}  {r['text']}" for r in said[:4])
            self._teller.came(f"{item['rank']}. {item['coach']['name']}, score {item['score']:.2f}\n{lines}")
        steps = _probabilities(items[0]["reasons"])
        if len(steps) > 1:
            self._teller.came(
                f"three probabilities make {items[0]['coach']['name']}'s score: that Sam wants this coach"
                f" ({steps['wants']:.2f}), that the coach says yes ({steps['accepts']:.2f}), that it goes well"
                f" ({steps['goes_well']:.2f}); the contributions of each add up to it, exactly"
            )
        else:
            self._teller.came("the contributions of each add up to its score, exactly")
        self._facts["set_id"] = found["set_id"]

    def _ask(self) -> None:
        self._teller.did("POST /api/matches with an Idempotency-Key, sent twice as a shaky network does")
        body = {
            "coach_id": self._facts["Mara Keller"],
            "message": "Hi Mara, do you have a place?",
            "suggestion_set_id": self._facts["set_id"],
        }
        key = str(uuid.uuid4())
        first = self._call("POST", "/matches", body, who=self._sam, wants=201, key=key).body
        again = self._call("POST", "/matches", body, who=self._sam, wants=201, key=key).body
        self._expect(first["id"] == again["id"], "the same key twice should be one request")
        self._expect(first["status"] == "requested", "the match should be requested")
        self._facts["match_id"] = first["id"]
        hours = (_instant(first["expires_at"]) - _instant(first["created_at"])) / timedelta(hours=1)
        self._teller.came(f"one request, which ends by itself after {hours:.0f} hours: nobody waits for ever")
        inbox = self._call("GET", "/notifications?unread=true", who=self._mara).body
        self._expect(inbox["items"][0]["type"] == "match_requested", "Mara should be told")
        seen = self._call("GET", f"/matches/{first['id']}", who=self._mara).body
        self._expect(bool(seen["explanation"]), "Mara should see the reasons")
        self._teller.came("Mara has it in her inbox, with the reasons Sam was shown")

    def _accept(self) -> None:
        match_id = self._facts["match_id"]
        self._teller.did(f"POST /api/matches/{match_id[:8]}…/accept")
        match = self._call("POST", f"/matches/{match_id}/accept", who=self._mara).body
        self._expect(match["status"] == "active", "the match should be active")
        self._facts["conversation_id"] = match["conversation_id"]
        coach_id = self._facts["Mara Keller"]
        seats = self._call("GET", f"/coaches/{coach_id}").body["seats_left"]
        self._expect(seats == 0, "Mara should have no place left")
        self._teller.came("Sam and Mara are matched; Mara has no place left")
        self._teller.did("Lee registers and asks Mara, too: POST /api/matches")
        lee = self._people["Lee"] = self._register("Lee Nguyen", "trainee", "Berlin")
        body = {"coach_id": coach_id}
        refused = self._call("POST", "/matches", body, who=lee, wants=409, key=str(uuid.uuid4()))
        self._expect(refused.error_code == "match.coach_full", "the refusal should say why")
        self._teller.came(f"refused, 409 {refused.error_code}: “{refused.reason}”")

    def _plan(self) -> None:
        found = self._call("GET", "/exercises?q=running", who=self._mara).body["items"]
        self._expect(bool(found), "there should be an exercise called running")
        run = next(exercise for exercise in found if exercise["slug"] == "running")
        self._facts["run"] = run["id"]
        self._teller.did("POST /api/plans, then …/publish: a version that never changes again")
        body = {"title": "Marathon, the first four weeks", "document": plan_document(run["id"])}
        plan = self._call("POST", "/plans", body, who=self._mara, wants=201).body
        published = self._call("POST", f"/plans/{plan['id']}/publish", {"parent": None}, who=self._mara).body
        self._expect(published["version_number"] == 1, "the first version should be number 1")
        self._teller.came(f"“{plan['title']}” version 1, SHA-256 {published['sha256'][:12]}…")
        self._teller.did("POST /api/assignments: it starts today")
        today = datetime.now(ZoneInfo(ZONE)).date()
        body = {"plan_id": plan["id"], "trainee_id": self._facts["trainee_id"], "start_date": today.isoformat()}
        self._call("POST", "/assignments", body, who=self._mara, wants=201, key=str(uuid.uuid4()))
        until = today + timedelta(days=27)
        days = self._call("GET", f"/trainees/me/calendar?from={today}&to={until}", who=self._sam).body["items"]
        self._expect(len(days) == 12, f"Sam should have 12 days in four weeks, not {len(days)}")
        self._facts["day"] = days[0]
        asked = days[0]["prescription"]["workout"]["blocks"][0]["items"][0]["sets"]
        self._expect(len(asked) == 3, "today should ask for three intervals")
        self._teller.came(f"Sam's calendar has 12 days; today: {days[0]['name']}, three times 1 km at RPE 6 to 7")

    def _talk(self) -> None:
        self._teller.did(f"both open a WebSocket to {self._chat_url} and join the conversation")
        conversation_id = self._facts["conversation_id"]
        sam, mara = self._open(self._sam), self._open(self._mara)
        lines = (
            (mara, "Welcome, Sam! How are the knees?"),
            (sam, "Grumpy, but willing 🙂"),
            (mara, "יאללה, let's go."),
        )
        for speaker, text in lines:
            ack = speaker.send(conversation_id, text)
            who = "Mara" if speaker is mara else "Sam"
            self._teller.came(f"{who}: {text}   (stored as number {ack['seq']})")
        said = [text for _, text in lines]
        for listener, name in ((sam, "Sam"), (mara, "Mara")):
            is_there = listener.listen(lambda device=listener: device.bodies(conversation_id) == said)  # type: ignore[misc]
            self._expect(is_there, f"{name} should have all three messages in order")
        self._teller.came("both devices show the same three messages in the same order")

    def _open(self, person: Someone) -> ChatClient:
        person.chat = ChatClient(self._chat_url, person.token)
        person.chat.connect()
        person.chat.join(self._facts["conversation_id"])
        return person.chat

    def _cut(self) -> None:
        conversation_id = self._facts["conversation_id"]
        sam, mara = self._sam.chat, self._mara.chat
        if sam is None or mara is None:
            raise StepFailed(reason="the two should be connected")
        self._teller.did("Sam's connection is dropped without a word, as a tunnel does")
        sam.cut()
        for text in ("Easy start today.", "Walk whenever you like."):
            mara.send(conversation_id, text)
        self._teller.came("Mara writes two messages meanwhile")
        client_id = uuid.uuid4()
        ack = sam.send(conversation_id, "Back above ground!", client_id=client_id)
        again = sam.send(conversation_id, "Back above ground!", client_id=client_id)
        self._expect(sam.n_connects == 2, "Sam should have connected again")
        self._expect(again["seq"] == ack["seq"] and again["duplicate"], "a message sent twice should be stored once")
        self._teller.came(
            "Sam's device comes back by itself, catches up, and sends what it had; sent twice, stored once"
        )
        wanted = [*sam.bodies(conversation_id)]
        self._expect(len(wanted) == 6, f"Sam should have six messages, not {len(wanted)}")
        is_there = mara.listen(lambda: mara.bodies(conversation_id) == wanted)
        self._expect(is_there, "Mara should have the same six messages")
        numbers = [event["seq"] for event in sam.events[conversation_id]]
        self._expect(numbers == [1, 2, 3, 4, 5, 6], "the numbers should have no hole")
        stored = self._call("GET", f"/conversations/{conversation_id}/messages?after_seq=0", who=self._sam).body
        self._expect([event["body"] for event in stored["events"]] == wanted, "REST should tell the same")
        self._teller.came("numbers 1 to 6 without a hole on both devices, and over REST the same")

    def _log(self) -> None:
        self._teller.did("POST /api/workouts under an id made by Sam's watch, sent twice")
        day, now = self._facts["day"], datetime.now(UTC)
        workout = day["prescription"]["workout"]
        keys = [each["key"] for each in workout["blocks"][0]["items"][0]["sets"]]
        sets = [
            {
                "set_key": key,
                "exercise_id": self._facts["run"],
                "distance_metres": 1000,
                "duration_seconds": 390,
                "rpe": rpe,
            }
            for key, rpe in zip(keys, (7, 9.5, 10), strict=True)
        ]
        body = {
            "id": str(uuid.uuid4()),
            "scheduled_workout_id": day["id"],
            "started_at": (now - timedelta(minutes=40)).isoformat(),
            "ended_at": now.isoformat(),
            "notes": "the last two were too fast",
            "sets": sets,
        }
        made = self._call("POST", "/workouts", body, who=self._sam, wants=201).body
        again = self._call("POST", "/workouts", body, who=self._sam, wants=200).body
        self._expect(made["id"] == again["id"], "the same log twice should be one")
        self._expect(made["fulfils"] == "done", "today's workout should be done")
        self._facts["workout_id"] = made["id"]
        self._teller.came("stored once; today is done: three of three intervals")
        theirs = self._call("GET", f"/workouts/{made['id']}", who=self._mara).body
        self._expect(theirs["sets"] == made["sets"], "Mara should see the same sets")
        target = made["sets"][2]["target"]["effort"]
        self._teller.came(f"beside each set stands what was asked for: RPE {target['min']} to {target['max']}, felt 10")

    def _attention(self) -> None:
        self._teller.did("GET /api/coaches/me/attention")
        found = self._call("GET", "/coaches/me/attention", who=self._mara).body["items"]
        self._expect(bool(found), "Sam should be on the list")
        flag = found[0]
        self._expect(flag["flag"] == "effort_over_target", f"the flag should be effort_over_target, not {flag['flag']}")
        self._expect(flag["trainee_name"] == "Sam Rivera", "it should be about Sam")
        evidence = flag["evidence"]
        self._teller.came(f"{flag['trainee_name']}: {flag['flag']}\nrule: {flag['rule']}")
        felt, asked = f"{evidence['rpe_before']} and {evidence['rpe']}", evidence["target_rpe"]
        self._teller.came(f"evidence: RPE {felt} where at most {asked} was asked for")
        roster = self._call("GET", "/coaches/me/roster", who=self._mara).body["items"]
        self._expect([row["trainee_name"] for row in roster] == ["Sam Rivera"], "the roster should list Sam")
        self._teller.came("and her roster: Sam Rivera, with the plan he is on")

    def _export(self) -> None:
        self._teller.did("POST /api/accounts/me/exports; the worker makes it")
        export = self._call("POST", "/accounts/me/exports", who=self._sam, wants=202).body
        deadline = time.monotonic() + EXPORT_SECONDS
        while export["state"] == "running" and time.monotonic() < deadline:
            time.sleep(0.1)
            export = self._call("GET", f"/accounts/me/exports/{export['id']}", who=self._sam).body
        self._expect(export["state"] == "done", f"the export should be done within {EXPORT_SECONDS:.0f} s")
        document = export["document"]
        self._expect(document["trainee"]["profile"]["goal"] == GOAL, "the goal should be in it")
        self._expect(len(document["matches"]) == 1, "the match should be in it")
        own = [message["body"] for message in document["messages"]]
        self._expect(own == ["Grumpy, but willing 🙂", "Back above ground!"], "Sam's own messages should be in it")
        logged = [each["workout"]["id"] for each in document["workouts"]]
        self._expect(logged == [self._facts["workout_id"]], "the workout should be in it")
        sections = ", ".join(sorted(name for name in document if name not in ("format", "made_at")))
        self._teller.came(f"{export['n_bytes']:,} bytes of JSON: {sections}")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _probabilities(reasons: list[dict[str, Any]]) -> dict[str, float]:
    """Add up the contributions of each group, and make of each sum the probability it is the logit of."""
    logits: dict[str, float] = {}
    for reason in reasons:
        group = reason["code"].partition(".")[0]
        logits[group] = logits.get(group, 0.0) + reason["contribution"]
    return {group: 1 / (1 + math.exp(-logit)) for group, logit in logits.items() if group != "order"}
