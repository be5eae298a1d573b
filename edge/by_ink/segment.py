"""Grey picture -> [Ink]: find the pieces of writing that may be digits.

The ink network says where the ink of digits is; there, what is darker than the paper and hangs together is a
piece: the picture is finer than the network's mask. Pieces that broke off a digit are given back to it. What
the network doubts, but stands out from the paper and is shaped like a digit, is found as well.
`edge.by_ink.choice` then lets the classifier judge, and has what hangs together parted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.by_ink.blocks import enlarged
from edge.by_ink.pieces import Ink, Marked, same_places
from edge.planes import magnified, shrunk
from edge.types import Box, ByteArray

SEARCH_SIZE = 1024
"""The longer side, in pixels, of the picture that the marker looks at; a larger one is scaled down for it."""

LEAST_SIZE = 256
"""The same, at least: a smaller picture, of one number cut out of a page, is enlarged. The ink network has
learned from pictures of this size."""

READ_SIZE = 2048
"""The longer side, at most, of the picture that the ink is then taken from."""

PALE, CLEAR = 63, 127
"""Probability of ink, times 256, that each pixel of a marked region exceeds, and that one of them must."""

OTHER_PALES = 15, 191
"""Where the first look was not clear: a lower one keeps what broke together, a higher one leaves out what
hangs on by a thread. (Nested thresholds, as of the extremal regions in Matas et al., 2002.)"""

DOUBTED = 0.002
"""Mean probability of ink below which the marker sees nothing at all in a piece. More than nothing is enough
to ask what it is: a lone bar, a 1, it may take for a line, but among digits of that size it is one."""

STROKE = 0.07
"""Width of the window that no stroke may fill, as a share of the shorter side; one that follows the light
closely reads more of the scenes drawn for validation than one that suits the broadest markers."""

CLEAR_CONTRAST, FAINT_CONTRAST = 0.15, 0.07
"""How much darker ink is than the paper, as a share of its brightness: at its darkest, and at all. (As in
Canny's edge detector, faint ends of strokes hang on clear ones.)"""

NOISE_FACTOR = 4.0
"""Faint ink is also this many standard deviations of the sensor's noise away from the paper."""

SPREAD = 0.8
"""The contrast of full ink is the mean in a region, which is ink and the paper right beside it, plus this
many standard deviations."""

DARK = 2.0
"""Levels that a region is darker than the paper, on average, from which on it is no chalk for certain."""

BESIDE = 4
"""Pixels around a region that tell whether its ink is darker than the paper, or chalk on a board."""

BLACK, WHITE = 0.15, 0.7
"""Shares of that contrast that become black and white, as in MNIST: borders of strokes stay grey, and faint
ink is as bright as any other."""

INKED = 16
"""Brightness from which on a pixel belongs to a piece."""

MIN_HEIGHT = 10
"""Pixels, of the frame and of the picture that is read: below it a digit has less detail than the network's
input."""

MIN_PART = 4
"""Pixels of the picture that is read: the longer side of the smallest piece that may be a part of a digit."""

PART_HEIGHT, PART_GAP = 0.5, 0.12
"""A part broken off a digit is at most this high, and this far away, in heights of the digit."""

MAX_HEIGHT = 0.95
"""Of the picture: what is taller is its edge, or a shadow's."""

BORDER_ASPECT = 3.0
"""Height over width: a piece that touches the border of the picture and is slimmer is the edge of the page or
of the desk, of which the picture shows a strip. (A 1 is as slim, but half of one is no digit either.)"""

MAX_ASPECT = 1.8
"""Width over height: the widest digits are a sprawling 2 and a 4 with a long bar."""

BAR_ASPECT = 0.4
"""Width over height: what is as slim is a 1, or a part of a line."""

BEYOND = 0.1, 0.3
"""Where a bar's line would go on beyond its ends, in its heights."""

GOES_ON = 0.6
"""A line goes on where there is this share of the bar's contrast."""

MAX_RUN = 9.0
"""Width over height of the longest row of digits that hang together; what is longer is a line."""


Marker = Callable[[ByteArray], Marked]
"""Says where in a grey picture the ink of digits is: `edge.by_ink.ink.InkMarker`."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Ink that may be digits, in no particular order. A digit may be in several lists.

    Attributes:
        marked: what the marker takes for ink.
        doubted: what stands out from the paper, is shaped like a digit, and the marker does not rule out;
            given the boxes of what is clear by now, and less that.
        again: likewise, the same marked ink in other ways: with pale threads and without, and as the marker
            sees it instead of the picture.
        complete: whether the marker says that nothing else stands out from the paper: then nothing is
            doubted, and no bar goes on.
    """

    marked: list[Ink]
    doubted: Callable[[Sequence[Box]], list[Ink]]
    again: Callable[[Sequence[Box]], list[Ink]]
    complete: bool = False


def search_scale(shape: tuple[int, ...]) -> float:
    """How many times as large as a picture of this shape, (rows, columns), is what is searched."""
    longest = max(shape)
    return min(max(longest, LEAST_SIZE), SEARCH_SIZE) / longest


def segment(grey: ByteArray, mark: Marker, *, nearer: float = 1) -> Found:
    """Find the ink that may be digits.

    Args:
        grey: shape (rows, columns), uint8.
        mark: knows ink of digits from all else.
        nearer: how many times as large as usual the picture is searched, even if it has no more pixels.

    Returns:
        Ink with boxes in pixels of `grey`, and its own pixels at the scale that is read.
    """
    rows, columns = grey.shape
    longest = max(grey.shape)
    searched = nearer * longest * search_scale(grey.shape)
    read = max(searched, min(longest, READ_SIZE))
    picture = shrunk(grey, longest / read) if read <= longest else magnified(grey, read / longest)
    answer = mark(shrunk(picture, read / searched))
    marked = answer.ink
    if marked.shape != picture.shape:
        marked = np.asarray(cv2.resize(marked, picture.shape[::-1]), np.uint8)
    scale = rows / picture.shape[0]
    half = shrunk(picture, 2)
    paper = paper_brightness(half)
    look = _Look(picture, marked, _darker(paper, picture))

    def in_full(pieces: Iterable[tuple[Box, ByteArray]]) -> list[Ink]:
        return [
            Ink(place, pixels, _weight(pixels, box.of(marked)) * place.area / pixels.size)
            for box, pixels in pieces
            if (place := box.scaled(scale).clipped(rows, columns)).height >= MIN_HEIGHT
            and (answer.complete or not _goes_on(box, pixels, picture))
        ]

    def doubted(clear: Sequence[Box]) -> list[Ink]:
        if answer.complete:
            return []
        known = [box.scaled(1 / scale) for box in clear]
        return in_full(_doubted(half, shrunk(marked, 2), paper, look.dark, known))

    def again(clear: Sequence[Box]) -> list[Ink]:
        known = [box.scaled(1 / scale) for box in clear]
        return in_full(
            itertools.chain(*(look.strokes(pale, known) for pale in OTHER_PALES), look.as_marked(known))
        )

    return Found(in_full(look.strokes(PALE)), doubted, again, answer.complete)


def _weight(pixels: ByteArray, marked: ByteArray) -> float:
    """Pixels that the marker takes for ink, of those that are."""
    return cv2.sumElems(cv2.multiply(pixels, marked, scale=1 / 255))[0] / 256


@dataclass(slots=True, eq=False)
class _Look:
    """A picture and where ink is marked in it, shape (rows, columns) each.

    Attributes:
        grey: the picture.
        marked: probability of ink, times 256.
        dark: by how many levels each pixel is darker than the paper around it.
        light: by how many it is lighter; None until something light is marked.
    """

    grey: ByteArray
    marked: ByteArray
    dark: ByteArray
    light: ByteArray | None = None

    def strokes(self, pale: int, clear: Sequence[Box] = ()) -> Iterable[tuple[Box, ByteArray]]:
        """The strokes in what is marked: the mask tells digits from all else, but the picture is finer.

        Args:
            pale: what each pixel of a marked region exceeds.
            clear: regions that are left out.

        Yields:
            A box, and the white ink on black in it.
        """
        ink = np.zeros_like(self.grey)
        mask = self._above(pale)
        for region in self._regions(mask, clear):
            own, place = region.of(mask), region.box.of(ink)
            np.maximum(place, _strokes(own, self._contrast(region, own, mask)), out=place)
        ink = np.asarray(cv2.threshold(ink, INKED, 255, cv2.THRESH_TOZERO)[1], np.uint8)
        for piece in _join(list(_pieces(ink)), self.grey):
            if _may_be_digits(piece.box, self.grey):
                yield piece.box, piece.of(ink)

    def as_marked(self, clear: Sequence[Box]) -> Iterable[tuple[Box, ByteArray]]:
        """Regions as the marker sees them: bridged where a stroke broke, smooth where there is noise."""
        for region in self._regions(self._above(PALE), clear):
            if _may_be_digits(region.box, self.grey):
                yield region.box, region.of(self.marked)

    def _above(self, pale: int) -> ByteArray:
        return np.asarray(cv2.threshold(self.marked, pale, 255, cv2.THRESH_BINARY)[1], np.uint8)

    def _regions(self, mask: ByteArray, clear: Sequence[Box]) -> Iterable[_Piece]:
        regions = list(_pieces(mask))
        known = same_places([region.box for region in regions], clear).sum(axis=1)
        for k in np.flatnonzero(known == 0):
            if regions[k].box.of(self.marked).max() > CLEAR:
                yield regions[k]

    def _contrast(self, region: _Piece, own: ByteArray, mask: ByteArray) -> ByteArray:
        dark = region.box.of(self.dark)
        if cv2.mean(dark, own)[0] >= DARK or not _is_chalk(region, mask, self.grey):
            return dark
        if self.light is None:
            negative = np.asarray(cv2.bitwise_not(self.grey), np.uint8)
            self.light = _darker(paper_brightness(shrunk(negative, 2)), negative)
        return region.box.of(self.light)


def _is_chalk(region: _Piece, mask: ByteArray, grey: ByteArray) -> bool:
    """Whether what is marked is lighter than what is around it."""
    box = region.box
    around = Box(box.left - BESIDE, box.top - BESIDE, box.right + BESIDE, box.bottom + BESIDE)
    around = around.clipped(*grey.shape)
    pixels, inside = around.of(grey), around.of(mask)
    return cv2.mean(pixels, inside)[0] > cv2.mean(pixels, cv2.bitwise_not(inside))[0]


def _strokes(own: ByteArray, contrast: ByteArray) -> ByteArray:
    """White strokes on black, whatever the pen and its colour.

    Args:
        own: 255 where to look, else 0, shape (rows, columns), uint8.
        contrast: levels between paper and ink, the same shape.
    """
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(contrast, mask=own))
    full = max(1.0, mean + SPREAD * deviation)
    steepness = 255 / (WHITE - BLACK)
    # Less half a level: it is rounded down, as when the classifier learned.
    stroke = cv2.addWeighted(contrast, steepness / full, contrast, 0, -BLACK * steepness - 0.5)
    return np.asarray(cv2.bitwise_and(stroke, own), np.uint8)


