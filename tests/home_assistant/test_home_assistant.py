"""digitcam in the real Home Assistant: make home-assistant.

It is started, set up and asked as by a user: through its own API. Everything between is real as well: the
broker, `digitcam run`, and pictures of written numbers.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from mosquitto import NEEDED, Listener, Mosquitto, free_port
from samples import written

from edge.senders.home_assistant import CLASSES

PYTHON = os.environ.get("HOME_ASSISTANT_PYTHON", "")
START = Path(__file__).with_name("start.py")
ROOT = Path(__file__).parents[2]

pytestmark = [
    NEEDED,
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="Home Assistant is not installed: make home-assistant"),
]

FIELDS = """
[[field]]
name = "water"
format = "0000"
unit = "m³"
most_change = "up"
"""

GAS = """
[[field]]
name = "cellar/gas"
unit = "m3"
"""


class House:
    """A Home Assistant with a broker, set up by its API."""

    def __init__(self, folder: Path):
        self.folder, self.port, self.process = folder, free_port(), None
        self.broker = Mosquitto(folder / "broker")
        config = folder / "home"
        config.mkdir()
        (config / "configuration.yaml").write_text(
            f"http:\n  server_host: 127.0.0.1\n  server_port: {self.port}\nlogger:\n  default: warning\n"
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def start(self):
        with (self.folder / "home.out").open("ab") as out:
            self.process = subprocess.Popen(
                [PYTHON, str(START), str(self.folder / "home")], stdout=out, stderr=out, env=_without_python()
            )
        until(self._answers, 240)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)

    def set_up(self):
        """What its page does when somebody opens it for the first time, and adds the integration MQTT."""
        client_id = f"{self.client.base_url}"
        user = {
            "name": "me",
            "username": "me",
            "password": "secret",
            "language": "en",
            "client_id": client_id,
        }
        code = self._post("/api/onboarding/users", user)["auth_code"]
        grant = {"grant_type": "authorization_code", "code": code, "client_id": client_id}
        token = self.client.post("/auth/token", data=grant).raise_for_status().json()
        self.client.headers["Authorization"] = f"Bearer {token['access_token']}"
        self._post("/api/onboarding/core_config", {})
        flow = self._post("/api/config/config_entries/flow", {"handler": "mqtt"})
        broker = {"broker": "127.0.0.1", "port": self.broker.port}
        done = self._post(f"/api/config/config_entries/flow/{flow['flow_id']}", broker)
        assert done["type"] == "create_entry", done

    def state(self, entity):
        """An entity's state, as Home Assistant tells it; None where there is no such entity."""
        answer = self.client.get(f"/api/states/{entity}")
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def is_in(self, entity, state, seconds=60):
        """Wait until an entity is in a state; what is told of it then."""
        until(lambda: (self.state(entity) or {}).get("state") == state, seconds, lambda: self.state(entity))
        return self.state(entity)

    def do(self, domain, service, entity):
        self._post(f"/api/services/{domain}/{service}", {"entity_id": entity})

    def complaints(self):
        """What Home Assistant has complained of that has to do with us."""
        lines = (self.folder / "home.out").read_text().splitlines()
        return [line for line in lines if "digitcam" in line or "components.mqtt" in line]

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "home.out").read_text()[-5000:]
        with contextlib.suppress(httpx.TransportError):
            if "Authorization" not in self.client.headers:
                return self.client.get("/api/onboarding").status_code == 200
            return self.client.get("/api/config").raise_for_status().json()["state"] == "RUNNING"
        return False

    def _post(self, path, data):
        return self.client.post(path, json=data).raise_for_status().json()


class Camera:
    """`digitcam run -`, which is shown a page again and again."""

    def __init__(self, house: House, fields: str):
        folder = house.folder / "user"
        folder.mkdir(exist_ok=True)
        (folder / "digitcam.toml").write_text(
            f'[mqtt]\nhost = "127.0.0.1"\nport = {house.broker.port}\ndevice = "cellar"\npictures = true\n'
            f'classes = {{ water = "water", "cellar/gas" = "gas" }}\n{fields}'
        )
        environment = {
            **os.environ,
            "XDG_CONFIG_HOME": str(folder),
            "XDG_STATE_HOME": str(house.folder / "state"),
            "PYTHONPATH": str(ROOT),
        }
        self.text = "1234"
        with (house.folder / "digitcam.err").open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", "run", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=environment,
            )
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        self._thread.join(60)

    def _show(self):
        with contextlib.suppress(BrokenPipeError):
            while self.process.poll() is None:
                _, data = cv2.imencode(".jpg", written(self.text, (480, 640)))
                self.process.stdin.write(data.tobytes())
                self.process.stdin.flush()
                time.sleep(0.5)
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house"))
    with house.broker:
        house.start()
        try:
            house.set_up()
            yield house
        finally:
            house.stop()
            house.client.close()


