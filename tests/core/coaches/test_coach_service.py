"""Profiles, seats, weeks, and being found."""

from __future__ import annotations

import json
import random
from datetime import time
from decimal import Decimal
from typing import Any
from uuid import uuid4

import attrs
import pytest

from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import SYSTEM, ChangeAccount, Suspend
from coachhub_core.domain.coaches import (
    AddCertification,
    ChangeCoach,
    CoachView,
    CreateCoach,
    FindCoaches,
    Hours,
    RemoveCertification,
    SetAvailability,
)
from coachhub_core.domain.values import FieldRefused
from coachhub_core.domain.vocabulary import fold
from coachhub_core.errors import (
    AvailabilityOverlap,
    BadRequest,
    CapacityBelowActive,
    CoachProfileExists,
    Forbidden,
    Invalid,
    NotFound,
    Unauthorized,
    VersionMismatch,
)
from coachhub_core.testing.builders import a_coach, an_account
from coachhub_core.testing.story import House


def a_profile(house: House, name: str = "Kim", city: str | None = None, **profile: Any) -> CoachView:
    actor = house.a_person("coach", name=name, city=city)
    return house.hub.coaches.create(actor, CreateCoach(**profile))


def names(house: House, **query: Any) -> list[str]:
    return [c.name for c in house.hub.coaches.find(FindCoaches(**query)).items]


def test_one_profile_per_account(house: House) -> None:
    """By constraint, whoever asks first."""
    coach = house.a_coach()
    with pytest.raises(CoachProfileExists):
        house.hub.coaches.create(coach, CreateCoach())
    with pytest.raises(Forbidden):
        house.hub.coaches.create(house.a_trainee(), CreateCoach())


def test_specialties_are_words_of_the_vocabulary(house: House) -> None:
    """A synonym becomes its tag; a stranger is refused with its place."""
    view = a_profile(house, specialties=("Strength Training", "Marathon"))
    assert view.specialties == ("strength", "marathon")
    with pytest.raises(Invalid) as caught:
        a_profile(house, specialties=("marathon", "knitting"))
    assert [e.pointer for e in caught.value.errors] == ["/specialties/1"]


def test_capacity_is_not_lowered_below_who_is_there(house: House) -> None:
    """Not accepting is the way to shrink, and declines what is open."""
    coach, _ = house.a_pair()
    assert coach.coach_id is not None
    with pytest.raises(CapacityBelowActive):
        house.hub.coaches.change(coach, ChangeCoach(coach_id=coach.coach_id, capacity=0))
    changed = house.hub.coaches.change(coach, ChangeCoach(coach_id=coach.coach_id, capacity=1, is_accepting=False))
    assert (changed.seats_left, changed.is_accepting) == (0, False)


def test_only_the_coach_or_an_admin_changes_a_profile(house: House) -> None:
    """To others it is known, but not theirs; and a version is a version."""
    coach, other = house.a_coach(), house.a_coach()
    with pytest.raises(Forbidden):
        house.hub.coaches.change(other, ChangeCoach(coach_id=coach.coach_id, bio="mine now"))
    with pytest.raises(NotFound):
        house.hub.coaches.change(other, ChangeCoach(coach_id=house.hub.new_id(), bio="nobody's"))
    assert house.hub.coaches.change(SYSTEM, ChangeCoach(coach_id=coach.coach_id, bio="moderated")).bio == "moderated"
    with pytest.raises(VersionMismatch):
        house.hub.coaches.change(coach, ChangeCoach(expected_version=1, bio="late"))


def test_the_view_has_a_revision_of_its_own(house: House) -> None:
    """It grows with whatever the view shows, also when the row's version stands."""
    coach = house.a_coach(city="Bern")
    before = house.hub.coaches.get(None, coach)
    house.hub.accounts.change(coach, ChangeAccount(city="Basel"))
    after = house.hub.coaches.get(None, coach)
    assert (after.city, after.version) == ("Basel", before.version)
    assert after.view_rev > before.view_rev


def test_weeks_do_not_overlap(house: House) -> None:
    """Half-open hours may touch; midnight is the day's end."""
    coach = house.a_coach()
    touching = (
        Hours(weekday=1, starts=time(20), ends=time(0)),
        Hours(weekday=1, starts=time(18), ends=time(20)),
    )
    week = house.hub.coaches.set_availability(coach, SetAvailability(zone="Europe/Berlin", hours=touching))
    assert [h.starts for h in week.hours] == [time(18), time(20)]
    crossing = (*touching, Hours(weekday=1, starts=time(19), ends=time(21)))
    with pytest.raises(AvailabilityOverlap) as caught:
        house.hub.coaches.set_availability(coach, SetAvailability(zone="Europe/Berlin", hours=crossing))
    assert caught.value.errors[0].pointer == "/hours/2"
    with pytest.raises(FieldRefused):
        Hours(weekday=0, starts=time(9), ends=time(9))


