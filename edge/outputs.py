"""Where readings go, as the command line says it: values of `run` and `serve`, and the sinks they open."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from edge.alerts import AlertRules, Watch
from edge.control import Control
from edge.errors import OutputError, PackageMissingError, UsageError
from edge.field_reader import FieldReader
from edge.live import LiveLoop
from edge.reader import DigitReader
from edge.recording import Recording
from edge.senders.broker import Broker
from edge.senders.sender import AnySender, Sender, SenderState
from edge.senders.settings import PhoneOptions, WebhookOptions
from edge.sinks import Sink
from edge.sinks.current import Current
from edge.sinks.history import History, MessageWriter
from edge.sinks.keep import USUAL_AGE_S, USUAL_BYTES, KeepFrames, Limits
from edge.sources.base import Notice
from edge.store import Limits as HistoryLimits
from edge.store import Store
from edge.types import ModelName
from edge.words import counted

HISTORY = "history.db"
"""Name of the file where only its folder is given."""

NO_HISTORY = Path("none")
"""Given as a history: none is kept."""

SERVICE_HISTORY = Path("/var/lib/digitcam") / HISTORY
"""Of the service; see deploy/digitcam.service."""

SEND_S = 2.0
"""For what is still to be sent at the end: systemd waits five seconds for all of it."""

HISTORY_BYTES = 200_000_000
"""Of entries, where nothing is said: some two million."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where readings go.

    Attributes:
        json: JSON lines on standard output, instead of text for people.
        every_frame: an object for each frame instead of one for each change.
        save: where the last frame that had numbers is written, at the end.
        record: where the annotated video is written.
        keep_frames: folder in which every frame is kept.
        limits: how much is kept there.
        state: where the last values of the fields are kept.
        store: the file for what is kept and for what is to be sent.
        history: how much of what is read is kept there; None: nothing.
        webhook: where events are posted.
        phone: when people are told.
        mqtt: the broker that messages go to.

    Raises:
        UsageError: one goes only with another.
    """

    json: bool = False
    every_frame: bool = False
    save: Path | None = None
    record: Path | None = None
    keep_frames: Path | None = None
    limits: Limits | None = None
    state: Path | None = None
    store: Path | None = None
    history: HistoryLimits | None = None
    webhook: WebhookOptions | None = None
    phone: PhoneOptions | None = None
    mqtt: Broker | None = None

    def __post_init__(self) -> None:
        if self.every_frame and not self.json:
            raise UsageError("--every-frame goes with --json: it prints one JSON object for each frame")


def outputs_of(args: argparse.Namespace) -> Outputs:
    """What the options say.

    Raises:
        UsageError: one goes only with another.
    """
    outputs = Outputs(
        args.json, args.every_frame, args.save, args.record, state=args.state if "state" in args else None
    )
    if "keep_frames" not in args:
        return outputs
    alone = [name for name in ("keep_size", "keep_age") if name in args.given and args.keep_frames is None]
    if alone:
        raise UsageError(f"--{alone[0].replace('_', '-')} goes with --keep-frames DIR, which keeps frames")
    limits = Limits(args.keep_size or USUAL_BYTES, args.keep_age or USUAL_AGE_S)
    outputs = replace(outputs, keep_frames=args.keep_frames, limits=limits)
    if args.webhook or args.phone or args.mqtt:
        # What is to be sent waits in a file, whether readings are kept there or not.
        waiting = service_history(os.environ) or user_history(os.environ)
        outputs = replace(outputs, store=waiting, webhook=args.webhook, phone=args.phone, mqtt=args.mqtt)
    store = args.history or service_history(os.environ)
    if store is None or store == NO_HISTORY:
        alone = [name for name in ("keep_crops", "history_size", "history_age") if name in args.given]
        if alone:
            raise UsageError(f"--{alone[0].replace('_', '-')} goes with --history FILE, which keeps readings")
        return outputs
    kept = HistoryLimits(args.history_size or HISTORY_BYTES, args.history_age, args.keep_crops)
    return replace(outputs, store=store, history=kept)


def service_history(environment: Mapping[str, str]) -> Path | None:
    """Where a service of systemd keeps its history: in its StateDirectory; None where this is no service."""
    folder = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(folder) / HISTORY if folder else None


def user_history(environment: Mapping[str, str]) -> Path:
    """Where a history is kept that nobody has named, by the XDG Base Directory Specification."""
    folder, home = environment.get("XDG_STATE_HOME"), environment.get("HOME", "")
    return (Path(folder) if folder else Path(home) / ".local/state") / "digitcam" / HISTORY


def open_store(outputs: Outputs, on_notice: Callable[[str], None]) -> Store | None:
    """The file for what is kept and sent; None where nothing is. Whoever asks closes it.

    Its sink opens it, which takes its time where much is to be looked at or mended. A disk that takes nothing
    is no reason not to read: the sink says so, and tries again.

    Args:
        outputs: where readings go.
        on_notice: told, in a line for people, that a damaged file was set aside.

    Raises:
        UsageError: it is another program's file, a later version's, or another process writes to it.
    """
    if outputs.store is None:
        return None
    store = Store(outputs.store, on_notice=on_notice)
    with suppress(OutputError):
        store.claim()
    return store


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What a live reading shares with those who are elsewhere.

    Attributes:
        model: the network that names the digits.
        wanted: knows the fields; None where there are none.
        control: what can be asked of the reading.
        current: what is true now.
    """

    model: ModelName
    wanted: FieldReader | None
    control: Control
    current: Current

    @classmethod
    def of(cls, outputs: Outputs, reader: DigitReader, wanted: FieldReader | None) -> Shared:
        """What the reading by these shares."""
        pictures = outputs.mqtt is not None and outputs.mqtt.pictures
        return cls(reader.classifier.name, wanted, Control(), Current(pictures=pictures))


