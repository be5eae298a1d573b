"""What a history and a broker cost the live loop.

    python -m benchmarks.keeping --frames 10000

Reads the simulated camera as fast as it goes, twice the same frames, in one process. For 20 frames at a time,
the history and the messages to a real broker, mosquitto on this machine, are fed as `digitcam run` feeds
them, or are not; what was read with them is read without them the second time. Tells how much longer the same
frames took with them, by the clock and by the processors' time of all threads, with the interval in which 95
of 100 bootstrap samples lie. Where the broker has no processor to itself, the clock counts its work, too.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.mosquitto import Mosquitto
from edge import DigitReader
from edge.live import Stream
from edge.outputs import HISTORY_BYTES, Outputs, Senders, Shared, message_writers, open_senders, open_store
from edge.senders.broker import Broker
from edge.sinks.feeder import Feeder
from edge.sinks.history import History
from edge.sinks.plain import PlainLines
from edge.sources.demo import DemoCamera
from edge.speedometer import Speedometer
from edge.store import Limits

STRETCH = 20
"""Frames: so many that what they leave to be written and sent falls into themselves for the most part."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=10_000, metavar="N", help="that are read twice (10000)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the camera (1)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Mosquitto(Path(name)) as broker:
        clock, processors, sent = measure(Path(name), broker.port, args.frames, args.seed)
    print(f"{len(clock)} stretches of {STRETCH} frames, each read twice, {sent} messages")
    for what, pairs in (("the clock", clock), ("the processors", processors)):
        without, both = 1000 * pairs.mean(axis=0) / STRETCH
        low, high = interval(pairs)
        more = both / without - 1
        print(f"by {what}: {without:.2f} and {both:.2f} ms a frame, {more:+.1%} ({low:+.1%} to {high:+.1%})")


def measure(folder: Path, port: int, frames: int, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Read; for each stretch, seconds without and with both, shape (stretches, 2), and messages sent."""
    reader = DigitReader()
    outputs = Outputs(
        store=folder / "history.db",
        history=Limits(HISTORY_BYTES, None, None),
        mqtt=Broker("127.0.0.1", port, device="bench"),
    )
    store = open_store(outputs, print)
    assert store is not None
    shared = Shared.of(outputs, reader, None)
    spent = np.empty((2, frames // STRETCH, 2))
    with (
        Path(os.devnull).open("w") as nowhere,
        closing(store),
        Senders(open_senders(outputs, store, shared, print)) as senders,
    ):
        history = History(store, outputs.history, live=True, writers=message_writers(outputs, shared))
        kept = [
            Feeder(sink, wait=False, on_error=print, on_notice=print) for sink in (history, shared.current)
        ]
        for again in (0, 1):
            source = DemoCamera(seed=seed, realtime=False)
            plain = PlainLines(Speedometer(source), output=nowhere, status=nowhere)
            usual = [Feeder(plain, wait=False, on_error=print, on_notice=print)]
            steps = Stream(reader, shared.control).steps(source)
            for stretch in range(frames // STRETCH):
                with_both = (stretch + again) % 2
                began = np.array([time.perf_counter(), time.process_time()])
                for step in islice(steps, STRETCH):
                    assert step.result is not None
                    for feeder in [*usual, *kept] if with_both else usual:
                        feeder.write(step.result, step.events)
                spent[:, stretch, with_both] = [time.perf_counter(), time.process_time()] - began
        for feeder in kept:
            feeder.end([])
            feeder.join(None)
        sent = sum(state.sent for state in senders.states())
    return spent[0], spent[1], sent


def interval(pairs: np.ndarray) -> tuple[float, float]:
    """Between what 95 % of bootstrap samples lie: how much longer it takes with both, as a share."""
    chosen = np.random.default_rng(1).integers(0, len(pairs), (2000, len(pairs)))
    without, both = pairs[chosen].sum(axis=1).T
    low, high = np.quantile(both / without - 1, (0.025, 0.975))
    return float(low), float(high)


if __name__ == "__main__":
    main()
