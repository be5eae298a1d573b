"""The page network's file: what it is, what it must answer, and whether it is whole.

As with the digit network (`edge.model_file`), the card is inside the `.tflite` file, and in plain JSON beside
it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge import classifier
from edge.errors import ModelError
from edge.expected import Decoding
from edge.fusion import Fusion
from edge.isolated import IsolatedError, run_isolated
from edge.lines import Linking
from edge.model_file import (
    PAGE_MODEL,
    Card,
    ModelFile,
    as_model,
    has_metadata,
    inflate,
    read_bytes,
    read_metadata,
    shipped_path,
)
from edge.page import BLOCK, HEADS, PageNetwork
from edge.types import ByteArray, ModelName, Thresholds
from edge.upright import Standing

PAGE_METADATA = "digitcam page"
"""Name of the metadata buffer that holds the card."""

MARKS_METADATA, REFINE_METADATA = "digitcam marks", "digitcam refine"
"""Likewise of the mark network and the refinement network: whole `.tflite` files with cards of their own,
which came with this page network."""

HELD = {MARKS_METADATA: "mark network", REFINE_METADATA: "refinement network"}


@dataclass(frozen=True, slots=True, eq=False)
class KnownPage:
    """A picture and what the network must say of it.

    Attributes:
        picture: shape (rows, columns), uint8, multiples of the network's stride.
        digit: logits of a digit's centre, shape (rows/4, columns/4), float32.
        writing: logits of other writing, the same shape.
    """

    picture: ByteArray
    digit: npt.NDArray[np.float32]
    writing: npt.NDArray[np.float32]

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it; logits to a hundredth."""
        return {
            "shape": list(self.picture.shape),
            "picture": _packed(self.picture),
            "digit": _packed(np.round(self.digit * 100).astype("<i2")),
            "writing": _packed(np.round(self.writing * 100).astype("<i2")),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> KnownPage:
        """What `as_dict` wrote.

        Raises:
            ValueError: when the arrays do not fit together.
        """
        rows, columns = map(int, values["shape"])
        cells = rows // BLOCK, columns // BLOCK
        picture = np.frombuffer(inflate(base64.b64decode(values["picture"])), np.uint8).reshape(rows, columns)
        digit, writing = (
            (np.frombuffer(inflate(base64.b64decode(values[name])), "<i2").reshape(cells) / 100).astype(
                np.float32
            )
            for name in ("digit", "writing")
        )
        return cls(picture, digit, writing)


def _packed(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 9)).decode()


