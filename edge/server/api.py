"""The REST API but for the live view: pictures to numbers, what runs here, the token, health, metrics."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from edge.board import board
from edge.field_reader import FieldReader
from edge.isolated import IsolatedError, TooLongError
from edge.outputs import Senders
from edge.server import schema
from edge.server.access import COOKIE, Access
from edge.server.connections import MAX_CONNECTIONS, MAX_PER_ADDRESS
from edge.server.live import Live
from edge.server.metrics import Metrics
from edge.server.problems import Problem, documented
from edge.server.queries import known_keys
from edge.server.reading import MAX_PIXELS, Form
from edge.server.uploads import MAX_BYTES, BusyError, LeftError, TooLargeError, Uploads

FRESH_S = 5.0
"""A live source whose newest frame is older is not ready."""

QUEUED_S = 10.0
"""A server is not ready in which a picture has waited longer for a process to read it."""

COOKIE_S = 365 * 24 * 3600
"""The page asks for the token after a log-out, a restart of the server, or a year."""

PICTURE = {
    "requestBody": {
        "required": True,
        "description": f"At most {MAX_BYTES >> 20} MB and {MAX_PIXELS // 10**6} megapixels.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/png", "image/jpeg", "image/webp", "image/heic", "image/avif")
        }
        | {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            }
        },
    }
}


def uploads_api(uploads: Uploads, metrics: Metrics) -> APIRouter:
    """Pictures to numbers."""
    api = APIRouter(tags=["pictures"], dependencies=[Depends(known_keys)], responses=documented(422))

    @api.post(
        "/v1/predict",
        openapi_extra=PICTURE,
        response_class=JSONResponse,
        responses={
            200: {"model": schema.Upload, "content": {"image/png": {"schema": {"type": "string"}}}},
            **documented(408, 413, 422, 503),
        },
    )
    async def predict(
        request: Request,
        annotate: Annotated[bool, Query(description="answer the picture, its readings drawn on it")] = False,
        glyphs: Annotated[bool, Query(description="show what the network saw of each digit")] = False,
    ) -> Response:
        """Read the numbers in a picture: the raw body, or the file in a form."""
        form: Form = "annotated" if annotate else "glyphs" if glyphs else "json"
        started = time.perf_counter()
        try:
            answer = await _read(uploads, request, form)
        except Problem as problem:
            metrics.upload(problem.status, time.perf_counter() - started)
            raise
        metrics.upload(200, time.perf_counter() - started)
        return Response(answer, media_type="image/png" if annotate else "application/json")

    return api


async def _read(uploads: Uploads, request: Request, form: Form) -> bytes:
    try:
        if int(request.headers.get("content-length", 0)) > MAX_BYTES:
            raise TooLargeError
        content_type = request.headers.get("content-type", "")
        return await uploads.read(
            request.stream(), form, _address(request), partial(_left, request), content_type
        )
    except TooLargeError as error:
        size = request.headers.get("content-length", "more")
        raise Problem(413, f"expected a picture of at most {MAX_BYTES:,} bytes, found {size}") from error
    except BusyError as error:
        raise Problem(503, "more pictures wait to be read than can be: send it again in a moment") from error
    except TooLongError as error:
        raise Problem(422, f"{error}: send a smaller picture") from error
    except IsolatedError as error:
        raise Problem(422, str(error)) from error
    except ClientDisconnect as error:
        raise Problem(408, "the picture did not come to its end") from error
    except LeftError as error:
        raise Problem(408, "the client left before its picture was read") from error


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def _left(request: Request) -> None:
    """Wait until the client has gone; called when its body has come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def status_api(
    live: Live, uploads: Uploads, reader: FieldReader, metrics: Metrics, senders: Senders
) -> APIRouter:
    """What runs here, and how it is."""
    api = APIRouter(tags=["status"], dependencies=[Depends(known_keys)], responses=documented(422))
    classifier = reader.reader.classifier
    card = classifier.card.as_dict()
    del card["known_answers"]  # pictures
    info = {
        "version": version("digitcam"),
        "runtime": classifier.runtime,
        "model": {**card, "sha256": classifier.name.sha256},
        "device": {
            "board": board().model,
            "machine": platform.machine(),
            "processors": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "limits": {
            "bytes": MAX_BYTES,
            "pixels": MAX_PIXELS,
            "connections": MAX_CONNECTIONS,
            "connections_per_address": MAX_PER_ADDRESS,
        },
    }

    @api.get("/v1/info", response_class=JSONResponse, responses={200: {"model": schema.Info}})
    async def get_info() -> Response:
        """What runs here: version, source, model cards, device, limits."""
        finder = {name: value for name, value in reader.reader.road.card.items() if name != "known"}
        return JSONResponse({"source": live.source, **info, "page_model": finder})

    @api.get("/healthz", response_class=JSONResponse, responses={200: {"model": schema.Health}})
    async def healthz() -> Response:
        """Whether the server answers."""
        return JSONResponse({"status": "ok"})

    @api.get(
        "/readyz", response_class=JSONResponse, responses={200: {"model": schema.Health}, **documented(503)}
    )
    async def readyz() -> Response:
        """Whether frames come from a live source, pictures can be read and what is kept can be written."""
        if live.live and live.view.stale_s() > FRESH_S:
            raise Problem(503, f"no new frame from {live.source}: {live.view.trouble or 'it hangs'}")
        if not uploads.ready:
            raise Problem(503, "no process is ready to read pictures")
        if (waited := uploads.oldest_s()) > QUEUED_S:
            raise Problem(503, f"a picture has waited for {waited:.0f} s to be read")
        if live.view.failures:
            raise Problem(503, "; ".join(live.view.failures))
        return JSONResponse({"status": "ok"})

    @api.get("/v1/senders", response_class=JSONResponse, responses={200: {"model": schema.Senders}})
    async def get_senders() -> Response:
        """What waits to be sent elsewhere, and how those fare that send it."""
        states = await asyncio.to_thread(senders.states)  # how much waits stands in a file
        return JSONResponse({"senders": [asdict(state) for state in states]})

    @api.get("/metrics", response_class=Response, responses={200: {"content": {metrics.content_type: {}}}})
    async def get_metrics() -> Response:
        """Counters, gauges and histograms for Prometheus, with the values of the fields."""
        text = await asyncio.to_thread(metrics.text)  # how long the outbox is stands in a file
        return Response(text, headers={"Content-Type": metrics.content_type})

    return api


def session_api(access: Access) -> APIRouter:
    """The page's token."""
    api = APIRouter(tags=["session"], dependencies=[Depends(known_keys)], responses=documented(422))

    @api.get("/v1/session", response_class=JSONResponse, responses={200: {"model": schema.Session}})
    async def session(request: Request) -> Response:
        """Whether this server wants a token, and whether this client has shown it."""
        return JSONResponse({"token_wanted": access.wanted, "open": access.allows(request.headers)})

    @api.post("/v1/session", status_code=204, responses=documented(400, 401, 422))
    async def log_in(given: schema.Token, request: Request) -> Response:
        """Show the token once, and get a cookie for it."""
        if not access.accepts(given.token):
            raise Problem(401, "expected the token of this server, found another")
        response = Response(status_code=204)
        if access.wanted:
            response.set_cookie(
                COOKIE,
                access.begin_session(),
                max_age=COOKIE_S,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",  # as a trusted proxy says
            )
        return response

    @api.delete("/v1/session", status_code=204)
    async def log_out(request: Request) -> Response:
        """Take the cookie back, and let it be good for nothing any more."""
        access.end_session(request.headers)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    return api
