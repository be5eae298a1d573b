"""The token: made on first use, kept in a file that only its owner can read, asked for beyond loopback."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from edge.errors import UsageError
from edge.files import write_whole

COOKIE = "digitcam"

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without 0, 1, i, l and o, because people type it on phones."""

GROUPS, GROUP = 4, 5
"""Of the token: 31 ** 20 is 99 bits, which cannot be guessed over a network."""

MAX_SESSIONS = 1000
"""Who has logged in before that many others must log in again."""

SHORTEST = 16
"""Characters of a token that somebody else wrote."""


class Access:
    """Knows the token, and who has shown it.

    A program sends it with each request; the page sends it once and gets a cookie, so that pictures and
    WebSockets, for which a page cannot set headers, carry it too. A cookie is good until its session is
    ended, or the server is.

    Args:
        token: None lets everybody in.
    """

    def __init__(self, token: str | None) -> None:
        self.wanted = token is not None
        self._token = _plain(token or "")
        self._sessions: dict[str, None] = {}  # in the order they began

    def accepts(self, token: str) -> bool:
        """Whether this is the token; dashes, spaces and capitals do not matter."""
        return not self.wanted or _same(_plain(token), self._token)

    def allows(self, headers: Headers) -> bool:
        """Whether a request with these headers shows the token, or the cookie of a session."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if not self.wanted or (kind.lower() == "bearer" and self.accepts(token)):
            return True
        return _cookie(headers) in self._sessions

    def begin_session(self) -> str:
        """A new cookie for somebody who has shown the token."""
        # Not made from the token: a cookie is sent, shown and stored in more places, and ends before it.
        cookie = secrets.token_urlsafe(32)
        self._sessions[cookie] = None
        if len(self._sessions) > MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return cookie

    def end_session(self, headers: Headers) -> None:
        """Let the cookie of a request be good for nothing from now on."""
        self._sessions.pop(_cookie(headers), None)


def default_token_file() -> Path:
    """Where the token is kept: `~/.config/digitcam/token`."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "digitcam" / "token"


def read_or_make_token(path: Path) -> str:
    """The token in a file; a new one when there is no such file.

    Raises:
        UsageError: others can read the file, or it holds no token.
        OutputError: it cannot be made.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"others can read the token in {path}: chmod 600 {path}")
        token = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        token = "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))
        write_whole(path, token + "\n", mode=0o600)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the token in {path}: {error}") from error
    if len(_plain(token)) < SHORTEST:
        raise UsageError(
            f"expected a token of {SHORTEST} characters or more in {path}, found {len(_plain(token))}: "
            "remove the file, and a new one is made"
        )
    return token


def _cookie(headers: Headers) -> str:
    # Not http.cookies, which gives up where another program on this host has set a cookie that is JSON.
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def _plain(token: str) -> str:
    return "".join(character for character in token.lower() if character.isalnum())


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
