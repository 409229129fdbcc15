"""The room *reviews* over REST: one's own, while their window is open."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.reviews import ChangeReview, RemoveReview, ReviewView
from coachhub_core.errors import NotFound, ReviewWindowClosed, VersionMismatch
from coachhub_http.context import Request
from coachhub_http.media import expected_version, parse, render
from coachhub_http.operations import operation
from coachhub_http.services import Services

_ERRORS = (NotFound, ReviewWindowClosed, VersionMismatch)


class Reviews:
    """``/api/reviews``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._reviews = services.hub.reviews

    @operation(
        summary="Change one's own review; absent members stay",
        who="author",
        command=ChangeReview,
        answer=ReviewView,
        errors=_ERRORS,
        if_match=True,
    )
    async def on_patch_one(self, req: Request, resp: Response, review_id: UUID) -> None:
        """PATCH /reviews/{review_id}."""
        command = await parse(req, ChangeReview, review_id=review_id)
        review = await self._services.call(self._reviews.change, req, command)
        render(req, resp, review)

    @operation(summary="Take one's own review back", who="author", status=204, errors=_ERRORS, if_match=True)
    async def on_delete_one(self, req: Request, resp: Response, review_id: UUID) -> None:
        """DELETE /reviews/{review_id}."""
        command = RemoveReview(review_id=review_id, expected_version=expected_version(req.context))
        await self._services.call(self._reviews.remove, req, command)
        render(req, resp, None)
