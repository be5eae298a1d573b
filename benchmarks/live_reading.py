"""How well a stream is read: the simulated camera's truth against what is accepted.

    python benchmarks/live_reading.py --frames 10000 --seed 7

Sheets drift, are pushed in and out, turned and cut; shadows sway and an arm covers numbers; words stand
beside them (`--no-words`: numbers alone). The targets: a number is accepted at most 5 frames after it is
first seen whole and sharp, 99.5 % of the accepted readings have the right text, and none never was there.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from edge import DigitReader
from edge.sources.base import DEFAULT_FPS
from edge.sources.demo import DemoCamera, Shown
from edge.types import Reading

Key = tuple[int, int]

SHORTEST = 15
"""Frames in a row that a number must be whole and sharp in to be counted as one that could have been read."""

AT_PLACE = 0.5
"""Share of the smaller of two boxes that they have in common where a reading is one of that number."""


@dataclass
class Score:
    """Judges the readings of a stream, frame after frame.

    Attributes:
        sharp: for each number, the first frame in which it was whole and sharp.
        seen: for each number, in how many frames it was so.
        read: for each number, in how many of these it was accepted with its right text.
        accepted: for each number, the first frame in which it was accepted with its right text.
        identities: for each number, the tracks that were accepted as it.
        verdicts: for each accepted reading, a track with a text: "right", or the first thing that was wrong.
        wrong: a line for each that was wrong.
    """

    sharp: dict[Key, int] = field(default_factory=dict)
    seen: Counter[Key] = field(default_factory=Counter)
    read: Counter[Key] = field(default_factory=Counter)
    accepted: dict[Key, int] = field(default_factory=dict)
    identities: dict[Key, set[int | None]] = field(default_factory=dict)
    verdicts: dict[tuple[int | None, str], str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def add(self, frame_id: int, shown: Sequence[Shown], moving: bool, readings: Iterable[Reading]) -> None:
        """Judge one frame."""
        for number in shown:
            if number.whole and not moving:
                self.sharp.setdefault(number.key, frame_id)
                self.seen[number.key] += 1
        for reading in readings:
            if reading.status == "accepted":
                self._judge(frame_id, shown, moving, reading)

    def _judge(self, frame_id: int, shown: Sequence[Shown], moving: bool, reading: Reading) -> None:
        here = [number for number in shown if _at_place(reading, number)]
        this = reading.track_id, reading.text
        for number in here:
            if number.text == reading.text:
                self.accepted.setdefault(number.key, frame_id)
                self.read[number.key] += number.whole and not moving
                self.identities.setdefault(number.key, set()).add(reading.track_id)
                self.verdicts.setdefault(this, "right")
                return
        if self.verdicts.get(this, "right") != "right":
            return
        if this in self.verdicts:
            verdict = "outlived its number"
        elif not here:
            verdict = "at no number"
        elif not any(number.whole for number in here):
            verdict = "a part of a number"
        else:
            verdict = "misread"
        self.verdicts[this] = verdict
        found = ", ".join(number.text for number in here)
        self.wrong.append(f"frame {frame_id}: track {this[0]} accepted as {this[1]}, {verdict} ({found})")

    @property
    def latencies(self) -> list[int]:
        """Frames that each accepted number took, the first sharp and the accepting one counted too."""
        return [
            max(0, self.accepted[key] - first + 1)
            for key, first in self.sharp.items()
            if key in self.accepted
        ]

    @property
    def missed(self) -> list[Key]:
        """Numbers that could have been read and never were accepted with their text."""
        return [key for key, n in self.seen.items() if n >= SHORTEST and key not in self.accepted]

    @property
    def accuracy(self) -> float:
        """Share of the accepted readings of numbers that were there that have the right text."""
        counts = Counter(self.verdicts.values())
        return counts["right"] / max(1, counts["right"] + counts["misread"])

    @property
    def never_there(self) -> int:
        """Accepted readings of parts of numbers, of numbers that were gone, and of what is none."""
        return sum(verdict not in ("right", "misread") for verdict in self.verdicts.values())

    def report(self) -> str:
        """The figures beside their targets."""
        latencies = self.latencies
        middle, high, highest = np.percentile(latencies, [50, 99, 100])
        within = np.mean(np.array(latencies) <= 5)
        one = sum(len(tracks) == 1 for tracks in self.identities.values())
        rows = [
            ("numbers seen whole and sharp", f"{len(self.sharp)}, {len(self.missed)} of them never accepted"),
            ("accepted readings", f"{len(self.verdicts)}"),
            (
                "frames until accepted",
                f"p50 {middle:.0f}, p99 {high:.0f}, most {highest:.0f} (target: at most 5)",
            ),
            ("accepted within 5 frames", f"{within:.2%}"),
            ("text right", f"{self.accuracy:.2%} (target: 99.5 %)"),
            ("accepted, but never there", f"{self.never_there} (target: 0)"),
            ("accepted while whole and sharp", f"{self.read.total() / self.seen.total():.2%} of the frames"),
            ("one identity all the time", f"{one / max(1, len(self.identities)):.2%}"),
        ]
        lines = [f"{name:32}{value}" for name, value in rows]
        return "\n".join([*lines, *self.wrong])


def _at_place(reading: Reading, number: Shown) -> bool:
    shared = reading.box.intersection(number.box).area
    return shared >= AT_PLACE * max(1, min(reading.box.area, number.box.area))


def score(
    seed: int,
    frames: int,
    reader: DigitReader | None = None,
    fps: float = DEFAULT_FPS,
    *,
    words: bool = True,
) -> Score:
    """Read so many frames of the simulated camera, each of them; it gives `fps` of them a second."""
    camera = DemoCamera(seed, fps=fps, realtime=False, words=words)
    result = Score()
    for read in islice((reader or DigitReader()).results(camera), frames):
        frame_id = read.frame.frame_id
        result.add(frame_id, camera.shown(frame_id), camera.moving(frame_id), read.readings)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fps", type=float, default=DEFAULT_FPS, help="frames per second of the camera")
    parser.add_argument(
        "--words", action=argparse.BooleanOptionalAction, default=True, help="words stand beside the numbers"
    )
    args = parser.parse_args()
    print(score(args.seed, args.frames, fps=args.fps, words=args.words).report())


if __name__ == "__main__":
    main()
