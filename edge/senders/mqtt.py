"""Sends the messages of the outbox to an MQTT broker, and takes commands from it. paho-mqtt speaks MQTT.

A message stays in the outbox until the broker has acknowledged it (QoS 1). It is sent again after a broken
connection, under the same id: a receiver may get it twice, and can tell.
"""

from __future__ import annotations

import os
import queue
import random
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.control import ALL, Control
from edge.errors import EdgeError, UsageError
from edge.fields import Field
from edge.senders import home_assistant, topics
from edge.senders.broker import Broker
from edge.senders.credentials import Login, read_login, secret_file
from edge.senders.sender import Backoff, SenderState
from edge.senders.topics import DESTINATION, OFF, OFFLINE, ON, ONLINE, Topics
from edge.sources.base import Notice
from edge.store import Outbox
from edge.types import FieldReading, ModelName, Moment, iso_utc

WINDOW = 20
"""Messages that are sent before the first of them is acknowledged, at most: what mosquitto takes."""

KEEPALIVE_S = 30
"""Seconds after which a silent connection is checked; after one and a half of them comes the last will."""

CONNECT_S = 10.0
"""For a broker to accept a connection, and for it to answer on it."""

STALLED_S = 30.0
"""Seconds without an acknowledgement after which another connection is tried."""

STEADY_S = 20.0
"""Seconds that a connection must hold until people are told that it does: one may break again and again."""

TURN_S = 0.25
"""Seconds from one look at what else is to be told to the next."""

LEARN_S = 1.0
"""For the broker to hand over how the device was described before."""

AGAIN_S = 60.0
"""Seconds after which refused messages are sent again: somebody may have given us the right."""

GREETING_S = 2.0
"""Seconds within which Home Assistant is answered when it starts: it must not hear all devices at once."""

PER_MINUTE = 8
"""Attempts to connect, at most."""

LOCAL = ("localhost", "127.0.0.1", "::1")

LONGEST_COMMAND = 256
"""Bytes of a command."""

CREDENTIAL = "mqtt"
"""Name under which systemd brings the user and the password."""


class BrokerError(EdgeError, OSError):
    """A broker that cannot be reached, or does not want us."""


class HasFields(Protocol):
    """What knows the fields that are wanted at present: a `FieldReader`."""

    @property
    def fields(self) -> Sequence[Field]:
        """In their order."""


class Current(Protocol):
    """What is true now, and is told without being queued: the sink `edge.sinks.current.Current`."""

    @property
    def fields(self) -> Sequence[FieldReading]:
        """What is known of each field."""

    @property
    def moment(self) -> Moment | None:
        """The frame that shows it."""

    @property
    def problem(self) -> str:
        """Why there are no readings; "" where all is well."""

    @property
    def pictures(self) -> Mapping[str, bytes]:
        """Of fields, JPEG of what their last value was read from."""


