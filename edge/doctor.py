"""What this machine has and lacks for reading live: each thing found, what is wanted, and the cure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from edge.aim import LIMITS, Aim, Trend, Trends, advice, measure_all
from edge.board import ROOT, Board, board, condition
from edge.errors import EdgeError
from edge.fields import Field
from edge.planes import to_grey
from edge.sources import SourceOptions, find_source, open_source, public_name
from edge.types import ByteArray, Frame
from edge.words import counted

SCHEMA = 1
"""Version of the JSON that `as_dict` makes."""

State = Literal["ok", "warning", "failed"]

PYTHONS = ((3, 11), (3, 13))
"""The oldest and the newest Python that the runtimes have wheels for and that is tested."""

MEMORY_MB = 200
"""What reading takes at most, and some room."""

DISK_MB = 200
"""For the journal, recordings and an update."""

HOT_C = 80.0
"""Degrees Celsius at which a Raspberry Pi slows itself down:
https://www.raspberrypi.com/documentation/computers/config_txt.html#monitoring-core-temperature"""

FRAMES = 10
"""Frames that a camera must give, and that are read of a drawn page."""

PAGE = 4
"""Seed of the drawn page: the networks are sure of all of its numbers, whatever the processor rounds."""

AIMED = 5
"""The last of them, which are read to see how the camera is aimed: it has set its exposure by then."""

SERVICE = "digitcam.service"

_DEVICES = ("video*", "media*", "dma_heap/*")
"""What libcamera and V4L2 open, under /dev."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what it is.
        state: "failed" when nothing can be read live because of it; "warning" when it is worse for it.
        found: what there is.
        wanted: what there should be.
        cure: how to get there; "" where all is well.
    """

    name: str
    state: State
    found: str
    wanted: str
    cure: str = ""


def examine(
    source: str | None = None,
    options: SourceOptions | None = None,
    root: Path = ROOT,
    *,
    settings: Sequence[str] = (),
    fields: Sequence[Field] = (),
) -> list[Check]:
    """Look at everything; nothing is changed.

    Args:
        source: what will be read; None is the camera that is there.
        options: what it will be asked for.
        root: where the system's files are.
        settings: the files that settings come from, and "the environment".
        fields: the numbers that are wanted; all where there is none.
    """
    machine = board(root)
    looks: list[tuple[str, Callable[[], Check | Iterable[Check] | None]]] = [
        ("python", _python),
        ("system", partial(_system, machine)),
        ("opencv", _opencv),
        ("model", _model),
        ("reading", _reading),
        ("rights", partial(_rights, root)),
        ("service", partial(_service, root)),
        ("picamera2", partial(_picamera2, machine, source)),
        ("camera", partial(_camera, source, options, fields)),
        ("power", partial(_power, root)),
        ("heat", partial(_heat, root)),
        ("memory", partial(_memory, root)),
        ("disk", partial(_disk, root)),
        ("clock", partial(_clock, root)),
        ("recording", _recording),
        ("settings", partial(_settings, settings)),
    ]
    return [check for name, look in looks for check in _looked(name, look)]


def _looked(name: str, look: Callable[[], Check | Iterable[Check] | None]) -> list[Check]:
    """What a look finds. One that fails in a way nobody foresaw is a finding too, and the others follow."""
    try:
        found = look()
        return [] if found is None else [found] if isinstance(found, Check) else list(found)
    except Exception as error:
        return [
            Check(name, "failed", f"{type(error).__name__}: {error}", "no such error", "report it as a bug")
        ]


def _python() -> Check:
    oldest, newest = (".".join(map(str, release)) for release in PYTHONS)
    found = f"{sys.version.split()[0]} at {sys.executable}"
    wanted = f"{oldest} to {newest}"
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return Check("python", "ok", found, wanted)
    return Check("python", "failed", found, wanted, f"make the virtual environment with Python {newest}")


