"""Whoever was let in may have lost the right by the time they write."""

from __future__ import annotations

import pytest

from coachhub_core.domain.accounts import ChangeAccount, EraseAccount, Register
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.errors import Unauthorized
from coachhub_core.testing.story import PASSWORD, House


def test_who_was_erased_meanwhile_writes_nothing(house: House) -> None:
    """A request that was let in before writes after: right and write are read in one transaction."""
    sam = house.a_trainee()
    house.hub.own_data.erase(sam, EraseAccount(password=PASSWORD))
    with pytest.raises(Unauthorized):
        house.hub.accounts.change(sam, ChangeAccount(name="name"))
    with house.hub.storage.begin(read_only=True) as work:
        assert work.accounts.get(sam.account_id).name == "Erased account"


def test_a_session_that_ended_meanwhile_writes_nothing(house: House) -> None:
    """Logged out, or suspended, between the check and the act."""
    register = Register(email="sam@example.org", password=PASSWORD, role="trainee", name="Sam")
    signed_in = house.hub.accounts.register(register)
    actor = house.hub.accounts.authenticate(house.hub.tokens.verify(signed_in.access_token))
    house.hub.accounts.logout(actor)
    with pytest.raises(Unauthorized):
        house.hub.trainees.change(actor, ChangeTrainee(goal="goal"))
    assert house.hub.trainees.get(house.hub.act_as(actor.account_id), None).goal is None
