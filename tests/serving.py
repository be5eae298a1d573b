"""Servers for tests: the real one, as a user starts it."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx

PATIENCE_S = 120
"""Seconds that a test waits for what must come, on a machine however busy."""


@contextmanager
def serving(*args, env=None, stdout=None):
    """Run `digitcam serve` on a free port, and give its address and process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", "serve", "--port", "0", *map(str, args)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
        # Whoever starts the tests in the background has Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    said, rest = [], ""
    with process:
        try:
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"serving .* at http://[^/]*:(\d+)/", line):
                    break
            else:
                raise AssertionError("".join(said))
            yield Server(f"http://127.0.0.1:{found[1]}", process, said)
        finally:
            process.kill()
            if not process.stderr.closed:  # `communicate` has read it
                rest = process.stderr.read()
    assert "Traceback" not in rest, rest


class Server:
    """A running server: its address, its process, and what it said on standard error while it started."""

    def __init__(self, url, process, said):
        self.url, self.process, self.said = url, process, said
        self.port = int(url.rpartition(":")[2])

    def client(self, **options):
        return httpx.Client(base_url=self.url, timeout=PATIENCE_S, **options)