class Attempts:
    """When the next connection may be tried: full jitter, and no more than `PER_MINUTE`.

    Args:
        backoff: how long to wait after a failure.
        generator: of the jitter.
        clock: seconds, monotonic.
    """

    def __init__(
        self, backoff: Backoff, generator: random.Random, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._backoff, self._generator, self._clock = backoff, generator, clock
        self._times: deque[float] = deque(maxlen=PER_MINUTE)

    def begin(self) -> None:
        """Count an attempt that begins now."""
        self._times.append(self._clock())

    def delay_s(self, failures: int) -> float:
        """Seconds until the next one, after so many failures in a row."""
        delay = self._backoff.delay_s(failures, self._generator) if failures else 0.0
        if len(self._times) < PER_MINUTE:
            return delay
        return max(delay, self._times[0] + 60.0 - self._clock())


class MqttSender:
    """Sends to a broker from a thread of its own, for as long as it takes.

    Args:
        broker: where to.
        outbox: holds the messages.
        control: takes the commands.
        model: the network that names the digits.
        current: what is true now.
        wanted: knows the fields; None where there are none.
        version: of digitcam.
        on_notice: told, in a line for people, of a broker that cannot be reached, and that it can again.
        environment: the variables, of which one names systemd's credentials.
        generator: of the jitter.

    Raises:
        UsageError: the file with the password, or one of TLS, is not as it should be.
    """

    def __init__(
        self,
        broker: Broker,
        outbox: Outbox,
        control: Control,
        model: ModelName,
        current: Current,
        wanted: HasFields | None = None,
        *,
        version: str,
        on_notice: Notice,
        environment: Mapping[str, str] = os.environ,
        generator: random.Random | None = None,
    ) -> None:
        self._broker, self._outbox, self._control = broker, outbox, control
        self._model, self._current, self._wanted = model, current, wanted
        self._version, self._on_notice = version, on_notice
        self._generator = generator or random.Random()
        self._file = secret_file(CREDENTIAL, broker.credentials, environment)
        self._context = tls_of(broker) if broker.tls else None
        self._known = _Known()
        self._state = SenderState(DESTINATION)
        self._said = ""  # what people were told is wrong, and has not been well for a while since
        self._ending, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="digitcam-send-mqtt", daemon=True)
        if self._login() is not None and not broker.tls and broker.host not in LOCAL:
            on_notice(f"the password for {broker.name} goes through the network in the clear: set tls = true")
        for misfit in home_assistant.misfits([] if wanted is None else wanted.fields, broker.classes):
            on_notice(misfit)

    @property
    def state(self) -> SenderState:
        """How it fares now."""
        return self._state.with_waiting(self._outbox)

    def start(self) -> None:
        """Begin to send; called once."""
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """Send what is waiting, unless that takes longer, and end; may be called twice.

        What is not sent stays in the outbox.
        """
        self._ending.set()
        self._outbox.tell()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        self._closed.set()

    def _work(self) -> None:
        attempts = Attempts(Backoff(), self._generator)
        failures = 0
        while not self._ending.wait(attempts.delay_s(failures)):
            attempts.begin()
            failures += 1
            try:
                connection = Connection(self._broker, self._login(), self._context)
                try:
                    connection.open()
                    failures = 0
                    self._state = replace(self._state, connected=True, last_error="")
                    self._serve(connection)
                finally:
                    connection.close()
            except Exception as error:  # whatever the broker or the outbox does, it is tried again
                failures = max(failures, 1)
                self._fail(error)

    def _serve(self, connection: Connection) -> None:
        session = _Session(
            connection,
            self._broker,
            self._outbox,
            self._control,
            self._model,
            self._current,
            self._wanted,
            version=self._version,
            on_notice=self._on_notice,
            generator=self._generator,
            known=self._known,
        )
        steady_at = time.monotonic() + (STEADY_S if self._said else 0.0)
        told = False
        while not self._closed.is_set():
            sent = session.turn()
            if not told and time.monotonic() >= steady_at:
                self._on_notice(f"{self._broker.name}: connected")
                self._said, told = "", True
            refused = next((f"refuses {topic}: {why}" for topic, why in self._known.refused.items()), "")
            if sent or refused != self._state.last_error:
                self._state = replace(self._state, sent=self._state.sent + sent, last_error=refused)
            if self._ending.is_set() and session.is_done:
                return

    def _login(self) -> Login | None:
        return None if self._file is None else read_login(self._file)

    def _fail(self, error: Exception) -> None:
        if self._closed.is_set():
            return
        why = _why(error)
        self._state = replace(self._state, connected=False, last_error=why)
        if why != self._said:
            self._said = why
            self._on_notice(f"{self._broker.name}: {why}; messages wait, and are sent again")


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker has a message, or does not want it.

    Attributes:
        mid: of the message, in this connection.
        refusal: why it does not want it; "" where it has it.
    """

    mid: int
    refusal: str


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the broker.

    Attributes:
        topic: of it.
        body: of it.
        retained: it is older than our subscription, and was kept.
    """

    topic: str
    body: bytes
    retained: bool


