"""Encoded pictures -> arrays: the only file that names Pillow and its plug-in for HEIC.

What comes in may be anything that a phone, a scanner, a browser or an attacker makes. OpenCV's decoders take
2 GB for 1.4 kB of forged PNG and show a transparent canvas as all black; Pillow reads the header first.
"""

from __future__ import annotations

import contextlib
import io
import re
import threading
import warnings
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from edge.errors import ImageError, NotHereError
from edge.types import ByteArray

FORMATS = ("JPEG", "PNG", "WebP", "BMP", "TIFF", "GIF", "HEIF", "AVIF")
"""HEIF, which phones call HEIC, needs the extra `heif`; AVIF needs a Pillow that has it, as its wheels do."""

MAX_PIXELS = 100_000_000
MAX_BYTES = 256 * 1024 * 1024

_ALPHA_MODES = {"LA", "La", "PA", "RGBA", "RGBa"}
_ANIMATED = {"AVIF", "GIF", "HEIF", "PNG", "WEBP"}
_GREY_MODES = {"1", "L", "LA", "La"}

_HEIC, _AVIF = "a HEIC photo", "an AVIF picture"

_KINDS = {
    "JPEG": "a JPEG",
    "PNG": "a PNG",
    "WebP": "a WebP picture",
    "BMP": "a BMP picture",
    "TIFF": "a TIFF file",
    "GIF": "a GIF",
    "HEIF": _HEIC,
    "AVIF": _AVIF,
}
"""What a picture of each of `FORMATS` is called."""

_FOUND = (
    (b"\xff\xd8\xff", 0, b"", _KINDS["JPEG"]),
    (b"\x89PNG", 0, b"", _KINDS["PNG"]),
    (b"RIFF", 8, b"WEBP", _KINDS["WebP"]),
    (b"BM", 6, bytes(4), _KINDS["BMP"]),
    (b"II*\x00", 0, b"", _KINDS["TIFF"]),
    (b"MM\x00*", 0, b"", _KINDS["TIFF"]),
    (b"GIF8", 0, b"", _KINDS["GIF"]),
    *((b"\x00\x00\x00", 4, b"ftyp" + brand, _HEIC) for brand in (b"hei", b"hev", b"mif1", b"msf1")),
    (b"\x00\x00\x00", 4, b"ftypavi", _AVIF),
    (b"%PDF-", 0, b"%PDF-", "a PDF"),
    (b"<", 0, b"<", "markup (HTML, XML or SVG)"),
    (b"{", 0, b"{", "JSON"),
    (b"[", 0, b"[", "JSON"),
    (b"data:", 0, b"data:", "a data URL"),
    (b"--", 0, b"--", "a form (multipart/form-data)"),
    *((text, 0, b"", "base64") for text in (b"/9j/", b"iVBORw0KGgo", b"UklGR", b"AAAAHGZ0eX", b"AAAAIGZ0eX")),
)
"""What people hand in for pictures: first bytes, then an offset with the bytes that settle it."""

_FORM_FIELD = re.compile(rb"[\w.%-]{1,64}=[\w.%+/=-]+(&|\Z)")
"""The first of what a form sends that is not multipart, as `curl -d image=...` does."""

_FORM_FIELDS = "form fields (application/x-www-form-urlencoded)"

_WRAPPED = {"JSON", "a data URL", "a form (multipart/form-data)", "base64", _FORM_FIELDS}
"""What a picture may be inside of, so that it need not be saved otherwise but sent otherwise."""

# One picture at a time: `warnings.catch_warnings` is process-wide, and so is the memory of a large picture.
_one_at_a_time = threading.Lock()


