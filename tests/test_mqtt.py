"""MQTT against the real broker."""

import contextlib
import gc
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mosquitto import NEEDED, Listener, Mosquitto
from network_camera import mjpeg_server
from paho.mqtt.client import DisconnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from samples import result_of, written

from edge.control import ALL, Control
from edge.errors import UsageError
from edge.events import Event, FieldEvent
from edge.fields import field_of
from edge.senders import mqtt
from edge.senders.broker import Broker, broker_of
from edge.senders.credentials import read_login, read_secret, secret_file
from edge.senders.mqtt import Attempts, MqttSender
from edge.senders.sender import Backoff
from edge.senders.topics import MqttMessages, Topics
from edge.sinks.current import Current
from edge.store import Store
from edge.types import Box, FieldReading, ModelName, Moment, Reading

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MODEL = ModelName("digits", "ab")
TOPICS = Topics("cellar")
WATER = field_of({"name": "water", "format": "00000.0", "unit": "m³", "most_change": "up"})
BASE = "digitcam/cellar"
DESCRIPTION = "homeassistant/device/digitcam_cellar/config"


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def hurry(monkeypatch):
    """Waits are short: what is tested is that they end."""
    monkeypatch.setattr(mqtt, "LEARN_S", 0.3)
    monkeypatch.setattr(mqtt, "STEADY_S", 0.5)
    monkeypatch.setattr(mqtt, "GREETING_S", 0.1)
    monkeypatch.setattr(mqtt, "CONNECT_S", 2.0)
    monkeypatch.setattr(mqtt, "STALLED_S", 2.0)
    monkeypatch.setattr(mqtt, "PER_MINUTE", 1000)


class Device:
    """A digitcam without a camera: a store, what is true now, and the sender."""

    def __init__(self, path, port, fields=(WATER,), *, login=None, environment=None, **settings):
        self.notices = []
        self.store = Store(path / "outbox.db")
        self.store.open()
        self.control, self.current = Control(), Current(pictures=settings.get("pictures", False))
        self.messages = MqttMessages(TOPICS, MODEL)
        self.wanted = SimpleNamespace(fields=tuple(fields))
        self.broker = Broker("127.0.0.1", port, device="cellar", credentials=login, **settings)
        self.sender = MqttSender(
            self.broker,
            self.store.outbox,
            self.control,
            MODEL,
            self.current,
            self.wanted,
            version="1.2.3",
            on_notice=self.notices.append,
            environment=environment or {},
            generator=random.Random(1),
        )

    def tell(self, *events):
        self.store.outbox.add(self.messages.messages(events))

    def start(self):
        self.sender.start()
        return self

    def close(self):
        self.sender.close(20)
        self.store.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


def moment(seconds=0.0):
    return Moment("camera", round(seconds * 30), seconds, NOON + timedelta(seconds=seconds), (640, 480))


def value(text, name="water", seconds=0.0):
    """The event of a field that has taken a value."""
    when = NOON + timedelta(seconds=seconds)
    reading = FieldReading(
        name,
        text,
        text,
        Decimal(text),
        "m³",
        "accepted",
        None,
        confidence=0.98,
        age_s=0.0,
        accepted_at=when,
        since=when,
    )
    return FieldEvent("value", reading, moment(seconds))


def number(text, kind="accepted"):
    reading = Reading(text, "accepted", 0.97, Box(1, 2, 3, 4), (), track_id=7)
    return Event(kind, reading, moment())


def test_an_accepted_value_is_told_as_a_number_alone_and_with_all_else_as_json():
    attributes, state = MqttMessages(TOPICS, MODEL).messages([value("00123.40")])
    assert (state.topic, state.body, state.retain) == (f"{BASE}/field/water/state", b"123.40", True)
    told = json.loads(attributes.body)
    assert attributes.topic == f"{BASE}/field/water/attributes" and attributes.retain
    assert told["text"] == told["raw"] == "00123.40" and told["value"] == 123.4
    assert (told["problem"], told["unit"], told["model"], told["age_s"]) == (None, "m³", "digits", 0.0)


