"""Every request is checked before the application sees it: Host, Origin and the token."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.server.access import Access
from edge.server.connections import FULL, MAX_PER_ADDRESS
from edge.server.problems import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing, and what they answer is not shown to a page from elsewhere."""

PUBLIC = frozenset({"/", "/healthz", "/v1/session"})
PUBLIC_FOLDER = "/page/"
"""What is open to all: the page asks for the token, so it comes without."""

FORWARDED = re.compile(r"forwarded|via|(\w+-)*forwarded-\w+|(\w+-)*(real|client|connecting)-ip")
"""What proxies add: whoever asks is somewhere else, though the connection comes from this machine."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer: nothing comes from elsewhere, nothing inline runs, and no other site shows any of it."""


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        hosts: names that the server is called by, besides the address that a client reached it at.
        access: knows the token.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], access: Access) -> None:
        self._app, self._hosts, self._access = app, frozenset(map(str.lower, hosts)), access
        self._asking: Counter[str] = Counter()  # requests under way, by client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        client = scope["client"][0] if scope["client"] else ""
        self._asking[client] += 1
        try:
            # Of a proxy's connections nobody knows whose they are; here it is known.
            if self._asking[client] > MAX_PER_ADDRESS:
                raise FULL
            self._check(scope)
        except Problem as problem:
            await problem.response()(scope, receive, send_guarded)
        else:
            await (_head if scope.get("method") == "HEAD" else _whole)(
                self._app, scope, receive, send_guarded
            )
        finally:
            self._asking[client] -= 1
            self._asking += Counter()  # forgets the clients that have none

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._knows(host, scope["server"][0]):
            # A page that lets its own name point to this machine (DNS rebinding) gets no further.
            names = ", ".join(sorted(self._hosts))
            raise Problem(
                421,
                f"expected Host to be {names} or this address, found {host!r}: "
                "start digitcam serve with --allow-host and that name",
            )
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if changes and origin is not None and _netloc(origin) != host.lower():
            raise Problem(403, f"expected a request from a page of {host}, found Origin {origin!r}")
        if not self._access.wanted and any(map(FORWARDED.fullmatch, headers.keys())):
            raise Problem(
                403,
                "expected a request from this machine, found one that a proxy passed on, and no token is "
                "asked for: start digitcam serve with --allow-host and the name that the proxy is called by",
            )
        path = scope["path"]
        public = path in PUBLIC or path.startswith(PUBLIC_FOLDER)
        if not public and not self._access.allows(headers):
            raise Problem(
                401,
                "expected the token of this server: Authorization: Bearer, or log in on its page",
                {"WWW-Authenticate": "Bearer"},
            )

    def _knows(self, host: str, own_address: str) -> bool:
        with suppress(ValueError):
            parts = urlsplit(f"//{host}")
            name = parts.hostname or ""
            if parts.netloc != host or "@" in host:
                return False
            return name in self._hosts or ipaddress.ip_address(name) == ipaddress.ip_address(own_address)
        return False


class _Answered(OSError):
    """Raised in the application when a HEAD has its answer; as when a client has gone."""


async def _whole(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def _head(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as to a GET, without the body; a stream is not even begun."""
    done = False

    async def send_head(message: Message) -> None:
        nonlocal done
        if message["type"] == "http.response.start":
            await send(message)
            return
        if not done:
            done = True
            await send({"type": "http.response.body", "body": b""})
        if message.get("more_body"):
            raise _Answered

    with suppress(_Answered, ClientDisconnect):  # a streamed response makes the second of the first
        await app({**scope, "method": "GET"}, receive, send_head)


def _netloc(origin: str) -> str:
    with suppress(ValueError):
        return urlsplit(origin).netloc.lower()
    return ""
