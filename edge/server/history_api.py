"""What was read and kept, over the API: entries, fields and crops."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from edge.clock import moment_of
from edge.errors import EdgeError, UsageError
from edge.server import schema
from edge.server.live import Live
from edge.server.problems import Problem, documented
from edge.server.queries import known_keys
from edge.store import Selection, Store
from edge.store.export import HEAD, csv_rows
from edge.types import SCHEMA

Made = TypeVar("Made")

USUAL = 100
MOST = 10_000
"""Entries in an answer: where nothing is said, and at most."""

PORTION = 1000
"""Rows of CSV that are made at a time."""

_MOST_NUMBER = (1 << 63) - 1
"""Of SQLite."""

_UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Nothing has changed since the answer with the ETag in If-None-Match"}
}

Time = Annotated[
    str | None,
    Query(max_length=40, description="2026-11-29T18:00Z (without a zone: UTC), or for so long ago: 7d, 12h"),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for.

    Attributes:
        selection: which entries.
        limit: how many at most.
        as_csv: rows of CSV, not JSON.
    """

    selection: Selection
    limit: int
    as_csv: bool

    def tag(self, version: str) -> str:
        """The ETag of the answer, of a history of this version."""
        asked = f"{version} {self.selection} {self.limit} {self.as_csv}"
        return f'W/"{hashlib.sha256(asked.encode()).hexdigest()[:24]}"'


def history_api(store: Store | None, live: Live) -> APIRouter:
    """The history.

    Args:
        store: where it is kept; None where none is.
        live: knows whether it can be written at present.
    """
    api = APIRouter(tags=["history"], dependencies=[Depends(known_keys)], responses=documented(422))
    asking = asyncio.Lock()  # however many ask, the live reading keeps the other processors

    async def ask(question: Callable[[Store], Made]) -> Made:
        """Ask the store in a thread, one question at a time.

        Raises:
            Problem: 404 where there is no history, 503 where it cannot be read at present.
        """
        if store is None:
            raise Problem(404, "this server keeps no history: start it with --history FILE")
        try:
            async with asking:
                return await asyncio.to_thread(question, store)
        except EdgeError as error:
            raise Problem(503, str(error)) from error

    @api.get(
        "/v1/history",
        response_class=JSONResponse,
        responses={
            200: {"model": schema.History, "content": {"text/csv": {"schema": {"type": "string"}}}},
            **_UNCHANGED,
            **documented(404, 422, 503),
        },
    )
    async def entries(
        request: Request,
        field: Annotated[
            str | None, Query(max_length=200, description="of this field only; empty: numbers of no field")
        ] = None,
        since: Time = None,
        until: Time = None,
        limit: Annotated[int | None, Query(ge=1, le=MOST, description=f"entries ({USUAL})")] = None,
        cursor: Annotated[
            int | None, Query(ge=0, le=_MOST_NUMBER, description="`next` of the page before")
        ] = None,
    ) -> Response:
        """What was read and kept, the newest first, in pages.

        As CSV (Accept: text/csv), all of it, the oldest first.
        """
        asked = _asked(request, field, since, until, limit, cursor)
        tag = asked.tag(await ask(lambda store: store.history.version()))
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept"}
        if _is_known(tag, request):
            return Response(status_code=304, headers=headers)
        if asked.as_csv:
            rows = _csv(ask, asked.selection)
            headers["Content-Disposition"] = 'attachment; filename="history.csv"'
            return StreamingResponse(rows, headers=headers, media_type="text/csv")
        answer = await ask(lambda store: _page(store, asked))
        return Response(answer, headers=headers, media_type="application/json")

    @api.get(
        "/v1/history/fields",
        response_class=JSONResponse,
        responses={200: {"model": schema.HistoryFields}, **documented(404, 503)},
    )
    async def fields() -> Response:
        """What is kept of each field, how much there is in all, and what is wrong with it."""
        answer = await ask(_fields)
        answer["notices"] += live.view.failures
        return JSONResponse(answer)

    @api.get(
        "/v1/history/{number}/crop",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}, **_UNCHANGED, **documented(404, 422, 503)},
    )
    async def crop(request: Request, number: Annotated[int, Path(ge=0, le=_MOST_NUMBER)]) -> Response:
        """The picture of an entry."""
        jpeg = await ask(lambda store: store.history.crop(number))
        if jpeg is None:
            raise Problem(404, f"no picture is kept of entry {number}")
        # Another history may be begun in the same place, whose entries have the same numbers.
        tag = f'"{hashlib.sha256(jpeg).hexdigest()[:24]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if _is_known(tag, request):
            return Response(status_code=304, headers=headers)
        return Response(jpeg, headers=headers, media_type="image/jpeg")

    return api


def _asked(
    request: Request,
    field: str | None,
    since: str | None,
    until: str | None,
    limit: int | None,
    cursor: int | None,
) -> Asked:
    now = datetime.now(UTC)
    try:
        begin, end = (None if text is None else moment_of(text, now=now, zone=UTC) for text in (since, until))
    except UsageError as error:
        raise Problem(422, f"since and until: {error}") from error
    as_csv = prefers_csv(request.headers.get("accept", ""))
    if as_csv and not (limit is None is cursor):
        raise Problem(422, "expected neither limit nor cursor with Accept: text/csv, which answers all of it")
    return Asked(Selection(field, begin, end, cursor), limit or USUAL, as_csv)


def _is_known(tag: str, request: Request) -> bool:
    """Whether the client has the answer with this ETag (RFC 9110: compared without regard to W/)."""
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or tag.removeprefix("W/") in known


def prefers_csv(accept: str) -> bool:
    """Whether a client would rather have CSV than JSON, by its header `Accept` (RFC 9110)."""
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        try:
            weights[kind] = float(weight)
        except ValueError:
            weights[kind] = 0.0
    others = weights.get("application/*", weights.get("*/*", 0.0))
    texts = weights.get("text/*", weights.get("*/*", 0.0))
    return weights.get("text/csv", texts) > weights.get("application/json", others)


def _fields(store: Store) -> dict[str, Any]:
    state = store.history.state()
    return {
        "schema": SCHEMA,
        "fields": [field.as_dict() for field in store.history.fields()],
        "entries": state.entries,
        "deleted": state.deleted,
        "crops": state.crops,
        "crop_bytes": state.crop_bytes,
        "crops_deleted": state.crops_deleted,
        "bytes": state.bytes,
        "notices": [
            *([state.clock] if state.clock else []),
            *(f"a damaged history was set aside: {path}" for path in store.torn),
        ],
    }


def _page(store: Store, asked: Asked) -> str:
    page = store.history.page(asked.selection, asked.limit)
    entries = [entry.as_dict() for entry in page.entries]
    return json.dumps({"schema": SCHEMA, "entries": entries, "next": page.next})


async def _csv(
    ask: Callable[[Callable[[Store], Any]], Awaitable[Any]], selection: Selection
) -> AsyncIterator[str]:
    """Rows of CSV, in portions, with the names of the columns first."""
    yield HEAD
    entries = await ask(lambda store: store.history.each(selection))
    while rows := await ask(lambda store: csv_rows(islice(entries, PORTION))):
        yield rows