def _doubted(
    half: ByteArray, likely: ByteArray, paper: ByteArray, dark: ByteArray, known: Sequence[Box]
) -> Iterable[tuple[Box, ByteArray]]:
    """What stands out from the paper, is shaped like one digit, and may be ink; searched at half size."""
    contrast = local_contrast(half, paper)
    faint = max(FAINT_CONTRAST * 255, NOISE_FACTOR * noise(half))
    clear = max(CLEAR_CONTRAST * 255, faint)
    mask = np.asarray(cv2.threshold(contrast, faint, 255, cv2.THRESH_BINARY)[1], np.uint8)
    pieces = [piece for piece in _pieces(mask) if piece.box.of(contrast).max() >= clear]
    pieces = [
        piece
        for piece in _join(pieces, half)
        if piece.box.width <= MAX_ASPECT * piece.box.height and _may_be_digits(piece.box, half)
    ]
    places = [piece.box.scaled(2).clipped(*dark.shape) for piece in pieces]
    for k in np.flatnonzero(~same_places(places, known).any(axis=1)):
        piece, box = pieces[k], places[k]
        own = piece.of(mask)
        if cv2.mean(piece.box.of(likely), own)[0] < DOUBTED * 255:
            continue
        own = np.asarray(cv2.resize(own, (box.width, box.height), interpolation=cv2.INTER_LINEAR), np.uint8)
        yield box, _strokes(own, box.of(dark))


