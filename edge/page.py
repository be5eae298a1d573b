"""Grey picture -> [Candidate]: where digits are, by a network that sees the page around them.

The page network is small and fully convolutional. It works on cells of 4x4 pixels and says of each, at once:
the ink of digits; whether it is the centre of a digit, which one, how far its box reaches, and whether its
number goes on beside it; what other writing is there; whether there are digits too small for this look; and
which way up the page is. (Centres and boxes: Zhou, Wang, Krähenbühl, "Objects as Points", 2019; links between
characters: Baek et al., "Character Region Awareness for Text Detection", 2019.) `training.page` trains it on
drawn pages.

A picture is looked at as a pyramid: at half its size and a quarter of it first, at full size only where the
network says that there are digits too small to be seen well from so far away. So time depends on the size of
a picture and on the size of its digits, not on what else it is full of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.fusion import log_softmax
from edge.planes import magnified, shrunk
from edge.runtime import Network
from edge.types import Box, ByteArray, Candidate, FloatArray

BLOCK = 4
"""Pixels of a cell, both ways."""

STRIDE = 32
"""Pixels of the picture for one of the network's coarsest level; rows and columns are padded to multiples."""

WINDOW = 31
"""Cells that the brightness of the paper is averaged over, both ways."""

BOX_UNIT = 4.0
"""Distances to the sides of a box are natural logarithms of pixels, times this: 8 bits then tell 2 %
apart."""

HEADS = (
    ("ink", BLOCK**2),  # of each pixel of the cell: a logit
    ("digit", 1),  # the centre of a digit is here: a logit
    ("label", 10),  # which digit: logarithms of probabilities, up to a constant
    ("writing", 1),  # letters, signs or print are here: a logit
    ("box", 4),  # pixels to the left, top, right and bottom side: see BOX_UNIT
    ("links", 2),  # the number goes on to the left, to the right: logits
    ("small", 1),  # digits too small for this look are here: a logit
    ("ways", 4),  # writing that stands upright, on its right side, on its head, on its left side: logits
)
"""What the network says of a cell, and in how many channels."""


def _slices() -> dict[str, slice]:
    slices, start = {}, 0
    for name, count in HEADS:
        slices[name] = slice(start, start + count)
        start += count
    return slices


CHANNELS = _slices()
"""Where each of HEADS is in the network's output."""

DEPTH = sum(count for _, count in HEADS)

HIGHEST_BIT = np.uint8(128)

LEAST_SEEN = 256
"""Pixels, both ways, that the network is given at least: its lessons are of this side, and with less around
them it hardly believes in digits (of 5,459 on cheques, 14 instead of 29 % are misread). What a picture lacks,
its border goes on with."""

COARSEST = 128
"""Pixels of a picture's shorter side from which on it is looked at from further away, too: the network knows
digits of up to 96 pixels, and one may be as high as the picture."""

FIRST_LOOK = 320 * 240, 512 * 384
"""Pixels of the picture in the look that decides whether to look closer: a quarter of the picture's, but
within these, and never more than it has."""

READ_SIZE = 2048
"""Of the longer side of the picture in the closest look, at most."""

SMALL, SMALL_CELLS = -0.85, 6
"""Logit (30 %) from which on a cell holds a digit too small to be seen well, and cells that such a digit, of
12 pixels, covers: from so many on, the picture is looked at from closer. (At 10 %, 1,249 instead of 1,331 of
2,852 digits on held-out drawn pages are wrong or missing, but most frames of large digits are looked at from
closer in vain, and letters seen from so near are taken for digits.)"""

KNOWN = 14.0, 96.0
"""Pixels of digits that the network knows: lower ones it calls small, and no lesson asks for higher ones
(`training.page.targets`)."""

HEIGHTS = 36.0, 72.0
"""Pixels of the digits in the looks that are added to a separate picture, and where a number of a format is
wanted: within what the network has learned, on both sides of its middle. What several looks say is averaged.
(On 1,200 held-out pages, 24 % fewer digits are not seen, and the logistic loss of what is believed to be a
digit is 0.109 instead of 0.122; with a third look at 51 pixels 0.108, with that one alone 0.113.)"""

LARGEST_ADDED = 640 * 480
"""Pixels of each of them, at most."""

ALIKE = 0.1
"""Natural logarithm of the ratio of two sizes below which a second look tells nothing new."""

TELLING = 64
"""Places that tell how high the digits are, at most: the surest."""