def test_what_is_refused_leaves_the_value_and_tells_the_problem():
    known = value("00123.4").field
    refused = FieldReading(**{**_values(known), "raw": "00999.9", "problem": "change", "why": "too fast"})
    (attributes,) = MqttMessages(TOPICS, MODEL).messages([FieldEvent("refused", refused, moment())])
    told = json.loads(attributes.body)
    assert (told["raw"], told["text"], told["problem"], told["why"]) == (
        "00999.9",
        "00123.4",
        "change",
        "too fast",
    )


def _values(field):
    return {name: getattr(field, name) for name in FieldReading.__slots__}


def test_a_time_is_told_as_it_is_written():
    reading = FieldReading("clock", "12:45", "12:45", None, problem=None)
    _, state = MqttMessages(TOPICS, MODEL).messages([FieldEvent("value", reading, moment())])
    assert state.body == b"12:45"


def test_only_accepted_numbers_without_a_field_are_told_and_are_not_kept():
    events = [number("407", kind) for kind in ("appeared", "changed", "accepted", "uncertain", "gone")]
    (message,) = MqttMessages(TOPICS, MODEL).messages(events)
    assert (message.topic, message.retain) == (f"{BASE}/event", False)
    assert json.loads(message.body)["text"] == "407"


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("water", "water"),
        ("hot/cold", "hot%2Fcold"),
        ("a+b", "a%2Bb"),
        ("#1", "%231"),
        ("50 %", "50 %25"),
        ("Zähler", "Zähler"),
    ],
)
def test_a_name_is_one_level_of_a_topic(name, level):
    assert TOPICS.state(name) == f"{BASE}/field/{level}/state"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "host: expected the name of the broker"),
        ({"host": "a", "prot": 1}, "prot: unknown key; the nearest known one is port"),
        ({"host": "a", "port": 0}, "port: expected a port, 1 to 65535, found 0"),
        ({"host": "a", "port": True}, "port: expected a port"),
        ({"host": "a b"}, "host: expected the name of the broker"),
        ({"host": "me:pw@a"}, "found a URL"),
        ({"host": "a", "tls": "yes"}, "tls: expected true or false, found 'yes'"),
        ({"host": "a", "ca": "/ca.pem"}, "ca: expected tls = true beside it"),
        ({"host": "a", "tls": True, "key": "/key.pem"}, "expected a certificate and its key"),
        ({"host": "a", "device": "my cellar"}, "device: expected 1 to 64 letters"),
        ({"host": "a", "discovery": "a/#"}, "discovery: expected true, false, or the prefix"),
        ({"host": "a", "classes": {"water": "watr"}}, "classes: .* the nearest known one is water"),
        ({"host": "a", "classes": "water"}, "classes: expected device classes by field"),
        ({"host": "a", "user": "me"}, "user: expected no secret in settings"),
    ],
)
def test_settings_that_make_no_sense_are_told(table, message):
    with pytest.raises(UsageError, match=message):
        broker_of(table)


def test_settings_that_are_left_out_have_their_usual_values():
    plain = broker_of({"host": "a"}, machine="my_pi 4.example.org")
    assert (plain.port, plain.tls, plain.device, plain.discovery) == (1883, False, "my_pi-4", "homeassistant")
    assert broker_of({"host": "a", "tls": True}).port == 8883
    assert broker_of({"host": "a", "discovery": False}).discovery == ""


def test_a_secret_must_be_readable_by_its_owner_alone_and_is_never_shown(tmp_path):
    path = tmp_path / "login"
    path.write_text("me\npass word:1 \n")
    path.chmod(0o640)
    with pytest.raises(UsageError, match=f"mode 0640: chmod 600 {path}"):
        read_secret(path)
    path.chmod(0o600)
    login = read_login(path)
    assert (login.user, login.password) == ("me", "pass word:1 ")
    assert "me" not in repr(login) and "pass" not in repr(login)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "found an empty file"),
        (b"\n", "found an empty file"),
        (b"me\nyou\nsecret\n", "expected two lines .*, found 3"),
        (b"\nsecret\n", "found an empty line"),
        (b"\xff\xfe", "found other bytes"),
        (b"secret" * 20_000, "found more than 64 kB"),
    ],
)
def test_a_file_without_a_login_is_told_and_what_it_holds_is_not(tmp_path, data, message):
    path = tmp_path / "login"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(UsageError, match=message) as told:
        read_login(path)
    assert "secret" not in str(told.value).replace("a secret", "")


