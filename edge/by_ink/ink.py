"""Grey picture -> where the ink of digits is: a small network that knows ruling, letters, shadows and hands.

It works on blocks of 4x4 pixels: each block's 16 pixels are 16 channels, in the input as in the output, so
that nothing is ever computed at full size. `training.ink` trains it on drawn scenes.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.by_ink.blocks import enlarged
from edge.by_ink.pieces import Marked
from edge.model_file import INK_MODEL, read_bytes, shipped_path
from edge.planes import shrunk
from edge.runtime import Network
from edge.types import ByteArray

BLOCK = 4
"""Pixels of a block, both ways."""

STRIDE = 32
"""Pixels of the picture for one of the network's coarsest level; rows and columns are padded to multiples."""

WINDOW = 31
"""Blocks that the brightness of the paper is averaged over, both ways."""

HIGHEST_BIT = np.uint8(128)

AWAY = 2
"""Times as far away the picture is looked at first: the network sees 200 pixels around each, too few to tell
a bar of a digit that fills the picture from ruling."""

KEPT = 4
"""Sizes of pictures for which an interpreter is kept. A stream with small writing has three: its frames, the
same from further away, and from nearer (which from further away are as large as the frames). Where pages are
turned, there may be four."""

PALE = 63
"""Probability, times 256, that still belongs to a piece in a smaller picture."""

LARGE = 24
"""Pixels of a smaller picture: what is marked in it and not as high is seen better from nearer."""

PLAIN = 12
"""Pixels of a smaller picture: where all that is marked in it is as high, and nothing else stands out, no
look from nearer is needed: validation digits on such pages are read as well with one look as with both."""

PAPER = 128
"""What `flatten` makes of a pixel as bright as the mean of its surroundings."""

STANDS_OUT = 110
"""What is darker than this in a flat picture stands out: 7 % of the brightness around it, the least contrast
that `edge.by_ink.segment` takes for ink."""

PART = 4
"""Pixels of a smaller picture: what is not as high is no digit, but ruling or noise."""

AROUND = np.ones((5, 5), np.uint8)
"""What is so near to a marked pixel is the border of its stroke."""


class InkMarker:
    """Marks the ink of digits in a picture.

    Args:
        model: the bytes of a `.tflite` file; None is the one that came with the package.
        threads: of the interpreter.

    Raises:
        ModelError: the runtime cannot open it, or it does not keep the contract: int8 blocks in and out.
    """

    def __init__(self, model: bytes | None = None, *, threads: int = 1) -> None:
        self._model = model or read_bytes(shipped_path(INK_MODEL), INK_MODEL)[0]
        self._threads = threads
        self._networks: dict[tuple[int, ...], Network] = {}
        self._open()  # what is wrong with the model is said here

    def __call__(self, grey: ByteArray) -> Marked:
        """How likely each pixel is the ink of a digit.

        The picture is looked at from further away first, and then as it is, if there is more to see than that
        shows.

        Args:
            grey: shape (rows, columns), uint8.
        """
        flat, away = self._mark(shrunk(grey, AWAY))
        pieces = _Pieces(away)
        if pieces.are_all(flat):
            return Marked(enlarged(away, grey.shape), complete=True)
        _, marked = self._mark(grey)
        large = pieces.large()
        if large is None:
            return Marked(marked)
        return Marked(np.asarray(cv2.max(marked, enlarged(large, grey.shape)), np.uint8))

    def _mark(self, grey: ByteArray) -> tuple[ByteArray, ByteArray]:
        """The picture as the network sees it, and what it marks in it; both of the shape of `grey`."""
        rows, columns = grey.shape
        below, right = -rows % STRIDE, -columns % STRIDE
        if below or right:
            grey = np.asarray(cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)
        flat = flatten(grey)
        blocks = to_blocks(flat[np.newaxis])
        # int8 is uint8 less 128, which is to flip the highest bit.
        marked = self._network(grey.shape)((blocks ^ HIGHEST_BIT).view(np.int8)).view(np.uint8)
        marked = from_blocks(marked)[0, :rows, :columns] ^ HIGHEST_BIT
        return flat[:rows, :columns], np.asarray(marked, np.uint8)

    def _network(self, shape: tuple[int, ...]) -> Network:
        """The interpreter for this size: one that changes its size would plan its memory anew."""
        network = self._networks.pop(shape, None) or self._open()
        self._networks[shape] = network  # the one last used comes last
        if len(self._networks) > KEPT:
            del self._networks[next(iter(self._networks))]
        return network

    def _open(self) -> Network:
        return Network(self._model, np.int8, threads=self._threads)


class _Pieces:
    """What is marked in a smaller picture, shape (rows, columns), uint8, and hangs together."""

    def __init__(self, marked: ByteArray) -> None:
        self._marked = marked
        self._mask = cv2.threshold(marked, PALE, 255, cv2.THRESH_BINARY)[1]
        self._outlines = cv2.findContours(self._mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        self._heights = [cv2.boundingRect(outline)[3] for outline in self._outlines]

    def are_all(self, flat: ByteArray) -> bool:
        """Whether they are all that stands out from the paper, and none would be seen better from nearer.

        Args:
            flat: the picture, as `flatten` gives it.
        """
        if not self._heights or min(self._heights) < PLAIN:
            return False
        if cv2.mean(flat, self._mask)[0] >= PAPER:
            return False  # chalk on a board: there, what is light stands out
        dark = cv2.threshold(flat, STANDS_OUT, 255, cv2.THRESH_BINARY_INV)[1]
        rest = cv2.subtract(dark, cv2.dilate(self._mask, AROUND))
        outlines, _ = cv2.findContours(rest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        return all(cv2.boundingRect(outline)[3] < PART for outline in outlines)

    def large(self) -> ByteArray | None:
        """What is marked, but only the large pieces; None when there is none."""
        sized = zip(self._outlines, self._heights, strict=True)
        large = [outline for outline, height in sized if height >= LARGE]
        if not large:
            return None
        cv2.drawContours(mask := np.zeros_like(self._marked), large, -1, 255, cv2.FILLED)
        return np.asarray(cv2.bitwise_and(self._marked, mask), np.uint8)


def flatten(grey: ByteArray) -> ByteArray:
    """A picture relative to the brightness around each pixel: the lighting drops out, and faint ink shows.

    Args:
        grey: shape (rows, columns), uint8, multiples of BLOCK.

    Returns:
        The same shape, uint8: 128 for a pixel as bright as the mean of its surroundings, 0 for one half as
        bright or less, 255 for one and a half times as bright or more.
    """
    small = shrunk(shrunk(grey, 2), BLOCK / 2)  # only halving is quick
    mean = cv2.resize(cv2.blur(small, (WINDOW, WINDOW)), grey.shape[::-1])
    darkest = cv2.convertScaleAbs(mean, alpha=0.5)
    return np.asarray(cv2.divide(cv2.subtract(grey, darkest), mean, scale=256), np.uint8)


def to_blocks(pictures: ByteArray) -> ByteArray:
    """Cut pictures (n, rows, columns) into blocks: (n, rows/4, columns/4, 16), row by row of each block."""
    n, rows, columns = pictures.shape
    # The four pixels in a row of a block are moved as one, and all first rows before all second ones.
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