SURELY = -1.0
"""Logit of a digit's centre from which on a place tells how high the digits are."""

LEAST_TURNED = 20.0
"""Natural logarithms of odds by which a page must rather be turned than upright, to be read turned."""

MIDDLE = 5, 10
"""Two of the pixels in the middle of a cell, as its channels count them."""

KEPT, KEPT_PIXELS = 8, 1_000_000
"""Sizes of looks for which an interpreter is kept, two cameras' four, and the largest of them, in pixels."""

AROUND = np.ones((3, 3), np.uint8)

SUPPRESSED_FROM = 4
"""Times as many places as are wanted that are compared, the surest: most digits are seen in several looks."""

TOGETHER = 64
"""Boxes that are compared with all others in one step: a page has fewer, and more would leave the cache."""

SAME = 0.5
"""Intersection over union from which on two boxes hold the same thing (as in PASCAL VOC)."""

SUPPRESSED = 0.5
"""Two candidates of which the smaller shares this part of its box cannot both be a digit; the surer one stays
(greedy non-maximum suppression, with the usual one half)."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the network says of a picture at one size.

    Attributes:
        picture: the grey picture, shape (rows, columns), uint8.
        paper: mean brightness around each cell, shape (about rows/4, columns/4), uint8.
        scale: pixels of it for each pixel of the frame.
        said: raw outputs, shape (cells down, cells across, DEPTH), int8.
        unit: logits for each step of `said`.
        zero: what stands for 0 in it.
    """

    picture: ByteArray
    paper: ByteArray
    scale: float
    said: npt.NDArray[np.int8]
    unit: float
    zero: int

    def head(self, name: str) -> FloatArray:
        """The logits of a head, shape (cells down, cells across, channels), float32."""
        return (self.said[..., CHANNELS[name]].astype(np.float32) - self.zero) * np.float32(self.unit)

    def ink(self) -> ByteArray:
        """Probability of ink, times 255, of each pixel: shape of the picture, uint8."""
        levels = (np.arange(256) - 128 - self.zero) * self.unit
        table = np.round(255 / (1 + np.exp(-levels))).astype(np.uint8)
        blocks = np.ascontiguousarray(self.said[..., CHANNELS["ink"]]).view(np.uint8) ^ HIGHEST_BIT
        rows, columns = self.picture.shape
        return np.asarray(cv2.LUT(from_blocks(blocks[np.newaxis])[0], table), np.uint8)[:rows, :columns]

    def has_small(self) -> bool:
        """Whether there are digits that would be seen better from closer."""
        small = self.said[..., CHANNELS["small"].start]
        return int(np.count_nonzero(small > SMALL / self.unit + self.zero)) >= SMALL_CELLS

    def count(self, name: str, channel: int = 0) -> int:
        """Cells at which a head says yes."""
        return int(np.count_nonzero(self.said[..., CHANNELS[name].start + channel] > self.zero))