def _system(machine: Board) -> Check:
    found = f"{machine.model}, {machine.system}, {machine.processor}, {machine.bits} bits"
    if machine.bits == 64:
        return Check("system", "ok", found, "64 bits")
    return Check(
        "system",
        "warning",
        found,
        "64 bits",
        "install the 64-bit Raspberry Pi OS: LiteRT has no 32-bit wheels",
    )


def _opencv() -> Check:
    try:
        cv2, numpy = import_module("cv2"), import_module("numpy")
    except (ImportError, AttributeError) as error:  # AttributeError: built for another numpy
        return Check(
            "opencv",
            "failed",
            str(error),
            "opencv-python-headless",
            "install digitcam again into a new environment",
        )
    return Check(
        "opencv", "ok", f"OpenCV {cv2.__version__}, numpy {numpy.__version__}", "opencv-python-headless"
    )


def _model() -> Check:
    from edge.classifier import Classifier
    from edge.marks import open_marks
    from edge.page_file import check_pair, known_error, load_page, open_page
    from edge.refine import open_refine

    wanted = "all shipped networks give their known answers, and are a pair"
    try:
        classifier = Classifier()
        page = load_page()
        check_pair(classifier.card, page.card)
        open_marks(page.marks)
        open_refine(page.refine)
        error = known_error(open_page(page), page.card.known)
    except EdgeError as failure:
        return Check("model", "failed", str(failure), wanted, "install digitcam again into a new environment")
    known = len(classifier.card.known_answers.glyphs)
    found = (
        f"{classifier.card.name} gives {known} of {known} known answers on {classifier.runtime}, "
        f"{page.card.name} is off by at most {error:.2f} on its known page"
    )
    return Check("model", "ok", found, wanted)


def _reading() -> Check:
    from edge.reader import DigitReader
    from edge.sources.demo import DemoCamera

    page = DemoCamera(PAGE, realtime=False)
    started = time.perf_counter()
    (last,) = islice(DigitReader().results(page), FRAMES - 1, FRAMES)
    milliseconds = (time.perf_counter() - started) * 1000 / FRAMES
    expected = [text for text, _ in page.truth(last.frame.frame_id)]
    read = [reading.text for reading in last.readings if reading.status == "accepted"]
    found = f"{' '.join(read) or 'nothing'} of a drawn page, {milliseconds:.0f} ms a frame with its drawing"
    if read == expected:
        return Check("reading", "ok", found, " ".join(expected))
    return Check(
        "reading", "failed", found, " ".join(expected), "install digitcam again into a new environment"
    )


def _rights(root: Path) -> Check | None:
    devices = [path for pattern in _DEVICES for path in sorted((root / "dev").glob(pattern))]
    if not devices:
        return None
    locked = [str(path) for path in devices if not os.access(path, os.R_OK | os.W_OK)]
    wanted = "to read and write the camera's devices"
    if not locked:
        return Check("rights", "ok", f"all {len(devices)} devices are open to this user", wanted)
    return Check(
        "rights",
        "warning",
        f"no right to use {', '.join(locked)}",
        wanted,
        "sudo usermod -aG video $USER, then log in again",
    )


def _service(root: Path) -> Check | None:
    systemctl = shutil.which("systemctl")
    if not (root / "etc/systemd/system" / SERVICE).exists() or systemctl is None:
        return None
    done = subprocess.run(
        [systemctl, "is-active", SERVICE], capture_output=True, text=True, check=False, timeout=10
    )
    state = done.stdout.strip() or "unknown"
    if state == "failed":
        return Check("service", "warning", state, "active or stopped", f"journalctl -u {SERVICE} says why")
    return Check(
        "service", "ok", f"{state}{', and has the camera' if state == 'active' else ''}", "any state"
    )


