"""Grey picture -> where the ink of digits is: a small network that knows ruling, letters, shadows and hands.

It works on blocks of 4x4 pixels: each block's 16 pixels are 16 channels, in the input as in the output, so
that nothing is ever computed at full size. `training.ink` trains it on drawn scenes.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.model_file import INK_MODEL, load_shipped
from edge.planes import enlarged, shrunk
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
"""Times as far away the picture is looked at again: the network sees 200 pixels around each, too few to tell
a bar of a digit that fills the picture from ruling."""

KEPT = 4
"""Sizes of pictures for which an interpreter is kept. A stream with small writing has three: its frames, the
same from further away, and from nearer (which from further away are as large as the frames). Where pages are
turned, there may be four."""

PALE = 63
"""Probability, times 256, that still belongs to a piece in a smaller picture."""

LARGE = 24
"""Pixels of a smaller picture: what is marked in it and not as high is seen better from nearer."""


class InkMarker:
    """Marks the ink of digits in a picture.

    Args:
        model: the bytes of a `.tflite` file; None is the one that came with the package.
        threads: of the interpreter.

    Raises:
        ModelError: the runtime cannot open it, or it does not keep the contract: int8 blocks in and out.
    """

    def __init__(self, model: bytes | None = None, *, threads: int = 1) -> None:
        self._model = model or load_shipped(INK_MODEL)
        self._threads = threads
        self._networks: dict[tuple[int, ...], Network] = {}
        self._open()  # what is wrong with the model is said here

    def __call__(self, grey: ByteArray) -> ByteArray:
        """How likely each pixel is the ink of a digit.

        Args:
            grey: shape (rows, columns), uint8.

        Returns:
            The same shape, uint8: the probability times 256.
        """
        marked = self._mark(grey)
        large = _large(self._mark(shrunk(grey, AWAY)))
        if large is None:
            return marked
        return np.asarray(cv2.max(marked, enlarged(large, grey.shape)), np.uint8)

    def _mark(self, grey: ByteArray) -> ByteArray:
        rows, columns = grey.shape
        below, right = -rows % STRIDE, -columns % STRIDE
        if below or right:
            grey = np.asarray(cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)
        blocks = to_blocks(flatten(grey)[np.newaxis])
        # int8 is uint8 less 128, which is to flip the highest bit.
        marked = self._network(grey.shape)((blocks ^ HIGHEST_BIT).view(np.int8)).view(np.uint8)
        return np.asarray(from_blocks(marked)[0, :rows, :columns] ^ HIGHEST_BIT, np.uint8)

    def _network(self, shape: tuple[int, ...]) -> Network:
        """The interpreter for this size: one that changes its size would plan its memory anew."""
        network = self._networks.pop(shape, None) or self._open()
        self._networks[shape] = network  # the one last used comes last
        if len(self._networks) > KEPT:
            del self._networks[next(iter(self._networks))]
        return network

    def _open(self) -> Network:
        return Network(self._model, np.int8, threads=self._threads)


def _large(marked: ByteArray) -> ByteArray | None:
    """What is marked, but only the large pieces; None when there is none."""
    mask = cv2.threshold(marked, PALE, 255, cv2.THRESH_BINARY)[1]
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    large = [outline for outline in outlines if cv2.boundingRect(outline)[3] >= LARGE]
    if not large:
        return None
    cv2.drawContours(mask := np.zeros_like(marked), large, -1, 255, cv2.FILLED)
    return np.asarray(cv2.bitwise_and(marked, mask), np.uint8)


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
