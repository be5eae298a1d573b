"""Signed webhooks, after Standard Webhooks, which libraries in many languages check.

The specification, version 1.0.0: https://www.standardwebhooks.com
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field

from edge.errors import UsageError

PREFIX = "whsec_"
"""Before a secret, so that people and scanners know it for one."""

SHORTEST, LONGEST = 24, 64
"""Bytes of a secret, as the specification has it."""

CURE = "make one with: (umask 077; echo whsec_$(openssl rand -base64 32) >FILE)"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs messages with one secret, or with several while they are changed.

    Attributes:
        secrets: keys of the HMAC; without any, nothing is signed.
    """

    secrets: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, text: str) -> Signer:
        """Secrets as a file has them: one a line, `whsec_` and base64.

        Raises:
            UsageError: one is none, or there is none. The message never holds it.
        """
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            raise UsageError(f"expected a secret such as {PREFIX}…, found none: {CURE}")
        return cls(tuple(_secret(line) for line in lines))

    def headers(self, message_id: str, body: bytes, now: float) -> dict[str, str]:
        """What tells a receiver which message it is, when it was sent, and that nobody has changed it.

        Args:
            message_id: the same in every repeat.
            body: of the message.
            now: seconds since 1970, UTC, when it is sent this time.
        """
        timestamp = str(int(now))
        headers = {"webhook-id": message_id, "webhook-timestamp": timestamp}
        if self.secrets:
            signed = f"{message_id}.{timestamp}.".encode() + body
            digests = [hmac.digest(secret, signed, hashlib.sha256) for secret in self.secrets]
            signatures = [f"v1,{base64.b64encode(digest).decode()}" for digest in digests]
            headers["webhook-signature"] = " ".join(signatures)
        return headers


def _secret(line: str) -> bytes:
    try:
        secret = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not line.startswith(PREFIX) or not SHORTEST <= len(secret) <= LONGEST:
        raise UsageError(
            f"expected secrets of {SHORTEST} to {LONGEST} bytes, one a line, each as {PREFIX} and base64, "
            f"found a line of {len(line)} characters that is none: {CURE}"
        )
    return secret