def _picamera2(machine: Board, source: str | None) -> Check | None:
    """Only where a camera module can be."""
    if not machine.is_raspberry_pi and not (source or "").startswith("picamera"):
        return None
    wanted = "picamera2 and libcamera, seen from this environment"
    try:
        import_module("picamera2")
        return Check("picamera2", "ok", f"picamera2 {version('picamera2')}", wanted)
    except Exception as error:  # what its many parts raise when one of them does not fit
        reason = f"{type(error).__name__}: {error}"
    state: State = "failed" if (source or "picamera").startswith("picamera") else "warning"
    if "numpy" in reason:
        cure = "pip install the numpy of the system: it is what picamera2's parts were compiled against"
    elif sys.prefix != sys.base_prefix and find_spec("libcamera") is None:
        cure = (
            "sudo apt install python3-picamera2, and make the environment with "
            "/usr/bin/python3 -m venv --system-site-packages"
        )
    else:
        cure = "sudo apt install python3-picamera2"
    return Check("picamera2", state, reason, wanted, cure)


def _camera(source: str | None, options: SourceOptions | None, fields: Sequence[Field]) -> Iterator[Check]:
    """Whether frames come; and how the camera is aimed, where they do."""
    wanted = "fresh frames"
    name = source or find_source()
    if source is None and name == "demo":
        yield Check(
            "camera",
            "failed",
            "none",
            "a camera module or a USB camera",
            "connect one (a camera module with the power off); digitcam run demo works without",
        )
        return
    times = []
    pictures: deque[ByteArray] = deque(maxlen=AIMED)
    try:
        with open_source(name, options) as frames:
            for frame in islice(frames, FRAMES):
                times.append((frame.timestamp, frame.size))
                pictures.append(to_grey(frame.image))
    except EdgeError as error:
        yield Check("camera", "failed", str(error), wanted, "as it says; then look again")
        return
    if not times:
        yield Check("camera", "failed", f"{public_name(name)} gives no frame", wanted, "name another source")
        return
    (first, (width, height)), (last, _) = times[0], times[-1]
    pace = f", {(len(times) - 1) / (last - first):.1f} frames/s" if last > first else ""
    yield Check("camera", "ok", f"{public_name(name)}, {width} x {height}{pace}", wanted)
    yield from _looked("aim", partial(_aims, pictures, fields))


def _aims(pictures: Iterable[ByteArray], fields: Sequence[Field]) -> Iterator[Check]:
    """How well pictures show their numbers; each is read for itself, as if it were the only one."""
    from edge.field_reader import FieldReader
    from edge.reader import DigitReader

    reader, trends = DigitReader(), Trends()
    accept = reader.thresholds.accept
    # When a field is read does not matter here.
    wanted = [replace(field, after=None, every=None) for field in fields] or [Field()]
    frames = FieldReader(reader, wanted)
    aims: dict[str, Aim] = {}
    trend: dict[str, Trend] = {}
    ways: Counter[int] = Counter()
    for number, grey in enumerate(pictures):
        result = frames.read_frame(Frame(grey, number, float(number), datetime.now(UTC), "camera"))
        aims, trend = measure_all(grey, result), trends.see(result)
        ways[result.turned] += 1
    turned = 90 * ways.most_common(1)[0][0] if ways else 0
    for name, aim in aims.items():
        todo = [each.text for each in advice(aim, trend[name])]
        if turned and not name:
            todo.insert(
                0,
                f"turn the camera, or give it --rotation {360 - turned}: the page stands turned by {turned} "
                "degrees",
            )
        advised = "; ".join(todo)
        yield Check(
            f"aim {name}".strip(),
            "warning" if advised else "ok",
            aim_in_words(aim, trend[name], accept),
            f"digits of {LIMITS.height:.0f} pixels or more, sharp, in even light, in level rows",
            advised,
        )