def test_a_credential_of_systemd_is_read_with_the_modes_that_systemd_gives_it(tmp_path, monkeypatch):
    """Root's and 0440, which is how an access list for the service's user looks; or that user's own, 0400."""
    path = tmp_path / "mqtt"
    path.write_text("me\nsecret")
    for mode in (0o440, 0o400):
        path.chmod(mode)
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", f"{tmp_path}/")
        assert read_login(secret_file("mqtt", None, os.environ)).password == "secret"
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "of-another-service"))
    with pytest.raises(UsageError, match="mode 0440"):
        read_login(path)


def test_systemd_brings_a_credential_unless_settings_name_a_file(tmp_path):
    (tmp_path / "mqtt").write_text("me\nsecret")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert secret_file("mqtt", None, environment) == tmp_path / "mqtt"
    assert secret_file("mqtt", tmp_path / "other", environment) == tmp_path / "other"
    assert secret_file("another", None, environment) is None
    assert secret_file("mqtt", None, {}) is None


def test_connections_are_tried_eight_times_a_minute_at_most_and_not_all_devices_at_once():
    now, times = 0.0, []
    attempts = Attempts(Backoff(), random.Random(4), clock=lambda: now)
    for k in range(200):  # it always connects, and is thrown out at once
        now += attempts.delay_s(k % 2)
        attempts.begin()
        times.append(now)
    assert all(later - first > 59.999 for first, later in zip(times, times[8:], strict=False))
    first = [Attempts(Backoff(), random.Random(seed)).delay_s(5) for seed in range(100)]
    assert len(set(first)) == 100 and min(first) < 4 and 20 < max(first) <= 32


@NEEDED
def test_what_is_told_arrives_with_its_id_and_leaves_the_outbox(tmp_path, broker):
    with Listener(broker.port) as listener, Device(tmp_path, broker.port) as device:
        device.tell(value("00123.4"), number("407"))
        state = listener.wait_for(lambda one: one.topic == f"{BASE}/field/water/state")
        assert state.body == b"123.4"
        event = listener.wait_for(lambda one: one.topic == f"{BASE}/event")
        assert json.loads(event.body)["id"] == event.properties["id"] != state.properties["id"]
        _until(lambda: device.sender.state.sent == 3)
        assert device.sender.state.waiting == 0
        assert listener.last(f"{BASE}/availability") == b"online"
        assert listener.last(f"{BASE}/paused") == b"OFF"
        assert json.loads(listener.last(f"{BASE}/problem"))["problem"] is None
    with Listener(broker.port, name="late") as late:  # what is retained is there for who comes later
        assert late.body(f"{BASE}/field/water/state") == b"123.4"
        assert late.body(f"{BASE}/availability") == b"offline"
        assert late.last(f"{BASE}/event") is None


@NEEDED
def test_messages_wait_for_a_broker_that_is_away_and_come_in_their_order(tmp_path, hurry):
    broker = Mosquitto(tmp_path / "broker")
    with broker, Listener(broker.port) as listener, Device(tmp_path, broker.port) as device:
        device.tell(number("1"))
        _until(lambda: device.sender.state.sent == 1)
        broker.stop()
        for k in range(2, 60):
            device.tell(number(str(k)))
        _until(lambda: not device.sender.state.connected)
        assert device.sender.state.waiting == 58
        with broker:
            listener.wait_for(
                lambda one: one.topic == f"{BASE}/event" and json.loads(one.body)["text"] == "59"
            )
            _until(lambda: device.sender.state.waiting == 0)
            told = [json.loads(one.body)["text"] for one in listener.heard if one.topic == f"{BASE}/event"]
            assert list(dict.fromkeys(told)) == [str(k) for k in range(1, 60)]
        assert any("messages wait" in line for line in device.notices)


@NEEDED
def test_a_broker_that_hangs_is_left_and_stalls_nothing(tmp_path, broker, hurry):
    with Listener(broker.port) as listener, Device(tmp_path, broker.port) as device:
        device.tell(number("1"))
        _until(lambda: device.sender.state.sent == 1)
        broker.freeze()
        slowest = 0.0
        for k in range(2, 40):
            started = time.monotonic()
            device.tell(number(str(k)))
            slowest = max(slowest, time.monotonic() - started)
        _until(lambda: not device.sender.state.connected)
        assert device.sender.state.waiting == 38
        assert (
            "acknowledged nothing" in device.sender.state.last_error
            or "answer" in device.sender.state.last_error
        )
        broker.thaw()
        listener.wait_for(lambda one: one.topic == f"{BASE}/event" and json.loads(one.body)["text"] == "39")
        _until(lambda: device.sender.state.waiting == 0)


