"""Events as JSON to an HTTP server of the user's: what is sent, where to, and what an answer means."""

from __future__ import annotations

import contextlib
import http
import http.client
import json
import math
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path

from edge.errors import UsageError
from edge.events import AnyEvent
from edge.senders.address import Address
from edge.senders.credentials import read_secret, secret_file
from edge.senders.sender import RefusedError, SendError
from edge.senders.settings import USUAL_KINDS, WebhookOptions
from edge.senders.signature import Signer
from edge.store import Message, NewMessage

DESTINATION = "webhook"

URL, SECRET = "webhook-url", "webhook-secret"
"""Names of systemd's credentials."""

TIMEOUT_S = 20.0
"""For one attempt, from the connection to the end of the answer; Standard Webhooks recommends 15 to 30."""

MOST_ANSWER = 64 << 10
"""Bytes of an answer that are read, so that the connection can be used again; nobody looks at them."""

MOST_AFTER_S = 3600.0
"""Seconds that a receiver may ask to be left alone for."""

CLOCK_S = 600.0
"""Seconds for which a message that is called bad is sent again: one with a signature is, where the clock of
this machine has not been set yet."""

NOT_THIS_ONE = frozenset({http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE, http.HTTPStatus.UNPROCESSABLE_ENTITY})
"""Answers that a message gets for what it says, and would get again."""

LATER = frozenset(
    {http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_EARLY, http.HTTPStatus.TOO_MANY_REQUESTS}
)
"""Answers of 400 to 499 that mend themselves."""


