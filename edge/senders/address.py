"""Where webhooks are sent: a URL, of which only the origin may be told."""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from edge.errors import UsageError

PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Address:
    """A URL in its parts.

    Attributes:
        scheme: "https" or "http".
        host: a name or an address, without brackets.
        port: of TCP.
        path: with what is behind its "?". Many a service takes it for a password: it is never told.
        authorization: the header that holds its user and password; "" without them. Never told, either.
    """

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)
    authorization: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Address:
        """The parts of a URL.

        Raises:
            UsageError: it is none of HTTP. The message never holds it.
        """
        parts, port = _split(url)
        host = parts.hostname or ""
        if parts.scheme not in PORTS or not host:
            raise UsageError("expected a URL such as https://example.org/digits, found something else")
        if not re.fullmatch(r"[!-~]*", url) or "#" in url:
            raise UsageError(
                "expected a URL of ASCII characters without spaces and without a part behind #, found "
                "others: write them as in https://xn--bcher-kva.example/a%20b"
            )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, port or PORTS[parts.scheme], path, _authorization(parts))

    @property
    def origin(self) -> str:
        """What may be told of it: https://example.org."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def is_safe(self) -> bool:
        """Whether nobody on the way can read what is sent: it is encrypted, or stays on this machine."""
        return self.scheme == "https" or _is_loopback(self.host)


def holds_secret(url: str) -> bool:
    """Whether a URL has a user, a password, or a part behind its "?": nothing for a command line or a log."""
    parts, _ = _split(url)
    return bool("@" in parts.netloc or parts.query)


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise UsageError(
            "expected a URL such as https://example.org:8443/digits, found one whose host or port makes no "
            "sense"
        ) from None  # that error's text holds a part of the URL


def _authorization(parts: SplitResult) -> str:
    if "@" not in parts.netloc:
        return ""
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761