def _darker(paper: ByteArray, grey: ByteArray) -> ByteArray:
    """By how many levels each pixel is darker than the paper, whose brightness is known at a smaller size."""
    return np.asarray(cv2.subtract(enlarged(paper, grey.shape), grey), np.uint8).reshape(grey.shape)


def paper_brightness(grey: ByteArray) -> ByteArray:
    """Brightness of the paper, shape (rows, columns), uint8: the lower of two estimates.

    A morphological closing fills what is narrower than the window and darker than its surroundings, a stroke,
    and leaves the edge of a shadow where it is, but fills the dark corners of a vignette too. A local mean
    follows those, but smears the edge of a shadow.
    """
    # At half size, where it costs a sixth; the average also keeps the brightest noise from passing for paper.
    half = shrunk(grey, 2)
    side = max(3, int(STROKE * min(half.shape)) | 1)
    window = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    closed = cv2.morphologyEx(half, cv2.MORPH_CLOSE, window)
    # Ink pulls a mean down; what is at least as bright as the first mean is paper.
    mean = cv2.blur(cv2.max(half, cv2.blur(half, (side, side))), (side, side))
    return np.asarray(cv2.resize(cv2.min(closed, mean), grey.shape[::-1]), np.uint8).reshape(grey.shape)


def local_contrast(grey: ByteArray, paper: ByteArray) -> ByteArray:
    """How much darker each pixel is than the paper around it: 255 is black on white, 0 is not darker.

    Returns:
        255 * (paper - pixel) / paper, shape (rows, columns), uint8.
    """
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)
    contrast = np.asarray(cv2.divide(cv2.subtract(paper, smooth), paper, scale=255), np.uint8)
    return contrast.reshape(grey.shape)