@NEEDED
def test_the_last_will_comes_when_the_process_is_killed(tmp_path, broker):
    code = (
        "import sys, time; sys.path[:0] = ['tests']; from pathlib import Path; from test_mqtt import Device;"
        "Device(Path(sys.argv[1]), int(sys.argv[2])).start(); time.sleep(600)"
    )
    with Listener(broker.port) as listener:
        child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(broker.port)])
        try:
            listener.body(f"{BASE}/availability", b"online".__eq__)
        finally:
            child.kill()
            child.wait()
        listener.body(f"{BASE}/availability", b"offline".__eq__)


@NEEDED
def test_commands_are_taken_and_answered(tmp_path, broker):
    with Listener(broker.port) as listener, Device(tmp_path, broker.port) as device:
        listener.body(f"{BASE}/paused")
        listener.publish(f"{BASE}/command/pause", b"ON")
        listener.body(f"{BASE}/paused", b"ON".__eq__)
        assert device.control.paused
        listener.publish(f"{BASE}/command/pause", b"OFF")
        listener.body(f"{BASE}/paused", b"OFF".__eq__)
        asked = set()
        listener.publish(f"{BASE}/command/read", b"water")
        _until(lambda: asked.update(device.control.take_asked()) or asked == {"water"})
        listener.publish(f"{BASE}/command/read", b"")
        _until(lambda: asked.update(device.control.take_asked()) or ALL in asked)


@NEEDED
def test_commands_that_make_no_sense_are_told_and_change_nothing(tmp_path, broker):
    with Listener(broker.port) as listener, Device(tmp_path, broker.port) as device:
        listener.body(f"{BASE}/paused")
        for topic, body in [("pause", b"maybe"), ("read", b"watre"), ("pause", b"\xff")]:
            listener.publish(f"{BASE}/command/{topic}", body)
        _until(lambda: len([line for line in device.notices if "expected" in line]) == 3)
        assert not device.control.paused and not device.control.take_asked()


@NEEDED
def test_a_command_that_the_broker_has_kept_is_left_alone(tmp_path, broker):
    with Listener(broker.port) as listener:
        listener.publish(f"{BASE}/command/pause", b"ON", retain=True)
        with Device(tmp_path, broker.port) as device:
            _until(lambda: any("send it without retain" in line for line in device.notices))
            assert not device.control.paused


@NEEDED
def test_the_device_is_described_once_and_again_when_home_assistant_starts(tmp_path, broker, hurry):
    with Listener(broker.port, "#") as listener, Device(tmp_path, broker.port):
        described = json.loads(listener.body(DESCRIPTION))
        sensor = described["components"]["field_water"]
        assert (sensor["device_class"], sensor["state_class"]) == ("volume", "total_increasing")
        assert (sensor["unit_of_measurement"], sensor["suggested_display_precision"]) == ("m³", 1)
        listener.heard.clear()
        listener.publish("homeassistant/status", b"online")
        assert json.loads(listener.body(DESCRIPTION)) == described


def components(body):
    return json.loads(body)["components"]


@NEEDED
def test_a_field_that_goes_is_removed_with_what_the_broker_kept_of_it(tmp_path, broker, hurry):
    gas = field_of({"name": "gas", "unit": "m³"})
    with Device(tmp_path, broker.port, (WATER, gas)) as device, Listener(broker.port, "#") as listener:
        device.tell(value("00123.4"), value("7", "gas"))
        listener.body(f"{BASE}/field/gas/state", b"7".__eq__)
        listener.body(DESCRIPTION)
        device.wanted.fields = (WATER,)
        listener.body(DESCRIPTION, lambda body: components(body).get("field_gas") == {"platform": "sensor"})
        listener.body(DESCRIPTION, lambda body: "field_gas" not in components(body))
        listener.body(f"{BASE}/field/gas/state", b"".__eq__)
    with Device(tmp_path, broker.port, (gas,)), Listener(broker.port, "#", name="next") as listener:
        # Another run, which knows of the field from the broker alone.
        listener.body(DESCRIPTION, lambda body: "field_water" not in components(body))
        listener.body(f"{BASE}/field/water/state", b"".__eq__)


