"""Errors as problem details (RFC 9457): what was wanted, and what came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from edge.server import schema

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER_S = 1
"""What a client is told to wait when there was no room for it."""


class Problem(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status code.
        detail: one line that says what was wanted and what came.
        headers: of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.headers.setdefault("Retry-After", str(RETRY_AFTER_S))

    def body(self) -> bytes:
        """The JSON document."""
        status = HTTPStatus(self.status)
        problem = {
            "type": "about:blank",
            "title": status.phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return json.dumps(problem).encode()

    def response(self) -> Response:
        """The answer to a request that reached the application."""
        return Response(self.body(), self.status, self.headers, MEDIA_TYPE)

    def raw(self) -> bytes:
        """The answer to what never became a request, head and body; the connection ends with it."""
        body = self.body()
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {MEDIA_TYPE}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *[f"{name}: {value}" for name, value in self.headers.items()],
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These problems as OpenAPI describes them."""
    content = {MEDIA_TYPE: {"schema": schema.Problem.model_json_schema()}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}
