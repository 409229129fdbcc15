"""What people complain of most: the last seat given twice, two coaches for one trainee. Over REST, two processes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from running import Answer, Person, Running, running

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Settings

ROUNDS = 3  # more by hand: --rounds 10
MAX_OPEN = 5  # requests of a trainee that wait for an answer: the default


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One instance with two worker processes."""
    with running(tmp_path_factory.mktemp("storm") / "data", COACHHUB_HTTP_WORKERS="2") as started:
        yield started


def accept_all(answers: list[tuple[Person, str]]) -> list[Answer]:
    """Send every accept at once."""
    with ThreadPoolExecutor(len(answers)) as pool:
        return list(pool.map(lambda pair: pair[0].ask("POST", f"/api/matches/{pair[1]}/accept"), answers))


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often each storm blows."""
    return int(request.config.getoption("--rounds") or ROUNDS)


@pytest.mark.xdist_group("storms")
def test_one_seat_is_given_once(server: Running, rounds: int) -> None:
    """Twenty accepts for one seat: one 200, nineteen 409 match.coach_full, and those requests stay open."""
    for _ in range(rounds):
        one_seat(server)


def one_seat(server: Running) -> None:
    coach = server.coach(capacity=1)
    trainees = [server.trainee() for _ in range(20)]
    matches = [trainee.request(coach) for trainee in trainees]
    answers = accept_all([(coach, match) for match in matches])
    assert Counter(a.status for a in answers) == {200: 1, 409: 19}
    assert {a.code for a in answers if a.status == 409} == {"match.coach_full"}
    states = Counter(t.ask("GET", f"/api/matches/{m}").body["status"] for t, m in zip(trainees, matches, strict=True))
    assert states == {"active": 1, "requested": 19}
    assert coach.ask("GET", "/api/coaches/me").body["seats_left"] == 0


@pytest.mark.xdist_group("storms")
def test_the_first_acceptance_wins(server: Running, rounds: int) -> None:
    """Five coaches accept one trainee at once: one 200, four 409 match.superseded, one seat taken in all."""
    for _ in range(rounds):
        five_accept_one(server)


def five_accept_one(server: Running) -> None:
    trainee = server.trainee()
    coaches = [server.coach(capacity=3) for _ in range(5)]
    matches = [trainee.request(coach) for coach in coaches]
    answers = accept_all(list(zip(coaches, matches, strict=True)))
    assert Counter(a.status for a in answers) == {200: 1, 409: 4}
    assert {a.code for a in answers if a.status == 409} == {"match.superseded"}
    left = Counter(coach.ask("GET", "/api/coaches/me").body["seats_left"] for coach in coaches)
    assert left == {2: 1, 3: 4}
    me = trainee.ask("GET", "/api/trainees/me").body
    winner = coaches[[a.status for a in answers].index(200)]
    assert me["matched_coach_id"] == winner.profile_id


@pytest.mark.xdist_group("storms")
def test_the_limit_of_open_requests_is_kept(server: Running, rounds: int) -> None:
    """A trainee asks ten coaches at once: five 201, five 409 match.too_many_open, and five wait for an answer."""
    coaches = [server.coach(capacity=1_000) for _ in range(2 * MAX_OPEN)]
    for _ in range(rounds):
        ask_ten_at_once(server, coaches)


def ask_ten_at_once(server: Running, coaches: list[Person]) -> None:
    trainee = server.trainee()

    def ask(coach: Person) -> Answer:
        return trainee.ask("POST", "/api/matches", {"coach_id": coach.profile_id})

    with ThreadPoolExecutor(len(coaches)) as pool:
        answers = list(pool.map(ask, coaches))
    assert Counter(a.status for a in answers) == {201: MAX_OPEN, 409: len(coaches) - MAX_OPEN}
    assert {a.code for a in answers if a.status == 409} == {"match.too_many_open"}
    waiting = trainee.ask("GET", "/api/matches?status=requested&limit=100").body["items"]
    assert {match["id"] for match in waiting} == {a.body["id"] for a in answers if a.status == 201}


@pytest.fixture(scope="module")
def late(server: Running) -> Iterator[CoachHub]:
    """Who expires requests beside the servers, in this process: a hub whose clock says that the time of all is over."""
    settings = Settings.load(None, {**server.environ, "COACHHUB_DATA": str(server.folder)})
    ahead = timedelta(hours=settings.matches.expire_hours + 1)
    with bootstrap(settings, clock=lambda: datetime.now(UTC) + ahead) as hub:
        yield hub


@pytest.mark.xdist_group("storms")
def test_a_request_is_accepted_or_expires_and_never_both(server: Running, late: CoachHub, rounds: int) -> None:
    """To the servers the requests are open, to whoever expires them they are late: one of the two happens to each."""
    seen: Counter[str] = Counter()
    for _ in range(2 * rounds):
        seen += accept_while_they_expire(server, late)
    print(f"accepted or expired at the same moment: {dict(seen)}")
    assert seen["active"] > 0
    assert seen["expired"] > 0
    assert late.storage.check().problems == ()


def accept_while_they_expire(server: Running, late: CoachHub) -> Counter[str]:
    coach = server.coach(capacity=20)
    while late.matches.expire_one():
        pass  # what other storms left open
    trainees = [server.trainee() for _ in range(8)]
    matches = [trainee.request(coach) for trainee in trainees]
    together = threading.Barrier(len(matches) + 1)

    def expire() -> None:
        together.wait()
        while late.matches.expire_one():
            pass

    def accept(match: str) -> Answer:
        together.wait()
        return coach.ask("POST", f"/api/matches/{match}/accept")

    with ThreadPoolExecutor(len(matches) + 1) as pool:
        expiring = pool.submit(expire)
        answers = list(pool.map(accept, matches))
        expiring.result()
    states = [
        assert_it_ended_once(trainee, coach, match, answer)
        for trainee, match, answer in zip(trainees, matches, answers, strict=True)
    ]
    seats_left = coach.ask("GET", "/api/coaches/me").body["seats_left"]
    assert seats_left == 20 - states.count("active")
    return Counter(states)


def assert_it_ended_once(trainee: Person, coach: Person, match: str, answer: Answer) -> str:
    """The answer, the state, the history, the trainee's coach and what both were told agree; return the state."""
    if answer.status == 200:
        state, action, coach_id = "active", "accept", coach.profile_id
    else:
        assert (answer.status, answer.code) == (409, "match.expired")
        state, action, coach_id = "expired", "expire", None
    assert trainee.ask("GET", f"/api/matches/{match}").body["status"] == state
    steps = trainee.ask("GET", f"/api/matches/{match}/events").body["items"]
    assert [step["action"] for step in steps] == ["request", action]
    assert trainee.ask("GET", "/api/trainees/me").body["matched_coach_id"] == coach_id
    for told in (trainee, coach):
        notices = told.ask("GET", "/api/notifications?limit=100").body["items"]
        ends = [n["type"] for n in notices if n["payload"].get("match_id") == match and n["type"] != "match_requested"]
        assert ends == ["match_accepted" if state == "active" else "match_expired"]
    return state