def decode_image(
    data: bytes,
    name: str,
    *,
    formats: Sequence[str] = FORMATS,
    max_pixels: int = MAX_PIXELS,
    page: int = 1,
) -> ByteArray:
    """Decode a picture of one of `FORMATS` (of an animation or a stack, the first).

    It comes out as the user sees it: EXIF orientation applied, transparent parts laid over white paper,
    16-bit and floating-point grey scaled to 8 bits, CMYK converted.

    Args:
        data: the encoded picture, at most `MAX_BYTES`.
        name: what to call it in errors.
        formats: those of `FORMATS` that are let in.
        max_pixels: a larger picture is refused.
        page: of a stack, from 1; see `pages_of`.

    Returns:
        Grey (rows, columns) or BGR (rows, columns, 3), uint8, 0 is black.

    Raises:
        ImageError: when it is no picture, is damaged or cut off, or has more than `max_pixels` (which is
            seen in its header, before anything is decoded).
        NotHereError: when it is a HEIC photo and the extra `heif` is missing, or there is too little memory.
    """
    if not data:
        raise ImageError(f"{name} is empty: expected a picture")
    if len(data) > MAX_BYTES:
        raise too_many_bytes(name, len(data))
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _open(data, name, formats, max_pixels) as image:
            if page > 1:
                _turn_to(image, page, name)
            width, height = image.size
            if width * height > max_pixels:
                raise _too_many_pixels(name, max_pixels, f"{width} x {height}")
            try:
                image.load()
                return _to_array(image)
            except MemoryError as error:
                raise NotHereError(
                    f"{name} ({width} x {height}) does not fit into memory: make it smaller"
                ) from error
            except (
                Exception
            ) as error:  # OSError, SyntaxError, struct.error, IndexError: damage raises anything
                kind = image.format or "picture"
                raise ImageError(
                    f"{name} is damaged or cut off: expected a whole {kind} of {width} x {height} pixels, "
                    f"found {len(data):,} bytes that do not decode ({_one_line(error)}); "
                    "copy or save it again"
                ) from error