@NEEDED
def test_a_broker_that_has_forgotten_everything_is_told_anew(tmp_path, hurry):
    broker = Mosquitto(tmp_path / "broker", keeps=False)
    with broker, Device(tmp_path, broker.port) as device:
        device.tell(value("00123.4"))
        _until(lambda: device.sender.state.sent == 2)
        broker.stop()
        with broker, Listener(broker.port, "#") as listener:
            assert listener.body(f"{BASE}/field/water/state") == b"123.4"
            assert listener.body(DESCRIPTION)


@NEEDED
def test_a_field_that_rests_since_the_start_is_told_with_its_value_from_before(tmp_path, broker, hurry):
    with Listener(broker.port) as listener:
        device = Device(tmp_path, broker.port)
        resting = value("00123.4").field
        result = result_of(timestamp=5.0)
        device.current.write(SimpleNamespace(frame=result.frame, fields=(resting,)), ())
        with device:
            assert listener.body(f"{BASE}/field/water/state") == b"123.4"


@NEEDED
def test_a_picture_of_the_last_value_is_sent_where_it_is_asked_for(tmp_path, broker):
    with Listener(broker.port) as listener, Device(tmp_path, broker.port, pictures=True) as device:
        event = value("00123.4")
        shown = FieldReading(
            **{**_values(event.field), "outline": ((10.0, 20.0), (110.0, 20.0), (110.0, 60.0), (10.0, 60.0))}
        )
        image = np.full((240, 320), 200, np.uint8)
        result = SimpleNamespace(frame=result_of(image=image).frame, fields=(shown,))
        device.current.write(result, [FieldEvent("value", shown, event.moment)])
        picture = cv2.imdecode(np.frombuffer(listener.body(f"{BASE}/field/water/picture"), np.uint8), 0)
        assert picture.shape == (40, 100)


@NEEDED
def test_a_trouble_is_told_and_that_it_is_over(tmp_path, broker):
    with Listener(broker.port) as listener, Device(tmp_path, broker.port) as device:
        device.current.trouble("the camera is gone")
        listener.body(f"{BASE}/problem", lambda body: json.loads(body)["problem"] == "the camera is gone")
        device.current.idle(moment())
        listener.body(f"{BASE}/problem", lambda body: json.loads(body)["problem"] is None)


@NEEDED
def test_a_wrong_password_is_told_and_never_shown(tmp_path, hurry, capfd):
    passwords = tmp_path / "passwords"
    passwords.touch()
    subprocess.run(
        ["mosquitto_passwd", "-b", str(passwords), "me", "the right one"], check=True, capture_output=True
    )
    login = tmp_path / "login"
    login.write_text("me\nthe wrong one\n")
    login.chmod(0o600)
    with (
        Mosquitto(tmp_path / "broker", "allow_anonymous false", f"password_file {passwords}") as broker,
        Device(tmp_path, broker.port, login=login) as device,
    ):
        device.tell(number("407"))
        _until(lambda: "refuses the connection" in device.sender.state.last_error)
        login.write_text("me\nthe right one\n")  # it is read anew for each attempt
        _until(lambda: device.sender.state.sent == 1)
        told = f"{device.notices} {device.sender.state} {device.broker} {capfd.readouterr()}"
        assert "wrong one" not in told and "right one" not in told


@NEEDED
def test_what_the_broker_does_not_allow_waits_and_the_rest_goes_on(tmp_path, hurry, monkeypatch):
    # Debian 12's mosquitto 2.0.11 refuses it and breaks the connection off.
    monkeypatch.setattr(mqtt, "AGAIN_S", 5.0)
    rights = tmp_path / "rights"
    levels = ("field/#", "command/#", "availability", "paused", "problem")
    rights.write_text("".join(f"topic readwrite {BASE}/{level}\n" for level in levels))
    with (
        Mosquitto(tmp_path / "broker", f"acl_file {rights}") as broker,
        Device(tmp_path, broker.port, discovery="") as device,
    ):
        device.tell(number("407"), value("00123.4"))
        _until(lambda: device.sender.state.sent == 2)
        _until(lambda: device.sender.state.waiting == 1)
        assert any(f"refuses {BASE}/event: Not authorized" in line for line in device.notices)
        rights.write_text(f"topic readwrite {BASE}/#\n")
        broker.process.send_signal(1)  # it reads its rights anew
        _until(lambda: device.sender.state.waiting == 0)


