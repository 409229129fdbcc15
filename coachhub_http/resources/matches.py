"""The room *matches* over REST: a state change is a POST of its own."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.matches import (
    AcceptMatch,
    CompleteMatch,
    DeclineMatch,
    EndMatch,
    ListMatches,
    MatchEventPage,
    MatchPage,
    MatchView,
    PauseMatch,
    RequestMatch,
    ResumeMatch,
    WithdrawMatch,
)
from coachhub_core.domain.reviews import ReviewView, WriteReview
from coachhub_core.errors import (
    AlreadyMatched,
    AlreadyReviewed,
    CoachFull,
    CoachNotAccepting,
    Forbidden,
    MatchExpired,
    MatchIllegalTransition,
    MatchSuperseded,
    NotFound,
    NotReceiver,
    OpenRequestExists,
    ReviewNotEnded,
    ReviewWindowClosed,
    TooManyOpenRequests,
)
from coachhub_http.context import Request
from coachhub_http.media import parse, parse_query, render
from coachhub_http.operations import operation
from coachhub_http.services import Services

_ANSWERS = (NotFound, NotReceiver, MatchIllegalTransition, MatchSuperseded, MatchExpired)
_RUNS = (NotFound, MatchIllegalTransition, MatchSuperseded, MatchExpired)


class Matches:
    """``/api/matches``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._matches = services.hub.matches
        self._reviews = services.hub.reviews

    @operation(
        summary="Ask a coach for a seat",
        who="trainee",
        command=RequestMatch,
        answer=MatchView,
        status=201,
        errors=(
            Forbidden,
            NotFound,
            OpenRequestExists,
            AlreadyMatched,
            CoachFull,
            CoachNotAccepting,
            TooManyOpenRequests,
        ),
        keys="required",
        location="/api/matches/{id}",
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """POST /matches."""
        command = await parse(req, RequestMatch)
        match = await self._services.call(self._matches.request, req, command)
        render(req, resp, match)

    @operation(summary="List one's own matches", who="party, admin", query=ListMatches, answer=MatchPage)
    async def on_get(self, req: Request, resp: Response) -> None:
        """GET /matches."""
        query = parse_query(req, ListMatches)
        page = await self._services.call(self._matches.list, req, query)
        render(req, resp, page)

    @operation(
        summary="Read a match and what one can do next", who="party, admin", answer=MatchView, errors=(NotFound,)
    )
    async def on_get_one(self, req: Request, resp: Response, match_id: UUID) -> None:
        """GET /matches/{match_id}."""
        match = await self._services.call(self._matches.get, req, match_id)
        render(req, resp, match)

    @operation(summary="Read every step of a match", who="party, admin", answer=MatchEventPage, errors=(NotFound,))
    async def on_get_events(self, req: Request, resp: Response, match_id: UUID) -> None:
        """GET /matches/{match_id}/events."""
        events = await self._services.call(self._matches.events, req, match_id)
        render(req, resp, events)

    @operation(
        summary="Say yes: a seat is taken",
        who="receiver",
        command=AcceptMatch,
        answer=MatchView,
        errors=(*_ANSWERS, CoachFull, AlreadyMatched),
    )
    async def on_post_accept(self, req: Request, resp: Response, match_id: UUID) -> None:
        """POST /matches/{match_id}/accept."""
        command = await parse(req, AcceptMatch, match_id=match_id)
        match = await self._services.call(self._matches.accept, req, command)
        render(req, resp, match)

    @operation(summary="Say no, and why", who="receiver", command=DeclineMatch, answer=MatchView, errors=_ANSWERS)
    async def on_post_decline(self, req: Request, resp: Response, match_id: UUID) -> None:
        """POST /matches/{match_id}/decline."""
        command = await parse(req, DeclineMatch, match_id=match_id)
        match = await self._services.call(self._matches.decline, req, command)
        render(req, resp, match)

    @operation(
        summary="Take one's request back",
        who="initiator",
        command=WithdrawMatch,
        answer=MatchView,
        errors=(Forbidden, *_RUNS),
    )
    async def on_post_withdraw(self, req: Request, resp: Response, match_id: UUID) -> None:
        """POST /matches/{match_id}/withdraw."""
        command = await parse(req, WithdrawMatch, match_id=match_id)
        match = await self._services.call(self._matches.withdraw, req, command)
        render(req, resp, match)

    @operation(summary="Stop for a while", who="party, admin", command=PauseMatch, answer=MatchView, errors=_RUNS)
    async def on_post_pause(self, req: Request, resp: Response, match_id: UUID) -> None:
        """POST /matches/{match_id}/pause."""
        command = await parse(req, PauseMatch, match_id=match_id)
        match = await self._services.call(self._matches.pause, req, command)
        render(req, resp, match)

    @operation(summary="Go on after a pause", who="party, admin", command=ResumeMatch, answer=MatchView, errors=_RUNS)
    async def on_post_resume(self, req: Request, resp: Response, match_id: UUID) -> None:
        """POST /matches/{match_id}/resume."""
        command = await parse(req, ResumeMatch, match_id=match_id)
        match = await self._services.call(self._matches.resume, req, command)
        render(req, resp, match)

    @operation(
        summary="Finish a match that reached its goal",
        who="party, admin",
        command=CompleteMatch,
        answer=MatchView,
        errors=_RUNS,
    )
    async def on_post_complete(self, req: Request, resp: Response, match_id: UUID) -> None:
        """POST /matches/{match_id}/complete."""
        command = await parse(req, CompleteMatch, match_id=match_id)
        match = await self._services.call(self._matches.complete, req, command)
        render(req, resp, match)

    @operation(summary="End a match, and why", who="party, admin", command=EndMatch, answer=MatchView, errors=_RUNS)
    async def on_post_end(self, req: Request, resp: Response, match_id: UUID) -> None:
        """POST /matches/{match_id}/end."""
        command = await parse(req, EndMatch, match_id=match_id)
        match = await self._services.call(self._matches.end, req, command)
        render(req, resp, match)

    @operation(
        summary="Review a match that is over",
        who="party",
        command=WriteReview,
        answer=ReviewView,
        status=201,
        errors=(NotFound, Forbidden, ReviewNotEnded, AlreadyReviewed, ReviewWindowClosed),
    )
    async def on_post_reviews(self, req: Request, resp: Response, match_id: UUID) -> None:
        """POST /matches/{match_id}/reviews."""
        command = await parse(req, WriteReview, match_id=match_id)
        review = await self._services.call(self._reviews.write, req, command)
        render(req, resp, review)