def test_certifications_come_and_go(house: House) -> None:
    """Claimed, since nobody has verified them yet."""
    coach, other = house.a_coach(), house.a_coach()
    view = house.hub.coaches.add_certification(coach, AddCertification(name="UKA Coach"))
    assert [(c.name, c.state) for c in view.certifications] == [("UKA Coach", "claimed")]
    taken = RemoveCertification(certification_id=view.certifications[0].id)
    with pytest.raises(NotFound):
        house.hub.coaches.remove_certification(other, taken)
    assert house.hub.coaches.remove_certification(coach, taken).certifications == ()


def test_a_copy_of_the_view_is_kept_for_others_only(house: House) -> None:
    """The owner reads through, so nobody misses their own change."""
    coach = house.a_coach()
    house.hub.coaches.show(coach.coach_id, None)
    with house.hub.storage.begin() as work:  # a change behind the service's back: nobody forgets the copy
        work.coaches.save(attrs.evolve(work.coaches.record(coach.coach_id).coach, bio="behind"))
        work.commit()
    assert house.hub.coaches.show(coach.coach_id, None).source == "process"
    assert b"behind" not in house.hub.coaches.show(coach.coach_id, None).value
    assert b"behind" in house.hub.coaches.show(coach.coach_id, coach).value
    house.hub.coaches.change(coach, ChangeCoach(bio="new"))
    assert b'"new"' in house.hub.coaches.show(coach.coach_id, None).value


def test_nobody_is_shown_who_is_not_there_though_a_copy_says_so(house: House) -> None:
    """What is not there is kept like what is, and refused each time."""
    nobody = uuid4()
    for _ in range(2):
        with pytest.raises(NotFound):
            house.hub.coaches.show(nobody, None)
    with pytest.raises(NotFound):
        house.hub.coaches.peek(nobody)


def test_a_page_is_kept_for_those_who_are_not_on_it(house: House) -> None:
    """Coaches and admins read through; a trainee and a stranger share the copy, each question its own."""
    coach, sam = house.a_coach(), house.a_trainee()
    find = house.hub.coaches.find_written
    assert house.hub.coaches.peek_found("limit=5") is None
    assert find("limit=5", FindCoaches(limit=5), None).source == "database"
    house.a_coach()
    assert find("limit=5", FindCoaches(limit=5), sam) == house.hub.coaches.peek_found("limit=5")
    assert len(json.loads(find("limit=5", FindCoaches(limit=5), coach).value)["items"]) == 2
    assert len(json.loads(find("limit=6", FindCoaches(limit=6), sam).value)["items"]) == 2
    long = "q=" + "x" * 600
    assert find(long, FindCoaches(limit=5), None).source == "database"
    assert house.hub.coaches.peek_found(long) is None


def test_lists_may_ask_for_a_login() -> None:
    """By setting; the owner of a token gets in."""
    settings = Settings.in_memory()
    settings = attrs.evolve(settings, http=attrs.evolve(settings.http, coaches_need_login=True))
    with bootstrap(settings) as hub, pytest.raises(Unauthorized):
        hub.coaches.find(FindCoaches())


def test_words_find_coaches_in_spite_of_typos_accents_and_prefixes(house: House) -> None:
    """Every word must be found, one way or another."""
    a_profile(house, "Ana", "Z\u00fcrich", specialties=("marathon",), bio="I love trails.")
    a_profile(house, "Ben", "Bern", specialties=("strength",), bio="Barbells since 1999.")
    for query, found in (
        ("marathon", ["Ana"]),
        ("marahton", ["Ana"]),
        ("mara", ["Ana"]),
        ("zurich", ["Ana"]),
        ("ZU\u0308RICH", ["Ana"]),
        ("barbel", ["Ben"]),
        ("marathon bern", []),
        ("ana marathon", ["Ana"]),
        ("knitting", []),
        ("!!!", []),
    ):
        assert names(house, q=query) == found, query


def test_who_is_suspended_is_found_no_more(house: House) -> None:
    """Nor listed, until they are back."""
    coach = house.a_coach(name="Ana")
    assert names(house, q="ana") == names(house) == ["Ana"]
    house.hub.admin.suspend(SYSTEM, Suspend(account_id=coach.account_id, reason="spam"))
    assert names(house, q="ana") == names(house) == []
    house.hub.admin.reinstate(SYSTEM, coach.account_id)
    assert names(house) == ["Ana"]


