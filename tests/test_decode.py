import io
import struct
import sys
import time
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from samples import png_chunk, png_of_size

from edge.decode import can_decode_heic, decode_image, left_out, pages_of, taken_at
from edge.errors import ImageError

RED_BGR = (0, 0, 255)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def corner_picture():
    """30 x 20, white, with a black corner at the top left: every orientation looks different."""
    image = Image.new("L", (30, 20), 255)
    image.paste(0, (0, 0, 10, 5))
    return image


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
def test_each_kind_gives_colour_as_bgr(kind):
    image = decode_image(encoded(Image.new("RGB", (16, 8), "red"), kind), "a picture")
    assert image.shape == (8, 16, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - RED_BGR).max() <= 2  # JPEG and WebP round
    assert image.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF"])
def test_grey_pictures_stay_grey(kind):
    image = decode_image(encoded(Image.new("L", (16, 8), 100), kind), "a picture")
    assert image.shape == (8, 16)
    assert (image == 100).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind, orientation):
    upright = corner_picture()
    # What a camera held in each way stores of the same scene (Exif 2.3, tag 274).
    stored = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }[orientation](np.asarray(upright))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, **options)
    image = decode_image(data, "a picture")
    image = image if image.ndim == 2 else image[..., 0]
    assert image.shape == (20, 30)
    assert np.abs(image.astype(int) - np.asarray(upright)).max() <= 40  # JPEG rings at edges


def black_stroke_on_nothing(mode):
    """Transparent black with an opaque black bar: what a canvas exports."""
    bar = Image.new("L", (12, 12), 0)
    bar.paste(255, (4, 0, 8, 12))
    ink = Image.new("L", (12, 12), 0)
    return Image.merge(mode, [*[ink] * (len(mode) - 1), bar])


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_paper_is_white(mode):
    image = decode_image(encoded(black_stroke_on_nothing(mode)), "a canvas")
    assert image.ndim == (2 if mode == "LA" else 3)
    assert (image[:, 4:8] == 0).all()
    assert (image[:, :4] == 255).all()
    assert (image[:, 8:] == 255).all()


def test_half_transparent_ink_is_half_grey():
    image = decode_image(encoded(Image.new("LA", (4, 4), (0, 128))), "a canvas")
    assert (image == 127).all()


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
@pytest.mark.parametrize("as_bytes", [True, False])
def test_transparent_palette_colours_are_white(kind, as_bytes):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.paste(0, (0, 0, 4, 8))
    transparency = b"\xff\x00" if as_bytes and kind == "PNG" else 1
    image = decode_image(encoded(image, kind, transparency=transparency), "a drawing")
    assert (image[:, :4] == 0).all()
    assert (image[:, 4:] == 255).all()


def test_a_transparent_grey_value_is_white():
    image = Image.new("L", (8, 8), 7)
    image.paste(90, (0, 0, 4, 8))
    image = decode_image(encoded(image, transparency=7), "a drawing")
    assert (image[:, :4] == 90).all()
    assert (image[:, 4:] == 255).all()


def test_16_bit_grey_is_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    image = decode_image(encoded(Image.fromarray(ramp)), "a scan")
    assert image.dtype == np.uint8
    assert (image.ravel() == np.arange(256)).all()


def test_16_bit_grey_with_alpha_is_laid_over_white():
    rows = np.zeros((4, 4, 2), ">u2")
    rows[:2, :, 1] = 65535  # black and opaque above, black and transparent below
    header = struct.pack(">IIBBBBB", 4, 4, 16, 4, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    data = (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    )
    image = decode_image(data, "a scan")
    assert (image[:2] == 0).all()
    assert (image[2:] == 255).all()


@pytest.mark.parametrize(
    ("mode", "values", "expected"),
    [
        ("I", [0, 128, 255], [0, 128, 255]),
        ("I", [0, 32768, 65535], [0, 128, 255]),
        ("I", [0, 500_000, 1_000_000], [0, 128, 255]),
        ("F", [0.0, 0.5, 1.0], [0, 128, 255]),
        ("F", [0.0, 100.0, 255.0], [0, 100, 255]),
        ("F", [0.0, 32768.0, 65535.0], [0, 128, 255]),
        ("F", [-1.0, 0.0, 1.0], [0, 128, 255]),
        ("F", [0.0, float("nan"), 1.0], [0, 0, 255]),
    ],
)
def test_deep_grey_is_scaled_by_the_white_that_holds_it(mode, values, expected):
    array = np.array([values], np.int32 if mode == "I" else np.float32)
    image = decode_image(encoded(Image.fromarray(array), "TIFF"), "a scan")
    assert np.abs(image[0].astype(int) - expected).max() <= 1


def test_cmyk_becomes_bgr():
    image = decode_image(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"), "a print")
    assert (image == RED_BGR).all()


def test_one_bit_scans_are_black_and_white():
    image = Image.new("1", (9, 9), 1)
    image.paste(0, (0, 0, 3, 9))
    image = decode_image(encoded(image, "TIFF", compression="group4"), "a fax")
    assert (image[:, :3] == 0).all()
    assert (image[:, 3:] == 255).all()


def test_of_an_animation_the_first_picture_is_given():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    image = decode_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), "a GIF")
    assert (image == RED_BGR).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_picture_that_is_cut_off_is_refused(kind, share):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    data = encoded(noise, kind)
    with pytest.raises(ImageError, match=r"^cut\.img is (damaged or cut off|no picture)") as caught:
        decode_image(data[: int(len(data) * share)], "cut.img")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "is empty"),
        (b"hello, I am a text file", "23 bytes of another kind"),
        (b'{"image": "aGVsbG8="}', "JSON; send the bytes of the picture alone"),
        (b"iVBORw0KGgoAAAANSUhEUgAA", "base64; send the bytes of the picture alone"),
        (b"image=%2F9j%2F4AAQSkZJRg&x=1", "form fields (application/x-www-form-urlencoded); send the bytes"),
        (b"--boundary\r\nContent-Disposition: form-data", "a form (multipart/form-data); send the bytes"),
        (b"%PDF-1.7 and so on", "a PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "a HEIC photo; it may be damaged"),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "AVIF"),
        (b"\x89PNG\r\n\x1a\n", "no picture"),
        (b"\xff\xd8\xff", "no picture"),
    ],
)
def test_what_is_no_picture_is_named(data, found):
    with pytest.raises(ImageError, match=r"^thing\.bin ") as caught:
        decode_image(data, "thing.bin")
    assert found in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "name"), [("BMP", "a BMP picture"), ("TIFF", "a TIFF file"), ("GIF", "a GIF")]
)
def test_a_picture_of_a_kind_that_is_not_let_in_is_named_with_the_cure(kind, name):
    data = encoded(Image.new("RGB", (8, 8), "white"), kind)
    with pytest.raises(ImageError, match=f"expected PNG or JPEG, found {name}; save it as JPEG or PNG"):
        decode_image(data, "the picture", formats=("PNG", "JPEG"))


