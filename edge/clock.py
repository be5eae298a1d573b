"""The wall clock and the boot: what tells how far a time may be believed; and times that people write."""

from __future__ import annotations

import ctypes
import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path

from edge.errors import UsageError

BOOT = Path("/proc/sys/kernel/random/boot_id")

TIMESYNC = Path("/run/systemd/timesync")
"""systemd-timesyncd's folder; a file `synchronized` in it tells that it has set the clock since the boot."""

MOST_ERROR_US = 16_000_000
"""The kernel's estimate of the clock's error when nothing corrects it (NTP_PHASE_LIMIT); timedatectl's."""


AGO = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
"""Units of a time ago, in seconds."""


class _Timex(ctypes.Structure):
    """The beginning of `struct timex` (adjtimex(2)), and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_byte * 512),
    )


def synchronised() -> bool | None:
    """Whether the wall clock is kept right over the network, or by GPS; None where it cannot be told.

    The kernel is asked first. Where that is forbidden, as to systemd's services with ProtectClock,
    systemd-timesyncd's file tells.
    """
    error_us = _error_us()
    if error_us is not None:
        return error_us < MOST_ERROR_US
    if (TIMESYNC / "synchronized").exists():
        return True
    return False if TIMESYNC.is_dir() else None


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Which boot of the machine this is, 36 characters; "" where the system does not tell."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def moment_of(text: str, *, now: datetime, zone: tzinfo | None) -> datetime:
    """A moment as people write it: 2026-11-29, 2026-11-29T18:00Z; or how long ago it was: 12 h, 7d.

    Args:
        text: what is written.
        now: from which on it counts back.
        zone: of what is written without one; None: the system's own.

    Returns:
        The moment, UTC.

    Raises:
        UsageError: it is something else.
    """
    try:
        if ago := re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]+)\s*", text.lower()):
            return (now - timedelta(seconds=float(ago[1]) * AGO[ago[2]])).astimezone(UTC)
        # A plus behind the ? of an address that was not encoded arrives as a space.
        moment = datetime.fromisoformat(text.strip().replace(" +", "+"))
        return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, KeyError, OverflowError) as error:
        raise UsageError(
            f"expected a time such as 2026-11-29, 2026-11-29T18:00Z or, for so long ago, 12 h or 7 d, found "
            f"{text!r}"
        ) from error


def _error_us() -> int | None:
    """What the kernel takes the clock's error for, microseconds; None where it may not be asked."""
    timex = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):  # no such function
        return None
    return None if state < 0 else int(timex.maxerror)
