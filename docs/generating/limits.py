"""The page of every limit: how much, how often, by which setting, and what is answered beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from coachhub_core import security
from coachhub_core.config import Settings
from coachhub_core.domain import accounts, chat, coaches, cohorts, plan_document, workouts
from coachhub_core.services import cohorts as cohorts_service
from coachhub_core.services import due, limits, units
from coachhub_core.services import own_data as own_data_service
from coachhub_http import media, middleware, server
from coachhub_ws import answers, envelope, protocol
from generating.markdown import page, table

Row = tuple[str, str, str, str]

INTRO: Final = """
What is beyond a limit is refused with its code and changes nothing; it is never cut, and never waits without end.
Limits of frequency are counted in Redis where there is one, else in a file of the data folder that all processes share;
requests in general, and all of chat's, in each process by itself. 0 switches one off. The *source* is the client's
address, an IPv6 client's /64, read through `http.trusted_proxies`.
"""

RATES: Final = """
Whoever is throttled gets the same answer with the right password as with a wrong one, so a guess learns nothing. A
source from which the owner of an account logged in lately keeps its own count: nobody can lock the owner out from
elsewhere.
"""


def limits_page() -> str:
    """Return the page."""
    head = ("what", "how much", "setting", "beyond it")
    return page(
        "Limits",
        INTRO,
        "## How often, over REST\n\n" + table(head, _rates()) + "\n" + RATES,
        "## How much, over REST\n\n" + table(head, _sizes()),
        "## What the domain allows\n\n" + table(head, _domain()),
        "## Over chat\n\n" + table(head, _chat()),
        "## How long\n\n" + table(("what", "how long", "setting"), _times()),
    )


def _rates() -> Sequence[Row]:
    s = Settings()
    limited = "429 `rate_limited`, `Retry-After`"
    general = f"{s.limits.general} a second, {s.limits.general * middleware.BURST} at once, per account or source"
    row = f"{limits._ROW_OF_FAILURES} in a row per account, then a wait of at most {limits._LONGEST_WAIT / 60:g} min"
    return [
        ("any request but `/health…`", general, "`limits.general`", limited),
        ("logins", f"{s.limits.login} a minute per source", "`limits.login`", limited),
        (
            "wrong passwords",
            f"{s.limits.failed_login} in 5 min per account and source",
            "`limits.failed_login`",
            limited,
        ),
        ("wrong passwords from everywhere", row, "`limits.failed_login` (0: off)", limited),
        ("registrations", f"{s.limits.register} a minute per source", "`limits.register`", limited),
        ("password changes, erasures", f"{s.limits.password} a minute per account", "`limits.password`", limited),
        (
            "suggestions; exports; cohort runs",
            f"{s.limits.costly} a minute per account, each",
            "`limits.costly`",
            limited,
        ),
        (
            "calls at once, per process",
            f"{s.http.threads} run, {s.http.waiting} wait",
            "`http.threads`, `http.waiting`",
            "503 `overloaded`",
        ),
        (
            "passwords at once, per process",
            f"as many as there are cores, {s.auth.hashing_waiting} wait",
            "`auth.hashing_waiting`",
            "503 `overloaded`",
        ),
    ]


def _sizes() -> Sequence[Row]:
    http = Settings().http
    kib = media.MAX_BODY_BYTES // 1024
    return [
        ("a body", f"{kib} KiB", "", "413 `too_large`"),
        ("depth of JSON", "64", "", "400 `bad_request`"),
        ("parameters of an address", str(media.MAX_PARAMETERS), "", "400 `bad_request`"),
        ("an access token", f"{middleware.MAX_TOKEN_BYTES:,} bytes", "", "401 `unauthorized`"),
        ("an Idempotency-Key", "255 visible ASCII characters", "", "400 `bad_request`"),
        ("items of a page", "100, 20 unless asked", "", "422 `validation_failed`"),
        ("`offset` of the list of coaches", "10,000; `cursor` has no end", "", "422 `validation_failed`"),
        ("connections, per process", f"{http.max_connections:,}", "`http.max_connections`", "503 `overloaded`"),
        ("connections that wait to be taken", f"{server.BACKLOG:,}", "", "refused by the kernel"),
    ]


def _domain() -> Sequence[Row]:
    s = Settings()
    invalid = "422 `validation_failed`"
    weak = "422 `account.password_weak`"
    document = f"{plan_document.MAX_DOCUMENT_BYTES // 1024} KiB, {plan_document.MAX_DAYS:,} days"
    return [
        ("an address", f"{accounts.EMAIL_MAX_LENGTH} characters", "", invalid),
        ("a password, at least", f"{s.auth.password_min_length} characters", "`auth.password_min_length`", weak),
        ("a password, at most", f"{security.PASSWORD_MAX_LENGTH} characters", "", weak),
        ("names, city, goal", "255 characters", "", invalid),
        ("a coach's bio", f"{coaches.BIO_MAX:,} characters", "", invalid),
        ("open requests of a trainee", str(s.matches.max_open), "`matches.max_open`", "409 `match.too_many_open`"),
        ("seats of a coach", "what the coach says, 10 unless said", "", "409 `match.coach_full`"),
        ("coaches of a trainee", "1 active", "", "409 `match.already_matched`, `match.superseded`"),
        ("a plan's document", document, "", "413 `too_large`, 422 `validation_failed`"),
        ("scheduled days of one assignment", f"{plan_document.MAX_SCHEDULED:,}", "", invalid),
        ("sets of a workout", str(workouts.MAX_SETS), "", invalid),
        ("a message", f"{chat.BODY_MAX:,} characters", "", invalid),
        ("trainees of a cohort run", f"{cohorts.MAX_TRAINEES:,}", "", invalid),
        ("cohort runs that wait or are worked on", f"{cohorts_service.MAX_OPEN} in all", "", "409 `busy`"),
        ("placing one cohort", f"{s.matching.cohort_seconds:g} s", "`matching.cohort_seconds`", "the run has failed"),
        ("exports kept", str(own_data_service.KEPT_EXPORTS), "", "the oldest goes"),
        ("exports at once", "1 per account", "", "409 `export.running`"),
    ]


def _chat() -> Sequence[Row]:
    c = Settings().chat
    return [
        ("a frame", f"{answers.FRAME_MAX // 1024} KiB", "", "close 1009"),
        ("a frame before `auth`", f"{protocol.UNAUTHENTICATED_MAX // 1024} KiB", "", "close 1009"),
        ("depth of JSON", str(envelope.MAX_DEPTH), "", "`bad_request`"),
        ("unreadable envelopes", str(protocol.BAD_ENVELOPES), "", "close 4400"),
        ("`auth`", f"within {c.auth_seconds:g} s", "`chat.auth_seconds`", "close 4408"),
        (
            "messages of an account",
            f"{c.sends} in {c.sends_window_seconds:g} s",
            "`chat.sends`, `chat.sends_window_seconds`",
            "`rate_limited`",
        ),
        (
            "frames of a connection",
            f"{c.frames_per_second} a second",
            "`chat.frames_per_second`",
            "`rate_limited`; twice as many: close 4429",
        ),
        ("`typing` in one conversation", f"every {answers.TYPING_EVERY_SECONDS:g} s", "", "`rate_limited`"),
        (
            "connections of an account",
            f"{c.connections_per_account} per process",
            "`chat.connections_per_account`",
            "the oldest is closed with 4409",
        ),
        (
            "connections without `auth` and without a token in the header, from one address",
            str(c.unauthenticated_per_address),
            "`chat.unauthenticated_per_address`",
            "one silent for half a second makes room (close 4408); else 429 before the upgrade",
        ),
        ("connections, per process", f"{c.max_connections:,}", "`chat.max_connections`", "503 before the upgrade"),
        (
            "joined conversations of a connection",
            str(c.joined_per_connection),
            "`chat.joined_per_connection`",
            "`too_large`",
        ),
        ("conversations of one `sync`", str(envelope.SYNC_MAX), "", "`validation_failed`"),
        (
            "events in one reply",
            f"{chat.REPLY_EVENTS_MAX} per conversation, {chat.REPLY_BYTES_MAX // 1024} KiB in all",
            "",
            "`has_more`",
        ),
        (
            "requests that wait for the database",
            f"{c.waiting_per_connection} per connection",
            "`chat.waiting_per_connection`",
            "reading pauses",
        ),
        (
            "messages that wait to be stored",
            f"{c.queue_messages:,}, {c.queue_seconds:g} s",
            "`chat.queue_messages`, `chat.queue_seconds`",
            "`overloaded`, `unavailable`",
        ),
        (
            "bytes a client does not read",
            f"{c.slow_hint_bytes // 1024} KiB, {c.slow_close_bytes // 1024} KiB, or {c.slow_seconds:g} s",
            "`chat.slow_hint_bytes`, `chat.slow_close_bytes`, `chat.slow_seconds`",
            "hints are dropped; then close 4413",
        ),
        ("silence", f"{c.silence_seconds:g} s", "`chat.silence_seconds`", "close 4408"),
    ]


def _times() -> Sequence[tuple[str, str, str]]:
    s = Settings()
    return [
        ("an access token", f"{s.auth.access_seconds / 3600:g} h", "`auth.access_seconds`"),
        ("a session without a refresh", f"{s.auth.refresh_days} days", "`auth.refresh_days`"),
        ("a request without an answer", f"{s.matches.expire_hours:g} h", "`matches.expire_hours`"),
        ("the time to review after a match", f"{s.matches.review_days} days", "`matches.review_days`"),
        ("what an Idempotency-Key remembers", f"{units.KEY_LIVES.total_seconds() / 3600:g} h", ""),
        ("lists of suggestions", f"{due.KEEP_SUGGESTIONS.days} days", ""),
        ("events that were told", f"{due.KEEP_DONE.days} days", ""),
        ("sessions that are over", f"{due.KEEP_SESSIONS.days} days", ""),
        ("a copy of a coach's public view", f"{s.cache.max_age_ms} ms", "`cache.max_age_ms`"),
        ("a call into the services", f"{s.http.request_seconds:g} s", "`http.request_seconds`"),
        ("the head of a request", f"{s.http.head_seconds:g} s", "`http.head_seconds`"),
        ("the body of a request", f"{s.http.body_seconds:g} s", "`http.body_seconds`"),
        ("a client that does not read its answer", f"{s.http.write_seconds:g} s", "`http.write_seconds`"),
        ("the end: what is in flight", f"{server.GRACEFUL_SECONDS} s", ""),
    ]
