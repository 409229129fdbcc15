"""The room *accounts*: who can log in, their sessions, and who acts now."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.values import UNSET, FieldRefused, Role, Unset
from coachhub_core.errors import AccountIllegalTransition

Gender = Literal["male", "female", "other"]
AccountStatus = Literal["active", "suspended", "erased"]

EMAIL_MAX_LENGTH: Final = 254
_LOCAL_MAX_LENGTH: Final = 64


def canonical_email(address: str) -> str:
    """
    Return the form in which an address is unique: NFKC, case folded, domain as A-labels.

    Only equality is decided here, not deliverability. Linear in the length.

    Raises:
        ValueError: With the rule that was broken.
    """
    if len(address) > EMAIL_MAX_LENGTH:
        raise ValueError(f"may have at most {EMAIL_MAX_LENGTH} characters")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", address).casefold())
    if any(c.isspace() or unicodedata.category(c)[0] == "C" for c in folded):
        raise ValueError("must not hold spaces, control or invisible characters")
    local, at, domain = folded.rpartition("@")
    if not at or not local or "@" in local or len(local) > _LOCAL_MAX_LENGTH:
        raise ValueError("must be an address such as sam@example.org")
    if local[0] == "." or local[-1] == "." or ".." in local or any(c in '"(),:;<>[\\]' for c in local):
        raise ValueError("must be an address such as sam@example.org")
    labels = domain.split(".")
    if len(labels) < 2 or len(domain) > 253:
        raise ValueError("must end in a domain such as example.org")
    try:
        ascii_labels = [label.encode("idna").decode("ascii") for label in labels]
    except UnicodeError:
        raise ValueError("must end in a domain such as example.org") from None
    for label in ascii_labels:
        if not 0 < len(label) <= 63 or label[0] == "-" or label[-1] == "-" or not label.replace("-", "").isalnum():
            raise ValueError("must end in a domain such as example.org")
    canonical = f"{local}@{'.'.join(ascii_labels)}"
    if len(canonical) > EMAIL_MAX_LENGTH:
        raise ValueError(f"may have at most {EMAIL_MAX_LENGTH} characters")
    return canonical


def email(**more: Any) -> Any:
    """Make a field of an address that has a canonical form."""

    def check(member: str, value: Any) -> None:
        if not isinstance(value, str):
            raise FieldRefused(member, "must be a string", "type")
        try:
            canonical_email(value)
        except ValueError as exc:
            raise FieldRefused(member, str(exc), "email") from None

    return v.field(check, {"format": "email", "maxLength": EMAIL_MAX_LENGTH}, **more)


def password(**more: Any) -> Any:
    """Make a field for a password, as typed; how good it is is judged by the service."""
    return v.text(1_000, min_len=1, **more)


# ── entities ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class Account:
    """A login, stored in ``users``. ``email`` is as typed, ``email_key`` its canonical form."""

    id: UUID
    email: str
    email_key: str
    password_hash: str = attrs.field(repr=False)
    role: Role
    name: str
    age: int | None = None
    gender: Gender | None = None
    city: str | None = None
    zone: str = "UTC"
    locale: str = "en"
    status: AccountStatus = "active"
    email_verified_at: datetime | None = None
    password_changed_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int = 1

    def suspend(self, *, now: datetime) -> Account:
        """Return the account suspended."""
        return self._become("suspended", "suspend", ("active",), now)

    def reinstate(self, *, now: datetime) -> Account:
        """Return the account active again."""
        return self._become("active", "reinstate", ("suspended",), now)

    def _become(self, status: AccountStatus, action: str, from_: tuple[str, ...], now: datetime) -> Account:
        if self.status not in from_:
            raise AccountIllegalTransition(state=self.status, action=action, allowed=ALLOWED_ACTIONS[self.status])
        return attrs.evolve(self, status=status, updated_at=now)

    def erase(self, *, now: datetime) -> Account:
        """Return what is left of an erased person: a row that refers to nobody."""
        if self.status == "erased":
            raise AccountIllegalTransition(state=self.status, action="erase", allowed=())
        return attrs.evolve(
            self,
            email=f"erased-{self.id}",
            email_key=f"erased-{self.id}",
            password_hash="",
            name="Erased account",
            age=None,
            gender=None,
            city=None,
            zone="UTC",
            locale="en",
            status="erased",
            email_verified_at=None,
            updated_at=now,
        )


ALLOWED_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "active": ("suspend", "erase"),
    "suspended": ("reinstate", "erase"),
    "erased": (),
}


@attrs.frozen(kw_only=True)
class Session:
    """A login that goes on until it expires or is revoked."""

    id: UUID
    account_id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_reason: str | None = None

    def is_good(self, now: datetime) -> bool:
        """Say whether tokens of this session are good at *now*."""
        return self.revoked_at is None and now < self.expires_at


@attrs.frozen(kw_only=True)
class RefreshToken:
    """One link of a session's chain of refresh tokens; only a hash is kept."""

    id: UUID
    session_id: UUID
    token_hash: bytes = attrs.field(repr=False)
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


