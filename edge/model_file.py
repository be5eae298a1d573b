"""A model file and the card inside it: what it is, what it must answer, and whether it is whole.

The card is JSON, compressed, in a metadata buffer of the `.tflite` file, so that one file is enough; the same
card in plain JSON, with the file's SHA-256, lies beside the shipped model for people to read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from flatbuffers import encode
from flatbuffers.number_types import Uint32Flags, UOffsetTFlags
from flatbuffers.packer import uoffset
from flatbuffers.table import Table

from edge.errors import ModelError
from edge.fusion import Fusion
from edge.preprocess import GLYPH_SIZE, PREPROCESSING_VERSION
from edge.types import SIGNS, ByteArray, FloatArray, ModelName, Thresholds

METADATA_NAME = "digitcam"
"""Name of the metadata buffer that holds the card."""

SHIPPED = "digits.tflite"
PAGE_MODEL = "page.tflite"
"""Names of the models that come with the package; beside each lies its card, in JSON, with its SHA-256."""

DIGITS = 10
DIGIT_LABELS = tuple(str(digit) for digit in range(DIGITS))
MARK_LABELS = ("none", *SIGNS[1:])
REFINE_LABELS = ("none", *DIGIT_LABELS)
MAX_MODEL_BYTES = 64 << 20
MAX_CARD_BYTES = 1 << 20

# Places of the fields in the tables of TensorFlow Lite's schema.fbs, as vtable offsets: 4 + 2 * index.
_MODEL_BUFFERS, _MODEL_METADATA = 12, 16
_METADATA_NAME, _METADATA_BUFFER = 4, 6
_BUFFER_DATA = 4


@dataclass(frozen=True, slots=True, eq=False)
class KnownAnswers:
    """Glyphs, or pictures of whatever the network names, and what it must say of them.

    Two runtimes were seen to return nonsense on a valid model without any error; asking it a few questions
    to which the answers are known is the only defence.

    Attributes:
        glyphs: shape (n, 28, 28), or for other networks (n, rows, columns) or (n, rows, columns, 3), uint8.
        probabilities: the network's raw outputs, shape (n, labels), float32.
    """

    glyphs: ByteArray
    probabilities: FloatArray

    def as_dict(self) -> dict[str, Any]:
        """The answers as JSON holds them."""
        return {
            "shape": list(self.glyphs.shape[1:]),
            "glyphs": base64.b64encode(zlib.compress(self.glyphs.tobytes(), 9)).decode(),
            "probabilities": [[round(float(p), 5) for p in row] for row in self.probabilities],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> KnownAnswers:
        """What `as_dict` wrote.

        Raises:
            ValueError: when there are none, or not as many answers as glyphs.
        """
        probabilities = np.array(values["probabilities"], np.float32)
        pixels = np.frombuffer(inflate(base64.b64decode(values["glyphs"])), np.uint8)
        # The first cards, of glyphs only, did not tell the shape.
        glyphs = pixels.reshape(-1, *map(int, values.get("shape", (GLYPH_SIZE, GLYPH_SIZE))))
        if probabilities.ndim != 2 or not 0 < len(glyphs) == len(probabilities):
            raise ValueError(f"{len(glyphs)} known glyphs, {len(probabilities)} known answers")
        return cls(glyphs, probabilities)


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """What a model says of itself.

    Attributes:
        name: what it is called, such as "digits-int8".
        version: its own version.
        format: how its numbers are stored, such as "int8".
        input: rows, columns and channels (1, or 3 for RGB) of its input.
        labels: what its outputs mean.
        preprocessing: version of the preprocessing that it was trained for.
        temperature: divides the logarithms of the raw probabilities; see `edge.classifier.calibrate`.
        thresholds: on the calibrated confidence of the network by itself; of a mark network, `accept` is for
            marks and `digit` for none.
        training_data: name of each data file and the SHA-256 of its decompressed contents.
        accuracies: share read right, by test set.
        command: the command line that trained it.
        commit: the commit of the code that trained it.
        failure: why it was refused, where somebody had it written all the same; "" otherwise.
        known_answers: see there.
        id: SHA-256 of the network without a card, in hex; "" in cards that were written before there were
            ids.
        trained_with: the page network whose candidates it is to name, by the id in that one's card; "" for a
            network that names pictures of other things.
        fusion: what brings the opinions of both together; None likewise.
        fused: thresholds on what `fusion` makes of both; None likewise.
    """

    name: str
    version: str
    format: str
    input: tuple[int, int, int]
    labels: tuple[str, ...]
    preprocessing: int
    temperature: float
    thresholds: Thresholds
    training_data: Mapping[str, str]
    accuracies: Mapping[str, float]
    command: str
    commit: str
    failure: str
    known_answers: KnownAnswers
    id: str = ""
    trained_with: str = ""
    fusion: Fusion | None = None
    fused: Thresholds | None = None

    def as_dict(self) -> dict[str, Any]:
        """The card as JSON holds it."""
        return {
            "name": self.name,
            "version": self.version,
            "format": self.format,
            "input": list(self.input),
            "labels": list(self.labels),
            "preprocessing": self.preprocessing,
            "temperature": self.temperature,
            "thresholds": {"accept": self.thresholds.accept, "digit": self.thresholds.digit},
            "training_data": dict(self.training_data),
            "accuracies": dict(self.accuracies),
            "command": self.command,
            "commit": self.commit,
            "failure": self.failure,
            "known_answers": self.known_answers.as_dict(),
            "id": self.id,
            "trained_with": self.trained_with,
            "fusion": None if self.fusion is None else asdict(self.fusion),
            "fused": None if self.fused is None else asdict(self.fused),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Card:
        """The card that `as_dict` wrote.

        Raises:
            ModelError: when a field is missing or of the wrong kind.
        """
        try:
            rows, columns, channels = values.get("input", (GLYPH_SIZE, GLYPH_SIZE, 1))
            card = cls(
                name=str(values["name"]),
                version=str(values["version"]),
                # The first cards had no format, input or failure: all were of int8 models for glyphs.
                format=str(values.get("format", "int8")),
                input=(int(rows), int(columns), int(channels)),
                labels=tuple(str(label) for label in values["labels"]),
                preprocessing=int(values["preprocessing"]),
                temperature=float(values["temperature"]),
                thresholds=Thresholds(
                    accept=float(values["thresholds"]["accept"]), digit=float(values["thresholds"]["digit"])
                ),
                training_data={str(k): str(v) for k, v in values["training_data"].items()},
                accuracies={str(k): float(v) for k, v in values["accuracies"].items()},
                command=str(values["command"]),
                commit=str(values["commit"]),
                failure=str(values.get("failure", "")),
                known_answers=KnownAnswers.from_dict(values["known_answers"]),
                id=str(values.get("id", "")),
                trained_with=str(values.get("trained_with", "")),
                fusion=_fusion(values.get("fusion")),
                fused=_thresholds(values.get("fused")),
            )
        except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
            raise ModelError(f"its model card is not readable: {type(error).__name__}: {error}") from error
        if not (card.temperature > 0 and np.isfinite(card.temperature)):
            raise ModelError(f"its model card has temperature {card.temperature}, expected more than 0")
        for thresholds in filter(None, (card.thresholds, card.fused)):
            if not 0 <= thresholds.digit <= thresholds.accept <= 1:
                raise ModelError(
                    f"its model card has the thresholds digit {thresholds.digit} and accept "
                    f"{thresholds.accept}, expected 0 <= digit <= accept <= 1"
                )
        answers = card.known_answers.probabilities.shape[1]
        if not len(card.labels) == len(set(card.labels)) == answers:
            raise ModelError(
                f"its model card has {len(card.labels)} labels, {len(set(card.labels))} of them different, "
                f"and known answers with {answers} probabilities: all must be as many"
            )
        return card

    def to_bytes(self) -> bytes:
        """The card as the metadata buffer holds it: compressed JSON."""
        return zlib.compress(json.dumps(self.as_dict(), separators=(",", ":")).encode(), 9)

    @classmethod
    def from_bytes(cls, data: bytes) -> Card:
        """The card that `to_bytes` wrote.

        Raises:
            ModelError: when it is damaged.
        """
        try:
            values = json.loads(inflate(data))
        except (zlib.error, ValueError, RecursionError) as error:
            raise ModelError(f"its model card is damaged: {error}") from error
        if not isinstance(values, dict):
            raise ModelError("its model card is damaged: not a JSON object")
        return cls.from_dict(values)


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """The bytes of a model and the card read from them.

    Attributes:
        path: where it was read from.
        data: the whole `.tflite` file.
        card: what it says of itself.
        sha256: of `data`, in hex.
        shipped: whether it is, bit for bit, the model that came with the package.
    """

    path: Path
    data: bytes
    card: Card
    sha256: str
    shipped: bool

    @property
    def name(self) -> ModelName:
        """As results quote it."""
        return ModelName(self.card.name, self.sha256)


def load_model(path: str | Path | None = None) -> ModelFile:
    """Read a model file and its card; the network itself is not opened yet.

    Args:
        path: a `.tflite` file; None is the model that came with the package.

    Raises:
        ModelError: when it is missing, too large, no TensorFlow Lite model, without a card, made for another
            preprocessing, or not the file that its SHA-256 promises.
    """
    name = shipped_path(SHIPPED) if path is None else Path(path)
    return as_model(name, *read_bytes(name, SHIPPED))


def as_model(name: Path, data: bytes, shipped: bool) -> ModelFile:
    """The bytes of a model file, with the card read from them.

    Args:
        name: where they come from.
        data: the whole file.
        shipped: whether it came, bit for bit, with the package.

    Raises:
        ModelError: when they are no TensorFlow Lite model, without a card, or made for another preprocessing.
    """
    try:
        card = read_card(data)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error
    if card.preprocessing != PREPROCESSING_VERSION:
        raise ModelError(
            f"{name} was trained for preprocessing version {card.preprocessing}, this digitcam has "
            f"{PREPROCESSING_VERSION}: train and convert it again, or install the digitcam it was made with"
        )
    return ModelFile(name, data, card, hashlib.sha256(data).hexdigest(), shipped)


def shipped_path(name: str) -> Path:
    """Where a model that came with the package is: `SHIPPED` or `PAGE_MODEL`."""
    return Path(str(files("edge.models").joinpath(name)))


def read_bytes(path: Path, name: str = "") -> tuple[bytes, bool]:
    """The bytes of a model file, and whether it is the shipped one of this name.

    Raises:
        ModelError: when it cannot be read, is too large, or stands for the shipped one and is not what the
            card beside that promises.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror or error}") from error
    if len(data) > MAX_MODEL_BYTES:
        raise ModelError(f"{path} has {len(data)} bytes; a model has at most {MAX_MODEL_BYTES}")
    if not name:
        return data, False
    found, expected = hashlib.sha256(data).hexdigest(), _shipped_sha256(name)
    if path == shipped_path(name) and found != expected:
        raise ModelError(
            f"{path} is damaged: SHA-256 is {found}, expected {expected}; install digitcam again"
        )
    return data, found == expected