def test_values_arrive_with_unit_and_class_and_commands_go_back(house):
    with Camera(house, FIELDS + GAS) as camera, Listener(house.broker.port, "digitcam/#") as listener:
        water = house.is_in("sensor.digitcam_cellar_water", "1234", 120)["attributes"]
        assert (water["unit_of_measurement"], water["device_class"]) == ("m³", "water")
        assert water["state_class"] == "total_increasing"
        assert (water["text"], water["problem"]) == ("1234", None) and water["confidence"] > 0.8
        gas = house.is_in("sensor.digitcam_cellar_cellar_gas", "1234")["attributes"]
        assert (gas["device_class"], gas["state_class"]) == ("gas", "total")
        assert house.is_in("binary_sensor.digitcam_cellar_problem", "off")
        assert house.is_in("binary_sensor.digitcam_cellar_water_problem", "off")
        camera.text = "1237"
        house.is_in("sensor.digitcam_cellar_water", "1237")
        path = house.state("image.digitcam_cellar_water_picture")["attributes"]["entity_picture"]
        picture = house.client.get(path).raise_for_status().content
        assert cv2.imdecode(np.frombuffer(picture, np.uint8), 0).shape[1] > 100
        house.do("button", "press", "button.digitcam_cellar_read_now")
        assert listener.body("digitcam/cellar/command/read") == b""
        house.is_in("switch.digitcam_cellar_pause", "off")
        house.do("switch", "turn_on", "switch.digitcam_cellar_pause")
        house.is_in("switch.digitcam_cellar_pause", "on")
        time.sleep(2)
        camera.text = "1405"
        before = len(listener.heard)
        time.sleep(3)
        assert [one.topic for one in listener.heard[before:]] == []
        house.do("switch", "turn_off", "switch.digitcam_cellar_pause")
        house.is_in("sensor.digitcam_cellar_water", "1405")


def test_what_is_refused_is_a_problem_and_the_value_stays(house):
    with Camera(house, FIELDS) as camera:
        house.is_in("sensor.digitcam_cellar_water", "1234")
        camera.text = "407"
        house.is_in("binary_sensor.digitcam_cellar_water_problem", "on")
        assert house.state("sensor.digitcam_cellar_water")["state"] == "1234"


def test_values_survive_a_restart_of_home_assistant_and_of_the_broker(house):
    with Camera(house, FIELDS) as camera:
        house.is_in("sensor.digitcam_cellar_water", "1234")
        house.stop()
        camera.text = "1502"
        house.start()
        water = house.is_in("sensor.digitcam_cellar_water", "1502")
        assert water["attributes"]["device_class"] == "water"
        house.broker.stop()
        house.is_in("sensor.digitcam_cellar_water", "unavailable")
        camera.text = "1603"
        time.sleep(3)
        house.broker.start()
        house.is_in("sensor.digitcam_cellar_water", "1603", 120)


def test_a_digitcam_that_is_killed_is_unavailable(house):
    with Camera(house, FIELDS) as camera:
        house.is_in("sensor.digitcam_cellar_water", "1234", 120)
        camera.process.kill()
        house.is_in("sensor.digitcam_cellar_water", "unavailable")


def test_a_field_that_goes_is_gone_in_home_assistant(house):
    with Camera(house, FIELDS + GAS):
        house.is_in("sensor.digitcam_cellar_cellar_gas", "1234", 120)
    with Camera(house, FIELDS):
        until(lambda: house.state("sensor.digitcam_cellar_cellar_gas") is None, 120)
        house.is_in("sensor.digitcam_cellar_water", "1234")
    with Listener(house.broker.port, "digitcam/#", name="late") as listener:
        listener.body("digitcam/cellar/field/water/state")
        assert not [one.topic for one in listener.heard if "gas" in one.topic]


def test_home_assistant_has_had_nothing_to_complain_of(house):
    # But the broker, which was stopped.
    lost = ("Failed to connect", "Disconnected", "The connection was lost")
    assert [line for line in house.complaints() if not any(text in line for text in lost)] == []


def test_units_and_classes_are_those_of_home_assistant():
    code = """
import json
from homeassistant.components.sensor.const import DEVICE_CLASS_STATE_CLASSES as STATES
from homeassistant.components.sensor.const import DEVICE_CLASS_UNITS as UNITS
print(json.dumps({str(k): [list(map(str, UNITS[k])), list(map(str, STATES[k]))] for k in UNITS}))
"""
    done = subprocess.run(
        [PYTHON, "-c", code], capture_output=True, text=True, check=True, env=_without_python()
    )
    theirs = json.loads(done.stdout)
    unknown = {name: sorted(ours.units - set(theirs[name][0])) for name, ours in CLASSES.items()}
    assert not any(unknown.values()), unknown
    for name, ours in CLASSES.items():
        wanted = {"total", "total_increasing"} if ours.counts else {"measurement"}
        assert wanted <= set(theirs[name][1]), name


def until(true, seconds, told=lambda: ""):
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, told()
        time.sleep(0.2)


def _without_python():
    """The environment of another Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
