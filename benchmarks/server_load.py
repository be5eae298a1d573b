"""How the server holds out: its camera and its health while it is flooded, and what a prediction costs.

    python benchmarks/server_load.py [--seconds 20] [--mutants 5000]

Starts `digitcam serve demo` and, from many addresses of the loopback network, holds 200 dripping connections
open, lets 20 viewers of the stream read nothing, and sends bursts of 100 uploads at once. Printed are the
answers, how long `/healthz` takes, and the share of frames that the camera loses, without and with all that.
Then damaged pictures, one by one. All of it shares this machine's processors, the clients' part too.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import itertools
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import cv2

from edge import DigitReader
from edge.files import write_whole
from edge.overlay import encode
from edge.sources.demo import DemoCamera
from edge.types import ByteArray

DRIPPING, STUCK, UPLOADS = 200, 20, 100
PER_ADDRESS = 8


@contextmanager
def server(source: str) -> Iterator[int]:
    """Run a server and give its port."""
    command = [sys.executable, "-m", "edge", "serve", source, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            found = re.search(r":(\d+)/", process.stderr.readline())
            assert found is not None
            yield int(found[1])
        finally:
            process.terminate()


def get(port: int, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Ask the server something, from this machine's usual address."""
    request = Request(f"http://127.0.0.1:{port}{path}", data=body)
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except OSError as error:
        return getattr(error, "code", 0), b""


def frames(port: int) -> tuple[float, float]:
    """(read, dropped) so far."""
    text = get(port, "/metrics")[1].decode()
    return tuple(
        float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1])  # type: ignore[index, return-value]
        for name in ("digitcam_frames_total", "digitcam_frames_dropped_total")
    )


def address(group: int, number: int) -> str:
    """One of many addresses that are all this machine."""
    return f"127.{group}.{number // PER_ADDRESS // 250}.{number // PER_ADDRESS % 250 + 1}"


async def connect(port: int, source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0), limit=1 << 22)


async def drip(port: int, number: int) -> None:
    """Send a request that never ends, again and again."""
    while True:
        with suppress(OSError):
            reader, writer = await connect(port, address(1, number))
            writer.write(b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n")
            if number % 2:
                writer.write(b"\r\n")  # half of them drip a body
            while not reader.at_eof():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(1)
        await asyncio.sleep(0.2)


async def stick(port: int, number: int, dropped: list[float]) -> None:
    """Watch the stream without reading, again and again."""
    while True:
        started = time.monotonic()
        try:
            _, writer = await connect(port, address(2, number))
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            while True:
                await asyncio.sleep(0.25)
                writer.write(b" ")  # fails when the server has hung up
                await writer.drain()
        except OSError:
            dropped.append(time.monotonic() - started)
        await asyncio.sleep(0.2)


async def ask(port: int, source: str, path: str, body: bytes = b"") -> tuple[int, float]:
    """(status, seconds) of one request on a connection of its own; 0 where there was no answer."""
    started = time.perf_counter()
    status = 0
    with suppress(OSError, asyncio.TimeoutError, IndexError, ValueError):
        async with asyncio.timeout(10):
            reader, writer = await connect(port, source)
            method = "POST" if body else "GET"
            head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = await reader.read()
            writer.close()
            status = int(answer.split(b" ", 2)[1])
    return status, time.perf_counter() - started


async def flood(port: int, seconds: float, photo: bytes) -> None:
    """All at once."""
    unread: list[float] = []
    loads: list[Coroutine[Any, Any, None]] = [drip(port, k) for k in range(DRIPPING)]
    loads += [stick(port, k, unread) for k in range(STUCK)]
    tasks = [asyncio.create_task(load) for load in loads]
    await asyncio.sleep(1)
    uploads: list[tuple[int, float]] = []

    async def burst() -> None:
        while True:
            asked = [ask(port, address(3, k), "/v1/predict", photo) for k in range(UPLOADS)]
            uploads.extend(await asyncio.gather(*asked))
            await asyncio.sleep(2)

    tasks.append(asyncio.create_task(burst()))
    health: list[tuple[int, float]] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        health.append(await ask(port, address(4, 0), "/healthz"))
        await asyncio.sleep(0.03)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print_times("/healthz", health)
    print_times("uploads", uploads)
    if unread:
        print(f"{'stuck viewers':14} {len(unread)} dropped, after {statistics.median(unread):.1f} s (median)")


def print_times(name: str, asked: list[tuple[int, float]]) -> None:
    """Statuses and times of answers."""
    statuses = dict(sorted(collections.Counter(status for status, _ in asked).items()))
    times = sorted(seconds * 1000 for _, seconds in asked)
    p50, p99 = (times[min(len(times) - 1, int(len(times) * share))] for share in (0.5, 0.99))
    spread = f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {times[-1]:.0f} ms"
    print(f"{name:14} {len(asked)} answers {statuses}; {spread}")


def lost(port: int, during: Callable[[], object]) -> float:
    """The share of frames that the camera lost while something was done."""
    before = frames(port)
    during()
    read, dropped = (now - then for now, then in zip(frames(port), before, strict=True))
    return dropped / (read + dropped)


def mutants(pictures: list[bytes], count: int) -> Iterator[bytes]:
    """Pictures with bytes changed, cut out, repeated or cut off."""
    rng = random.Random(0)
    for picture in itertools.islice(itertools.cycle(pictures), count):
        data = bytearray(picture)
        for _ in range(rng.choice((1, 1, 2, 8, 64))):
            at = rng.randrange(len(data)) if rng.random() < 0.5 else rng.randrange(min(200, len(data)))
            match rng.randrange(5):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    data[at] ^= 1 << rng.randrange(8)
                case 2:
                    data[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4)))
                case 3:
                    del data[at : at + rng.randrange(1, 64)]
                case 4:
                    data[at:at] = data[at : at + rng.randrange(1, 64)]
            if len(data) < 8:
                break
        if rng.random() < 0.1:
            del data[rng.randrange(len(data)) :]
        yield bytes(data)