def read_card(model: bytes) -> Card:
    """The card inside the bytes of a `.tflite` file.

    Raises:
        ModelError: when there is none, or it is damaged.
    """
    return Card.from_bytes(read_metadata(model, METADATA_NAME))


def has_metadata(model: bytes, name: str) -> bool:
    """Whether a TensorFlow Lite model has a metadata buffer of this name."""
    try:
        return bool(read_metadata(model, name))
    except ModelError:
        return False


def read_metadata(model: bytes, name: str) -> bytes:
    """One metadata buffer of a TensorFlow Lite model.

    Raises:
        ModelError: when the bytes are no such model, or it has no buffer of that name.
    """
    if model[4:8] != b"TFL3":
        keras = model.startswith((b"PK\x03\x04", b"\x89HDF"))  # .keras, .h5
        cure = ": python -m convert makes one of a Keras network" if keras else ""
        raise ModelError(f"not a TensorFlow Lite model, as its identifier is not 'TFL3'{cure}")
    try:
        root = Table(model, encode.Get(uoffset, model, 0))
        buffers, metadata = _tables(root, _MODEL_BUFFERS), _tables(root, _MODEL_METADATA)
        for entry in metadata:
            if entry.String(entry.Pos + entry.Offset(_METADATA_NAME)) != name.encode():
                continue
            # FlatBuffers leaves out a field that has its default value, here 0.
            place = entry.Offset(_METADATA_BUFFER)
            buffer = buffers[entry.Get(Uint32Flags, entry.Pos + place) if place else 0]
            field = buffer.Offset(_BUFFER_DATA)
            start, length = buffer.Vector(field), buffer.VectorLen(field)
            return model[start : start + length]
    except Exception as error:  # the reader of FlatBuffers raises whatever a wild offset leads to
        raise ModelError(f"not a TensorFlow Lite model, or a damaged one ({type(error).__name__})") from error
    raise ModelError(f"it has no model card (metadata '{name}'): convert it with python -m convert")