class Connection:
    """One connection to a broker: opened once, and closed for good.

    Args:
        broker: where to.
        login: user and password, if any.
        context: of TLS; None for a connection in the clear.

    Attributes:
        lost: why it does not hold any more; "" while it does.
        window: messages that the broker takes before it has acknowledged the first of them.
    """

    def __init__(self, broker: Broker, login: Login | None, context: ssl.SSLContext | None) -> None:
        self._broker = broker
        self.lost, self.window = "", WINDOW
        self._heard: queue.SimpleQueue[Acknowledged | Received] = queue.SimpleQueue()
        self._answered = threading.Event()
        # Nothing is kept by paho: what is not acknowledged is in the outbox.
        client = self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"digitcam-{broker.device}",
            protocol=MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        if login is not None:
            client.username_pw_set(login.user, login.password or None)
        if context is not None:
            client.tls_set_context(context)
        client.will_set(Topics(broker.device).availability, OFFLINE, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message

    def open(self) -> None:
        """Connect, and wait until the broker has accepted it.

        Raises:
            BrokerError: it does not.
            OSError: it cannot be reached.
        """
        self._client.connect(self._broker.host, self._broker.port, KEEPALIVE_S)
        self._client.loop_start()
        if not self._answered.wait(CONNECT_S):
            raise BrokerError(f"does not answer within {CONNECT_S:.0f} s")
        if self.lost:
            raise BrokerError(self.lost)

    def publish(
        self, topic: str, body: bytes, *, retain: bool = False, properties: Mapping[str, str] | None = None
    ) -> int:
        """Send a message with QoS 1.

        Returns:
            Its number in this connection, which comes back when it is acknowledged.
        """
        told = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if properties:
            told.UserProperty = list(properties.items())
        return self._client.publish(topic, body, qos=1, retain=retain, properties=told).mid

    def subscribe(self, wanted: Sequence[str]) -> None:
        """Hear of messages on these topics, but of none that were sent here."""
        options = SubscribeOptions(qos=1, noLocal=True)
        self._client.subscribe([(topic, options) for topic in wanted])

    def hear(self, timeout_s: float) -> list[Acknowledged | Received]:
        """What has come since the last call; waits for something so many seconds at most."""
        heard: list[Acknowledged | Received] = []
        try:
            heard.append(self._heard.get(timeout=timeout_s) if timeout_s else self._heard.get_nowait())
            while True:
                heard.append(self._heard.get_nowait())
        except queue.Empty:
            return heard

    def close(self) -> None:
        """Leave: the broker tells our last will, so that nobody takes us for there."""
        reason = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")
        self._client.disconnect(reasoncode=reason)
        self._client.loop_stop()

    def _on_connect(
        self,
        client: Client,
        data: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self.window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        if reason.is_failure:
            self.lost = f"refuses the connection: {reason}"
        self._answered.set()

    def _on_disconnect(
        self,
        client: Client,
        data: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if not self.lost:
            self.lost = "the connection is broken"
            if reason == "Session taken over":
                self.lost = (
                    f"another client is called digitcam-{self._broker.device}, too: name one of them "
                    "otherwise, as device in the table [mqtt]"
                )
            elif flags.is_disconnect_packet_from_server:
                self.lost = f"ends the connection: {reason}"
        self._answered.set()

    def _on_publish(
        self, client: Client, data: object, mid: int, reason: ReasonCode, properties: Properties
    ) -> None:
        self._heard.put(Acknowledged(mid, str(reason) if reason.is_failure else ""))

    def _on_message(self, client: Client, data: object, message: MQTTMessage) -> None:
        self._heard.put(Received(message.topic, bytes(message.payload), message.retain))


@dataclass(slots=True)
class _Known:
    """What is known of the broker, from one connection to the next.

    Attributes:
        retained: what it was given to keep, by topic.
        refused: topics that it does not want from us, and why.
        refused_at: when it has said so last, seconds, monotonic.
        told: topics of which people were told that.
    """

    retained: dict[str, bytes] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    refused_at: float = 0.0
    told: set[str] = field(default_factory=set)


class _Session:
    """What is done while a connection holds: it sends, tells what is true now, and takes commands."""

    def __init__(
        self,
        connection: Connection,
        broker: Broker,
        outbox: Outbox,
        control: Control,
        model: ModelName,
        current: Current,
        wanted: HasFields | None,
        *,
        version: str,
        on_notice: Notice,
        generator: random.Random,
        known: _Known,
    ) -> None:
        self._connection, self._broker, self._outbox, self._control = connection, broker, outbox, control
        self._model, self._current, self._wanted = model, current, wanted
        self._version, self._on_notice, self._generator = version, on_notice, generator
        self._known, self._topics = known, Topics(broker.device)
        self._after, self._more = 0, True  # of the outbox: what was sent, and whether there is more
        self._in_flight: dict[int, int] = {}  # number in the outbox by the number in the connection
        self._topic_of: dict[int, str] = {}  # likewise
        self._arrived: list[int] = []  # numbers in the outbox of what the broker has
        self._heard_at = time.monotonic()
        self._told: dict[str, bytes] = {}  # what is true now, as it was told in this connection
        self._restated = False
        self._described: tuple[Field, ...] | None = None
        self._components: home_assistant.Components = {}
        self._describe_at = time.monotonic() + LEARN_S
        self._publish(self._topics.availability, ONLINE)
        heard = [self._topics.read, self._topics.pause]
        if broker.discovery:
            heard += [home_assistant.status_topic(broker), home_assistant.discovery_topic(broker)]
        connection.subscribe(heard)

    @property
    def is_done(self) -> bool:
        """Whether all that was in the outbox has arrived, and Home Assistant knows of the device."""
        is_known = self._described is not None or not self._broker.discovery
        return is_known and not (self._more or self._in_flight or self._arrived)

    def turn(self) -> int:
        """Do what there is to do, or wait for it for a moment; how many messages have arrived.

        Raises:
            BrokerError: the connection is lost.
            OutputError: the outbox cannot be read or written to.
        """
        self._send()
        self._tell()
        # Before what it has brought is taken: what came last may say why it was lost.
        lost = self._connection.lost
        for heard in self._connection.hear(TURN_S if self._in_flight else 0):
            if isinstance(heard, Acknowledged):
                self._acknowledge(heard)
            else:
                self._take(heard)
        arrived = len(self._arrived)
        if arrived:
            self._outbox.acknowledge(self._arrived)
            self._arrived.clear()
        if lost:
            raise BrokerError(lost)
        if self._in_flight and time.monotonic() - self._heard_at > STALLED_S:
            raise BrokerError(f"has acknowledged nothing for {STALLED_S:.0f} s")
        self._more |= self._outbox.wait(0 if self._in_flight or self._more else TURN_S)
        return arrived

    def _send(self) -> None:
        """Send what is waiting, as far as the window reaches."""
        known = self._known
        if known.refused and not self._in_flight and time.monotonic() - known.refused_at > AGAIN_S:
            known.refused.clear()
            self._after, self._more = 0, True
        room = self._connection.window - len(self._topic_of)
        if not self._more or room <= 0:
            return
        messages = self._outbox.pending(DESTINATION, self._after, room)
        self._more = len(messages) == room
        if messages and not self._in_flight:
            self._heard_at = time.monotonic()
        for message in messages:
            self._after = message.number
            if message.topic in known.refused:
                continue
            body = topics.body_of(message)
            properties = {"id": message.id, "made_at": iso_utc(message.made_at)}
            mid = self._connection.publish(message.topic, body, retain=message.retain, properties=properties)
            self._in_flight[mid], self._topic_of[mid] = message.number, message.topic
            if message.retain:
                known.retained[message.topic] = body

    def _publish(self, topic: str, body: bytes) -> None:
        """Send what is not in the outbox, to be kept by the broker."""
        if topic not in self._known.refused:
            self._topic_of[self._connection.publish(topic, body, retain=True)] = topic

    def _acknowledge(self, heard: Acknowledged) -> None:
        self._heard_at = time.monotonic()
        number, topic = self._in_flight.pop(heard.mid, None), self._topic_of.pop(heard.mid, "")
        if heard.refusal:
            known = self._known
            if topic not in known.told:
                known.told.add(topic)
                self._on_notice(
                    f"{self._broker.name}: refuses {topic}: {heard.refusal}; what is meant for it waits"
                )
            known.refused[topic], known.refused_at = heard.refusal, time.monotonic()
        elif number is not None:
            self._arrived.append(number)

    def _tell(self) -> None:
        """Tell what is true now, where that is news to this broker."""
        current = self._current
        self._tell_one(self._topics.paused, ON if self._control.paused else OFF)
        self._tell_one(self._topics.problem, topics.problem_of(current.problem))
        for name, picture in current.pictures.items():
            self._tell_one(self._topics.picture(name), picture)
        if self._broker.discovery:
            self._describe()
        if not self._restated and self.is_done:
            self._restate()

    def _tell_one(self, topic: str, body: bytes) -> None:
        if self._told.get(topic) != body:
            self._told[topic] = body
            self._publish(topic, body)

    def _restate(self) -> None:
        """Tell the values anew, in case that the broker has forgotten what it was to keep.

        Messages in the outbox are newer: this comes after them.
        """
        self._restated = True
        moment = self._current.moment
        told = dict(self._known.retained)
        for one in self._current.fields if moment else ():
            # Of what was not told since the start, as it rests by its schedule, the value from before.
            if moment and one.problem is None and self._topics.attributes(one.name) not in told:
                messages = topics.field_messages(self._topics, one, moment, self._model)
                told |= {message.topic: message.body for message in messages}
        for topic, body in told.items():
            self._publish(topic, body)

    def _describe(self) -> None:
        """Describe the device to Home Assistant, where the fields are others, or it is time to."""
        fields = () if self._wanted is None else tuple(self._wanted.fields)
        now = time.monotonic()
        if now < self._describe_at and (self._described is None or fields == self._described):
            return
        self._describe_at, self._described = float("inf"), fields
        topic = home_assistant.discovery_topic(self._broker)
        after = home_assistant.components(self._broker, fields)
        if gone := home_assistant.removed(self._components, after):
            body = home_assistant.discovery(self._broker, fields, version=self._version, gone=gone)
            self._publish(topic, body)
            base = self._topics.base
            left = home_assistant.topics_of(self._components, base) - home_assistant.topics_of(after, base)
            for forgotten in left:
                self._publish(forgotten, b"")
                self._known.retained.pop(forgotten, None)
                self._told.pop(forgotten, None)
        body = home_assistant.discovery(self._broker, fields, version=self._version)
        self._publish(topic, body)
        self._components = after

    def _take(self, heard: Received) -> None:
        """Do what a message asks for."""
        discovery = self._broker.discovery
        if heard.topic == self._topics.read:
            self._take_read(heard)
        elif heard.topic == self._topics.pause:
            self._take_pause(heard)
        elif discovery and heard.topic == home_assistant.status_topic(self._broker):
            if heard.body == ONLINE and not heard.retained:
                self._describe_at = time.monotonic() + self._generator.uniform(0, GREETING_S)
        elif discovery and heard.retained:
            # How the device was described before, perhaps by another run, with other fields.
            self._components = {**home_assistant.described_by(heard.body), **self._components}
            self._describe_at = time.monotonic()

    def _take_read(self, heard: Received) -> None:
        if (name := self._command(heard)) is None:
            return
        known = [] if self._wanted is None else [field.name for field in self._wanted.fields]
        if name != ALL and name not in known:
            self._on_notice(f"{heard.topic}: expected a field's name, or nothing for all, found {name!r}")
            return
        self._control.ask(name)

    def _take_pause(self, heard: Received) -> None:
        if (wanted := self._command(heard)) is None:
            return
        if wanted not in ("ON", "OFF"):
            self._on_notice(f"{heard.topic}: expected ON or OFF, found {wanted!r}")
            return
        if (wanted == "ON") != self._control.paused:
            self._on_notice(f"reading is {'paused' if wanted == 'ON' else 'no longer paused'}, by MQTT")
        self._control.pause(wanted == "ON")

    def _command(self, heard: Received) -> str | None:
        """The text of a command; None for one that is none: it is kept from some day, or it is no text."""
        if heard.retained:
            self._on_notice(f"{heard.topic}: a command that was kept is left alone: send it without retain")
            return None
        try:
            return heard.body[:LONGEST_COMMAND].decode().strip()
        except UnicodeDecodeError:
            self._on_notice(f"{heard.topic}: expected UTF-8 text, found other bytes")
            return None


def tls_of(broker: Broker) -> ssl.SSLContext:
    """How the connection to a broker is encrypted, and whom it is with.

    Raises:
        UsageError: a file with certificates or a key is not as it should be.
    """
    for path in (broker.ca, broker.certificate, broker.key):
        if path is not None and not path.is_file():
            raise UsageError(f"[mqtt]: expected a file at {path}, found none")
    context, path = ssl.create_default_context(), broker.ca
    try:
        if broker.ca is not None:
            context = ssl.create_default_context(cafile=broker.ca)
        if broker.certificate is not None:
            path = broker.certificate
            # Without a password for the key, OpenSSL would ask for one on the terminal, for ever.
            context.load_cert_chain(broker.certificate, broker.key, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise UsageError(f"[mqtt]: cannot use {path}: {_reason(error)}") from error
    return context


def _why(error: Exception) -> str:
    """What is wrong, in words that hold no secret."""
    if isinstance(error, EdgeError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError):
        return f"cannot be reached: {_reason(error)}"
    return f"failed with {type(error).__name__}"


def _reason(error: OSError | ValueError) -> str:
    return str(getattr(error, "strerror", None) or getattr(error, "reason", None) or error)