def noise(grey: ByteArray) -> float:
    """Standard deviation of the sensor's noise in `local_contrast`, in its levels.

    After Immerkaer, "Fast Noise Variance Estimation" (1996): second differences see neither light nor its
    slope, and noise of deviation s gives them the deviation sqrt(6) s. Their median instead of their mean,
    because the edges of strokes are no noise; in every fourth row and column, which is plenty.
    """
    if min(grey.shape) < 4:
        return 0.0
    rows = grey[::4].astype(np.int16)
    difference = rows[:, :-2:4] - 2 * rows[:, 1:-1:4] + rows[:, 2::4]
    deviation = float(np.median(np.abs(difference))) / _MEDIAN_OF_NORMAL / np.sqrt(6)
    return float(255 * deviation * _GAUSSIAN_3X3 / max(1.0, rows.mean()))


_MEDIAN_OF_NORMAL = 0.6745
"""Median of |x| for a normal x of deviation 1."""

_GAUSSIAN_3X3 = 0.375
"""What a Gaussian of 3x3 (1, 2, 1)/4 leaves of the deviation of white noise: the norm of its kernel."""


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Connected ink, or several pieces joined.

    Attributes:
        box: around it.
        outlines: of each piece, as OpenCV gives them.
        holes: in them, likewise.
    """

    box: Box
    outlines: tuple[npt.NDArray[np.int32], ...]
    holes: tuple[npt.NDArray[np.int32], ...]

    def surrounds(self, box: Box) -> bool:
        """Whether a box lies in one of the holes: a digit in a form's box is no part of the box."""
        return any(_box_of(hole).intersection(box) == box for hole in self.holes)

    def of(self, plane: ByteArray) -> ByteArray:
        """What a plane holds of this piece alone, in its box."""
        own = np.zeros((self.box.height, self.box.width), np.uint8)
        edges = self.outlines + self.holes
        cv2.drawContours(own, edges, -1, 255, cv2.FILLED, offset=(-self.box.left, -self.box.top))
        return np.asarray(cv2.bitwise_and(own, self.box.of(plane)), np.uint8)

    def joined(self, other: _Piece) -> _Piece:
        """Both as one."""
        return _Piece(self.box.union(other.box), self.outlines + other.outlines, self.holes + other.holes)