def message_writers(outputs: Outputs, shared: Shared | None) -> Sequence[MessageWriter]:
    """What makes the messages that are sent elsewhere, in the order in which those are queued."""
    writers: list[MessageWriter] = []
    if outputs.webhook:
        from edge.senders.webhook import WebhookMessages

        writers.append(WebhookMessages(outputs.webhook.events, device=outputs.webhook.device or _machine()))
    if outputs.mqtt and shared:
        from edge.senders.topics import MqttMessages, Topics

        writers.append(MqttMessages(Topics(outputs.mqtt.device), shared.model))
    return writers


def open_senders(
    outputs: Outputs,
    store: Store | None,
    shared: Shared,
    on_notice: Notice,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[AnySender]:
    """What sends messages. Each is opened when it is asked for, and whoever asks starts and closes it.

    Args:
        outputs: where readings go.
        store: what `open_store` has opened.
        shared: what they tell beside messages, and whom they hand on what is asked for.
        on_notice: told, in a line for people, that messages do not get through, and that they do again.
        environment: the variables, in which systemd tells where its credentials are.

    Raises:
        UsageError: a file with a secret or with certificates is not as it should be.
        PackageMissingError: something that it takes is not installed.
    """
    if store is None:
        return
    if outputs.webhook:
        from edge.senders.webhook import open_webhook

        yield Sender(open_webhook(outputs.webhook, environment), store.outbox, on_notice=on_notice)
    if outputs.phone:
        from edge.senders.phone import open_phone

        yield Sender(open_phone(outputs.phone, environment), store.outbox, on_notice=on_notice)
    if outputs.mqtt:
        from edge import __version__

        try:
            from edge.senders.mqtt import MqttSender
        except ImportError as error:
            raise PackageMissingError.of_extra("mqtt", f"[mqtt] needs {error.name}") from error
        yield MqttSender(
            outputs.mqtt,
            store.outbox,
            shared.control,
            shared.model,
            shared.current,
            shared.wanted,
            version=__version__,
            on_notice=on_notice,
            environment=environment,
        )


class Senders:
    """Senders that run, until the end of a `with` block.

    Args:
        senders: that were not started yet.

    Attributes:
        all: they.
    """

    def __init__(self, senders: Iterable[AnySender]) -> None:
        self.all = tuple(senders)
        self._dropped = {state.destination: state.dropped for state in self.states()}

    def states(self) -> list[SenderState]:
        """How each of them fares."""
        return [sender.state for sender in self.all]

    def summary(self) -> list[str]:
        """What was dropped, and what is left to be sent with the next start, in lines for people."""
        told = []
        for state in self.states():
            if dropped := state.dropped - self._dropped[state.destination]:
                told.append(
                    f"{counted(dropped, 'message')} for {state.destination} dropped, as too many waited"
                )
            if state.waiting:
                told.append(
                    f"{counted(state.waiting, 'message')} for {state.destination} will be sent with the next "
                    "start"
                )
        return told

    def __enter__(self) -> Self:
        for sender in self.all:
            sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Side by side: one that hangs takes none of the others' time.
        closing = [threading.Thread(target=sender.close, args=(SEND_S,)) for sender in self.all]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()


def _machine() -> str:
    return socket.gethostname().partition(".")[0]


def add_sinks(
    loop: LiveLoop,
    outputs: Outputs,
    recording: Recording | None = None,
    *,
    shared: Shared | None = None,
    store: Store | None = None,
    on_notice: Notice,
) -> None:
    """Have a loop feed the sinks, and systemd's where it started this process.

    What is for people and programs goes to standard output, and where it is no terminal, how the reading goes
    to standard error.

    Args:
        loop: of an open source.
        outputs: where readings go.
        recording: what is true of the frames, where they are to be kept.
        shared: what the reading shares with those who are elsewhere; None where nothing is sent there.
        store: what `open_store` has opened.
        on_notice: told, in a line for people, what was deleted.

    Raises:
        PackageMissingError: something that a sink takes is not installed.
        OutputError: a file cannot be made.
        UsageError: frames cannot be kept in the folder that is named.
    """
    # One by one: the loop closes those that it has where the next cannot be opened.
    for sink in _open_sinks(loop, outputs, recording, shared, store, on_notice):
        loop.add(sink)


def _open_sinks(
    loop: LiveLoop,
    outputs: Outputs,
    recording: Recording | None,
    shared: Shared | None,
    store: Store | None,
    on_notice: Notice,
) -> Iterator[Sink]:
    output, status, speedometer = sys.stdout, sys.stderr, loop.speedometer
    live = loop.source.live
    if outputs.json:
        from edge.sinks.jsonlines import JsonLines

        yield JsonLines(output, every_frame=outputs.every_frame)
    elif output.isatty() and os.environ.get("TERM") != "dumb":
        from edge.sinks.live_view import LiveView

        yield LiveView(speedometer)
    else:
        from edge.sinks.plain import PlainLines

        yield PlainLines(speedometer, output=output, status=status)
    if outputs.save:
        from edge.sinks.picture import LastPicture

        yield LastPicture(outputs.save)
    if outputs.record:
        from edge.sinks.video import Video

        yield Video(outputs.record)
    if outputs.keep_frames and recording:
        yield KeepFrames(outputs.keep_frames, recording, outputs.limits)
    if outputs.state:
        from edge.sinks.known_values import KnownValues

        yield KnownValues(outputs.state)
    if store:
        yield History(
            store,
            outputs.history,
            live=live,
            writers=message_writers(outputs, shared),
            on_notice=on_notice,
        )
    if outputs.mqtt and shared:
        yield shared.current
    if store and outputs.phone and live:
        from edge.sinks.alerts import Alerts

        rules = AlertRules(outputs.phone.refused_for, outputs.phone.gone_for)
        device = outputs.phone.device or _machine()
        yield Alerts(Watch(device, rules, time.monotonic()), store.outbox)
    from edge.sinks.systemd import Systemd

    if systemd := Systemd.from_environment(speedometer):
        yield systemd