@dataclass(frozen=True, slots=True, eq=False)
class PageCard:
    """What a page network says of itself.

    Attributes:
        name: what it is called, such as "page-int8".
        version: its own version.
        id: SHA-256 of the network without a card, in hex: what the cards of digit networks name it by.
        trained_with: the digit network that it was proven with, by the id in that one's card.
        heads: name and channels of what it says, in this order.
        least: logit of a digit's centre from which on a place is worth naming.
        linking: tells which neighbours belong to one number.
        decoding: reads numbers of an expected format.
        standing: tells a picture on its head.
        training_data: name of each data file and the SHA-256 of its contents.
        sources: whose handwriting it has learned from, to be cited.
        scores: what was measured of it, by name.
        command: the command line that trained it.
        commit: the commit of the code that trained it.
        known: a picture and what it must say of it.
    """

    name: str
    version: str
    id: str
    trained_with: str
    heads: tuple[tuple[str, int], ...]
    least: float
    linking: Linking
    decoding: Decoding
    standing: Standing
    training_data: Mapping[str, str]
    sources: tuple[str, ...]
    scores: Mapping[str, float]
    command: str
    commit: str
    known: KnownPage

    def as_dict(self) -> dict[str, Any]:
        """The card as JSON holds it."""
        return {
            "name": self.name,
            "version": self.version,
            "id": self.id,
            "trained_with": self.trained_with,
            "heads": [list(head) for head in self.heads],
            "least": self.least,
            "linking": asdict(self.linking),
            "decoding": asdict(self.decoding),
            "standing": asdict(self.standing),
            "training_data": dict(self.training_data),
            "sources": list(self.sources),
            "scores": dict(self.scores),
            "command": self.command,
            "commit": self.commit,
            "known": self.known.as_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PageCard:
        """The card that `as_dict` wrote.

        Raises:
            ModelError: when a field is missing or of the wrong kind, or its heads are not ours.
        """
        if missing := [name for name in ("decoding", "standing") if values.get(name) is None]:
            raise ModelError(
                f"it was made for another digitcam, its card has no {' and no '.join(missing)}: fit it "
                "again, python -m convert.pair FILE"
            )
        try:
            card = cls(
                name=str(values["name"]),
                version=str(values["version"]),
                id=str(values["id"]),
                trained_with=str(values["trained_with"]),
                heads=tuple((str(name), int(count)) for name, count in values["heads"]),
                least=float(values["least"]),
                linking=Linking(**{str(k): float(v) for k, v in values["linking"].items()}),
                decoding=Decoding.from_dict(values["decoding"]),
                standing=Standing.from_dict(values["standing"]),
                training_data={str(k): str(v) for k, v in values["training_data"].items()},
                sources=tuple(str(source) for source in values["sources"]),
                scores={str(k): float(v) for k, v in values["scores"].items()},
                command=str(values["command"]),
                commit=str(values["commit"]),
                known=KnownPage.from_dict(values["known"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
            raise ModelError(f"its card is not readable: {type(error).__name__}: {error}") from error
        if card.heads != HEADS:
            raise ModelError(
                f"it has the heads {_words(card.heads)}, this digitcam expects {_words(HEADS)}: install the "
                "digitcam that it was made for, or train it again"
            )
        numbers = (card.least, *asdict(card.linking).values())
        if not np.isfinite(numbers).all():
            raise ModelError(f"its card holds numbers that are none: least {card.least}, {card.linking}")
        return card

    def to_bytes(self) -> bytes:
        """The card as the metadata buffer holds it: compressed JSON."""
        return zlib.compress(json.dumps(self.as_dict(), separators=(",", ":")).encode(), 9)

    @classmethod
    def from_bytes(cls, data: bytes) -> PageCard:
        """The card that `to_bytes` wrote.

        Raises:
            ModelError: when it is damaged.
        """
        try:
            values = json.loads(inflate(data))
        except (zlib.error, ValueError, RecursionError) as error:
            raise ModelError(f"its card is damaged: {error}") from error
        if not isinstance(values, dict):
            raise ModelError("its card is damaged: not a JSON object")
        return cls.from_dict(values)


@dataclass(frozen=True, slots=True, eq=False)
class PageFile:
    """The bytes of a page network and the card read from them.

    Attributes:
        path: where it was read from.
        data: the whole `.tflite` file.
        card: what it says of itself.
        sha256: of `data`, in hex.
        shipped: whether it is, bit for bit, the one that came with the package.
        marks: the mark network that came with it.
        refine: the refinement network that came with it.
    """

    path: Path
    data: bytes
    card: PageCard
    sha256: str
    shipped: bool
    marks: ModelFile
    refine: ModelFile

    @property
    def name(self) -> ModelName:
        """As results quote it."""
        return ModelName(self.card.name, self.sha256)


def check_pair(digits: Card, page: PageCard) -> tuple[Fusion, Thresholds]:
    """What brings the opinions of two networks together, if they are a pair, and thresholds on it.

    Raises:
        ModelError: when the digit network was not converted for this page network.
    """
    if digits.fusion is None or digits.fused is None or not digits.trained_with:
        raise ModelError(
            f"{digits.name} {digits.version} was converted for no page network of this digitcam: convert it "
            "again, python -m convert RUN"
        )
    if digits.trained_with != page.id:
        raise ModelError(
            f"{digits.name} {digits.version} and {page.name} {page.version} are no pair: the one was "
            f"converted for the page network {digits.trained_with[:12]}, the other is {page.id[:12]}; use "
            "the two files that came together, or convert the digit network again"
        )
    return digits.fusion, digits.fused


def load_page(path: str | Path | None = None) -> PageFile:
    """Read a page network and its card; the network itself is not opened yet.

    Args:
        path: a `.tflite` file; None is the one that came with the package.

    Raises:
        ModelError: when it is missing, too large, no TensorFlow Lite model, without a card, made for another
            digitcam, or not the file that its SHA-256 promises.
    """
    name = shipped_path(PAGE_MODEL) if path is None else Path(path)
    data, shipped = read_bytes(name, PAGE_MODEL)
    try:
        card = PageCard.from_bytes(read_metadata(data, PAGE_METADATA))
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error
    marks, refine = (_held(name, data, which, shipped) for which in HELD)
    return PageFile(name, data, card, hashlib.sha256(data).hexdigest(), shipped, marks, refine)


def _held(name: Path, data: bytes, which: str, shipped: bool) -> ModelFile:
    """One of the networks that a page network's file holds."""
    if not has_metadata(data, which):
        raise ModelError(
            f"{name}: it was made for another digitcam, it holds no {HELD[which]}: fit it again, "
            "python -m convert.pair FILE"
        )
    return as_model(name, read_metadata(data, which), shipped)


TOLERANCE = 1.0
"""How far a known logit may be off: some steps of int8. Runtimes round differently, by single steps of an
integer, a few of which add up inside; one that is broken is off by tens."""


def open_page(page: PageFile | None = None, *, threads: int = 1) -> PageNetwork:
    """Open a page network, check its contract and ask it what it must know.

    One that is not the shipped one is first opened in a child process, because a damaged one can take the
    process down with it.

    Args:
        page: what to open; None is the shipped one.
        threads: of the interpreter.

    Raises:
        ModelError: it does not keep the contract, or answers wrongly.
    """
    page = page or load_page()
    try:
        if not page.shipped:
            run_isolated("edge.page_file:verify_bytes", page.data)
        return _open(page.data, page.card, threads=threads)
    except (IsolatedError, ModelError) as error:
        raise ModelError(f"{page.path}: {error}") from error


def verify_bytes(model: bytes) -> bytes:
    """Open all networks of a file and ask what they must know: what a child process does with it at first.

    Returns:
        Nothing; that it returns at all is the answer.

    Raises:
        ModelError: as `open_page` does.
    """
    _open(model, PageCard.from_bytes(read_metadata(model, PAGE_METADATA)))
    for which in HELD:
        classifier.verify_bytes(read_metadata(model, which))
    return b""


def _open(model: bytes, card: PageCard, *, threads: int = 1) -> PageNetwork:
    network = PageNetwork(model, threads=threads)
    error = known_error(network, card.known)
    if not error <= TOLERANCE:
        raise ModelError(
            f"{network.runtime} gives wrong answers with it: logits of the known page are off by up to "
            f"{error:.2f} (allowed {TOLERANCE}); use ai-edge-litert, or train the network again"
        )
    return network


def known_error(network: PageNetwork, known: KnownPage) -> float:
    """How far what a network says of its known page is off, at most, as a logit."""
    look = network.look(known.picture, 1.0)
    pairs = ((look.head("digit")[..., 0], known.digit), (look.head("writing")[..., 0], known.writing))
    return max(float(np.abs(said - true).max()) for said, true in pairs)


def _words(heads: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in heads)
