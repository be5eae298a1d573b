import json
import re
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest
from samples import written

from edge.commands import main
from edge.doctor import Check, as_dict, as_text, examine
from edge.fields import field_of


def show(root: Path, name: str, text: str = "") -> None:
    """A file of the system's."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.fixture(scope="module")
def checks():
    return {check.name: check for check in examine("demo")}


@pytest.mark.parametrize("name", ["python", "opencv", "model", "reading", "camera"])
def test_what_reading_live_needs_is_looked_at(checks, name):
    assert checks[name].state == "ok"
    assert checks[name].found


def test_a_drawn_page_is_read_and_the_frames_of_the_source_are_counted(checks):
    assert checks["reading"].found.startswith(checks["reading"].wanted)
    assert checks["camera"].found.startswith("demo, 640 x 480")


def test_how_the_camera_is_aimed_is_told_as_something_to_do(tmp_path):
    path = tmp_path / "faint.png"
    cv2.imwrite(str(path), written("4071", ink=186, paper=200))
    water = field_of({"name": "water", "region": [0, 0, 1, 1], "after": "23:59"})
    found = {check.name: check for check in examine(str(path), fields=[water])}
    for name in ("aim", "aim water"):
        assert found[name].state == "warning"
        told = re.match(r"4 digits, (\d+) pixels high", found[name].found)
        assert 44 <= int(told[1]) <= 60  # 48 pixels and the width of the pen
        assert found[name].cure.startswith("more light, or a darker pen: ink stands out from the paper by ")
    assert as_dict(list(found.values()))["ready"]


def test_a_camera_that_hangs_upside_down_is_told(tmp_path):
    path = tmp_path / "over.png"
    cv2.imwrite(str(path), cv2.rotate(written("47342"), cv2.ROTATE_180))
    found = {check.name: check for check in examine(str(path))}
    assert found["aim"].state == "warning"
    assert found["aim"].cure.startswith("turn the camera, or give it --rotation 180")


THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"

WELL = {
    THROTTLED: "0",
    TEMPERATURE: "51000",
    "proc/meminfo": "MemAvailable: 900000 kB",
    "run/systemd/timesync/synchronized": "",
    "dev/video0": "",
    "dev/media0": "",
}
ILL = {
    THROTTLED: "10001",
    TEMPERATURE: "84500",
    "proc/meminfo": "MemAvailable: 90000 kB",
    "run/systemd/timesync/clock": "",
}


@pytest.mark.parametrize(
    ("files", "state", "found"),
    [
        (
            WELL,
            "ok",
            {
                "power": "never held back since boot",
                "heat": "51.0 degrees Celsius",
                "memory": "878 MB free",
                "clock": "set by a time server",
                "rights": "all 2 devices are open to this user",
            },
        ),
        (
            ILL,
            "warning",
            {
                "power": "under-voltage now, under-voltage since boot",
                "heat": "84.5 degrees Celsius",
                "memory": "87 MB free",
                "clock": "not set yet",
            },
        ),
    ],
    ids=["well", "ill"],
)
def test_the_system_is_judged_by_its_files(files, state, found, tmp_path):
    for path, text in files.items():
        show(tmp_path, path, text)
    checks = {check.name: check for check in examine("demo", root=tmp_path)}
    assert {name: checks[name].found for name in found} == found
    assert {checks[name].state for name in found} == {state}
    assert all(bool(checks[name].cure) is (state != "ok") for name in found)


def test_what_a_machine_does_not_tell_is_left_out(tmp_path):
    names = {check.name for check in examine("demo", root=tmp_path)}
    assert names.isdisjoint({"power", "heat", "memory", "clock", "rights", "service", "picamera2"})


@pytest.mark.skipif(find_spec("picamera2") is not None, reason="picamera2 is here")
def test_on_a_raspberry_pi_a_missing_picamera2_keeps_the_camera_module_from_working(tmp_path):
    show(tmp_path, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    states = {check.name: check for check in examine("picamera", root=tmp_path)}
    assert states["picamera2"].state == states["camera"].state == "failed"
    assert "apt install python3-picamera2" in states["picamera2"].cure


@pytest.mark.parametrize("source", ["/dev/video77", "nonsense", "nowhere.mp4"])
def test_a_source_that_gives_nothing_fails_with_its_own_error(source):
    (camera,) = (check for check in examine(source) if check.name == "camera")
    assert camera.state == "failed"
    assert source in camera.found


def test_a_picture_is_a_source_too(tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), written("407"))
    (camera,) = (check for check in examine(str(tmp_path / "photo.png")) if check.name == "camera")
    assert (camera.state, camera.found) == ("ok", f"{tmp_path / 'photo.png'}, 320 x 240")


def test_the_cure_stands_under_what_is_not_well():
    checks = [Check("a", "ok", "fine", "fine"), Check("b", "failed", "broken", "whole", "mend it")]
    assert as_text(checks).splitlines() == [
        "ok       a          fine",
        "failed   b          broken",
        "                    wanted: whole",
        "                    cure: mend it",
        "",
        "cannot read live: b",
    ]
    assert as_dict(checks)["ready"] is False


def test_the_exit_code_says_whether_numbers_can_be_read_live(capsys):
    assert main(["doctor", "demo"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "ready to read live"
    assert main(["doctor", "--json", "/dev/video77"]) == 1
    assert json.loads(capsys.readouterr().out)["ready"] is False