@pytest.mark.parametrize(
    ("pages", "taken", "animated", "told"),
    [
        (1, 1, False, ""),
        (3, 3, False, ""),
        (3, 1, True, "an animation of 3 pictures, of which the first is read"),
        (1200, 1000, False, "1200 pages, of which the first 1000 are read"),
    ],
)
def test_what_is_left_out_of_a_file_is_told(pages, taken, animated, told):
    assert left_out(pages, taken, animated=animated) == told


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_phone_s_photo_is_decoded(kind):
    assert can_decode_heic()
    picture = corner_picture().convert("RGB").resize((120, 80), Image.Resampling.NEAREST)
    data = encoded(picture, kind, quality=95)
    image = decode_image(data, "photo.heic")
    assert image.shape == (80, 120, 3)
    assert image[:16, :36].max() < 60 < 200 < image[24:, 44:].min()
    assert pages_of(data) == (1, True)


def test_an_avif_picture_is_turned_as_its_exif_says():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = corner_picture().convert("RGB").resize((120, 80), Image.Resampling.NEAREST)
    image = decode_image(encoded(picture, "AVIF", quality=95, exif=exif), "photo.avif")
    assert image.shape == (120, 80, 3)
    assert image[:36, -16:].max() < 60


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_phone_s_photo_that_is_too_large_is_refused_by_its_header(kind):
    can_decode_heic()
    data = encoded(Image.new("L", (101, 100), 255), kind)
    with pytest.raises(ImageError, match="expected at most 0 million pixels, found 101 x 100"):
        decode_image(data, "photo.heic", max_pixels=10_000)


def test_without_its_extra_a_heic_photo_is_refused_with_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    can_decode_heic.cache_clear()
    try:
        with pytest.raises(ImageError, match=r"found a HEIC photo; install digitcam's extra heif") as caught:
            decode_image(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "photo.heic")
    finally:
        can_decode_heic.cache_clear()
    assert "expected JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF" in str(caught.value)
    assert "pip install '.[heif]'" in str(caught.value)


@pytest.mark.parametrize(("width", "height"), [(10_001, 10_000), (9_500, 12_000), (60_000, 60_000)])
def test_an_enormous_picture_is_refused_by_its_header(width, height):
    data = png_of_size(width, height, png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b""))
    assert width * height > 100_000_000
    with pytest.raises(ImageError, match=r"expected at most 100 million pixels, found"):
        decode_image(data, "huge.png")


def test_a_forged_chunk_length_is_refused_at_once():
    forged = png_of_size(8, 8, png_chunk(b"IDAT", b"x" * 1000, length=0x7FFFFFF0))
    started = time.perf_counter()
    with pytest.raises(ImageError):
        decode_image(forged, "forged.png")
    assert time.perf_counter() - started < 1


def test_a_file_that_is_too_large_is_refused():
    with pytest.raises(ImageError, match="expected at most 256 MB"):
        decode_image(bytes((256 << 20) + 1), "huge.bin")


def test_a_picture_with_damaged_exif_is_still_a_picture():
    data = encoded(Image.new("L", (8, 8), 50), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert (decode_image(data, "photo.jpg") == 50).all()


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({0x9003: "2019:05:06 07:08:09", 0x9004: "2020:01:01 00:00:00"}, "2019-05-06T07:08:09"),
        ({0x9004: "2020:01:01 00:00:00\0"}, "2020-01-01T00:00:00"),
        ({0x9003: "0000:00:00 00:00:00"}, None),
        ({}, None),
    ],
)
def test_when_a_picture_was_taken_is_told_where_its_exif_says_so(tags, told):
    exif = Image.Exif()
    exif.get_ifd(0x8769).update(tags)
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "JPEG", exif=exif)
    assert taken_at(buffer.getvalue()) == told
    assert taken_at(b"no picture") is None


def test_no_warning_leaks_and_the_filters_stay():
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ImageError):
            decode_image(png_of_size(12_000, 8_000), "large.png")
    assert caught == []
    assert warnings.filters == before


def test_every_one_byte_change_gives_a_picture_or_an_image_error():
    data = encoded(corner_picture())
    for at in range(len(data)):
        mutant = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        try:
            image = decode_image(mutant, "mutant.png")
        except ImageError:
            continue
        assert image.dtype == np.uint8
