"""What people complain of most: the last seat given twice, two coaches for one trainee. Over REST, two processes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from running import Answer, Person, Running, running

ROUNDS = 3  # more by hand: --rounds 10


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