# paho leaves a socket to the garbage collector whose handshake fails.
@pytest.mark.filterwarnings("ignore:.*SSLSocket:pytest.PytestUnraisableExceptionWarning")
@NEEDED
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: apt install openssl")
def test_tls_is_spoken_with_the_broker_whose_certificate_is_trusted_and_with_no_other(tmp_path, hurry):
    def certificate(name):
        key, path = tmp_path / f"{name}.key", tmp_path / f"{name}.pem"
        subprocess.run(
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
            f"-subj /CN={name} -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {path}".split(),
            check=True,
            capture_output=True,
        )
        return path, key

    (own, key), (other, _) = certificate("own"), certificate("other")
    lines = ("listener {port} 127.0.0.1", f"certfile {own}", f"keyfile {key}")
    with Mosquitto(tmp_path / "broker", *lines) as broker:
        with Device(tmp_path, broker.port, tls=True, ca=other) as device:
            device.tell(number("407"))
            _until(lambda: "its certificate is not trusted" in device.sender.state.last_error)
        with Device(tmp_path, broker.port, tls=True, ca=own) as device:
            _until(lambda: device.sender.state.waiting == 0 and device.sender.state.sent == 1)
    for bad, message in [(tmp_path / "none.pem", "expected a file at"), (tmp_path / "login", "cannot use")]:
        (tmp_path / "login").write_text("no certificate")
        with pytest.raises(UsageError, match=message):
            mqtt.tls_of(Broker("127.0.0.1", tls=True, ca=bad))


def test_another_client_of_the_same_name_is_told_with_the_cure():
    # Debian 12's mosquitto 2.0.11 says nothing to whom it throws out; later ones do.
    connection = mqtt.Connection(Broker("127.0.0.1", device="cellar"), None, None)
    reason = ReasonCode(PacketTypes.DISCONNECT, "Session taken over")
    flags = DisconnectFlags(is_disconnect_packet_from_server=True)
    connection._client.on_disconnect(connection._client, None, flags, reason, None)
    assert "another client is called digitcam-cellar, too: name one" in connection.lost


def test_an_hour_with_a_broker_that_hangs_leaves_nothing_behind(tmp_path, monkeypatch):
    """Every attempt of that hour: the broker takes the connection, and says nothing."""
    monkeypatch.setattr(mqtt, "CONNECT_S", 0.01)
    monkeypatch.setattr(mqtt, "PER_MINUTE", 1 << 20)
    monkeypatch.setattr(mqtt, "Backoff", lambda: Backoff(0.0, 0.0))
    taken = []

    def open_files():
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    def hang(listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                taken.append(client)
                if len(taken) > 5:
                    taken[-6].close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=hang, args=(listener,), daemon=True).start()
        with Device(tmp_path, listener.getsockname()[1]) as device:
            _until(lambda: len(taken) >= 20)
            threads, files = threading.active_count(), open_files()
            _until(lambda: len(taken) >= 20 + 8 * 60)
            assert threading.active_count() <= threads + 2
            assert open_files() <= files + 8
            device.tell(number("407"))
            assert device.sender.state.waiting == 1
            assert not device.sender.state.connected
        listener.shutdown(socket.SHUT_RDWR)
    for client in taken[-6:]:
        client.close()


