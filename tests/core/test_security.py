"""Passwords and tokens: all of it counts, nothing is guessed, nothing is forged."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import unicodedata
from typing import Any
from uuid import uuid4

import jwt
import pytest

from coachhub_core.clock import ManualClock
from coachhub_core.config import Auth
from coachhub_core.errors import PasswordWeak, SettingsError, Unauthorized
from coachhub_core.security import Passwords, Tokens, check_secret, new_secret

PASSWORDS = Passwords(10)


def test_all_of_a_password_counts() -> None:
    """Also what stands behind bcrypt's 72nd byte; case and edge spaces too."""
    long = "x" * 90 + "end of it"
    stored = PASSWORDS.hash(long)
    assert PASSWORDS.verify(long, stored)
    for other in (long[:-1], long + " ", long.upper(), " " + long, "x" * 90 + "end of xx"):
        assert not PASSWORDS.verify(other, stored)


def test_composed_and_decomposed_are_the_same_password() -> None:
    """Keyboards differ."""
    word = "r\u00e9sum\u00e9 \u00fcber alles"
    assert PASSWORDS.verify(unicodedata.normalize("NFD", word), PASSWORDS.hash(unicodedata.normalize("NFC", word)))


def test_nobodys_and_broken_hashes_are_a_no() -> None:
    """Never an exception; and the work is done all the same."""
    for stored in (None, "", "v1:", "v1:nonsense", "$2b$10$abc", "v2:" + "x" * 60):
        assert not PASSWORDS.verify("three green bicycles", stored)


def test_an_old_cost_is_known() -> None:
    """It is renewed at the next login."""
    stored = PASSWORDS.hash("three green bicycles")
    assert not PASSWORDS.needs_rehash(stored)
    assert Passwords(11).needs_rehash(stored)
    assert Passwords(11).verify("three green bicycles", stored)


@pytest.mark.parametrize(
    "weak",
    [
        "short", "x" * 129, "aaaaaaaaaaaaaaaa", "123456789012", "abcdefghijkl", "qwertyuiop[]", "passwordpassword",
        "Kim Example", "kim@example.org", "coachhubcoachhub", "ababababababab", "iloveyou1234",
    ],
)  # fmt: skip
def test_what_everybody_tries_first_is_refused(weak: str) -> None:
    """Common ones, one's own name or address, sequences, product words."""
    with pytest.raises(PasswordWeak):
        PASSWORDS.judge(weak, about=("Kim Example", "kim@example.org"))


@pytest.mark.parametrize(
    "good",
    [
        "three green bicycles at dawn",
        "\u4e09\u8f86\u7eff\u8272\u81ea\u884c\u8f66\u5728\u9ece\u660e\u65f6\u5206\u9a76\u8fc7",
        "  spaces count too  ",
        "x7#kQ9!vLp2$",
        "k" * 20 + "-" + "horse battery staple",
    ],
)
def test_no_composition_rules(good: str) -> None:
    """Spaces and every script are welcome."""
    PASSWORDS.judge(good, about=("Kim", "kim@example.org"))


# ── tokens ──────────────────────────────────────────────────────────────────

SECRET, OLD_SECRET = new_secret(), new_secret()


def tokens(clock: ManualClock | None = None, **more: Any) -> Tokens:
    return Tokens(Auth(jwt_secret=SECRET, **more), clock or ManualClock())


def a_token(made: Tokens) -> str:
    return made.issue(account_id=uuid4(), role="trainee", session_id=uuid4(), jti=uuid4())


def test_a_token_says_who_and_no_more() -> None:
    """Ids, the role, the registered claims; no personal datum."""
    said = jwt.decode(a_token(tokens()), options={"verify_signature": False})
    assert set(said) == {"id", "role", "sid", "sub", "iss", "aud", "iat", "nbf", "exp", "jti", "type"}
    assert said["exp"] - said["iat"] == 86_400


def test_a_token_is_good_for_its_time() -> None:
    """With five seconds of leeway and no more."""
    clock = ManualClock()
    made = tokens(clock)
    token = a_token(made)
    clock.advance(86_404)
    assert made.verify(token).role == "trainee"
    clock.advance(2)
    with pytest.raises(Unauthorized):
        made.verify(token)


