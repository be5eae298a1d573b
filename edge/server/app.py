"""Composes the application: the API, the page, and the guard before both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from edge.field_reader import FieldReader
from edge.outputs import Senders
from edge.server.access import Access
from edge.server.api import session_api, status_api, uploads_api
from edge.server.fields_api import fields_api
from edge.server.fields_file import FieldsFile
from edge.server.guard import Guard
from edge.server.history_api import history_api
from edge.server.live import Live
from edge.server.metrics import Metrics
from edge.server.problems import Problem
from edge.server.queries import wrong_values
from edge.server.uploads import Uploads
from edge.server.watch import live_api
from edge.store import Store

PAGE = Path(__file__).parent / "page"
SWAGGER = Path(fastapi_offline.__file__).parent / "static"


def create_app(
    *,
    live: Live,
    uploads: Uploads,
    reader: FieldReader,
    fields: FieldsFile,
    access: Access,
    metrics: Metrics,
    senders: Senders,
    hosts: Collection[str],
    store: Store | None,
) -> FastAPI:
    """The application.

    Args:
        live: reads the source; it is started with the application.
        uploads: reads uploaded pictures.
        reader: reads the live source, and is asked which networks read here.
        fields: the settings file that fields are saved in.
        access: knows the token.
        metrics: counts.
        senders: send messages elsewhere.
        hosts: names that the server is called by.
        store: where what is read is kept; None where it is not.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        live.start()
        yield

    app = FastAPI(
        title="digitcam",
        summary="Reads handwritten digits from pictures and from a camera",
        version=version("digitcam"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(Guard, hosts=hosts, access=access)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _usage_problem)
    app.add_exception_handler(WebSocketRequestValidationError, _usage_problem)
    app.add_exception_handler(Exception, _bug)
    digits = reader.reader
    app.include_router(uploads_api(uploads, metrics))
    app.include_router(live_api(live, metrics, digits.thresholds.accept))
    app.include_router(fields_api(fields, live, reader))
    app.include_router(history_api(store, live))
    app.include_router(status_api(live, uploads, digits, metrics, senders))
    app.include_router(session_api(access))

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(PAGE / "index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(PAGE / "docs.html")

    app.mount("/page/swagger", StaticFiles(directory=SWAGGER))
    app.mount("/page", StaticFiles(directory=PAGE))
    return app


class _Sent(Response):
    """An answer that has been sent already."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing."""


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return await _answered(request, error)


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        detail = f"there is nothing at {request.url.path}: /openapi.json and /docs say what there is"
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"expected {allowed} at {request.url.path}, found {request.method}"
    else:
        detail = error.detail
    return Problem(error.status_code, detail, error.headers).response()


async def _usage_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError | WebSocketRequestValidationError)
    return await _answered(request, wrong_values(error.errors()))


async def _answered(connection: HTTPConnection, problem: Problem) -> Response:
    """The answer. Where a WebSocket was asked for, some versions of Starlette send it, and some do not."""
    if isinstance(connection, WebSocket):
        await connection.send_denial_response(problem.response())
        return _Sent()
    return problem.response()


async def _bug(request: Request, error: Exception) -> Response:
    return Problem(500, "this should not have happened: the server's own log says what did").response()