def _thresholds(values: Mapping[str, Any] | None) -> Thresholds | None:
    if values is None:
        return None
    return Thresholds(accept=float(values["accept"]), digit=float(values["digit"]))


def _fusion(values: Mapping[str, Any] | None) -> Fusion | None:
    """The weights in a card; None where it has none, or those of another digitcam.

    Raises:
        ValueError: when one is no number.
    """
    if values is None or set(values) != {field.name for field in fields(Fusion)}:
        return None
    return Fusion.from_dict(values)


def _tables(parent: Table, field: int) -> list[Table]:
    """The tables in a vector of tables, none where the field is absent."""
    place = parent.Offset(field)
    if not place:
        return []
    start = parent.Vector(place)
    step = UOffsetTFlags.bytewidth
    return [
        Table(parent.Bytes, parent.Indirect(start + step * index)) for index in range(parent.VectorLen(place))
    ]


def inflate(data: bytes) -> bytes:
    """Decompress at most `MAX_CARD_BYTES`: a few bytes of zlib can stand for gigabytes."""
    inflater = zlib.decompressobj()
    out = inflater.decompress(data, MAX_CARD_BYTES)
    if inflater.unconsumed_tail or not inflater.eof:
        raise ValueError(f"cut off, or more than {MAX_CARD_BYTES} bytes")
    return out


def _shipped_sha256(name: str) -> str:
    """SHA-256 of a model that came with the package, by the card beside it; "" where there is no card."""
    card = files("edge.models").joinpath(Path(name).with_suffix(".json").name)
    try:
        return str(json.loads(card.read_text(encoding="utf-8"))["sha256"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"cannot read the model's card {card}: {error}; install digitcam again") from error