@attrs.frozen(kw_only=True)
class AuditEvent:
    """One line of what was done to whom; append-only. ``seq`` is given by the storage."""

    seq: int = 0
    at: datetime
    actor_id: UUID | None
    action: str
    object: str
    before_sha256: bytes | None = None
    after_sha256: bytes | None = None
    request_id: str | None = None


@attrs.frozen(kw_only=True)
class Erasure:
    """Proof that an account was erased; each row's hash covers the one before. Replayed by every restore."""

    seq: int = 0
    account_id: UUID
    at: datetime
    hash: bytes


@attrs.frozen(kw_only=True)
class RequestKey:
    """A request that must happen once: the caller's key, what it does, and a hash of what it says."""

    key: str
    operation: str
    request_hash: bytes


@attrs.frozen(kw_only=True)
class Actor:
    """
    Who acts now. Services decide from this alone whether they may.

    ``key`` rides along when the request came with an idempotency key; the
    unit of work then keeps the answer in the transaction of the change.
    """

    account_id: UUID
    role: Role | Literal["system"]
    session_id: UUID | None = None
    coach_id: UUID | None = None
    trainee_id: UUID | None = None
    key: RequestKey | None = None
    request_id: str | None = None

    @property
    def is_admin(self) -> bool:
        """Whether this is an administrator, or CoachHub itself."""
        return self.role in ("admin", "system")


SYSTEM: Final = Actor(account_id=UUID(int=0), role="system")
"""CoachHub itself: what the clock does is done by this actor."""


# ── commands ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class Register:
    """Make an account. A trainee's profile is made with it, a coach's follows by its own command."""

    email: str = email()
    password: str = password()
    role: Literal["coach", "trainee"] = v.choice(("coach", "trainee"))
    name: str = v.line()
    age: int | None = v.whole(13, 120, default=None, optional=True)
    gender: Gender | None = v.choice(("male", "female", "other"), default=None, optional=True)
    city: str | None = v.line(default=None, optional=True)
    zone: str = v.zone(default="UTC")
    locale: str = v.pattern(v.LANGUAGE_PATTERN, "must be a language tag such as en", max_len=35, default="en")


@attrs.frozen(kw_only=True)
class Login:
    """Prove who you are with address and password."""

    email: str = v.text(1_000, min_len=1)
    password: str = password()


@attrs.frozen(kw_only=True)
class Refresh:
    """Change a refresh token for a new pair."""

    refresh_token: str = v.text(200, min_len=1)


@attrs.frozen(kw_only=True)
class ChangePassword:
    """Set a new password; every other session ends."""

    current_password: str = password()
    new_password: str = password()


@attrs.frozen(kw_only=True)
class ChangeAccount:
    """Change what one's own account says; absent members stay."""

    expected_version: int | None = None
    name: str | Unset = v.line(default=UNSET)
    age: int | None | Unset = v.whole(13, 120, default=UNSET, optional=True)
    gender: Gender | None | Unset = v.choice(("male", "female", "other"), default=UNSET, optional=True)
    city: str | None | Unset = v.line(default=UNSET, optional=True)
    zone: str | Unset = v.zone(default=UNSET)
    locale: str | Unset = v.pattern(v.LANGUAGE_PATTERN, "must be a language tag such as en", max_len=35, default=UNSET)


@attrs.frozen(kw_only=True)
class EraseAccount:
    """Erase one's own account for good."""

    password: str = password()
    end_matches: bool = v.flag(default=False)


@attrs.frozen(kw_only=True)
class Suspend:
    """Suspend an account, with the reason that its owner is told."""

    account_id: UUID
    reason: str = v.text(2_000, min_len=1)


# ── views ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class AccountView:
    """An account as its owner (and an admin) sees it."""

    id: UUID
    email: str
    role: Role
    name: str
    age: int | None
    gender: Gender | None
    city: str | None
    zone: str
    locale: str
    status: AccountStatus
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, account: Account) -> AccountView:
        """Show *account*."""
        return cls(**{f.name: getattr(account, f.name) for f in attrs.fields(cls)})


@attrs.frozen(kw_only=True)
class SignedIn:
    """The answer to register, login and refresh."""

    access_token: str = attrs.field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme's name, not a secret
    expires_in: int
    refresh_token: str = attrs.field(repr=False)
    account: AccountView


@attrs.frozen(kw_only=True)
class SessionView:
    """One of the caller's sessions."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_current: bool

    @classmethod
    def of(cls, session: Session, *, current: UUID | None) -> SessionView:
        """Show *session*, marking the one that asks."""
        return cls(
            id=session.id,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            expires_at=session.expires_at,
            is_current=session.id == current,
        )


SEEN_EVERY: Final = timedelta(minutes=5)  # last_seen_at costs a write, so it is coarse
