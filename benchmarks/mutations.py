"""Damaged models, pictures and videos, opened as users' files are: what crashes, is let in, or takes long.

    python benchmarks/mutations.py [--count 1000] [--seconds 600] [--seed 0] [--kinds digits page jpeg avi]

Mutants of the shipped models and of whole pictures and videos have bytes changed, are cut, or are grown. A
model goes the way of `--model`: the card is read here, the network is opened and asked in a child, and one
that passes is opened a second time, in a process that stands for the one that reads. Pictures and videos, of
every kind that is read, go through `decode_image` and `open_source` in such a process.

The exit code is 1 where such a process died, a model was let in that is not the shipped one in all that its
card promises, an error was none of digitcam's own, or a file took more than 2 s of the processor's time. With
`--keep`, those files are kept. Meant to run each night, with another seed each time.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # for the children, which import this file

from edge.classifier import Classifier  # noqa: E402
from edge.decode import can_decode_heic, decode_image, pages_of  # noqa: E402
from edge.errors import EdgeError, ModelError  # noqa: E402
from edge.files import write_whole  # noqa: E402
from edge.isolated import Isolated, IsolatedError, TooLongError  # noqa: E402
from edge.marks import open_marks  # noqa: E402
from edge.model_file import PAGE_MODEL, SHIPPED, load_model, shipped_path  # noqa: E402
from edge.page_file import load_page, open_page  # noqa: E402
from edge.refine import open_refine  # noqa: E402
from edge.sources import open_source  # noqa: E402
from edge.types import ByteArray  # noqa: E402

MOST_S = 2.0
"""Of the processor's time, for one file."""

HANGS_S = 120.0
"""After which a process is given up, however busy the machine is."""

PICTURES = ("jpeg", "png", "webp", "bmp", "tiff", "gif", "apng", "grey16", "heic", "avif")
VIDEOS = {"avi": "MJPG", "mp4": "mp4v", "mov": "MJPG", "mkv": "MJPG", "webm": "VP80"}
MODELS = {"digits": SHIPPED, "page": PAGE_MODEL}
KINDS = (*MODELS, *PICTURES, *VIDEOS)


@dataclass(slots=True)
class Tally:
    """What came of the mutants of one kind.

    Attributes:
        outcomes: how many were read, refused, or refused because the child died that tries them.
        slowest_s: of the processor's time, the most that one took.
        faults: what must not be, and the mutants that brought it about.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    faults: list[tuple[str, bytes]] = field(default_factory=list)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One byte changed, a piece cut out or off, or a piece grown; half of them near the beginning."""
    at = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 400))
    size = rng.choice((1, 2, 4, 64, 4096))
    match rng.randrange(6):
        case 0 | 1:
            return data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]
        case 2:
            return (
                data[:at] + rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4))) + data[at + 4 :]
            )
        case 3:
            return data[: rng.randrange(len(data))]
        case 4:
            return data[:at] + data[at + size :]
        case _:
            return data[:at] + rng.randbytes(size) + data[at:]


def sample(kind: str, folder: Path) -> bytes:
    """A whole file of a kind."""
    if kind in MODELS:
        return shipped_path(MODELS[kind]).read_bytes()
    page = np.full((96, 128, 3), 230, np.uint8)
    cv2.putText(page, "407", (12, 62), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (60, 30, 30), 4)
    if kind in VIDEOS:
        return _video(folder / f"whole.{kind}", VIDEOS[kind], page)
    return _picture(kind, page)


def _picture(kind: str, page: ByteArray) -> bytes:
    image, buffer = Image.fromarray(page), io.BytesIO()
    if kind == "apng":
        image.save(buffer, "PNG", save_all=True, append_images=[image.rotate(3)])
    elif kind == "grey16":
        Image.fromarray(page[..., 0].astype(np.uint16) * 257).save(buffer, "PNG")
    elif kind == "heic":
        can_decode_heic()  # from here on, Pillow writes it too
        image.save(buffer, "HEIF", save_all=True, append_images=[image.rotate(3)])
    elif kind in {"gif", "tiff", "avif"}:
        image.save(buffer, kind, save_all=True, append_images=[image.rotate(3)])
    else:
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(buffer, kind, **({"exif": exif} if kind == "jpeg" else {}))
    return buffer.getvalue()


def _video(path: Path, codec: str, page: ByteArray) -> bytes:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, (page.shape[1], page.shape[0]))
    for shift in range(6):
        writer.write(np.roll(page, shift, axis=1))
    writer.release()
    return path.read_bytes()


def decode(data: bytes) -> bytes:
    """In the process that stands for the one that reads: a picture."""

    def read() -> str:
        decode_image(data, "the picture")
        pages_of(data)
        return "read"

    return _measured(read)


def play(data: bytes) -> bytes:
    """In that process: a video, whose name is before its bytes."""
    name, _, content = data.partition(b"\n")

    def read() -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name.decode()
            path.write_bytes(content)
            with closing(open_source(str(path))) as source:
                for _ in source:
                    pass
        return "read"

    return _measured(read)


def open_digits(data: bytes) -> bytes:
    """In that process: a digit network that has passed in the child."""
    whole = load_model()
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        Path(file.name).write_bytes(data)
        model = load_model(file.name)

        def read() -> str:
            # `shipped` says that the child has had it: what follows is what follows that.
            network = Classifier(replace(model, shipped=True))
            same = network.card.as_dict() == whole.card.as_dict()
            answers = network.raw(whole.card.known_answers.glyphs)
            fits = answers.shape == whole.card.known_answers.probabilities.shape
            return "read" if same and fits and np.isfinite(answers).all() else "wrong contract"

        return _measured(read)


