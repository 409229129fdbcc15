"""Who gets in, who stays in, and who is put out."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Auth, Limits, Settings
from coachhub_core.domain.accounts import SYSTEM as ADMIN
from coachhub_core.domain.accounts import (
    Account,
    ChangeAccount,
    ChangePassword,
    Login,
    Refresh,
    Register,
    Suspend,
    canonical_email,
)
from coachhub_core.errors import (
    AccountIllegalTransition,
    BadCredentials,
    EmailTaken,
    Forbidden,
    NotFound,
    PasswordWeak,
    RateLimited,
    TokenExpired,
    TokenReused,
    Unauthorized,
    VersionMismatch,
)
from coachhub_core.memory.rate_counters import MemoryRateCounters
from coachhub_core.services.limits import Throttle
from coachhub_core.testing.builders import an_account
from coachhub_core.testing.clocks import HandClock
from coachhub_core.testing.story import PASSWORD, House


def register(house: House, email: str = "kim@example.org", **more: object) -> Register:
    return Register(email=email, password=PASSWORD, role="trainee", name="Kim", **more)  # type: ignore[arg-type]


def test_who_registers_is_logged_in(house: House) -> None:
    """The answer is a pair of tokens and the account, and the tokens are good at once."""
    signed_in = house.hub.accounts.register(register(house))
    actor = house.hub.accounts.authenticate(house.hub.tokens.verify(signed_in.access_token))
    assert (actor.account_id, actor.role) == (signed_in.account.id, "trainee")
    assert actor.trainee_id is not None


@pytest.mark.parametrize("spelling", ["KIM@example.org", "kim@EXAMPLE.org", "\uff4bim@example.org"])
def test_an_address_is_registered_once_however_it_is_spelled(house: House, spelling: str) -> None:
    """Case and width make no second person."""
    house.hub.accounts.register(register(house))
    with pytest.raises(EmailTaken):
        house.hub.accounts.register(register(house, spelling))


def test_login_takes_any_spelling_and_refuses_all_else_alike(house: House) -> None:
    """Unknown, wrong and suspended are one answer."""
    signed_in = house.hub.accounts.register(register(house))
    assert house.hub.accounts.login(Login(email="KIM@Example.org", password=PASSWORD)).account == signed_in.account
    house.hub.admin.suspend(ADMIN, Suspend(account_id=signed_in.account.id, reason="spam"))
    said = set()
    for email, password in (("kim@example.org", PASSWORD), ("nobody@example.org", PASSWORD), ("not an address", "x")):
        with pytest.raises(BadCredentials) as caught:
            house.hub.accounts.login(Login(email=email, password=password))
        said.add(str(caught.value))
    assert len(said) == 1


def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_session(house: House) -> None:
    """Whoever has the second copy gets nothing, and neither does the first any more."""
    first = house.hub.accounts.register(register(house))
    second = house.hub.accounts.refresh(Refresh(refresh_token=first.refresh_token))
    with pytest.raises(TokenReused):
        house.hub.accounts.refresh(Refresh(refresh_token=first.refresh_token))
    with pytest.raises(Unauthorized):
        house.hub.accounts.authenticate(house.hub.tokens.verify(second.access_token))
    with pytest.raises(TokenExpired):
        house.hub.accounts.refresh(Refresh(refresh_token=second.refresh_token))


def test_a_session_ends_with_its_time(house: House) -> None:
    """An access token after a day, a refresh token after thirty."""
    signed_in = house.hub.accounts.register(register(house))
    house.clock.advance(hours=25)
    with pytest.raises(Unauthorized):
        house.hub.tokens.verify(signed_in.access_token)
    fresh = house.hub.accounts.refresh(Refresh(refresh_token=signed_in.refresh_token))
    house.clock.advance(days=31)
    with pytest.raises(TokenExpired):
        house.hub.accounts.refresh(Refresh(refresh_token=fresh.refresh_token))


def test_what_is_no_token_of_ours_is_unauthorized(house: House) -> None:
    """Made up or empty, it is the same."""
    for token in ("made-up", "x" * 200):
        with pytest.raises(Unauthorized):
            house.hub.accounts.refresh(Refresh(refresh_token=token))


def test_logout_ends_this_session_and_no_other(house: House) -> None:
    """The other device stays."""
    phone = house.hub.accounts.register(register(house))
    laptop = house.hub.accounts.login(Login(email="kim@example.org", password=PASSWORD))
    claims = [house.hub.tokens.verify(s.access_token) for s in (phone, laptop)]
    actor = house.hub.accounts.authenticate(claims[0])
    assert [s.is_current for s in house.hub.accounts.sessions(actor)] == [False, True]
    house.hub.accounts.logout(actor)
    with pytest.raises(Unauthorized):
        house.hub.accounts.authenticate(claims[0])
    assert house.hub.accounts.authenticate(claims[1]).account_id == actor.account_id


def test_a_password_change_needs_the_old_one_and_ends_the_other_sessions(house: House) -> None:
    """The one that asks stays."""
    here = house.hub.accounts.register(register(house))
    there = house.hub.accounts.login(Login(email="kim@example.org", password=PASSWORD))
    actor = house.hub.accounts.authenticate(house.hub.tokens.verify(here.access_token))
    new = "seven lamps on a shelf"
    with pytest.raises(BadCredentials):
        house.hub.accounts.change_password(actor, ChangePassword(current_password="wrong", new_password=new))
    with pytest.raises(PasswordWeak):
        house.hub.accounts.change_password(actor, ChangePassword(current_password=PASSWORD, new_password="short"))
    house.hub.accounts.change_password(actor, ChangePassword(current_password=PASSWORD, new_password=new))
    with pytest.raises(Unauthorized):
        house.hub.accounts.authenticate(house.hub.tokens.verify(there.access_token))
    assert house.hub.accounts.me(actor).name == "Kim"
    with pytest.raises(BadCredentials):
        house.hub.accounts.login(Login(email="kim@example.org", password=PASSWORD))
    assert house.hub.accounts.login(Login(email="kim@example.org", password=new)).account.id == actor.account_id


def test_a_change_needs_the_version_that_was_read(house: House) -> None:
    """Absent members stay, null is a value."""
    actor = house.a_trainee(city="Bern", age=30)
    changed = house.hub.accounts.change(actor, ChangeAccount(expected_version=1, name="Kim K.", age=None))
    assert (changed.name, changed.city, changed.age, changed.version) == ("Kim K.", "Bern", None, 2)
    with pytest.raises(VersionMismatch):
        house.hub.accounts.change(actor, ChangeAccount(expected_version=1, name="Late"))


def test_suspension_ends_sessions_and_can_be_lifted(house: House) -> None:
    """Nobody but an admin decides it."""
    coach, trainee = house.a_pair()
    signed_in = house.hub.accounts.login(Login(email="p1@example.org", password=PASSWORD))
    command = Suspend(account_id=coach.account_id, reason="reported")
    with pytest.raises(Forbidden):
        house.hub.admin.suspend(trainee, command)
    house.hub.admin.suspend(ADMIN, command)
    with pytest.raises(Unauthorized):
        house.hub.accounts.authenticate(house.hub.tokens.verify(signed_in.access_token))
    with pytest.raises(AccountIllegalTransition):
        house.hub.admin.suspend(ADMIN, command)
    assert house.hub.admin.reinstate(ADMIN, coach.account_id).status == "active"
    assert house.hub.accounts.login(Login(email="p1@example.org", password=PASSWORD)).account.id == coach.account_id


def test_an_erased_account_is_nobody(house: House) -> None:
    """Its row stays for those who refer to it, and tells nothing."""
    account: Account = an_account(email="kim@example.org", name="Kim", city="Bern", age=30)
    erased = account.erase(now=house.clock())
    assert (erased.name, erased.city, erased.age, erased.status) == ("Erased account", None, None, "erased")
    assert "kim" not in erased.email + erased.email_key
    with pytest.raises(AccountIllegalTransition):
        erased.erase(now=house.clock())


def test_guesses_are_throttled_and_the_owner_is_not_locked_out() -> None:
    """Ten wrong ones from one place are enough; the right one from elsewhere gets in."""
    settings = attrs.evolve(Settings.in_memory(), auth=Auth(bcrypt_cost=10), limits=Limits())
    with bootstrap(settings) as hub:
        hub.accounts.register(
            Register(email="kim@example.org", password=PASSWORD, role="coach", name="Kim"), source="10.0.0.1"
        )
        for _ in range(10):
            with pytest.raises(BadCredentials):
                hub.accounts.login(Login(email="kim@example.org", password="guess"), source="10.9.9.9")
        with pytest.raises(RateLimited) as caught:
            hub.accounts.login(Login(email="kim@example.org", password=PASSWORD), source="10.9.9.9")
        assert caught.value.retry_after_seconds > 0
        assert hub.accounts.login(Login(email="kim@example.org", password=PASSWORD), source="10.0.0.1")


def test_sixty_guesses_at_once_are_ten() -> None:
    """Each is counted before it is tried, not when it has failed."""
    settings = attrs.evolve(Settings.in_memory(), auth=Auth(bcrypt_cost=10), limits=Limits(login=0, failed_login=10))

    def guess(number: int) -> type[Exception] | None:
        try:
            hub.accounts.login(Login(email="kim@example.org", password=f"guess {number}"), source="10.9.9.9")
        except (BadCredentials, RateLimited) as exc:
            return type(exc)
        return None

    with bootstrap(settings) as hub, ThreadPoolExecutor(16) as pool:
        hub.accounts.register(Register(email="kim@example.org", password=PASSWORD, role="coach", name="Kim"))
        met = Counter(pool.map(guess, range(60)))
    assert met == {BadCredentials: 10, RateLimited: 50}


def test_an_account_that_many_places_guess_at_waits_longer_and_longer_and_never_a_day() -> None:
    """A hundred pass; then one a minute, five minutes, fifteen; the owner's own place is not held up."""
    clock = HandClock()
    throttle = Throttle(MemoryRateCounters(monotonic=clock), Limits())
    throttle.login_succeeded("home", "kim")
    for number in range(100):
        throttle.guess(f"bot {number}", "kim")
    waits = []
    for number in range(12):
        throttle.guess(f"place {number}", "kim")
        with pytest.raises(RateLimited) as caught:
            throttle.guess(f"other {number}", "kim")
        waits.append(round(caught.value.retry_after_seconds))
        clock.advance(caught.value.retry_after_seconds)
    assert waits == [60] * 4 + [300] * 5 + [900] * 3
    throttle.guess("home", "kim")


def test_an_embedding_program_acts_for_whom_it_serves(house: House) -> None:
    """Without a session; but only for accounts that exist."""
    actor = house.a_trainee()
    assert house.hub.act_as(actor.account_id) == actor
    with pytest.raises(NotFound):
        house.hub.act_as(house.hub.new_id())


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("Kim@Example.ORG", "kim@example.org"),
        ("jos\u00e9@ex\u00e4mple.org", "jos\u00e9@xn--exmple-cua.org"),
        ("a.b+c@x.y.co", "a.b+c@x.y.co"),
    ],
)
def test_addresses_have_one_form(typed: str, canonical: str) -> None:
    """For uniqueness only; what was typed is kept beside it."""
    assert canonical_email(typed) == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "a",
        "@x.y",
        "a@",
        "a@b",
        "a b@x.y",
        "a@x..y",
        "a@-x.y",
        ".a@x.y",
        "a..b@x.y",
        "a@x.y\n",
        "a\u200b@x.y",
        "a" * 250 + "@x.y",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    """With a sentence, in linear time."""
    with pytest.raises(ValueError, match=r"\w"):
        canonical_email(typed)
