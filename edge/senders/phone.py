"""Alerts to people's phones, through one of the many services that Apprise knows."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.alerts import Alert
from edge.errors import PackageMissingError, UsageError
from edge.isolated import Isolated, IsolatedError
from edge.senders.credentials import read_secret, secret_file
from edge.senders.sender import RefusedError, SendError
from edge.senders.settings import PhoneOptions
from edge.store import Message

DESTINATION = "phone"

URLS = "phone-urls"
"""Name of systemd's credential."""

SEND_S = 90.0
"""For all services together; Apprise gives each some seconds, but imports for seconds on a slow board."""

SOME_S = 600.0
"""Seconds for which the other services are tried where one has taken the alert: then somebody knows."""


@dataclass(frozen=True, slots=True)
class Services:
    """Addresses of services, as Apprise writes them: tgram://token/chat. Each holds a secret.

    Attributes:
        urls: of each.
    """

    urls: tuple[str, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Services:
        """Addresses as a file has them: one a line; lines that begin with # are comments.

        Raises:
            UsageError: a line is none, or there is none. The message never holds it.
        """
        lines = [(k, line.strip()) for k, line in enumerate(text.splitlines(), 1)]
        urls = [(k, line) for k, line in lines if line and not line.startswith("#")]
        for k, url in urls:
            if not re.match(r"[A-Za-z0-9]+://", url):
                raise UsageError(
                    "expected addresses such as tgram://TOKEN/CHAT, one a line, found something else in line "
                    f"{k}"
                )
        if not urls:
            raise UsageError("expected the address of a service, such as tgram://TOKEN/CHAT, found none")
        return cls(tuple(url for _, url in urls))


def open_phone(options: PhoneOptions, environment: Mapping[str, str]) -> Phone:
    """What sends alerts as settings say.

    Args:
        options: the settings.
        environment: the variables, in which systemd tells where its credentials are.

    Raises:
        UsageError: the file is not as it should be.
        PackageMissingError: Apprise is not installed.
    """
    file = secret_file(URLS, options.urls_file, environment)
    if file is None:
        raise UsageError("expected urls_file in the table [phone] of the settings, found none")
    text = read_secret(file)
    try:
        return Phone(Services.parse(text))
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from None


class Phone:
    """Sends alerts with Apprise, in a process that lives as long as that takes.

    Apprise takes 24 MB, which a board has better uses for; what its services print is thrown away, as it may
    hold their secrets; and one that hangs is killed.

    Args:
        services: where to.
        timeout_s: for all of them together.

    Attributes:
        name: what to call it.
        destination: of its messages.

    Raises:
        PackageMissingError: Apprise is not installed.
    """

    name = "alerts to phones"
    destination = DESTINATION

    def __init__(self, services: Services, *, timeout_s: float = SEND_S) -> None:
        if importlib.util.find_spec("apprise") is None:
            raise PackageMissingError.of_extra("phone", "alerts to phones need Apprise")
        self._services, self._timeout_s = services, timeout_s
        self._process = Isolated("edge.senders.phone:notify", memory_mb=None)
        self._closed = False
        self._message_id = ""
        self._left = list(services.urls)  # those that have not taken the message

    def send(self, message: Message) -> None:
        """Send an alert to each service that has not taken it.

        Raises:
            RefusedError: some services have taken it, others have not.
            SendError: it has to be sent again, to those that have not.
        """
        if self._closed:
            raise SendError("it is closed")
        if message.id != self._message_id:
            self._message_id, self._left = message.id, list(self._services.urls)
        alert = Alert.parse(message.body)
        when = f"{message.made_at.astimezone():%Y-%m-%d %H:%M}"
        asked = {"urls": self._left, "title": alert.title, "body": f"{alert.text}\n{when}"}
        answers = self._ask(asked)
        self._left = [url for url, answer in zip(self._left, answers, strict=True) if not answer["taken"]]
        if not self._left:
            return
        names = " and ".join(sorted({answer["service"] for answer in answers if not answer["taken"]}))
        if len(self._left) < len(self._services.urls):
            raise RefusedError(f"{names} did not take an alert, other services did", patience_s=SOME_S)
        raise SendError(f"{names} did not take an alert: is the address in the file right?")

    def close(self) -> None:
        """Cut off what is under way; may be called twice."""
        self._closed = True
        self._process.kill()

    def _ask(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            with self._process:
                answer = self._process.call(json.dumps(asked).encode(), timeout_s=self._timeout_s)
        except IsolatedError as error:
            raise SendError(f"Apprise failed: {error}") from None
        answers: list[dict[str, Any]] = json.loads(answer)
        return answers


def notify(data: bytes) -> bytes:
    """Send an alert to some services; runs in a process of its own.

    Args:
        data: JSON, an object with `urls`, `title` and `body`.

    Returns:
        JSON, a list with an object for each service: `service`, its name, and `taken`, whether it has the
        alert.
    """
    import apprise

    asked = json.loads(data)
    asset = apprise.AppriseAsset(app_id="digitcam", app_desc="digitcam", app_url="")
    answers = []
    for url in asked["urls"]:
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if service is None:
            answers.append({"service": f"{url.partition(':')[0]}:// (no service of Apprise)", "taken": False})
            continue
        try:
            taken = bool(service.notify(body=asked["body"], title=asked["title"], notify_type="warning"))
        except Exception:  # of one service of 150; the others are still to be asked
            taken = False
        answers.append({"service": str(service.service_name), "taken": taken})
    return json.dumps(answers).encode()
