"""What this machine is and how it fares: model, system, processor, heat, power, memory."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

THROTTLING = {
    0: "under-voltage now",
    1: "frequency capped now",
    2: "throttled now",
    3: "at the soft temperature limit now",
    16: "under-voltage since boot",
    17: "frequency capped since boot",
    18: "throttled since boot",
    19: "at the soft temperature limit since boot",
}
"""Bits of `vcgencmd get_throttled`: https://www.raspberrypi.com/documentation/computers/os.html#get_throttled"""

# The firmware's node is called soc:firmware up to the Pi 4; newer kernels offer vcgencmd only.
_THROTTLED = "sys/devices/platform/soc*/*firmware/get_throttled"
_MODEL = "proc/device-tree/model"
_TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"
_FREQUENCY = "sys/devices/system/cpu/cpu0/cpufreq"

ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Board:
    """What does not change while it runs.

    Attributes:
        model: such as "Raspberry Pi 5 Model B Rev 1.0"; of a PC, its processor's name.
        processor: such as "aarch64".
        bits: 32 or 64, of the programs that run; a 64-bit kernel may run a 32-bit system.
        cpus: how many this process may use.
        system: such as "Debian GNU/Linux 12 (bookworm)".
        kernel: its release.
        python: its version.
    """

    model: str
    processor: str
    bits: int
    cpus: int
    system: str
    kernel: str
    python: str

    @property
    def is_raspberry_pi(self) -> bool:
        """Whether it is a Raspberry Pi."""
        return "Raspberry Pi" in self.model


@dataclass(frozen=True, slots=True)
class Condition:
    """How it fares at a moment; None for what this machine does not tell.

    Attributes:
        governor: who sets the processor's frequency, such as "ondemand".
        frequency_mhz: of the first processor.
        temperature_c: of the processor, degrees Celsius.
        throttling: what holds or held it back, in words, by `THROTTLING`; empty when nothing did.
        load: processes that wanted to run, on average over the last minute.
        memory_free_mb: megabytes that programs can still take.
    """

    governor: str | None
    frequency_mhz: int | None
    temperature_c: float | None
    throttling: tuple[str, ...] | None
    load: float
    memory_free_mb: int | None


def board(root: Path = ROOT) -> Board:
    """This machine, by the files under `root`."""
    return Board(
        model=_read(root / _MODEL) or _field(root / "proc/cpuinfo", "model name") or "unknown model",
        processor=platform.machine(),
        bits=64 if sys.maxsize > 1 << 32 else 32,
        cpus=len(os.sched_getaffinity(0)),
        system=_field(root / "etc/os-release", "PRETTY_NAME") or platform.system(),
        kernel=platform.release(),
        python=platform.python_version(),
    )


def condition(root: Path = ROOT) -> Condition:
    """How this machine fares now, by the files under `root`."""
    millidegrees = _number(root / _TEMPERATURE)
    kilohertz = _number(root / _FREQUENCY / "scaling_cur_freq")
    free = _field(root / "proc/meminfo", "MemAvailable")
    return Condition(
        governor=_read(root / _FREQUENCY / "scaling_governor"),
        frequency_mhz=None if kilohertz is None else kilohertz // 1000,
        temperature_c=None if millidegrees is None else millidegrees / 1000,
        throttling=_throttling(root),
        load=os.getloadavg()[0],
        memory_free_mb=None if free is None else int(free.split()[0]) // 1024,
    )


def _throttling(root: Path) -> tuple[str, ...] | None:
    told = next((_read(path) for path in root.glob(_THROTTLED)), None)
    if told is None and (vcgencmd := shutil.which("vcgencmd")):
        done = subprocess.run(
            [vcgencmd, "get_throttled"], capture_output=True, text=True, check=False, timeout=5
        )
        told = done.stdout.strip().removeprefix("throttled=")
    try:
        bits = int(told or "", 16)
    except ValueError:
        return None
    return tuple(words for bit, words in THROTTLING.items() if bits >> bit & 1)


def _field(path: Path, name: str) -> str | None:
    """The first value of that name in a file of lines such as `name: value` or `name="value"`."""
    for line in (_read(path) or "").splitlines():
        if found := re.fullmatch(rf'{re.escape(name)}\s*[:=]\s*"?(.*?)"?', line):
            return found[1]
    return None


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().rstrip(b"\0\n ").decode(errors="replace")
    except OSError:
        return None


def _number(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text and text.lstrip("-").isdecimal() else None
