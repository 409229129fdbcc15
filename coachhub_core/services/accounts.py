"""Use cases of the room *accounts*: register, log in, stay logged in, change, end."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import (
    SEEN_EVERY,
    Account,
    AccountView,
    Actor,
    AuditEvent,
    ChangeAccount,
    ChangePassword,
    Login,
    Refresh,
    RefreshToken,
    Register,
    RequestKey,
    Session,
    SessionView,
    SignedIn,
    canonical_email,
)
from coachhub_core.domain.events import AccountRegistered, CoachChanged
from coachhub_core.domain.trainees import Trainee
from coachhub_core.domain.values import Role, changes
from coachhub_core.errors import (
    BadCredentials,
    EmailTaken,
    NotFound,
    TokenExpired,
    TokenReused,
    Unauthorized,
    Unavailable,
    VersionMismatch,
)
from coachhub_core.ports.storage import Duplicate, UnitOfWork
from coachhub_core.security import Claims, Passwords, Tokens, hash_refresh_token, new_refresh_token
from coachhub_core.services.indexing import index_coach
from coachhub_core.services.limits import Throttle
from coachhub_core.services.units import Context, rerun

log = logging.getLogger("coachhub.accounts")

LOCAL_SOURCE: Final = "local"  # a caller inside the process: the library, the command line


def check_version(kind: str, expected: int | None, found: int) -> None:
    """Refuse a change that was based on another version; None, from the library, takes what is there."""
    if expected is not None and expected != found:
        raise VersionMismatch(kind=kind, expected=expected, found=found)


class AccountService:
    """Who can log in, and who is logged in."""

    def __init__(self, context: Context, passwords: Passwords, tokens: Tokens, throttle: Throttle) -> None:
        self._context = context
        self._passwords = passwords
        self._tokens = tokens
        self._throttle = throttle

    # ── in ──

    def register(self, command: Register, *, source: str = LOCAL_SOURCE) -> SignedIn:
        """
        Make an account and log it in.

        Raises:
            EmailTaken: If the address has one, however it is spelled.
            PasswordWeak: With the rule.
            RateLimited: If too many came from *source*.
        """
        self._throttle.register(source)
        self._passwords.judge(command.password, about=(command.name, command.email))
        return self._register(command, command.role, self._passwords.hash(command.password))

    def create_admin(self, *, email: str, password: str, name: str) -> AccountView:
        """Make an administrator: only the command line calls this, no door leads here."""
        command = Register(email=email, password=password, role="trainee", name=name)  # for its rules
        self._passwords.judge(password, about=(name, email))
        return self._register(command, "admin", self._passwords.hash(password)).account

    @rerun
    def _register(self, command: Register, role: Role, password_hash: str) -> SignedIn:
        now = self._context.clock()
        account = Account(
            id=self._context.new_id(),
            email=command.email,
            email_key=canonical_email(command.email),
            password_hash=password_hash,
            role=role,
            name=command.name,
            age=command.age,
            gender=command.gender,
            city=command.city,
            zone=command.zone,
            locale=command.locale,
            password_changed_at=now,
            created_at=now,
            updated_at=now,
        )
        with self._context.storage.begin() as work:
            try:
                work.accounts.add(account)
            except Duplicate as exc:
                if exc.constraint == "users.email_key":
                    raise EmailTaken from exc
                raise
            if role == "trainee":
                work.trainees.add(
                    Trainee(id=self._context.new_id(), account_id=account.id, created_at=now, updated_at=now)
                )
            work.outbox.add(AccountRegistered(at=now, aggregate_id=account.id, role=role))
            work.audit.add(AuditEvent(at=now, actor_id=account.id, action="register", object=f"account:{account.id}"))
            return work.commit(self._new_session(work, account, now))

    def login(self, command: Login, *, source: str = LOCAL_SOURCE) -> SignedIn:
        """
        Log in.

        An unknown address, a wrong password and a suspended account get the same
        answer in the same time.

        Raises:
            BadCredentials: For all three.
            RateLimited: If *source*, or this account, was tried too often.
        """
        try:
            email_key = canonical_email(command.email)
        except ValueError:
            email_key = ""  # nobody's address, but the same work is done
        self._throttle.login(source)
        with self._context.read() as work:
            account = work.accounts.find_by_email_key(email_key) if email_key else None
        self._throttle.guess(source, email_key)
        stored = account.password_hash if account is not None and account.status == "active" else None
        if not self._passwords.verify(command.password, stored) or account is None:
            # a log line and no row: a write would tell a known address from an unknown one by its time
            log.info("login denied", extra={"account_id": str(account.id) if account else None})
            raise BadCredentials
        self._throttle.login_succeeded(source, email_key)
        is_old = self._passwords.needs_rehash(account.password_hash)
        rehashed = self._passwords.hash(command.password) if is_old else None
        return self._login(account.id, account.password_hash, rehashed)

    @rerun
    def _login(self, account_id: UUID, proven: str, rehashed: str | None) -> SignedIn:
        now = self._context.clock()
        with self._context.storage.begin() as work:
            account = work.accounts.lock(account_id)
            if account.status != "active" or account.password_hash != proven:
                raise BadCredentials  # changed since it was proven
            if rehashed is not None:
                account = work.accounts.save(attrs.evolve(account, password_hash=rehashed, updated_at=now))
            work.audit.add(AuditEvent(at=now, actor_id=account.id, action="login", object=f"account:{account.id}"))
            return work.commit(self._new_session(work, account, now))

    def _new_session(self, work: UnitOfWork, account: Account, now: datetime) -> SignedIn:
        until = now + timedelta(days=self._context.settings.auth.refresh_days)
        session = Session(
            id=self._context.new_id(), account_id=account.id, created_at=now, last_seen_at=now, expires_at=until
        )
        work.sessions.add(session)
        return self._signed_in(work, account, session.id, now, until)

    def _signed_in(
        self, work: UnitOfWork, account: Account, session_id: UUID, now: datetime, until: datetime
    ) -> SignedIn:
        refresh_token = new_refresh_token()
        work.refresh_tokens.add(
            RefreshToken(
                id=self._context.new_id(),
                session_id=session_id,
                token_hash=hash_refresh_token(refresh_token),
                created_at=now,
                expires_at=until,
            )
        )
        access_token = self._tokens.issue(
            account_id=account.id, role=account.role, session_id=session_id, jti=self._context.new_id()
        )
        return SignedIn(
            access_token=access_token,
            expires_in=self._context.settings.auth.access_seconds,
            refresh_token=refresh_token,
            account=AccountView.of(account),
        )

    # ── staying in ──

    @rerun
    def refresh(self, command: Refresh) -> SignedIn:
        """
        Change a refresh token for a new pair; a token that comes twice ends its session.

        Raises:
            TokenReused: If it was used before: somebody else has it.
            TokenExpired: If it, or its session, is over.
            Unauthorized: If it is not one of ours.
        """
        now = self._context.clock()
        with self._context.storage.begin() as work:
            token = work.refresh_tokens.find_by_hash(hash_refresh_token(command.refresh_token))
            if token is None:
                raise Unauthorized
            found = work.sessions.find_with_account(token.session_id)
            if found is None or now >= token.expires_at or not found.session.is_good(now):
                raise TokenExpired
            if found.account.status != "active":
                raise Unauthorized
            if not work.refresh_tokens.use(token.id, at=now):
                work.sessions.revoke(token.session_id, at=now, reason="refresh token reused")
                work.audit.add(
                    AuditEvent(at=now, actor_id=None, action="refresh_reused", object=f"account:{found.account.id}")
                )
                work.commit()
                raise TokenReused
            until = now + timedelta(days=self._context.settings.auth.refresh_days)
            work.sessions.extend(token.session_id, expires_at=until, at=now)
            return work.commit(self._signed_in(work, found.account, token.session_id, now, until))

    def authenticate(self, claims: Claims, key: RequestKey | None = None, request_id: str | None = None) -> Actor:
        """
        Return who acts, read anew: no yes is remembered.

        Args:
            claims: What a genuine token says.
            key: The idempotency key that came with the request.
        Raises:
            Unauthorized: If the session has ended or the account is not active.
        """
        now = self._context.clock()
        with self._context.read() as work:
            found = work.sessions.find_with_account(claims.session_id)
        if (
            found is None
            or found.account.id != claims.account_id
            or found.account.status != "active"
            or not found.session.is_good(now)
        ):
            raise Unauthorized
        if now - found.session.last_seen_at > SEEN_EVERY:
            with suppress(Unavailable):  # a database that takes no changes still answers who reads
                self._touch(found.session.id)
        return Actor(
            account_id=found.account.id,
            role=found.account.role,
            session_id=found.session.id,
            coach_id=found.coach_id,
            trainee_id=found.trainee_id,
            key=key,
            request_id=request_id,
        )

    @rerun
    def _touch(self, session_id: UUID) -> None:
        with self._context.storage.begin() as work:
            work.sessions.touch(session_id, at=self._context.clock())
            work.commit()

    def actor_of(self, account_id: UUID) -> Actor:
        """
        Return an actor for an account without a session: for programs that embed CoachHub and know who they serve.

        Raises:
            NotFound: If there is no such active account.
        """
        with self._context.read() as work:
            account = work.accounts.find(account_id)
            if account is None or account.status != "active":
                raise NotFound(kind="account", id=account_id)
            coach = work.coaches.find_by_account(account_id)
            trainee = work.trainees.find_by_account(account_id)
        return Actor(
            account_id=account_id,
            role=account.role,
            coach_id=coach.id if coach else None,
            trainee_id=trainee.id if trainee else None,
        )

    # ── out ──

    @rerun
    def logout(self, actor: Actor) -> None:
        """End the session that asks; its tokens and sockets end with it."""
        if actor.session_id is None:
            return
        with self._context.storage.begin() as work:
            now = self._context.clock()
            work.sessions.revoke(actor.session_id, at=now, reason="logout")
            work.audit.add(
                AuditEvent(
                    at=now,
                    actor_id=actor.account_id,
                    action="logout",
                    object=f"session:{actor.session_id}",
                    request_id=actor.request_id,
                )
            )
            work.commit()

    def sessions(self, actor: Actor) -> tuple[SessionView, ...]:
        """Return one's sessions, newest first."""
        with self._context.read() as work:
            found = work.sessions.of_account(actor.account_id, now=self._context.clock())
        return tuple(SessionView.of(session, current=actor.session_id) for session in found)

    @rerun
    def end_session(self, actor: Actor, session_id: UUID) -> None:
        """End one of one's sessions; ending it twice is harmless."""
        with self._context.storage.begin() as work:
            session = work.sessions.find(session_id)
            if session is None or session.account_id != actor.account_id:
                raise NotFound(kind="session", id=session_id)
            now = self._context.clock()
            work.sessions.revoke(session_id, at=now, reason="ended by its owner")
            work.audit.add(
                AuditEvent(
                    at=now,
                    actor_id=actor.account_id,
                    action="end_session",
                    object=f"session:{session_id}",
                    request_id=actor.request_id,
                )
            )
            work.commit()

    # ── the account itself ──

    def me(self, actor: Actor) -> AccountView:
        """Return one's own account."""
        with self._context.read() as work:
            return AccountView.of(work.accounts.get(actor.account_id))

    @rerun
    def change(self, actor: Actor, command: ChangeAccount) -> AccountView:
        """Change one's own account; a coach's public view changes with the name and the city."""
        changed = changes(command, "name", "age", "gender", "city", "zone", "locale")
        with self._context.write(actor) as work:
            coach = None
            if actor.role == "coach" and changed.keys() & {"name", "city", "gender"}:
                coach = work.coaches.find_by_account(actor.account_id)
            if coach is not None:
                work.coaches.lock(coach.id)  # before the account: the order of everybody, see ``closing``
            account = work.accounts.lock(actor.account_id)
            check_version("account", command.expected_version, account.version)
            now = self._context.clock()
            account = work.accounts.save(attrs.evolve(account, **changed, updated_at=now))
            if coach is not None:
                work.coaches.touch_view(coach.id, at=now)
                index_coach(work, coach.id, self._context.vocabulary)
                work.outbox.add(CoachChanged(at=now, aggregate_id=coach.id))
            return work.commit(AccountView.of(account))

    def change_password(self, actor: Actor, command: ChangePassword) -> None:
        """
        Set a new password; every other session, and its sockets, end.

        Raises:
            BadCredentials: If the current one is wrong.
            PasswordWeak: With the rule.
        """
        self.prove(actor, command.current_password)
        with self._context.read() as work:
            account = work.accounts.get(actor.account_id)
        self._passwords.judge(command.new_password, about=(account.name, account.email), pointer="/new_password")
        self._set_password(actor, account.password_hash, self._passwords.hash(command.new_password))

    @rerun
    def _set_password(self, actor: Actor, proven: str, password_hash: str) -> None:
        now = self._context.clock()
        with self._context.storage.begin() as work:
            account = work.accounts.lock(actor.account_id)
            if account.password_hash != proven:
                raise BadCredentials
            work.accounts.save(
                attrs.evolve(account, password_hash=password_hash, password_changed_at=now, updated_at=now)
            )
            work.sessions.revoke_all(account.id, at=now, reason="password changed", keep=actor.session_id)
            work.audit.add(
                AuditEvent(
                    at=now,
                    actor_id=account.id,
                    action="change_password",
                    object=f"account:{account.id}",
                    request_id=actor.request_id,
                )
            )
            work.commit()

    def prove(self, actor: Actor, password: str) -> None:
        """
        Check the password of who is logged in already, before something that cannot be undone.

        Raises:
            BadCredentials: If it is wrong.
            RateLimited: If it was tried too often.
        """
        self._throttle.password(actor.account_id)
        with self._context.read() as work:
            account = work.accounts.get(actor.account_id)
        if not self._passwords.verify(password, account.password_hash):
            raise BadCredentials
