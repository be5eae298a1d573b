"""The real broker, Debian's mosquitto, for tests: started on a free port, stopped, frozen, and killed."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")

NEEDED = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed: apt install mosquitto")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Mosquitto:
    """A broker that keeps what it was given on the disk, as Debian's does; use it in a `with` block."""

    def __init__(self, folder: Path, *lines: str, port: int | None = None, keeps: bool = True):
        self.port = port or free_port()
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "mosquitto.conf"
        usual = ["allow_anonymous true"] if not any("allow_anonymous" in line for line in lines) else []
        if os.geteuid() == 0:
            usual.append("user root")  # another user could not read what tests keep to themselves
        keeping = ["persistence true", f"persistence_location {folder}/"] if keeps else []
        own = [line.replace("{port}", str(self.port)) for line in lines]
        if not any(line.startswith("listener") for line in own):
            own.insert(0, f"listener {self.port} 127.0.0.1")
        # No limit on what waits for somebody who is away: the tests count what arrives.
        text = "\n".join([*own, *usual, *keeping, "max_queued_messages 0", "log_dest stderr", "log_type all"])
        self.config.write_text(text + "\n")
        self.log = folder / "mosquitto.log"
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([PROGRAM, "-c", str(self.config)], stdout=log, stderr=log)
        for _ in range(400):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def stop(self):
        """End it in good order, in which it writes all that it holds to the disk."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


@dataclass
class Heard:
    topic: str
    body: bytes
    retained: bool
    properties: dict = field(default_factory=dict)


class Listener:
    """A client that keeps what it hears, also over outages: the broker keeps its session."""

    def __init__(self, port, *topics, name="listener", **login):
        self.heard = []
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._topics = topics or ("digitcam/#",)
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(1, 1)
        if login:
            self.client.username_pw_set(**login)
        properties = _properties(SessionExpiryInterval=3600)
        self.client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self.client.loop_start()
        assert self._subscribed.wait(20)

    def wait_for(self, wanted, seconds=60):
        """The first message that is as wanted; an error when none has come in time."""
        found = []

        def look():
            found[:] = [one for one in self.heard if wanted(one)]
            return bool(found)

        with self._changed:
            assert self._changed.wait_for(look, seconds), [(one.topic, one.body) for one in self.heard]
        return found[-1]

    def body(self, topic, wanted=lambda body: True, seconds=60):
        """The last body on a topic that is as wanted, as soon as there is one."""
        return self.wait_for(lambda one: one.topic == topic and wanted(one.body), seconds).body

    def last(self, topic):
        return next((one.body for one in reversed(self.heard) if one.topic == topic), None)

    def publish(self, topic, body, *, retain=False):
        self.client.publish(topic, body, qos=1, retain=retain).wait_for_publish(20)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _on_connect(self, client, data, flags, reason, properties):
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_message(self, client, data, message):
        properties = dict(getattr(message.properties, "UserProperty", None) or [])
        with self._changed:
            self.heard.append(Heard(message.topic, message.payload, message.retain, properties))
            self._changed.notify_all()


def _properties(**values):
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.CONNECT)
    for name, value in values.items():
        setattr(properties, name, value)
    return properties