class WebhookMessages:
    """Makes a message of each event that is to be sent: the event's JSON, and the name of this device.

    Args:
        kinds: of events that are sent.
        device: tells a receiver of several cameras which one it is.
    """

    def __init__(self, kinds: Sequence[str] = USUAL_KINDS, *, device: str) -> None:
        self._kinds, self._device = frozenset(kinds), device

    def messages(self, events: Sequence[AnyEvent]) -> list[NewMessage]:
        """What is to be sent about these events."""
        return [
            NewMessage(DESTINATION, "", _json({"device": self._device, **event.as_dict()}))
            for event in events
            if event.kind in self._kinds
        ]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def tls_context(ca: Path | None) -> ssl.SSLContext:
    """What decides whether a server is the one that it says it is.

    Raises:
        UsageError: the file of certificates cannot be read, or holds none.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise UsageError(
            f"ca: expected certificates as PEM in {ca}, found {error.reason or 'something else'}"
        ) from error
    except OSError as error:
        raise UsageError(f"ca: cannot read {ca}: {error.strerror or error}") from error


def open_webhook(options: WebhookOptions, environment: Mapping[str, str]) -> Webhook:
    """What posts messages as settings say.

    Args:
        options: the settings.
        environment: the variables, in which systemd tells where its credentials are.

    Raises:
        UsageError: a file is not as it should be.
    """
    address = options.address(options.url) if options.url else _address_in(options, environment)
    signer = Signer()
    if file := secret_file(SECRET, options.secret_file, environment):
        secret = read_secret(file)
        try:
            signer = Signer.parse(secret)
        except UsageError as error:
            raise UsageError(f"{file}: {error}") from None
    context = tls_context(options.ca) if address.scheme == "https" else None
    return Webhook(address, signer, context=context)


def _address_in(options: WebhookOptions, environment: Mapping[str, str]) -> Address:
    file = secret_file(URL, options.url_file, environment)
    if file is None:
        raise UsageError("expected url or url_file in the table [webhook] of the settings, found neither")
    url = read_secret(file)
    try:
        return options.address(url)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from None


class Webhook:
    """Posts messages, one after the other, over a connection that is kept while the server keeps it.

    Redirects are not followed, proxies not used, cookies not kept. What is told of errors holds the origin of
    the address and nothing else of it.

    Args:
        address: where to.
        signer: signs them.
        context: for https.
        timeout_s: for one attempt.
        clock: seconds since 1970; for tests.

    Attributes:
        name: what to call it.
        destination: of its messages.
    """

    name = destination = DESTINATION

    def __init__(
        self,
        address: Address,
        signer: Signer | None = None,
        *,
        context: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._address, self._signer, self._clock = address, signer or Signer(), clock
        self._context = context or (tls_context(None) if address.scheme == "https" else None)
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None
        self._closed = False
        self._turn = threading.Lock()  # held while a message is sent
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": f"digitcam/{version('digitcam')}",
        }
        if address.authorization:
            self._headers["Authorization"] = address.authorization

    def send(self, message: Message) -> None:
        """Post a message, and wait until the server has answered that it has it.

        Raises:
            RefusedError: the server will not take this one.
            SendError: it could not be reached, did not answer in time, or does not take messages at present.
        """
        with self._turn:
            if self._connection is not None and self._is_hung_up(self._connection):
                self._hang_up()  # as servers do with connections that were idle for long
            deadline = _Deadline(self, self._timeout_s)
            try:
                with deadline:
                    status, retry_after = self._post(message)
            except Exception as error:
                self._hang_up()
                raise SendError(self._told(error, late=deadline.passed)) from None
        judge(status, retry_after, self._address.origin, now=self._clock())

    def close(self) -> None:
        """Cut off what is under way, and hang up; may be called twice."""
        self._closed = True
        self.cut_off()
        if self._turn.acquire(blocking=False):  # else the attempt that is cut off hangs up
            self._hang_up()
            self._turn.release()

    def cut_off(self) -> None:
        """Let an attempt that is under way fail at once, from another thread."""
        connection = self._connection
        sock = None if connection is None else connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                # Not `close`, which would not wake who waits for it.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _post(self, message: Message) -> tuple[int, str]:
        if self._closed:
            raise SendError("it is closed")
        connection = self._connection = self._connection or self._connect()
        signed = self._signer.headers(message.id, message.body, self._clock())
        connection.request("POST", self._address.path, message.body, {**self._headers, **signed})
        answer = connection.getresponse()
        # The status is the answer: a server that breaks off or goes on for ever behind it has the message.
        try:
            whole = len(answer.read(MOST_ANSWER + 1)) <= MOST_ANSWER
        except (OSError, http.client.HTTPException):
            whole = False
        if not whole or answer.will_close:
            self._hang_up()
        return answer.status, answer.headers.get("Retry-After", "")

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._address.host, self._address.port
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=self._context)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @staticmethod
    def _is_hung_up(connection: http.client.HTTPConnection) -> bool:
        """Whether the server has closed a connection, or says what nobody has asked for."""
        sock = connection.sock
        if sock is None:
            return True
        timeout = sock.gettimeout()
        try:
            sock.setblocking(False)
            # Through TLS, too: what arrives there may be a ticket for the next session, which is no end.
            sock.recv(1)
            return True
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            with contextlib.suppress(OSError):
                sock.settimeout(timeout)

    def _told(self, error: Exception, *, late: bool) -> str:
        """An error in words, with its cure, and without anything secret."""
        origin = self._address.origin
        if isinstance(error, SendError):
            return str(error)
        if late or isinstance(error, TimeoutError):
            return f"{origin} did not answer within {self._timeout_s:g} s"
        if isinstance(error, ssl.SSLCertVerificationError):
            return _about_certificate(origin, error)
        if isinstance(error, ssl.SSLError):
            reason = (error.reason or "something else").replace("_", " ").lower()
            return f"expected TLS from {origin}, found {reason}: is it http, or another port?"
        if isinstance(error, socket.gaierror):
            return f"the name of {origin} is not known at present: {error.strerror}"
        if isinstance(error, http.client.RemoteDisconnected):
            return f"{origin} closed the connection without an answer"
        if isinstance(error, http.client.HTTPException):
            return f"expected an answer of HTTP from {origin}, found something else ({type(error).__name__})"
        if isinstance(error, OSError):
            return f"{origin} cannot be reached: {error.strerror or type(error).__name__}"
        return f"posting to {origin} failed with {type(error).__name__}"


def _about_certificate(origin: str, error: ssl.SSLCertVerificationError) -> str:
    said = f"the certificate of {origin} is not accepted ({error.verify_message.rstrip('.')})"
    match error.verify_code:
        case 9 | 10:  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
            return (
                f"{said}: is the clock of this machine right? It says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            )
        case 62 | 64:  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
            return f"{said}: write one of the names in the certificate in url"
    return (
        f"{said}: if you trust that server, save its certificate, or that of who has signed it, as PEM and "
        "name the file as ca in the table [webhook] of the settings"
    )


class _Deadline:
    """Cuts an attempt off when its time is over: a socket's own timeout begins anew with every byte."""

    def __init__(self, webhook: Webhook, seconds: float) -> None:
        self._webhook = webhook
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self.passed = False

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.passed = True
        self._webhook.cut_off()


def judge(status: int, retry_after: str, origin: str, *, now: float) -> None:
    """Return where an answer says that the server has the message.

    Args:
        status: of the answer.
        retry_after: its header of that name, or "".
        origin: who answers.
        now: seconds since 1970, UTC.

    Raises:
        RefusedError: it will not take this message, and waiting would not change that.
        SendError: it does not take messages at present, or not there.
    """
    if 200 <= status < 300:
        return
    said = f"{origin} answers {status}{_phrase(status)}"
    if status in NOT_THIS_ONE:
        raise RefusedError(said)
    if status == http.HTTPStatus.BAD_REQUEST:
        raise RefusedError(said, patience_s=CLOCK_S)
    if status in LATER or status >= 500:
        raise SendError(said, after_s=_after_s(retry_after, now))
    if 300 <= status < 400:
        raise SendError(f"{said}: redirects are not followed; write in url where it leads")
    if status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        raise SendError(f"{said}: is the secret or the password right, and the clock of this machine?")
    raise SendError(f"{said}: is the url right?")


def _phrase(status: int) -> str:
    """Of the standard: the server's own could be anything."""
    try:
        return f" {http.HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def _after_s(text: str, now: float) -> float:
    """Seconds that Retry-After asks for, up to a limit; 0 where it asks for nothing or makes no sense."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError):
            return 0.0
    return min(max(0.0, seconds), MOST_AFTER_S) if math.isfinite(seconds) else 0.0
