"""The loop of a sender: it drains the outbox in order, tries again, acknowledges, and tells how it fares."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, replace
from typing import Protocol, Self

from edge.errors import EdgeError
from edge.sources.base import Notice
from edge.store import Message, Outbox

IDLE_S = 60.0
"""Seconds that a sender without messages sleeps, unless one is added."""

AT_ONCE = 100
"""Messages that are fetched from the outbox at a time."""

CLOSE_S = 0.5
"""For an attempt under way that was cut off to end."""


class SendError(EdgeError, OSError):
    """A message did not arrive, or nobody knows whether it did; it is to be sent again.

    Args:
        why: what is wrong, and the cure; nothing secret.
        after_s: seconds that the receiver asks to be left alone for.
    """

    def __init__(self, why: str, *, after_s: float = 0.0) -> None:
        super().__init__(why)
        self.after_s = after_s


class RefusedError(SendError):
    """A message that the receiver does not take, however often it is sent.

    Args:
        why: likewise.
        patience_s: seconds for which it is sent again all the same, before it is given up.
    """

    def __init__(self, why: str, *, patience_s: float = 0.0) -> None:
        super().__init__(why)
        self.patience_s = patience_s


class Transport(Protocol):
    """How messages of one destination are sent.

    Attributes:
        name: what to call it in messages for people; nothing secret.
        destination: of the messages that it sends.
    """

    name: str
    destination: str

    def send(self, message: Message) -> None:
        """Send a message, and return when the receiver has it.

        Raises:
            RefusedError: the receiver does not want it.
            SendError: anything else.
        """

    def close(self) -> None:
        """End what is under way, from any thread; may be called twice."""


@dataclass(frozen=True, slots=True)
class SenderState:
    """How a sender fares.

    Attributes:
        destination: of its messages, such as "webhook".
        connected: whether they get through, by the last attempt; true before the first.
        waiting: messages in the outbox.
        dropped: messages that were dropped from it, since the file was made, because too many were waiting.
        sent: messages that have arrived, since the start.
        refused: messages that were given up, since the start, because the receiver does not take them.
        last_error: what is wrong at present; "" where all is well.
    """

    destination: str
    connected: bool = True
    waiting: int = 0
    dropped: int = 0
    sent: int = 0
    refused: int = 0
    last_error: str = ""

    def with_waiting(self, outbox: Outbox) -> Self:
        """The same with what the outbox holds and has dropped; as it is where that cannot be told."""
        try:
            waiting, dropped = outbox.waiting(self.destination), outbox.dropped(self.destination)
        except EdgeError:  # whoever writes the file says so
            return self
        return replace(self, waiting=waiting, dropped=dropped)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after a failure: exponential, with full jitter.

    Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Attributes:
        base_s: seconds at most after the first failure.
        most_s: seconds at most after any number of them.
    """

    base_s: float = 2.0
    most_s: float = 300.0

    def delay_s(self, failures: int, generator: random.Random) -> float:
        """Seconds to wait after so many failures in a row, 1 or more."""
        # 2 ** 1024 is no float; long before that it is more than any limit.
        return generator.uniform(0.0, min(self.most_s, self.base_s * 2.0 ** min(failures - 1, 64)))


class AnySender(Protocol):
    """What sends messages from a thread of its own, by whatever means."""

    @property
    def state(self) -> SenderState:
        """How it fares now."""

    def start(self) -> None:
        """Begin to send; called once."""

    def close(self, timeout_s: float) -> None:
        """Send what is waiting, unless that takes longer, and end; may be called twice."""