@lru_cache(maxsize=1)
def can_decode_heic() -> bool:
    """Whether the extra `heif` is installed; where it is, Pillow knows HEIC from the first call on."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.options.DECODE_THREADS = 1  # as all other kinds: who decodes many has a process for each
    pillow_heif.register_heif_opener(thumbnails=False)
    return True


def _decodable(formats: Sequence[str]) -> tuple[str, ...]:
    return tuple(kind for kind in formats if kind != "HEIF" or can_decode_heic())


def pages_of(data: bytes, formats: Sequence[str] = FORMATS) -> tuple[int, bool]:
    """How many pictures a file holds that `decode_image` has decoded, and whether it is an animation of them.

    The second picture that some phones put behind a JPEG (for depth, or brighter) is not counted.
    """
    with _one_at_a_time, warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=_decodable(formats)) as image:
            if image.format in _ANIMATED or image.format == "TIFF":
                return getattr(image, "n_frames", 1), image.format in _ANIMATED
    return 1, False


def left_out(pages: int, taken: int, *, animated: bool) -> str:
    """What is not read of a file of several pictures, in words; "" where all are.

    Args:
        pages: pictures in the file; see `pages_of`.
        taken: of which so many are read.
        animated: whether they are an animation.
    """
    if taken >= pages:
        return ""
    read = "the first is" if taken == 1 else f"the first {taken} are"
    what = f"an animation of {pages} pictures" if animated else f"{pages} pages"
    return f"{what}, of which {read} read"


def png_text(data: bytes, key: str) -> str | None:
    """A text that a PNG carries in front of its pixels, by its keyword; None where there is none."""
    with _one_at_a_time, warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            text = image.info.get(key)
            return text if isinstance(text, str) else None
    return None


_EXIF, _ORIGINAL, _DIGITIZED = 0x8769, 0x9003, 0x9004
"""Tags: the part of EXIF about the shot, and in it when the picture was taken, or scanned."""


def taken_at(data: bytes, formats: Sequence[str] = FORMATS) -> str | None:
    """When a picture was taken, else scanned, as its EXIF says: 2026-01-01T12:00:00, in local time.

    None where it does not say so.
    """
    with _one_at_a_time, warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=_decodable(formats)) as image:
            shot = image.getexif().get_ifd(_EXIF)
            for tag in (_ORIGINAL, _DIGITIZED):
                if said := str(shot.get(tag, "")).strip("\0 "):
                    return datetime.strptime(said, "%Y:%m:%d %H:%M:%S").isoformat()
    return None


def _turn_to(image: Image.Image, page: int, name: str) -> None:
    try:
        image.seek(page - 1)
    except Exception as error:  # as with all damage
        raise ImageError(f"{name} is damaged: there is no page {page} ({_one_line(error)})") from error


def too_many_bytes(name: str, size: int) -> ImageError:
    """The error for a picture of more than `MAX_BYTES`; for those who can tell before they read it."""
    return ImageError(
        f"{name} is too large: expected at most {MAX_BYTES >> 20} MB, found {size / (1 << 20):.0f} MB; "
        "save it smaller"
    )


def _too_many_pixels(name: str, most: int, found: str) -> ImageError:
    return ImageError(
        f"{name} is too large: expected at most {most // 10**6} million pixels, found {found}; "
        "make it smaller first"
    )


def _open(data: bytes, name: str, formats: Sequence[str], max_pixels: int) -> Image.Image:
    """Read the header."""
    formats = _decodable(formats)
    try:
        return Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError as error:
        # Pillow's own limit, which it checks before we can.
        found = f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6} million"
        raise _too_many_pixels(name, max_pixels, found) from error
    except Exception as error:
        kind = NotHereError if _found(data) == _HEIC and "HEIF" not in formats else ImageError
        raise kind(
            f"{name} is no picture that can be read: expected {', '.join(formats[:-1])} or {formats[-1]}, "
            f"found {_found(data)}; {_cure(data, formats)}"
        ) from error


def _found(data: bytes) -> str:
    for first, offset, settles, what in _FOUND:
        if data.startswith(first) and data[offset:].startswith(settles):
            return what
    if _FORM_FIELD.match(data):
        return _FORM_FIELDS
    return f"{len(data):,} bytes of another kind"  # not the bytes themselves: they may be anything


def _cure(data: bytes, formats: Sequence[str]) -> str:
    found = _found(data)
    if found == _HEIC and "HEIF" not in formats:
        return (
            "install digitcam's extra heif, which reads it (pip install '.[heif]' in the folder of the "
            "checkout), or save it as JPEG"
        )
    if found in {_KINDS[kind] for kind in formats}:
        return "it may be damaged or of a rare kind: copy it again, or save it as JPEG"
    if found in _WRAPPED:
        return (
            "send the bytes of the picture alone, as curl --data-binary @photo.jpg does, "
            "or a form, as curl -F file=@photo.jpg does"
        )
    return "save it as JPEG or PNG"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _to_array(image: Image.Image) -> ByteArray:
    with contextlib.suppress(Exception):  # a picture whose EXIF is damaged is still a picture
        image = ImageOps.exif_transpose(image)
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return _deep_grey_to_bytes(image)
    grey = image.mode in _GREY_MODES
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        image = _over_white(image, "L" if grey else "RGB")
    array: ByteArray = np.asarray(image.convert("L" if grey else "RGB"))
    return np.ascontiguousarray(array if grey else array[..., ::-1])


def _over_white(image: Image.Image, mode: str) -> Image.Image:
    """Lay a picture with transparent parts over white paper."""
    opaque = image.convert("LA" if mode == "L" and image.mode != "L" else "RGBA")
    paper = Image.new(mode, image.size, "white")
    paper.paste(opaque.convert(mode), mask=opaque.getchannel("A"))
    return paper


def _deep_grey_to_bytes(image: Image.Image) -> ByteArray:
    """Grey of more than 8 bits, scaled: the brightest value that the kind can hold becomes 255.

    16-bit grey is divided by 257. The 32-bit kinds do not say what white is: it is the smallest of 1 (only
    for floating point), 255 and 65535 that holds all values; what lies beyond is stretched from its lowest to
    its highest value.
    """
    values: npt.NDArray[np.float32] = np.nan_to_num(np.asarray(image, dtype=np.float32))
    low, high = 0.0, 65535.0
    if image.mode in {"I", "F"}:
        lowest, highest = float(values.min()), float(values.max())
        whites = [
            white for white in (1.0, 255.0, 65535.0) if highest <= white and (image.mode == "F" or white > 1)
        ]
        low, high = (0.0, whites[0]) if lowest >= 0 and whites else (lowest, max(highest, lowest + 1))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):  # PNG: one value stands for paper
        values[values == transparent] = high
    values -= low
    values *= 255 / (high - low)
    return np.rint(values, out=values).astype(np.uint8)
