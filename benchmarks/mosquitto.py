"""The real broker for benchmarks, Debian's mosquitto, on a free port."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


class Mosquitto:
    """A broker that keeps what it has over a stop; use it in a `with` block, which starts it.

    Args:
        folder: for its files; `mosquitto.log` tells all that it does.

    Attributes:
        port: where it listens, on this machine alone.
    """

    def __init__(self, folder: Path) -> None:
        if PROGRAM is None:
            raise SystemExit("mosquitto is not installed: apt install mosquitto")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._command = [PROGRAM, "-c", folder / "mosquitto.conf"]
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nuser root\n"
            f"persistence true\npersistence_location {folder}/\nlog_dest stderr\nlog_type all\n"
        )

    def start(self) -> None:
        """Begin, with what it has kept."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise SystemExit(f"mosquitto does not start: see {self._log}")

    def stop(self) -> None:
        """End in good order."""
        if self._process is not None:
            self.thaw()
            self._process.terminate()
            self._process.wait()

    def freeze(self) -> None:
        """Hang: its machine still takes connections, and nobody answers on them."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