def open_pages(data: bytes) -> bytes:
    """In that process: a page network that has passed in the child."""
    whole = load_page()
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        Path(file.name).write_bytes(data)
        page = load_page(file.name)

        def read() -> str:
            network = open_page(replace(page, shipped=True))
            open_marks(replace(page.marks, shipped=True))
            open_refine(replace(page.refine, shipped=True))
            look = network.look(whole.card.known.picture, 1.0)
            finite = all(np.isfinite(look.head(name)).all() for name, _ in whole.card.heads)
            return "read" if page.card.as_dict() == whole.card.as_dict() and finite else "wrong contract"

        return _measured(read)


def _measured(read: Callable[[], str]) -> bytes:
    started = time.process_time()
    try:
        outcome = read()
    except EdgeError:
        outcome = "refused"
    return json.dumps([outcome, time.process_time() - started]).encode()


def mutants_of(kind: str, whole: bytes, rng: random.Random) -> Iterator[bytes]:
    """Mutants of a file, without end; none is the file itself."""
    while True:
        mutant = mutate(whole, rng)
        if mutant != whole:
            yield mutant


class Trial:
    """Opens the mutants of one kind; use it in a `with` block, and close it.

    Args:
        kind: one of `KINDS`.
    """

    def __init__(self, kind: str) -> None:
        target = {"digits": "open_digits", "page": "open_pages"}.get(
            kind, "play" if kind in VIDEOS else "decode"
        )
        self.tally = Tally()
        self._kind = kind
        self._reader = Isolated(f"benchmarks.mutations:{target}", memory_mb=4096)
        check = {"digits": "edge.classifier", "page": "edge.page_file"}.get(kind)
        self._child = Isolated(f"{check}:verify_bytes") if check else None

    def close(self) -> None:
        """End the processes."""
        self._reader.close()
        if self._child is not None:
            self._child.close()

    def open(self, mutant: bytes) -> None:
        """Open a mutant, and count what comes of it."""
        started = time.process_time()
        try:
            passed = self._child is None or self._passes(mutant)
        except Exception as error:  # the fault that is looked for
            self.tally.faults.append((f"{type(error).__name__} here: {error}", mutant))
            return
        self._note_time(time.process_time() - started, mutant)
        if passed:
            self._read(mutant)

    def _passes(self, mutant: bytes) -> bool:
        """Whether a model is let in by what is done here and in the child."""
        assert self._child is not None
        with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
            Path(file.name).write_bytes(mutant)
            try:
                (load_model if self._kind == "digits" else load_page)(file.name)
                self._child.call(mutant, timeout_s=HANGS_S)
            except TooLongError:
                self.tally.faults.append((f"the child took more than {HANGS_S:g} s", mutant))
                return False
            except IsolatedError as error:
                self.tally.outcomes["refused: the child died" if "died" in str(error) else "refused"] += 1
                return False
            except ModelError:
                self.tally.outcomes["refused"] += 1
                return False
        return True

    def _read(self, mutant: bytes) -> None:
        name = f"mutant.{self._kind}\n".encode() if self._kind in VIDEOS else b""
        try:
            outcome, seconds = json.loads(self._reader.call(name + mutant, timeout_s=HANGS_S))
        except IsolatedError as error:
            self.tally.faults.append((str(error), mutant))
            return
        self.tally.outcomes[outcome] += 1
        self._note_time(seconds, mutant)
        if outcome == "wrong contract":
            self.tally.faults.append((outcome, mutant))

    def _note_time(self, seconds: float, mutant: bytes) -> None:
        self.tally.slowest_s = max(self.tally.slowest_s, seconds)
        if seconds > MOST_S:
            self.tally.faults.append((f"took {seconds:.1f} s of the processor's time", mutant))


def run(kind: str, count: int, rng: random.Random, seconds: float) -> Tally:
    """Open mutants of a kind, as many as are wanted or as time allows."""
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder, closing(Trial(kind)) as trial:
        whole = sample(kind, Path(folder))
        for mutant, _ in zip(mutants_of(kind, whole, rng), range(count), strict=False):
            if time.monotonic() > end:
                break
            trial.open(mutant)
        return trial.tally


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all kinds, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="mutants of each kind")
    parser.add_argument("--seconds", type=float, default=600.0, help="the most for each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--keep", type=Path, help="folder for the mutants that found a fault")
    args = parser.parse_args(arguments)
    faults = 0
    for kind in args.kinds:
        if kind == "heic" and not can_decode_heic():
            print("heic    left out: it needs digitcam's extra heif", flush=True)
            continue
        tally = run(kind, args.count, random.Random(f"{args.seed} {kind}"), args.seconds)
        outcomes = ", ".join(f"{number} {outcome}" for outcome, number in sorted(tally.outcomes.items()))
        print(f"{kind:7} {outcomes}; slowest {tally.slowest_s:.2f} s; {len(tally.faults)} faults", flush=True)
        for number, (fault, mutant) in enumerate(tally.faults):
            print(f"        {fault}", flush=True)
            if args.keep is not None:
                write_whole(args.keep / f"{kind}-{args.seed}-{number}", mutant)
        faults += len(tally.faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