def hold_out(seconds: float, photo: bytes) -> None:
    """What becomes of the camera, of `/healthz` and of uploads under all loads together."""
    with server("demo") as port:
        time.sleep(3)
        quiet = lost(port, lambda: time.sleep(seconds / 2))
        flooded = lost(port, lambda: asyncio.run(flood(port, seconds, photo)))
    print(f"{'camera':14} loses {quiet:.1%} of its frames before, {flooded:.1%} meanwhile")


def cost(port: int, page: ByteArray, photo: bytes, rounds: int = 100) -> None:
    """A prediction against the reader's own time for the same picture, in turns; and how many at once."""
    reader = DigitReader()
    cv2.setNumThreads(1)
    own, asked = [], []
    for _ in range(rounds):
        started = time.perf_counter()
        reader.read_image(page)
        between = time.perf_counter()
        get(port, "/v1/predict", photo)
        own.append(between - started)
        asked.append(time.perf_counter() - between)
    p50 = statistics.median(asked)
    print(
        f"{'predict':14} p50 {p50 * 1000:.1f} ms, {p50 / statistics.median(own):.2f} times the reader's own"
    )
    started = time.perf_counter()
    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda _: get(port, "/v1/predict", photo)[0], range(2 * rounds)))
    print(f"{'at once':14} {answers.count(200) / (time.perf_counter() - started):.0f} predictions a second")


def damage(port: int, page: ByteArray, count: int) -> None:
    """Damaged pictures, one by one."""
    small = page[::2, ::2]
    shapes = itertools.product((page, small, small[..., 0]), (".png", ".jpg"))
    answers = []
    for mutant in mutants([encode(picture, suffix) for picture, suffix in shapes], count):
        started = time.perf_counter()
        status, _ = get(port, "/v1/predict", mutant)
        answers.append((status, time.perf_counter() - started))
    print_times("mutants", answers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--mutants", type=int, default=5000)
    args = parser.parse_args()
    page = next(iter(DemoCamera(realtime=False))).image
    photo = encode(page, ".jpg")
    hold_out(args.seconds, photo)
    with tempfile.TemporaryDirectory() as folder:
        still = write_whole(Path(folder) / "page.png", encode(page, ".png"))
        with server(str(still)) as port:  # nothing else to do
            cost(port, page, photo)
            damage(port, page, args.mutants)


if __name__ == "__main__":
    main()