class Sender:
    """Sends the messages of one destination from a thread of its own, in their order.

    A message leaves the outbox when the receiver has it, or has refused it. Until then those behind it wait.
    It is sent again after a failure, under the same id: a receiver may get it twice, and can tell.

    Args:
        transport: sends; closed by the sender.
        outbox: holds the messages.
        on_notice: told, in a line for people, that messages do not get through, why, and that they do again.
        backoff: how long it waits after a failure.
        generator: of the jitter.
    """

    def __init__(
        self,
        transport: Transport,
        outbox: Outbox,
        *,
        on_notice: Notice,
        backoff: Backoff = Backoff(),
        generator: random.Random | None = None,
    ) -> None:
        self._transport, self._outbox, self._on_notice = transport, outbox, on_notice
        self._backoff, self._generator = backoff, generator or random.Random()
        self._state = SenderState(transport.destination)
        self._failures, self._pause_s = 0, 0.0
        self._settled: list[int] = []  # messages that are done with, and still in the outbox
        self._refused_since: tuple[str, float] | None = None  # the first message's id, and seconds, monotonic
        self._ending, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(
            target=self._work, name=f"digitcam-send-{transport.destination}", daemon=True
        )

    @property
    def state(self) -> SenderState:
        """How it fares now."""
        return self._state.with_waiting(self._outbox)

    def start(self) -> None:
        """Begin to send; called once."""
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """Send what is waiting, unless that fails or takes longer, and end; may be called twice.

        What is not sent stays in the outbox.
        """
        self._ending.set()
        self._outbox.tell()
        started = self._thread.ident is not None
        if started:
            self._thread.join(timeout_s)
        self._closed.set()
        self._transport.close()
        if started:
            self._thread.join(CLOSE_S)

    def _work(self) -> None:
        while not self._closed.is_set():
            try:
                left = self._send_some()
            except Exception as error:  # whatever a transport or the outbox does, it is tried again
                self._fail(error)
                if self._ending.wait(self._pause_s):
                    return
            else:
                if not left and self._ending.is_set():
                    return
                if not left:
                    self._outbox.wait(IDLE_S)

    def _send_some(self) -> bool:
        """Send some of what is waiting; whether there may be more."""
        self._forget_settled()
        messages = self._outbox.pending(self._state.destination, limit=AT_ONCE)
        for message in messages:
            if self._closed.is_set():
                break
            self._send(message)
            self._forget_settled()
        return bool(messages)

    def _forget_settled(self) -> None:
        """Take messages that are done with out of the outbox, before another one is sent."""
        if self._settled:
            self._outbox.acknowledge(self._settled)
            self._settled.clear()

    def _send(self, message: Message) -> None:
        try:
            self._transport.send(message)
        except RefusedError as error:
            if not self._is_given_up(message, error):
                raise
            self._settled.append(message.number)
            self._succeed(refused=str(error))
            self._on_notice(f"{self._transport.name}: {error}; message {message.id} is given up")
        else:
            self._settled.append(message.number)
            self._succeed()

    def _is_given_up(self, message: Message, error: RefusedError) -> bool:
        now = time.monotonic()
        if self._refused_since is None or self._refused_since[0] != message.id:
            self._refused_since = message.id, now
        return now - self._refused_since[1] >= error.patience_s

    def _succeed(self, *, refused: str = "") -> None:
        state, failed = self._state, self._failures > 0
        self._failures, self._pause_s = 0, 0.0
        self._state = replace(
            state,
            connected=True,
            sent=state.sent + (not refused),
            refused=state.refused + bool(refused),
            last_error=refused,
        )
        if failed and not refused:
            self._on_notice(f"{self._transport.name}: messages get through again")

    def _fail(self, error: Exception) -> None:
        if self._closed.is_set():
            return
        # What others' errors say may hold what is secret, such as an address.
        why = str(error) if isinstance(error, EdgeError) else f"failed with {type(error).__name__}"
        self._failures += 1
        after_s = error.after_s if isinstance(error, SendError) else 0.0
        self._pause_s = after_s + self._backoff.delay_s(self._failures, self._generator)
        another = why != self._state.last_error
        self._state = replace(self._state, connected=False, last_error=why)
        if another:
            self._on_notice(f"{self._transport.name}: {why}; messages wait, and are sent again")
