"""Grey picture -> where the ink of digits is: a small network that knows ruling, letters, shadows and hands.

It works on blocks of 4x4 pixels: each block's 16 pixels are 16 channels, in the input as in the output, so
that nothing is ever computed at full size. `training.ink` trains it on drawn scenes.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.model_file import INK_MODEL, load_shipped
from edge.runtime import Network
from edge.types import ByteArray

BLOCK = 4
"""Pixels of a block, both ways."""

STRIDE = 32
"""Pixels of the picture for one of the network's coarsest level; rows and columns are padded to multiples."""

WINDOW = 31
"""Blocks that the brightness of the paper is averaged over, both ways."""


class InkMarker:
    """Marks the ink of digits in a picture.

    Args:
        model: the bytes of a `.tflite` file; None is the one that came with the package.
        threads: of the interpreter.

    Raises:
        ModelError: the runtime cannot open it, or it does not keep the contract: int8 blocks in and out.
    """

    def __init__(self, model: bytes | None = None, *, threads: int = 1) -> None:
        self._network = Network(model or load_shipped(INK_MODEL), np.int8, threads=threads)

    def __call__(self, grey: ByteArray) -> ByteArray:
        """How likely each pixel is the ink of a digit.

        Args:
            grey: shape (rows, columns), uint8.

        Returns:
            The same shape, uint8: the probability times 256.
        """
        rows, columns = grey.shape
        below, right = -rows % STRIDE, -columns % STRIDE
        padded = cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE)
        blocks = to_blocks(flatten(np.asarray(padded, np.uint8))[np.newaxis])
        # int8 is uint8 less 128, which is to flip the highest bit.
        marked = self._network((blocks ^ 128).view(np.int8)).view(np.uint8) ^ np.uint8(128)
        return np.ascontiguousarray(from_blocks(np.asarray(marked, np.uint8))[0, :rows, :columns])


def flatten(grey: ByteArray) -> ByteArray:
    """A picture relative to the brightness around each pixel: the lighting drops out, and faint ink shows.

    Args:
        grey: shape (rows, columns), uint8, multiples of BLOCK.

    Returns:
        The same shape, uint8: 128 for a pixel as bright as the mean of its surroundings, 0 for one half as
        bright or less, 255 for one and a half times as bright or more.
    """
    rows, columns = grey.shape
    small = cv2.resize(grey, (columns // BLOCK, rows // BLOCK), interpolation=cv2.INTER_AREA)
    mean = cv2.blur(small, (WINDOW, WINDOW))
    half = cv2.resize(cv2.convertScaleAbs(mean, alpha=0.5), (columns, rows))
    return np.asarray(
        cv2.divide(cv2.subtract(grey, half), cv2.resize(mean, (columns, rows)), scale=256), np.uint8
    )


def to_blocks(pictures: ByteArray) -> ByteArray:
    """Cut pictures (n, rows, columns) into blocks: (n, rows/4, columns/4, 16), row by row of each block."""
    n, rows, columns = pictures.shape
    blocks = pictures.reshape(n, rows // BLOCK, BLOCK, columns // BLOCK, BLOCK).transpose(0, 1, 3, 2, 4)
    return blocks.reshape(n, rows // BLOCK, columns // BLOCK, BLOCK**2)


def from_blocks(blocks: ByteArray) -> ByteArray:
    """What `to_blocks` made, undone."""
    n, rows, columns, _ = blocks.shape
    pictures = blocks.reshape(n, rows, columns, BLOCK, BLOCK).transpose(0, 1, 3, 2, 4)
    return pictures.reshape(n, rows * BLOCK, columns * BLOCK)