def _pieces(ink: ByteArray) -> Iterable[_Piece]:
    """What hangs together of all that is not 0."""
    # CCOMP, not EXTERNAL: what lies inside the outline of something else, such as a form's box, counts too.
    found, tree = cv2.findContours(ink, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    edges = [np.asarray(edge, np.int32) for edge in found]
    links = tree[0].tolist() if edges else []
    for edge, (_, _, hole, parent) in zip(edges, links, strict=True):
        if parent >= 0 or max((box := _box_of(edge)).width, box.height) < MIN_PART:
            continue
        holes = []
        while hole >= 0:
            holes.append(edges[hole])
            hole = links[hole][0]
        yield _Piece(box, (edge,), tuple(holes))


def _box_of(outline: npt.NDArray[Any]) -> Box:
    left, top, width, height = cv2.boundingRect(outline)
    return Box(left, top, left + width, top + height)


def _join(pieces: list[_Piece], grey: ByteArray) -> list[_Piece]:
    """Give small pieces back to the digit that they broke off: the flag of a 5, the end of a faint stroke.

    Returns:
        Those that may be digits by now.
    """
    pieces = sorted(pieces, key=lambda piece: piece.box.area)  # the smallest find their place first
    boxes = np.array([piece.box.as_list() for piece in pieces]).reshape(-1, 4)
    free = np.array([_may_be_digits(piece.box, grey) for piece in pieces], bool)
    highest = max((piece.box.height for piece in pieces), default=0)
    for index, part in enumerate(pieces):
        if part.box.height > PART_HEIGHT * highest:
            continue  # most are no part of anything
        near = np.flatnonzero(_belongs(part.box, boxes) & free)
        bodies = [k for k in near if k != index and not pieces[k].surrounds(part.box)]
        if bodies:
            nearest = min(bodies, key=lambda k: _gap(part.box, boxes[k]))
            pieces[nearest] = pieces[nearest].joined(pieces[index])
            boxes[nearest] = pieces[nearest].box.as_list()
            free[index] = False
    return [piece for piece, still in zip(pieces, free, strict=True) if still]


def _belongs(part: Box, boxes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """To which of the bodies, boxes of shape (n, 4), a part is small, close, and would leave their shape."""
    left, top, right, bottom = boxes.T
    height = bottom - top
    whole_width = np.maximum(right, part.right) - np.minimum(left, part.left)
    whole_height = np.maximum(bottom, part.bottom) - np.minimum(top, part.top)
    near: npt.NDArray[np.bool_] = (
        (part.height <= PART_HEIGHT * height)
        & (_gap(part, boxes.T) <= PART_GAP * height)
        & (whole_width <= MAX_ASPECT * whole_height)
        & (whole_height <= (1 + PART_HEIGHT) * height)
    )
    return near


def _gap(box: Box, others: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Pixels between a box and others along the axis on which they are further apart; at most 0 at contact.

    Args:
        box: one box.
        others: their left, top, right and bottom, shape (4,) or (4, n).
    """
    left, top, right, bottom = others
    across = np.maximum(box.left - right, left - box.right)
    gap: npt.NDArray[np.int64] = np.maximum(across, np.maximum(box.top - bottom, top - box.bottom))
    return gap


def _may_be_digits(box: Box, grey: ByteArray) -> bool:
    rows, columns = grey.shape
    cut = box.left == 0 or box.top == 0 or box.right == columns or box.bottom == rows
    if cut and box.height > BORDER_ASPECT * box.width:
        return False
    return (
        MIN_HEIGHT <= box.height <= MAX_HEIGHT * rows
        and box.width <= MAX_RUN * box.height
        and box.width <= MAX_HEIGHT * columns
    )


def _goes_on(box: Box, pixels: ByteArray, grey: ByteArray) -> bool:
    """Whether a bar is part of a longer one, which the marker left out: of a form's box, a table, an edge.

    Args:
        box: of the ink.
        pixels: white ink on black in it.
        grey: the whole picture.
    """
    if box.width > BAR_ASPECT * box.height:
        return False
    moments = cv2.moments(pixels)
    if moments["mu02"] == 0:
        return False
    # Along its own line: the wall of a form's box beside a slim digit is not how the digit goes on.
    slope = moments["mu11"] / moments["mu02"]
    beside = round(moments["m00"] / 255 / box.height / 2) + 1
    near, far = round(BEYOND[0] * box.height), round(BEYOND[1] * box.height)
    around = Box(box.left - box.width, box.top, box.right + box.width, box.bottom).clipped(*grey.shape)
    if cv2.mean(box.of(grey), pixels)[0] > cv2.mean(around.of(grey))[0]:
        grey = np.asarray(cv2.bitwise_not(grey), np.uint8)  # chalk on a board
    ink = float(box.of(grey).min(axis=1).mean())
    paper = float(median(around.of(grey).max(axis=1).tolist()))
    rows, columns = grey.shape
    for first, last in ((-far, -near), (box.height + near, box.height + far)):
        down = np.arange(max(first, -box.top), min(last, rows - box.top))
        centre = np.rint((moments["m10"] + slope * (down * moments["m00"] - moments["m01"])) / moments["m00"])
        across = box.left + centre.astype(np.intp)[:, np.newaxis] + np.arange(-beside, beside + 1)
        if down.size and across.min() >= 0 and across.max() < columns:
            darkest = float(grey[box.top + down[:, np.newaxis], across].min(axis=1).mean())
            if paper - darkest >= GOES_ON * (paper - ink):
                return True
    return False