@pytest.mark.xdist_group("storms")
def test_a_key_makes_twenty_requests_one(server: Running) -> None:
    """Twenty twins of one request make one match and get one answer; another body with that key is refused."""
    coach, trainee = server.coach(), server.trainee()
    key = {"Idempotency-Key": "twin"}

    def ask(_: int) -> Answer:
        return trainee.ask("POST", "/api/matches", {"coach_id": coach.profile_id}, headers=key)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    assert {a.status for a in answers} == {201}
    assert len({a.body["id"] for a in answers}) == 1
    other = trainee.ask("POST", "/api/matches", {"coach_id": coach.profile_id, "message": "hi"}, headers=key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


@pytest.mark.xdist_group("storms")
def test_twenty_edits_are_all_counted(server: Running) -> None:
    """Of twenty writers who read the same version one wins at a time; who reads again and again gets through."""
    coach = server.coach(years=0)

    def add_one(_: int) -> int:
        n_refused = 0
        while True:
            read = coach.ask("GET", "/api/coaches/me")
            changed = {"years": read.body["years"] + 1}
            answer = coach.ask("PATCH", "/api/coaches/me", changed, headers={"If-Match": read.headers["etag"]})
            if answer.status == 200:
                return n_refused
            assert (answer.status, answer.code) == (412, "version_mismatch")
            n_refused += 1

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(add_one, range(20)))
    assert coach.ask("GET", "/api/coaches/me").body["years"] == 20


@pytest.mark.xdist_group("storms")
def test_one_of_twenty_takes_an_address(server: Running) -> None:
    """However it is spelled, an address is registered once."""
    spellings = ["kim.storm@example.org", "KIM.storm@example.org", "Kim.Storm@EXAMPLE.org"]

    def register(n: int) -> Answer:
        said = {"email": spellings[n % 3], "password": "lift heavy things 77", "role": "trainee", "name": "Kim"}
        while (answer := server.ask("POST", "/api/auth/register", said)).status == 503:
            time.sleep(1)  # as it says: so many passwords at once are more than a busy machine hashes in time
        return answer

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(register, range(20)))
    assert Counter(a.status for a in answers) == {201: 1, 409: 19}
    assert {a.code for a in answers if a.status == 409} == {"account.email_taken"}