class PageNetwork:
    """Looks at pictures.

    Args:
        model: the bytes of a `.tflite` file.
        threads: of the interpreter.

    Attributes:
        runtime: name and version of the runtime that runs it.

    Raises:
        ModelError: the runtime cannot open it, or it does not keep the contract.
    """

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        self._model = model
        self._threads = threads
        self._networks: dict[tuple[int, ...], Network] = {}
        self.runtime = self._open().runtime  # what is wrong with the model is said here

    def looks(self, grey: ByteArray) -> list[Look]:
        """The picture as a pyramid: from further away first, then as close as its digits need.

        Args:
            grey: shape (rows, columns), uint8.
        """
        least, most = FIRST_LOOK
        longest, wanted = max(grey.shape), min(max(grey.size / 4, least), most)
        size = longest * min(1.0, math.sqrt(wanted / grey.size))
        # What is smaller than a frame is a part of one: its digits may be lower than the network knows them.
        closest = 2 * longest if grey.size <= most else min(longest, READ_SIZE)
        looks = [self.look(*_sized(grey, size))]
        while min(looks[-1].picture.shape) >= COARSEST:
            looks.append(self.look(shrunk(looks[-1].picture, 2), looks[-1].scale / 2))
        while looks[0].has_small() and size < closest:
            size = min(2 * size, closest)
            looks.insert(0, self.look(*_sized(grey, size)))
        return looks

    def more(
        self, grey: ByteArray, looks: Sequence[Look], heights: Sequence[float], *, kept: bool = True
    ) -> list[Look]:
        """A pyramid, and looks in which its digits have certain heights.

        Args:
            grey: shape (rows, columns), uint8.
            looks: at it.
            heights: of the digits, pixels.
            kept: as for `look`.
        """
        high = typical_height(looks)
        if high is None:
            return list(looks)
        longest, all_of_them = max(grey.shape), list(looks)
        for height in heights:
            scale = min(height / high, READ_SIZE / longest, math.sqrt(LARGEST_ADDED / grey.size))
            if all(abs(math.log(scale / other.scale)) >= ALIKE for other in all_of_them):
                all_of_them.append(self.look(*_sized(grey, scale * longest), kept=kept))
        return sorted(all_of_them, key=lambda look: -look.scale)

    def look(self, picture: ByteArray, scale: float, *, kept: bool = True) -> Look:
        """Look at a picture as it is.

        Args:
            picture: shape (rows, columns), uint8.
            scale: pixels of it for each of the frame.
            kept: whether the interpreter for its size is, for other pictures of that size.
        """
        rows, columns = picture.shape
        (above, below), (left, right) = (_room(pixels) for pixels in (rows, columns))
        padded = picture
        if above or below or left or right:
            padded = np.asarray(
                cv2.copyMakeBorder(picture, above, below, left, right, cv2.BORDER_REPLICATE), np.uint8
            )
        paper = paper_brightness(padded)
        blocks = to_blocks(relative(padded, paper)[np.newaxis])
        network = self._network(padded.shape) if kept else self._open()
        # int8 is uint8 less 128, which is to flip the highest bit.
        said = network((blocks ^ HIGHEST_BIT).view(np.int8))[0]
        # What it was padded with is no place for a digit: its box would be empty.
        own = _cells(above, rows), _cells(left, columns)
        return Look(picture, paper[own], scale, said[own], *network.quantization)

    def _network(self, shape: tuple[int, ...]) -> Network:
        """The interpreter for this size: one that changes its size would plan its memory anew.

        One for a large size takes tens of megabytes, and is not kept: a stream has frames, not photos.
        """
        if shape[0] * shape[1] > KEPT_PIXELS:
            return self._open()
        network = self._networks.pop(shape, None) or self._open()
        self._networks[shape] = network  # the one last used comes last
        if len(self._networks) > KEPT:
            del self._networks[next(iter(self._networks))]
        return network

    def _open(self) -> Network:
        network = Network(self._model, np.int8, threads=self._threads)
        network.expect(
            image=(*network.image[:2], BLOCK**2), output=(*network.output[:2], DEPTH), dtype=np.int8
        )
        return network


def _room(pixels: int) -> tuple[int, int]:
    """Pixels to put before and behind so many, for the network to see: whole cells before."""
    room = max(LEAST_SEEN, pixels + -pixels % STRIDE) - pixels
    before = room // 2 // BLOCK * BLOCK
    return before, room - before