def test_a_sender_that_cannot_reach_anybody_ends_when_it_is_told_to(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        device = Device(tmp_path, silent.getsockname()[1]).start()
        device.tell(number("407"))
        before = threading.active_count()
        device.sender.close(0.2)
        assert device.sender.state.waiting == 1
        assert before >= 1
        device.store.close()


def test_a_password_in_the_clear_is_told(tmp_path):
    login = tmp_path / "login"
    login.write_text("me\nsecret")
    login.chmod(0o600)
    notices = []
    MqttSender(
        Broker("broker.local", credentials=login),
        Store(tmp_path / "outbox.db").outbox,
        Control(),
        MODEL,
        Current(),
        version="1",
        on_notice=notices.append,
        environment=dict(os.environ),
    )
    assert len(notices) == 1 and "in the clear" in notices[0] and "secret" not in notices[0]


def _until(true, seconds=60):
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run(tmp_path, settings, *words):
    """`digitcam run` with these settings, until it ends."""
    (tmp_path / "digitcam.toml").write_text(settings)
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    command = [sys.executable, "-m", "edge", "run", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


@NEEDED
def test_run_sends_what_it_reads_and_what_is_left_with_the_next_start(tmp_path):
    page = tmp_path / "page.png"
    cv2.imwrite(str(page), written("1234", (480, 640)))
    broker = Mosquitto(tmp_path / "broker")
    settings = (
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\ndevice = "cellar"\n[[field]]\nname = "water"\n'
    )
    done = run(tmp_path, settings, page)
    assert done.returncode == 0, done.stderr
    assert "2 messages for mqtt will be sent with the next start" in done.stderr
    with broker, Listener(broker.port) as listener:
        done = run(tmp_path, settings, page)
        assert done.returncode == 0 and "next start" not in done.stderr, done.stderr
        assert listener.body(f"{BASE}/availability", b"offline".__eq__)
        told = [one for one in listener.heard if one.topic == f"{BASE}/field/water/state"]
        assert {one.body for one in told} == {b"1234"}
        assert len({one.properties["id"] for one in told if one.properties}) == 2


@NEEDED
def test_run_reads_at_once_and_pauses_when_somebody_asks_it_to_through_the_broker(tmp_path, broker):
    (tmp_path / "digitcam.toml").write_text(
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\ndevice = "cellar"\n'
        '[[field]]\nname = "water"\nformat = "0000"\nevery = "1 h"\n'
    )
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    state, shown = f"{BASE}/field/water/state", ["1234"]
    generator = np.random.default_rng(1)

    def pictures():
        while True:
            page = written(shown[-1], (240, 320)) + generator.normal(0, 2, (240, 320))
            yield np.clip(page, 0, 255).astype(np.uint8)

    def told(listener):
        return len([one for one in listener.heard if one.topic == f"{BASE}/field/water/attributes"])

    with mjpeg_server(pictures, 0.1) as address, Listener(broker.port) as listener:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [sys.executable, "-m", "edge", "run", address]
        with subprocess.Popen(command, env=environment, **quiet) as process:
            try:
                listener.body(state, b"1234".__eq__, 120)
                shown.append("5678")  # of which a field that rests for an hour takes no notice
                time.sleep(1)
                assert listener.last(state) == b"1234"
                listener.publish(f"{BASE}/command/read", b"water")
                listener.body(state, b"5678".__eq__, 120)

                listener.publish(f"{BASE}/command/pause", b"ON")
                listener.body(f"{BASE}/paused", b"ON".__eq__)
                shown.append("4321")
                listener.publish(f"{BASE}/command/read", b"")
                before = told(listener)
                time.sleep(1)
                assert told(listener) == before and process.poll() is None
                listener.publish(f"{BASE}/command/pause", b"OFF")
                listener.body(state, b"4321".__eq__, 120)
                assert listener.last(f"{BASE}/paused") == b"OFF"
            finally:
                process.kill()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('credentials = "{login}"', "mode 0644: chmod 600"),
        ('tls = true\nca = "{login}"', "cannot use"),
        ('tls = true\nca = "/none.pem"', "expected a file at /none.pem, found none"),
    ],
)
def test_run_refuses_files_that_are_not_as_they_should_be(tmp_path, settings, message):
    login = tmp_path / "login"
    login.write_text("me\nsecret")
    login.chmod(0o644)
    done = run(tmp_path, '[mqtt]\nhost = "127.0.0.1"\n' + settings.format(login=login), "demo", "--frames", 1)
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert "secret\n" not in done.stderr


@NEEDED
def test_a_connection_that_breaks_again_and_again_is_told_once(tmp_path, broker, monkeypatch):
    monkeypatch.setattr(mqtt, "PER_MINUTE", 1000)
    monkeypatch.setattr(mqtt, "Backoff", lambda: Backoff(0.1, 0.1))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with Device(tmp_path / "a", broker.port) as first, Device(tmp_path / "b", broker.port):
        connections = f"as digitcam-{first.broker.device}"  # both throw each other out
        _until(lambda: broker.log.read_text().count(connections) > 20)
        assert len(first.notices) <= 3, first.notices
