"""What systemd wants to hear from a service (sd_notify): it is ready, it lives, how it fares, it stops.

The protocol is a line of text in a datagram: https://www.freedesktop.org/software/systemd/man/sd_notify.html
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence

from edge.events import AnyEvent
from edge.sinks import PACE_S, PAUSED, Sink
from edge.speedometer import Speedometer
from edge.types import Moment, Result

STATUS_EVERY_S = 10.0
"""Seconds between two lines on how it fares, for `systemctl status`."""

SEND_TIMEOUT_S = 0.5
"""How long a manager with a full queue is waited for."""


class Systemd(Sink):
    """Tells systemd of fresh frames, and of nothing else: without them the watchdog starts the service again.

    It is ready with the first frame that was read.

    Args:
        address: path of a Unix datagram socket; one that starts with @ is in the abstract namespace.
        speedometer: ticked by whoever reads the frames.
        watchdog_s: seconds without a sign of life after which systemd acts; None when it does not watch.
        clock: seconds, monotonic, the clock of `Frame.timestamp`.
    """

    name = "systemd"

    def __init__(
        self,
        address: str,
        speedometer: Speedometer,
        *,
        watchdog_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(SEND_TIMEOUT_S)
        self._speedometer = speedometer
        self._watchdog_s = watchdog_s
        # Twice as often as it is told, below.
        self.pace_s = PACE_S if watchdog_s is None else min(PACE_S, watchdog_s / 8)
        self._clock = clock
        self._newest: float | None = None
        self._next_alive = self._next_status = clock()

    @classmethod
    def from_environment(
        cls, speedometer: Speedometer, environment: Mapping[str, str] = os.environ
    ) -> Systemd | None:
        """The manager that the environment names; None where no systemd started this process."""
        address = environment.get("NOTIFY_SOCKET")
        if not address:
            return None
        # Both names are documented in sd_watchdog_enabled(3); the watchdog may be meant for another process.
        microseconds = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog_s = int(microseconds) / 1e6 if mine and microseconds.isdecimal() else None
        return cls(address, speedometer, watchdog_s=watchdog_s)

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Take a frame as a sign of life, when it is newer than the last one and not old itself."""
        self._see(result.frame.moment, paused=False)

    def idle(self, moment: Moment) -> None:
        """Take a frame that is left unread on purpose as a sign of life, too."""
        self._see(moment, paused=True)

    def close(self) -> None:
        """Say that the service stops."""
        if self._socket.fileno() >= 0:
            self._send("STOPPING=1")
            self._socket.close()

    def _see(self, moment: Moment, *, paused: bool) -> None:
        now, captured = self._clock(), moment.timestamp
        if self._newest is not None and captured <= self._newest:
            return
        if self._watchdog_s is not None and now - captured > self._watchdog_s:
            return
        if self._newest is None:
            self._send("READY=1")
        self._newest = captured
        if self._watchdog_s is not None and now >= self._next_alive:
            self._next_alive = now + self._watchdog_s / 4
            self._send("WATCHDOG=1")
        if now >= self._next_status:
            self._next_status = now + STATUS_EVERY_S
            self._send(f"STATUS={PAUSED if paused else self._speedometer.pace()}")

    def _send(self, state: str) -> None:
        # A manager that does not listen just now is no reason to stop reading; the next message is near.
        with contextlib.suppress(OSError):
            self._socket.sendto(state.encode(), self._address)