def _cells(before: int, pixels: int) -> slice:
    """Those of a picture of so many pixels, of which so many were put before it."""
    return slice(before // BLOCK, -(-(before + pixels) // BLOCK))


def _sized(grey: ByteArray, size: float) -> tuple[ByteArray, float]:
    """A picture whose longer side has so many pixels, and how large it is against what it was."""
    times = max(grey.shape) / size
    picture = shrunk(grey, times) if times >= 1 else magnified(grey, 1 / times)
    return picture, picture.shape[1] / grey.shape[1]


def way_up(looks: Sequence[Look]) -> int:
    """How often a picture has been turned clockwise, by quarters: 0 where its writing stands upright.

    All cells with writing, or with ink of a digit in their middle, have a vote: the logits of the four ways.
    The picture counts as turned where they are together surer of that than of its standing upright, by as
    much as `LEAST_TURNED` says.
    """
    votes = np.zeros(4)
    for look in looks:
        inked = look.said[..., CHANNELS["writing"].start] > look.zero
        for pixel in MIDDLE:
            inked |= look.said[..., CHANNELS["ink"].start + pixel] > look.zero
        votes += look.said[inked, CHANNELS["ways"]].sum(axis=0, dtype=np.int64) * look.unit
    likeliest = int(votes.argmax())
    return likeliest if votes[likeliest] - votes[0] >= LEAST_TURNED else 0


def candidates(looks: Sequence[Look], least: float, most: int) -> list[Candidate]:
    """Where the looks see a digit: surest first, no two in the same place.

    What several looks say of the same digit is averaged: of its label and links, where they see it
    themselves (of the digits of held-out pages that are found, 80.4 instead of 78.2 % are then named right by
    the page network); of whether it is one and of writing, wherever the network knows digits of its height
    (the logistic loss of what is believed to be a digit is then 0.135 instead of 0.147).

    Args:
        looks: of one frame.
        least: logit from which on a cell may be the centre of a digit.
        most: candidates to return; the surest are.
    """
    found = [_peaks(look, least) for look in looks]
    boxes = np.concatenate([peaks.boxes for peaks in found])
    said = np.concatenate([peaks.said for peaks in found])
    seen_in = np.repeat(np.arange(len(found)), [len(peaks.boxes) for peaks in found])
    scores = said[:, CHANNELS["digit"].start]
    order = np.argsort(-scores, kind="stable")[: SUPPRESSED_FROM * most]
    owner, same = suppress(boxes[order])
    stays = np.flatnonzero(owner == np.arange(len(order)))[:most]
    same[stays] = True  # each holds itself
    labels, links = log_softmax(said[order, CHANNELS["label"]]), said[order, CHANNELS["links"]]
    sums, counts = np.zeros((len(order), labels.shape[1] + 2)), np.zeros(len(order))
    np.add.at(sums, owner[same], np.hstack([labels, links])[same])
    np.add.at(counts, owner[same], 1)
    means = sums[stays] / counts[stays, np.newaxis]
    named = log_softmax(means[:, :-2]).astype(np.float32)
    best = order[stays]
    digit, writing = _averaged(looks, boxes[best], said[best], seen_in[best])
    made = zip(
        np.rint(boxes[best]).astype(int).tolist(),
        digit.tolist(),
        named,
        writing.tolist(),
        means[:, -2:].tolist(),
        seen_in[best].tolist(),
        scores[best].tolist(),
        strict=True,
    )
    return [
        Candidate(Box(*box), digit, labels, writing, (left, right), look, peak)
        for box, digit, labels, writing, (left, right), look, peak in made
    ]


def _averaged(
    looks: Sequence[Look], boxes: FloatArray, said: FloatArray, seen_in: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The logits of a digit and of writing, each the mean of all looks that know digits as high as a box.

    Args:
        looks: of one frame.
        boxes: of digits, shape (n, 4), pixels of the frame.
        said: of each, where it was seen, shape (n, DEPTH).
        seen_in: in which look.
    """
    sums = said[:, [CHANNELS["digit"].start, CHANNELS["writing"].start]].astype(np.float64)
    counts = np.ones((len(boxes), 1))
    heights = boxes[:, 3] - boxes[:, 1]
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    for number, look in enumerate(looks):
        high = heights * look.scale
        asked = np.flatnonzero((high >= KNOWN[0]) & (high <= KNOWN[1]) & (seen_in != number))
        rows, columns = look.said.shape[:2]
        # A box is as exact as a cell: its middle may lie in the next one.
        down = (y[asked] * look.scale / BLOCK).astype(int)[:, np.newaxis] + np.repeat((-1, 0, 1), 3)
        across = (x[asked] * look.scale / BLOCK).astype(int)[:, np.newaxis] + np.tile((-1, 0, 1), 3)
        down, across = np.clip(down, 0, rows - 1), np.clip(across, 0, columns - 1)
        digit = look.said[down, across, CHANNELS["digit"].start]
        surest = np.arange(len(asked)), digit.argmax(axis=1)
        writing = look.said[down[surest], across[surest], CHANNELS["writing"].start]
        sums[asked] += look.unit * (np.stack([digit[surest], writing], axis=1).astype(np.float64) - look.zero)
        counts[asked] += 1
    digits, writings = (sums / counts).T
    return digits, writings


def typical_height(looks: Sequence[Look]) -> float | None:
    """The median height of the digits that the looks see, pixels of the frame; None where there are none."""
    found = candidates(looks, SURELY, TELLING)
    if not found:
        return None
    found.sort(key=lambda candidate: candidate.box.height)
    believed = np.cumsum([1 / (1 + math.exp(-candidate.digit)) for candidate in found])
    return float(found[int(np.searchsorted(believed, believed[-1] / 2))].box.height)


@dataclass(frozen=True, slots=True, eq=False)
class _Peaks:
    """Centres of digits in one look: boxes in pixels of the frame, shape (n, 4), and what is said there."""

    boxes: FloatArray
    said: FloatArray


def _peaks(look: Look, least: float) -> _Peaks:
    heat = np.ascontiguousarray(look.said[..., CHANNELS["digit"].start]).view(np.uint8) ^ HIGHEST_BIT
    lowest = least / look.unit + look.zero + 128
    peaks = (heat == cv2.dilate(heat, AROUND)) & (heat > max(lowest, 0))
    rows, columns = np.nonzero(peaks)
    said = (look.said[rows, columns].astype(np.float32) - look.zero) * np.float32(look.unit)
    reach = np.exp(said[:, CHANNELS["box"]] / BOX_UNIT)
    x, y = (columns + 0.5) * BLOCK, (rows + 0.5) * BLOCK
    sides = np.stack([x - reach[:, 0], y - reach[:, 1], x + reach[:, 2], y + reach[:, 3]], axis=1)
    high, wide = look.picture.shape
    boxes = np.clip(sides, 0, [wide, high, wide, high]) / look.scale
    return _Peaks(boxes.astype(np.float32), said)


def suppress(boxes: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Which boxes stay, and which take the place of which: greedy non-maximum suppression.

    Args:
        boxes: surest first, shape (n, 4).

    Returns:
        For each box, the number of the one that takes its place, its own where it stays; and whether the two
        hold the same thing: intersection over union of at least `SAME`.
    """
    left, top, right, bottom = boxes.T
    area = np.maximum((right - left) * (bottom - top), 1e-6)
    owner, same = np.full(len(boxes), -1), np.zeros(len(boxes), bool)
    for first in range(0, len(boxes), TOGETHER):
        some = first + np.flatnonzero(owner[first : first + TOGETHER] < 0)
        wide = np.minimum.outer(right[some], right) - np.maximum.outer(left[some], left)
        high = np.minimum.outer(bottom[some], bottom) - np.maximum.outer(top[some], top)
        shared = np.maximum(wide, 0) * np.maximum(high, 0)
        covered = shared >= SUPPRESSED * np.minimum.outer(area[some], area)
        alike = shared >= SAME * (np.add.outer(area[some], area) - shared)
        for k, its, the_same in zip(some.tolist(), covered, alike, strict=True):
            if owner[k] < 0:
                taken = its & (owner < 0)
                same |= taken & the_same
                owner[taken] = k
                owner[k] = k
    return owner, same


def paper_brightness(grey: ByteArray) -> ByteArray:
    """Mean brightness around each cell, shape (rows/4, columns/4), uint8."""
    small = shrunk(shrunk(grey, 2), BLOCK / 2)  # only halving is quick
    return np.asarray(cv2.blur(small, (WINDOW, WINDOW)), np.uint8)


def relative(grey: ByteArray, paper: ByteArray) -> ByteArray:
    """A picture relative to the brightness around each pixel: the lighting drops out, and faint ink shows.

    Args:
        grey: shape (rows, columns), uint8.
        paper: as `paper_brightness` gives it.

    Returns:
        The shape of `grey`, uint8: 128 for a pixel as bright as the mean of its surroundings, 0 for one half
        as bright or less, 255 for one and a half times as bright or more.
    """
    mean = cv2.resize(paper, grey.shape[::-1])
    darkest = cv2.convertScaleAbs(mean, alpha=0.5)
    return np.asarray(cv2.divide(cv2.subtract(grey, darkest), mean, scale=256), np.uint8)


def flatten(grey: ByteArray) -> ByteArray:
    """A picture of multiples of BLOCK pixels as the network sees it: `relative` to its own paper."""
    return relative(grey, paper_brightness(grey))


def to_blocks(pictures: ByteArray) -> ByteArray:
    """Cut pictures (n, rows, columns) into cells: (n, rows/4, columns/4, 16), row by row of each cell."""
    n, rows, columns = pictures.shape
    # The four pixels in a row of a cell are moved as one, and all first rows before all second ones.
    fours = np.ascontiguousarray(pictures).view(np.uint32)
    blocks = np.empty((n, rows // BLOCK, columns // BLOCK, BLOCK), np.uint32)
    for row in range(BLOCK):
        blocks[..., row] = fours[:, row::BLOCK]
    return blocks.view(np.uint8)


def from_blocks(blocks: ByteArray) -> ByteArray:
    """What `to_blocks` made, undone."""
    n, rows, columns, _ = blocks.shape
    fours = np.ascontiguousarray(blocks).view(np.uint32).transpose(0, 1, 3, 2)
    return np.ascontiguousarray(fours).view(np.uint8).reshape(n, rows * BLOCK, columns * BLOCK)
