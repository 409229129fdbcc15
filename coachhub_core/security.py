"""
Passwords and tokens: the only file that knows bcrypt, JWT and zxcvbn.

A password becomes ``bcrypt(base64(HMAC-SHA-256(constant, NFC(password))))``: all
of it counts, however long, and a restored backup still logs people in. An
access token is HS256 with a ``kid``; it is good only while its session row is,
which the services check, so nothing here remembers a yes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import secrets
import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

import attrs
import bcrypt
import jwt
import zxcvbn

from coachhub_core.clock import Clock
from coachhub_core.config import Auth
from coachhub_core.domain.values import Role
from coachhub_core.errors import FieldError, PasswordWeak, SettingsError, TokenExpired, Unauthorized

PASSWORD_MAX_LENGTH: Final = 128
_SCHEME: Final = "v1:"
_PEPPER: Final = b"coachhub.password.v1"  # public on purpose: it shapes the input for bcrypt, it is no secret
_ALGORITHM: Final = "HS256"
_LEEWAY_SECONDS: Final = 5
_ZXCVBN_CHARS: Final = 72  # its time grows faster than the length
_PRODUCT_WORDS: Final = ("coachhub", "coach", "trainee", "trainer", "fitness", "training", "workout")
_SECRET_GUESSES_LOG10: Final = 20  # 2**66 guesses: what 32 random characters exceed by far
_KNOWN_SECRETS: Final = frozenset(
    {
        "secret", "changeme", "change-me", "jwt_secret", "your-256-bit-secret", "your_jwt_secret", "mysecretkey",
        "supersecret", "password", "your-secret-key", "please-change-this-secret-before-production",
    }
)  # fmt: skip


# ── passwords ───────────────────────────────────────────────────────────────


def _shape(password: str) -> bytes:
    normal = unicodedata.normalize("NFC", password).encode("utf-8")
    return base64.b64encode(hmac.digest(_PEPPER, normal, "sha256"))  # 44 bytes, no NUL: within bcrypt's 72


class Passwords:
    """
    Hashes, verifies and judges passwords.

    Args:
        cost: bcrypt's work factor; each step doubles the time.
        min_length: In Unicode code points.
    """

    def __init__(self, cost: int = 12, min_length: int = 12) -> None:
        self._cost = cost
        self._min_length = min_length
        self._nobody = f"{_SCHEME}$2b${cost:02d}${'.' * 53}"  # nobody's password, and as much work as anybody's

    def hash(self, password: str) -> str:
        """Return what is stored: the scheme and a bcrypt hash. Takes a good part of a second, on purpose."""
        return _SCHEME + bcrypt.hashpw(_shape(password), bcrypt.gensalt(self._cost)).decode("ascii")

    def verify(self, password: str, stored: str | None) -> bool:
        """
        Say whether *password* is the one behind *stored*.

        None stands for an account that does not exist: as much work is done, and
        the answer is no, so that the time taken tells nothing.
        """
        usable = stored if stored is not None and stored.startswith(_SCHEME) else self._nobody
        try:
            matches = bcrypt.checkpw(_shape(password), usable[len(_SCHEME) :].encode("ascii"))
        except ValueError:  # a stored value that is no bcrypt hash
            return False
        return matches and usable is stored

    def needs_rehash(self, stored: str) -> bool:
        """Say whether *stored* was made with another cost than today's."""
        parts = stored.removeprefix(_SCHEME).split("$")
        return len(parts) < 4 or parts[2] != f"{self._cost:02d}"

    def judge(self, password: str, *, about: Sequence[str] = (), pointer: str = "/password") -> None:
        """
        Refuse a password that is too short, too long or guessed at once.

        Args:
            about: What the person is known by (name, address): not to be a password.
        Raises:
            PasswordWeak: With the rule that was broken.
        """

        def refuse(message: str, code: str) -> PasswordWeak:
            return PasswordWeak(errors=(FieldError(pointer=pointer, message=message, code=code),))

        normal = unicodedata.normalize("NFC", password)
        if len(normal) < self._min_length:
            raise refuse(f"must have at least {self._min_length} characters", "too_short")
        if len(normal) > PASSWORD_MAX_LENGTH:
            raise refuse(f"may have at most {PASSWORD_MAX_LENGTH} characters", "too_long")
        words = [w.casefold() for item in about for w in (item, *item.replace("@", " ").replace(".", " ").split()) if w]
        folded = normal.casefold()
        if folded in words or len(set(folded)) < 4:
            raise refuse(
                "is too easy to guess: do not use your name, your address or one character over and over", "common"
            )
        judged = zxcvbn.zxcvbn(normal[:_ZXCVBN_CHARS], user_inputs=[*words, *_PRODUCT_WORDS], max_length=_ZXCVBN_CHARS)
        if len(normal) <= _ZXCVBN_CHARS and _is_guessed(judged):
            raise refuse("is too easy to guess: it is a common password, a name or a sequence", "common")