def aim_in_words(aim: Aim, trend: Trend, accept: float) -> str:
    """What was measured, in a line.

    Args:
        aim: of the last frame.
        trend: of the last ones.
        accept: confidence from which on a digit is shown.
    """
    told = [counted(aim.digits, "digit")]
    if aim.height is not None:
        told.append(f"{aim.height:.0f} pixels high")
    if aim.edge is not None and aim.contrast is not None:
        told += [f"edges {aim.edge:.1f} pixels wide", f"contrast {aim.contrast:.0%}"]
    if aim.glare:
        told.append(f"glare {aim.glare:.1%}")
    if aim.tilt is not None:
        told.append(f"tilt {aim.tilt:+.0f} degrees")
    if trend.lowest is not None:
        told.append(f"lowest confidence {trend.lowest:.0%} ({accept:.0%} is accepted)")
    told.append(f"{trend.refused:.0%} of {counted(trend.frames, 'frame')} refused")
    return ", ".join(told)


def _power(root: Path) -> Check | None:
    throttling = condition(root).throttling
    if throttling is None:
        return None
    wanted = "never held back since boot"
    if not throttling:
        return Check("power", "ok", "never held back since boot", wanted)
    cure = "use the power supply made for this board and a short cable"
    if not any("under-voltage" in words for words in throttling):
        cure = "give it a heat sink or a fan"
    return Check("power", "warning", ", ".join(throttling), wanted, cure)


def _heat(root: Path) -> Check | None:
    now = condition(root).temperature_c
    if now is None:
        return None
    wanted = f"below {HOT_C:g} degrees Celsius"
    if now < HOT_C:
        return Check("heat", "ok", f"{now:.1f} degrees Celsius", wanted)
    return Check("heat", "warning", f"{now:.1f} degrees Celsius", wanted, "give it a heat sink or a fan")


def _memory(root: Path) -> Check | None:
    free = condition(root).memory_free_mb
    if free is None:
        return None
    wanted = f"{MEMORY_MB} MB"
    if free >= MEMORY_MB:
        return Check("memory", "ok", f"{free} MB free", wanted)
    return Check("memory", "warning", f"{free} MB free", wanted, "stop other programs, the desktop first")


def _disk(root: Path) -> Check:
    free = shutil.disk_usage(root).free >> 20
    wanted = f"{DISK_MB} MB"
    if free >= DISK_MB:
        return Check("disk", "ok", f"{free} MB free", wanted)
    return Check("disk", "warning", f"{free} MB free", wanted, "remove what is not needed: sudo apt clean")


def _clock(root: Path) -> Check | None:
    """Readings carry the time of day, and a Raspberry Pi has no clock that runs without power."""
    folder = root / "run/systemd/timesync"
    if not folder.is_dir():
        return None
    wanted = "set by a time server"
    if (folder / "synchronized").exists():
        return Check("clock", "ok", "set by a time server", wanted)
    return Check("clock", "warning", "not set yet", wanted, "connect it to a network, or see timedatectl")


def _recording() -> Check:
    wanted = "PyAV, for run --record"
    if find_spec("av") is not None:
        return Check("recording", "ok", f"PyAV {version('av')}", wanted)
    return Check(
        "recording", "ok", "not installed", wanted, "in the folder of the checkout: pip install '.[video]'"
    )


def _settings(origins: Sequence[str]) -> Check:
    return Check("settings", "ok", f"from {', '.join(origins)}" if origins else "none", "whatever suits")


def as_dict(checks: Sequence[Check]) -> dict[str, Any]:
    """All checks as one JSON object; `ready` says whether numbers can be read live."""
    ready = all(check.state != "failed" for check in checks)
    return {"schema": SCHEMA, "ready": ready, "checks": [asdict(check) for check in checks]}


def as_text(checks: Sequence[Check]) -> str:
    """All checks for people, a line for each, and its cure under what is not well."""
    return "\n".join(_lines(checks))


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    for check in checks:
        yield f"{check.state:8} {check.name:10} {check.found}"
        if check.state != "ok":
            yield f"{'':20}wanted: {check.wanted}"
            yield f"{'':20}cure: {check.cure}"
    failed = ", ".join(check.name for check in checks if check.state == "failed")
    yield f"\ncannot read live: {failed}" if failed else "\nready to read live"
