"""Two people talk over real sockets."""

from __future__ import annotations

import uuid

from ws_parts import Door, Pair, a_message


async def test_a_message_reaches_the_other_side_and_ones_own_other_device(door: Door, pair: Pair) -> None:
    """It is acknowledged once it is stored, with its place in the log."""
    id = pair.conversation_id
    phone, laptop = await door.device(pair.trainee, id), await door.device(pair.trainee, id)
    coach = await door.device(pair.coach, id)
    client_id = uuid.uuid4()
    ack = await phone.say(id, "hello 🏃", client_id)
    assert (ack["seq"], ack["duplicate"]) == (1, False)
    for device in (laptop, coach):
        message = await device.push("message")
        assert message["body"] == "hello 🏃"
        assert message["seq"] == 1
        assert message["client_id"] == str(client_id)
        assert message["sender_id"] == str(pair.trainee.id)
        assert message["created_at"] == ack["created_at"]
    assert await phone.quiet() == []
    again = await laptop.say(id, "hello 🏃", client_id)
    assert again == {**ack, "duplicate": True}
    refused = await phone.refusal("send_message", a_message(id, "another", client_id))
    assert refused["code"] == "client_id_conflict"
    assert await coach.quiet() == []