def _is_guessed(judged: dict[str, Any]) -> bool:
    """Whether one look-up in zxcvbn's lists, or a plain sequence, makes up the whole password, or few guesses do."""
    sequence = judged["sequence"]
    return bool(judged["score"] < 2 or (len(sequence) == 1 and sequence[0]["pattern"] != "bruteforce"))


# ── tokens ──────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class Claims:
    """What a genuine access token says; whether it is still good is the session row's word."""

    account_id: UUID
    role: Role
    session_id: UUID
    expires_at: datetime


class Tokens:
    """Issues and verifies access tokens with rotating keys: the first signs, all verify."""

    def __init__(self, auth: Auth, clock: Clock) -> None:
        self._auth = auth
        self._clock = clock
        secrets_ = (auth.jwt_secret, *auth.previous_secrets)
        self._keys = {_kid(secret): secret for secret in reversed(secrets_)}
        self._kid = _kid(auth.jwt_secret)

    def issue(self, *, account_id: UUID, role: Role, session_id: UUID, jti: UUID) -> str:
        """Return a signed access token: ids, the role and the registered claims, no personal datum."""
        now = int(self._clock().timestamp())
        claims = {
            "id": str(account_id),
            "role": role,
            "sid": str(session_id),
            "sub": str(account_id),
            "iss": self._auth.issuer,
            "aud": self._auth.audience,
            "iat": now,
            "nbf": now,
            "exp": now + self._auth.access_seconds,
            "jti": str(jti),
            "type": "access",
        }
        return jwt.encode(claims, self._keys[self._kid], algorithm=_ALGORITHM, headers={"kid": self._kid})

    def verify(self, token: str) -> Claims:
        """
        Return what *token* says.

        Raises:
            TokenExpired: If it was one of ours and its time is over: a client refreshes it.
            Unauthorized: If it is not one of ours, or not for now.
        """
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys[header["kid"]]
            if not set(header) <= {"alg", "typ", "kid"}:  # crit, jwk, jku, x5u, b64: nothing we ever write
                raise Unauthorized
            now = self._clock().timestamp()
            # the clock is injected, so times are compared here and not by the library
            said = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=self._auth.audience,
                issuer=self._auth.issuer,
                options={
                    "require": ["exp", "iat", "nbf", "sub", "jti", "iss", "aud"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "enforce_minimum_key_length": True,
                },
            )
            exp, iat, nbf = (_seconds(said[name]) for name in ("exp", "iat", "nbf"))
            if max(iat, nbf) > now + _LEEWAY_SECONDS:
                raise Unauthorized
            if exp <= now - _LEEWAY_SECONDS:
                raise TokenExpired
            role = said["role"]
            if said["type"] != "access" or role not in ("coach", "trainee", "admin") or said["sub"] != said["id"]:
                raise Unauthorized
            return Claims(
                account_id=UUID(said["id"]),
                role=cast(Role, role),
                session_id=UUID(said["sid"]),
                expires_at=datetime.fromtimestamp(exp, UTC),
            )
        except Unauthorized:
            raise
        except (jwt.PyJWTError, KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as exc:
            raise Unauthorized from exc


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a time must be a number")
    return float(value)


def _kid(secret: str) -> str:
    return hashlib.sha256(b"coachhub.kid.v1" + secret.encode("utf-8")).hexdigest()[:16]


def new_refresh_token() -> str:
    """Return a refresh token: 256 bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def hash_refresh_token(token: str) -> bytes:
    """Return what is stored of a refresh token: 32 bytes from which it cannot be made again."""
    return hashlib.sha256(b"coachhub.refresh.v1" + token.encode("utf-8", "surrogatepass")).digest()


# ── the signing secret ──────────────────────────────────────────────────────


def new_secret() -> str:
    """Return a signing secret: 384 bits in 64 characters."""
    return secrets.token_urlsafe(48)


def check_secret(secret: str, name: str = "JWT_SECRET") -> None:
    """
    Refuse a signing secret that could be guessed.

    Raises:
        SettingsError: Naming the setting, never the value.
    """
    problem = None
    if len(secret.encode("utf-8")) < 32:
        problem = "must have at least 32 bytes"
    elif _is_guessable(secret):
        problem = "is too easy to guess; make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
    if problem is not None:
        raise SettingsError.of([f"{name} {problem}"])


def _is_guessable(secret: str) -> bool:
    """Few different characters, a known example, or words, sequences and repetitions that make up most of it."""
    if _bits(secret) < 96 or any(known in secret.casefold() for known in _KNOWN_SECRETS):
        return True
    judged = zxcvbn.zxcvbn(secret[:_ZXCVBN_CHARS], max_length=_ZXCVBN_CHARS)
    return bool(judged["guesses_log10"] < _SECRET_GUESSES_LOG10)


def _bits(secret: str) -> float:
    """Shannon entropy of the characters, in bits, over the whole secret: an upper bound that low values cannot pass."""
    counts = Counter(secret)
    return -sum(n * math.log2(n / len(secret)) for n in counts.values())
