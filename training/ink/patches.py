"""Patches to learn from: squares of scenes, with what is ink of digits in them and how much that counts."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge.errors import UsageError
from edge.files import write_whole
from edge.planes import to_grey
from edge.types import ByteArray
from edge.workers import Place
from training.scenes import Scene, draw_scene, load_bank
from training.scenes.typefaces import Split
from training.workers import ALONE, mapped

SIDE = 256
"""Pixels of a patch, both ways."""

FRAME = (480, 640)
"""(height, width) of the larger scenes, of which patches are cut; the others are as small as a patch."""

FRAME_SHARE = 3
"""One scene in three is of size FRAME and gives two patches, near ones and ones seen from further away."""

PEN = 6.0
"""Width of a stroke, in pixels, whose ink counts as much as paper does; a thinner one counts more."""

MOST = 4.0
"""The most that a pixel counts: a pen's width of 1.5 pixels."""

CLUTTER = 2.0
"""How much writing that is no digit counts: it is rare, and what digits are confused with."""

CUT = 6.0
"""How much the cut between two touching digits counts: no ink, so that the network learns to part them; after
the borders between touching cells in Ronneberger et al., "U-Net", 2015."""

COVERED = 1.6
"""Ink counts as this much more than it covers: strokes of a pixel's width, spread over two, stay whole."""

UNIT = 32
"""A pixel that counts once has this value in `Patches.weight`."""


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """Squares of scenes; all arrays have the same shape, (n, SIDE, SIDE) when they are drawn, uint8.

    Attributes:
        grey: the picture.
        ink: how much of the pixel is ink of digits, 255 for all of it.
        clutter: the same for writing that is no digit.
        weight: how much a mistake in the pixel counts, in units of 1/UNIT; 0 where nothing should be asked.
    """

    grey: ByteArray
    ink: ByteArray
    clutter: ByteArray
    weight: ByteArray

    def __len__(self) -> int:
        return len(self.grey)

    def save(self, path: Path) -> None:
        """Write all arrays to a compressed `.npz`, whole or not at all."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{field.name: getattr(self, field.name) for field in fields(self)})
        write_whole(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Patches:
        """What `save` wrote.

        Raises:
            UsageError: when the file is missing or damaged.
        """
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
                return cls(**{field.name: arrays[field.name] for field in fields(cls)})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise UsageError(
                f"cannot read the patches {path}: {error}; delete it to draw them anew"
            ) from error


def draw_patches(
    folder: Path | None, split: Split, count: int, *, seed: int, place: Place = ALONE
) -> Patches:
    """Draw scenes and cut patches of them; the same arguments give the same patches.

    Args:
        folder: of the data, as `load_bank` takes it.
        split: whose digits and letters are written.
        count: patches to make.
        seed: of the scenes.
        place: where they are drawn; they do not depend on it.
    """
    # Three scenes give four patches.
    keys = [(folder, split, seed, index) for index in range(-(-count * FRAME_SHARE // (FRAME_SHARE + 1)))]
    # All of them are gigabytes: they are put where they belong at once.
    planes = {field.name: np.empty((count, SIDE, SIDE), np.uint8) for field in fields(Patches)}
    done = 0
    with mapped(_draw, keys, place=place) as scenes:
        for drawn in tqdm(scenes, total=len(keys), unit="scene"):
            for patch in drawn[: count - done]:
                for name, plane in planes.items():
                    plane[done] = getattr(patch, name)
                done += 1
    return Patches(**planes)


def _draw(key: tuple[Path | None, Split, int, int]) -> list[Patches]:
    """The one or two patches of a scene, without the first axis."""
    folder, split, seed, index = key
    cv2.setNumThreads(1)
    random = np.random.default_rng([seed, index])
    if index % FRAME_SHARE:
        return [patch_of(draw_scene(random, _bank(folder, split), size=(SIDE, SIDE)))]
    scene = draw_scene(random, _bank(folder, split), size=FRAME)
    return [patch_of(_part(scene, random)) for _ in range(2)]


# Loading a bank takes a second, and its traced shapes are kept.
_bank = cache(load_bank)


def _part(scene: Scene, random: np.random.Generator) -> Scene:
    """A square of a scene, SIDE pixels wide after it was scaled down; without the list of its digits."""
    side = round(float(np.exp(random.uniform(np.log(SIDE), np.log(min(FRAME))))))
    top, left = (int(random.integers(size - side + 1)) for size in FRAME)

    def cut(plane: ByteArray, flags: int = cv2.INTER_AREA) -> ByteArray:
        return np.asarray(
            cv2.resize(plane[top : top + side, left : left + side], (SIDE, SIDE), interpolation=flags),
            np.uint8,
        )

    # Numbers of instances cannot be averaged. A scene has fewer than 256 digits.
    instances = cut(scene.instances.astype(np.uint8), cv2.INTER_NEAREST).astype(np.uint16)
    image, ink, clutter, ignore = map(cut, (scene.image, scene.ink, scene.clutter_ink, scene.ignore))
    return Scene(image, ink, clutter, ignore, instances, (), scene.conditions)


def patch_of(scene: Scene) -> Patches:
    """The arrays of one scene, shape (rows, columns) each."""
    instances = scene.instances
    parted = _cuts(instances)
    depth = cv2.distanceTransform(((instances > 0) & ~parted).astype(np.uint8), cv2.DIST_L2, 3)
    pixels = np.maximum(1, np.bincount(instances.ravel()))
    # The distance to the nearest pixel outside is, on average over a stroke, a quarter of its width.
    width = 4 * np.bincount(instances.ravel(), depth.ravel()) / pixels - 1
    counts = np.clip(PEN / np.maximum(width, 1), 1, MOST).astype(np.float32)
    counts[0] = 1
    weight = counts[instances]
    weight[(scene.clutter_ink > 0) & (instances == 0)] = CLUTTER
    weight[parted] = CUT
    weight[scene.ignore > 0] = 0
    ink = np.asarray(cv2.convertScaleAbs(scene.ink, alpha=COVERED), np.uint8)
    ink[parted] = 0
    return Patches(to_grey(scene.image), ink, scene.clutter_ink, np.round(weight * UNIT).astype(np.uint8))


def _cuts(instances: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    """Where two digits touch or leave less than a pixel between them."""
    window = np.ones((3, 3), np.uint8)
    highest = cv2.dilate(instances, window)
    nothing = np.iinfo(np.uint16).max
    lowest = cv2.erode(np.where(instances > 0, instances, nothing).astype(np.uint16), window)
    return np.asarray(lowest < highest, bool)  # where there is no digit, nothing < 0 is false