def test_keys_rotate_without_logging_anybody_out() -> None:
    """Two verify, one signs; a retired one is refused."""
    old = Tokens(Auth(jwt_secret=OLD_SECRET), ManualClock())
    token = a_token(old)
    assert tokens(previous_secrets=(OLD_SECRET,)).verify(token)
    with pytest.raises(Unauthorized):
        tokens().verify(token)


def forged(header: Any, claims: Any, key: str = SECRET, *, sign: bool = True) -> str:
    def part(value: Any) -> str:
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    body = f"{part(header)}.{part(claims)}"
    mac = hmac.new(key.encode(), body.encode(), hashlib.sha256).digest() if sign else b""
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def forgeries() -> list[str]:
    """A hundred tokens that are not ours, most of them signed with the right key."""
    good = a_token(tokens())
    header, claims = jwt.get_unverified_header(good), jwt.decode(good, options={"verify_signature": False})
    found = ["", ".", "..", "a.b.c", "a" * 10_000, good + "x", good[:-2], good.replace(".", ".."), good + ".x"]
    for alg in (
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        None,
        ["HS256"],
        "HS512",
        "HS384",
        "RS256",
        "ES256",
        "hs256",
        5,
        {},
    ):
        found += [forged({**header, "alg": alg}, claims), forged({**header, "alg": alg}, claims, sign=False)]
    for kid in (None, "", "../../etc/passwd", "' OR 1=1 --", 5, ["x"], {}, "0" * 16, header["kid"].upper()):
        found.append(forged({**header, "kid": kid}, claims))
    for extra in ("jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "cty"):
        found.append(forged({**header, extra: ["exp"]}, claims))
    found.append(forged({n: value for n, value in header.items() if n != "kid"}, claims))
    for name in claims:
        found.append(forged(header, {n: value for n, value in claims.items() if n != name}))
        for wrong in (None, "", [], {}, "x", -1, 1e400 if False else 10**20):
            if wrong != claims[name]:
                found.append(forged(header, {**claims, name: wrong}))
    found += [
        forged(header, [claims]),
        forged(header, b"not json"),
        forged([header], claims),
        forged(header, claims, "k" * 64),
    ]
    found += [forged(header, {**claims, "exp": 1}), forged(header, {**claims, "nbf": claims["exp"] - 10})]
    found += [forged(header, {**claims, "aud": "other"}), forged(header, {**claims, "iss": "other"})]
    found += [forged(header, {**claims, "type": "refresh"}), forged(header, {**claims, "role": "root"})]
    found.append(forged(header, {**claims, "sub": str(uuid4())}))
    return found


# these change nothing that is relied on: a later start or expiry that still holds, another id of the token
HARMLESS = ("iat", "nbf", "jti", "exp")


def test_a_hundred_forgeries_get_nobody_in() -> None:
    """Not by algorithm, key id, header, claim or shape."""
    made = tokens()
    let_in = []
    for token in forgeries():
        try:
            made.verify(token)
            let_in.append(token)
        except Unauthorized:
            pass
    good = jwt.decode(a_token(made), options={"verify_signature": False})
    for token in let_in:
        claims = jwt.decode(token, options={"verify_signature": False})
        assert jwt.get_unverified_header(token)["alg"] == "HS256"
        changed = {n for n in good if n not in ("id", "sub", "sid") and claims.get(n) != good[n]}
        assert changed <= set(HARMLESS), token
    assert len(forgeries()) > 100


@pytest.mark.parametrize(
    "secret", ["", "x", "a" * 100, "0123456789" * 4, "changeme" * 5, "your-256-bit-secret-your-256-bit", "password" * 8]
)
def test_a_secret_that_could_be_guessed_is_refused(secret: str) -> None:
    """Naming the setting, never the value."""
    with pytest.raises(SettingsError) as caught:
        check_secret(secret)
    assert "JWT_SECRET" in str(caught.value)
    assert not secret or secret not in str(caught.value)


def test_a_made_secret_is_good() -> None:
    """And no two are alike."""
    made = {new_secret() for _ in range(10)}
    assert len(made) == 10
    for secret in made:
        check_secret(secret)