def populated(house: House, n: int = 40) -> list[CoachView]:
    """Many coaches, drawn from a seed, written without the cost of a password each."""
    draw = random.Random(7)
    tags = ("marathon", "strength", "yoga", "swimming")
    views = []
    for number in range(n):
        account = an_account(role="coach", name=f"Coach {number:02}", city=draw.choice([None, "Bern", "Z\u00fcrich"]))
        coach = a_coach(
            account.id,
            id=house.hub.new_id(),
            specialties=tuple(draw.sample(tags, k=draw.randint(0, 2))),
            pricing=draw.choice([None, Decimal(draw.randint(10, 90))]),
            currency=draw.choice(["EUR", "CHF"]),
            capacity=draw.randint(0, 3),
            is_accepting=draw.random() < 0.8,
            modalities=tuple(draw.sample(("online", "in_person", "hybrid"), k=draw.randint(1, 2))),
            languages=tuple(draw.sample(("en", "de", "fr"), k=draw.randint(1, 2))),
            n_reviews=2,
            rating_sum=draw.randint(2, 10),
        )
        with house.hub.storage.begin() as work:
            work.accounts.add(account)
            work.coaches.add(coach)
            work.commit()
        views.append(house.hub.coaches.get(coach.id))
    return views


def fits(view: CoachView, query: FindCoaches) -> bool:
    """Say, as plainly as can be, whether a coach passes every filter: the oracle."""
    is_free = view.is_accepting and view.seats_left > 0
    return all(
        (
            query.specialty is None or query.specialty in view.specialties,
            query.city is None or fold(view.city or "") == fold(query.city),
            query.language is None or query.language in view.languages,
            query.price_max is None or (view.pricing is not None and view.pricing <= query.price_max),
            query.currency is None or view.currency == query.currency,
            query.rating_min is None
            or (view.rating_avg is not None and view.rating_avg >= Decimal(str(query.rating_min))),
            query.modality is None or query.modality in view.modalities,
            query.accepting is None or query.accepting == is_free,
        )
    )


def test_every_combination_of_filters_equals_a_brute_force_oracle(house: House) -> None:
    """200 combinations, drawn from a seed."""
    views = populated(house)
    draw = random.Random(11)
    options: dict[str, list[Any]] = {
        "specialty": ["marathon", "yoga"],
        "city": ["bern", "ZURICH"],
        "language": ["en", "fr"],
        "price_max": [Decimal(30), Decimal(60)],
        "currency": ["EUR"],
        "rating_min": [2.5, 4],
        "modality": ["online", "hybrid"],
        "accepting": [True, False],
    }
    for _ in range(200):
        chosen = {name: draw.choice(options[name]) for name in draw.sample(sorted(options), k=draw.randint(0, 4))}
        query = FindCoaches(**chosen, limit=100, total=True)
        page = house.hub.coaches.find(query)
        expected = {view.id for view in views if fits(view, query)}
        assert {c.id for c in page.items} == expected, chosen
        assert page.total == len(expected)


@pytest.mark.parametrize("sort", ["rating", "price", "-price", "name", "newest", "seats"])
def test_pages_join_to_the_whole_list_there_and_back(house: House, sort: Any) -> None:
    """By cursor, forwards and backwards, in the order that was asked."""
    views = {view.id: view for view in populated(house)}
    whole = [c.id for c in house.hub.coaches.find(FindCoaches(sort=sort, limit=100)).items]
    assert set(whole) == set(views)
    seen, pages, cursor = [], [], None
    while True:
        page = house.hub.coaches.find(FindCoaches(sort=sort, limit=7, cursor=cursor))
        seen += [c.id for c in page.items]
        pages.append(page)
        if page.next is None:
            break
        cursor = page.next
    assert seen == whole
    assert pages[0].prev is None
    back = house.hub.coaches.find(FindCoaches(sort=sort, limit=7, cursor=pages[1].prev))
    assert [c.id for c in back.items] == [c.id for c in pages[0].items]
    keys = {
        "rating": lambda v: (-v.rating_score, v.id),
        "price": lambda v: (v.pricing if v.pricing is not None else Decimal("1e9"), v.id),
        "-price": lambda v: (-(v.pricing if v.pricing is not None else Decimal("1e9")), v.id),
        "name": lambda v: (fold(v.name), v.id),
        "newest": lambda v: -v.id.int,
        "seats": lambda v: (-v.seats_left, v.id),
    }
    assert whole == [v.id for v in sorted(views.values(), key=keys[sort])]


def test_offset_goes_on_by_cursor(house: House) -> None:
    """Both names for a place at once are refused, and so is another list's cursor."""
    populated(house, 12)
    whole = [c.id for c in house.hub.coaches.find(FindCoaches(limit=100)).items]
    page = house.hub.coaches.find(FindCoaches(limit=4, offset=4))
    assert [c.id for c in page.items] == whole[4:8]
    assert [c.id for c in house.hub.coaches.find(FindCoaches(limit=4, cursor=page.next)).items] == whole[8:]
    with pytest.raises(Invalid):
        house.hub.coaches.find(FindCoaches(offset=4, cursor=page.next))
    for cursor in ("made-up", page.next):
        with pytest.raises(BadRequest):
            house.hub.coaches.find(FindCoaches(sort="name", cursor=cursor))
