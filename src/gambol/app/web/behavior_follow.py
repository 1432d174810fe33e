"""Decisions about one model carried to a refitted one: shown with overlaps, then approved."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import body, fail, ok, who
from gambol.app.web.behavior_book import Book
from gambol.app.web.models_groups import Followed, FollowEdit, Following
from gambol.app.web.state import Studio
from gambol.behavior import label_follow, label_map
from gambol.behavior.label_follow import Proposed
from gambol.core.errors import InputError
from gambol.core.label_map import REMEMBERED, LabelMap
from gambol.io import label_map as io_map


def routes(
    studio: Studio,
    book: Callable[[str], Awaitable[Book]],
    told: Callable[[], Awaitable[None]],
) -> list[BaseRoute]:
    """Return the routes.

    Args:
        studio: of the project.
        book: gives the labels of a run by its name.
        told: says to all pages that labels changed.
    """

    async def proposed(request: Request) -> Response:
        source = request.query_params.get("from", "")
        new, old = await book(str(request.path_params["run"])), await book(source)
        return ok(await run_in_threadpool(show, source, old, new))

    async def approve(request: Request) -> Response:
        said, run = await body(request, FollowEdit), str(request.path_params["run"])
        new, old = await book(run), await book(said.source)
        by = who(request, studio.user)
        await run_in_threadpool(take, old, new, said, by)
        await told()
        now = await book(run)
        return ok(await run_in_threadpool(now.table, who(request, studio.user)))

    place = "/api/behavior/{run}/follow"
    return [Route(place, proposed, methods=["GET"]), Route(place, approve, methods=["POST"])]


def show(source: str, old: Book, new: Book) -> Followed:
    """Return what may be carried over.

    Raises:
        InputError: nobody decided anything, or the models share no recording.
    """
    rows = _proposals(old, new)
    return Followed(
        source=source,
        seen=_named(rows),
        proposals=[
            Following(
                kind=row.decision.kind if row.decision else None,
                labels=list(row.decision.labels) if row.decision else [],
                value=row.decision.value if row.decision else "",
                overlap=round(row.overlap, 3),
                good=row.decision is not None and row.overlap >= label_follow.ENOUGH,
                said=row.said,
            )
            for row in rows
        ],
    )


def take(old: Book, new: Book, said: FollowEdit, by: str) -> None:
    """Write the decisions that were chosen, in one go; those of an id that came are written.

    Raises:
        Fail: 409, the proposals are others by now.
        InputError: one of them is impossible by now.
    """
    if said.id and said.id in new.run.label_map.ids:
        return
    rows = _proposals(old, new)
    if _named(rows) != said.seen or not all(0 <= n < len(rows) for n in said.chosen):
        raise fail(409, "conflict", "the decisions are others by now", "look at them again")
    chosen = [rows[n].decision for n in sorted(set(said.chosen))]
    now = datetime.now(UTC).isoformat(timespec="seconds")

    def change(held: LabelMap | None) -> LabelMap:
        made = held or new.run.label_map._replace(decisions=(), end=0, ids=())
        if said.id and said.id in made.ids:
            return made
        for decision in chosen:
            if decision is not None:
                made = label_map.decide(made, decision._replace(author=by, time=now))
        return made._replace(ids=(*made.ids, *([said.id] if said.id else []))[-REMEMBERED:])

    io_map.edit(new.run.map_path, change)


def _named(rows: list[Proposed]) -> str:
    """Return a word that only proposals of the same content share."""
    told = [(row.decision, round(row.overlap, 3), row.said) for row in rows]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def _proposals(old: Book, new: Book) -> list[Proposed]:
    if not old.run.label_map.active:
        raise InputError("nothing was decided about that run; there is nothing to carry over")
    return label_follow.follow(old.run.label_map, old.run.sequences, new.run.sequences)
