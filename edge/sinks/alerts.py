"""Puts alerts for people's phones into the outbox."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from edge.alerts import Alert, Watch
from edge.errors import EdgeError
from edge.events import AnyEvent
from edge.sinks import PACE_S, Sink
from edge.store import NewMessage, Outbox
from edge.types import Frame, Moment, Result

DESTINATION = "phone"

LOOK_S = 5.0
"""Seconds from one look at the clock to the next: nothing else tells that no frame comes."""


class Alerts(Sink):
    """Watches the fields and the camera, and queues what people are to be told.

    Args:
        watch: knows what is worth an alert.
        outbox: takes the messages.
        clock: seconds, monotonic, the clock of the watch.
        look_s: seconds from one look at the clock to the next.
    """

    name = "alerts"
    pace_s = PACE_S

    def __init__(
        self,
        watch: Watch,
        outbox: Outbox,
        *,
        clock: Callable[[], float] = time.monotonic,
        look_s: float = LOOK_S,
    ) -> None:
        self._watch, self._outbox, self._clock, self._look_s = watch, outbox, clock, look_s
        self._turn = threading.Lock()
        self._owed: list[Alert] = []  # that could not be queued yet
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, name="digitcam-alerts", daemon=True)
        self._thread.start()

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Take a frame.

        Raises:
            OutputError: an alert cannot be queued; it is, later.
        """
        with self._turn:
            self._owed += self._watch.see(result.fields, self._clock())
            self._queue()

    def idle(self, moment: Moment) -> None:
        """Take a frame that is not read, as reading is paused.

        Raises:
            OutputError: as `write`.
        """
        with self._turn:
            self._owed += self._watch.idle(self._clock())
            self._queue()

    def unread(self, frame: Frame) -> None:
        """Take a frame that cannot be read.

        Raises:
            OutputError: as `write`.
        """
        self.idle(frame.moment)

    def close(self) -> None:
        """End the watch; may be called twice."""
        self._ending.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ending.wait(self._look_s):
            with self._turn:
                self._owed += self._watch.pass_time(self._clock())
                try:
                    self._queue()
                except EdgeError:
                    continue  # the next frame, or the next look, tries again

    def _queue(self) -> None:
        if self._owed:
            self._outbox.add([NewMessage(DESTINATION, "", alert.as_bytes()) for alert in self._owed])
            self._owed.clear()
