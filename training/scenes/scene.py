"""Draw a scene: a picture of handwriting as a camera would see it, and the truth about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import Box, ByteArray, FloatArray
from training.scenes import clutter, paper, surroundings
from training.scenes.bank import GlyphBank
from training.scenes.camera import light_on, take_picture
from training.scenes.canvas import CLUTTER, IGNORE, Canvas, Geometry, draw_geometry, window
from training.scenes.compose import COMPOSED
from training.scenes.draws import Random, between, chance, floats, log_between, pick, pixels
from training.scenes.ink import Pen, draw_pen, draw_strokes, strokes_of, write
from training.scenes.layout import LAYOUTS, SMALLEST, Area, Hand, Layout, Mark, draw_hand

VISIBLE = 0.75
"""Share of a digit's ink that must show; with less it is cut by the border or hidden, and ignored."""

LEAST_CONTRAST = 9.0
"""Grey levels between a digit's ink and the paper around it; below that a person cannot read it."""

LEAST_ONE_BIT = 140.0
"""The same where the picture is black and white only: the mean tells how much of the strokes was kept."""

LEAST_CONTRAST_TO_NOISE = 1.6
"""That contrast over the noise of neighbouring pixels, for a digit of 20 pixels; a larger one needs less."""

LOWEST = 8
"""Pixels that a digit counts as high at least, there."""

PAPER_BESIDE = 4
"""Pixels around a digit or mark whose paper it is compared with."""

STRUCK_PAGES, STRUCK = 0.12, 0.15
"""Pages on which numbers were struck out, and how many of theirs: they are not to be read."""

FADED_WINDOW = 25
"""Pixels: the part of the picture in which writing that is no digit is compared with the paper."""

STYLES = {"photo": 6.6, "webcam": 0.8, "scan": 1.3, "cheque": 1.6, "board": 0.6}
FORM_STYLES = {**STYLES, "scan": 5.0}
"""How a picture was taken, by weight; forms are scanned more than others."""

PLANS = {
    "huge": 2.2,
    "number": 2.6,
    "rows": 2.4,
    "scattered": 1.0,
    "column": 0.5,
    "equation": 0.4,
    "form": 1.5,
    "samples": 1.2,
    "notes": 4.4,
    "list": 2.4,
    "formulas": 2.8,
    "column sum": 0.7,
    "table": 2.0,
    "labelled": 2.0,
    "signs": 1.2,
    "diagram": 0.8,
    "nothing": 3.0,
}
"""What is written, by weight. (`compose.numbers` is drawn where it is asked for.)"""

LABELLED = 0.6
"""Share of the forms with print beside their cells."""

FAR = 0.3
"""Share of the sheets with an edge in the picture that lie in it whole."""

ARCHIVE = 0.03
"""Share of the scenes that are a part of a photographed old page, where there are any."""

BARE = 0.6
"""Share of the photos without digits in which there is no sheet either: a desk, a floor, a room."""


@dataclass(frozen=True, slots=True)
class SceneDigit:
    """A digit that a reader should find.

    Attributes:
        label: 0 to 9.
        box: of its ink, in pixels of the picture.
        line: which number it belongs to, counted in reading order.
        position: where in that number, from the left.
        instance: its value in `Scene.instances`.
    """

    label: int
    box: Box
    line: int
    position: int
    instance: int


@dataclass(frozen=True, slots=True)
class SceneMark:
    """A small mark in a number or directly before it; its ink is clutter.

    Attributes:
        kind: ".", "," or ":", "/" of a fraction or a date in line, "-" before a negative number.
        box: of its ink, in pixels of the picture.
        line: the number that it belongs to, as in `SceneDigit`.
    """

    kind: str
    box: Box
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class StruckNumber:
    """A number that was struck out: it is not to be read; its ink is clutter.

    Attributes:
        corners: of the place that it takes, shape (4, 2), float32, in pixels of the picture.
        digits: how many it had.
        how: with what it was struck out, as `clutter.strike` says.
    """

    corners: FloatArray
    digits: int
    how: str


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture and the truth about it. All masks have the picture's size.

    Attributes:
        image: shape (rows, columns, 3), uint8, BGR.
        ink: uint8, how much of a pixel is covered by strokes of digits, 255 for all of it; gaps that the pen
            left in a stroke count as ink.
        clutter_ink: uint8, the same for writing that is no digit: letters, signs, doodles, printed words.
        ignore: uint8, 255 where nothing should be asked: printed numbers, digits cut by the border, hidden or
            too faint to be read by a person, signs that look like a digit.
        instances: uint16, the number of the digit that a pixel belongs to, 0 for none; tells touching digits
            apart.
        digits: in reading order.
        conditions: what was drawn, name to strength, for reports of the error by condition.
        marks: points, commas, colons, slashes and minus signs of the numbers.
        struck: numbers that were struck out.
    """

    image: ByteArray
    ink: ByteArray
    clutter_ink: ByteArray
    ignore: ByteArray
    instances: npt.NDArray[np.uint16]
    digits: tuple[SceneDigit, ...]
    conditions: Mapping[str, float]
    marks: tuple[SceneMark, ...] = ()
    struck: tuple[StruckNumber, ...] = ()

    @property
    def numbers(self) -> list[str]:
        """The numbers to read, in reading order."""
        lines: dict[int, str] = {}
        for digit in self.digits:
            lines[digit.line] = lines.get(digit.line, "") + str(digit.label)
        return list(lines.values())


def draw_scene(
    random: Random, bank: GlyphBank, *, size: tuple[int, int] = (480, 640), plan: str | None = None
) -> Scene:
    """Draw a scene; the same generator state and bank give the same scene.

    Args:
        random: the source of all draws.
        bank: what can be written.
        size: (height, width) of the picture in pixels.
        plan: what is written, a name of `layout.LAYOUTS` or `compose.COMPOSED`; None draws one by its weight.

    Returns:
        The picture and its truth; about one in four holds no digit.
    """
    rows, columns = size
    if plan is None and chance(random, ARCHIVE):
        photographed = bank.archive.page(random, rows, columns)
        if photographed is not None:
            return _archived(random, *photographed)
    plan = plan or pick(random, PLANS)
    style = pick(random, FORM_STYLES if plan == "form" else STYLES)
    if style == "cheque" and chance(random, 0.85):
        plan = "number"
    board = style == "board"
    style = "photo" if board else style
    geometry = draw_geometry(random, rows, columns, flat=style in ("scan", "cheque"))
    canvas = Canvas.empty(geometry, rows, columns)
    page, bounded = _page(random, canvas, style, board=board)
    hand = draw_hand(random, bank)
    if style == "cheque":  # amounts are written closely
        hand = replace(hand, gap=min(hand.gap, between(random, -0.1, 0.3)))
    area = _writable(random, page, rows, columns)
    if min(area.width, area.height) < SMALLEST:  # of a sheet held up, hardly anything is in the picture
        plan = "nothing"
    layout = (LAYOUTS | COMPOSED)[plan](random, bank, hand, area)
    layout.limit = page
    canvas.conditions[f"layout {plan}"] = 1.0
    truth: dict[int, _Written] = {}
    marks: list[SceneMark] = []
    struck: list[StruckNumber] = []
    if plan == "nothing" and style in ("photo", "webcam") and not board and chance(random, BARE):
        _around(random, canvas, style)
        canvas.conditions["bare"] = 1.0
    else:
        sheet = _surface(random, canvas, page if bounded else None, style, board=board)
        if not board:
            if chance(random, 0.08):
                clutter.show_through(random, canvas, bank, hand, layout, area)
            secure = style == "cheque" and chance(random, 0.5)
            paper.rule(random, canvas, page, layout, sheet, secure=secure)
            if chance(random, 0.15):
                clutter.add_marks(random, canvas, area)
        if layout.cells and chance(random, LABELLED):
            clutter.label_cells(random, canvas, bank, layout, area)
        if chance(random, 0.25):
            clutter.add_print(random, canvas, bank, layout, area)
        truth, marks, struck = _write_all(random, canvas, bank, hand, layout, area, board=board)
    if style == "webcam" or chance(random, 0.14 if style == "photo" else 0.0):
        surroundings.add_objects(random, canvas, held=style == "webcam")

    light = light_on(random, canvas, flat=style in ("scan", "cheque"))
    smallest = min((mark.place.size for number in layout.numbers for mark in number), default=layout.height)
    image = take_picture(random, canvas, light, smallest, style=style)
    canvas.conditions[style] = 1.0
    digits = _legible(canvas, image, truth)
    _forget_faded(canvas, image)
    return Scene(
        image,
        canvas.ink,
        canvas.clutter,
        canvas.ignore,
        canvas.instances,
        digits,
        canvas.conditions,
        _shown_marks(canvas, image, marks, digits),
        tuple(struck),
    )


def _archived(random: Random, picture: ByteArray, writing: ByteArray, ignore: ByteArray) -> Scene:
    """A scene of photographed old writing: no digit in it."""
    canvas = Canvas.empty(Geometry(floats(np.eye(3))), *writing.shape)
    canvas.colour = floats(picture) / np.float32(255)
    canvas.clutter[:], canvas.ignore[:] = writing, ignore
    canvas.conditions["archive"] = 1.0
    light = light_on(random, canvas, flat=chance(random, 0.6))
    image = take_picture(random, canvas, light, 40.0, style="photo")
    return Scene(image, canvas.ink, canvas.clutter, canvas.ignore, canvas.instances, (), canvas.conditions)


def _page(random: Random, canvas: Canvas, style: str, *, board: bool) -> tuple[Area, bool]:
    """The sheet, in its plane, and whether its edges show."""
    rows, columns = canvas.rows, canvas.columns
    if style == "webcam":
        width, height = between(random, 0.35, 0.75) * columns, between(random, 0.35, 0.75) * rows
        left, top = (
            between(random, 0.05, 0.95) * (columns - width),
            between(random, 0.3, 1.0) * (rows - height),
        )
        return Area(left, top, left + width, top + height), True
    spare = 0.3 * max(rows, columns)
    if style in ("scan", "cheque") or not chance(random, 0.15 if board else 0.4):
        return Area(-spare, -spare, columns + spare, rows + spare), False
    if chance(random, FAR):  # a whole sheet from further away
        width, height = between(random, 0.35, 0.85) * columns, between(random, 0.4, 0.9) * rows
        left, top = (
            between(random, 0.1, 0.9) * (columns - width),
            between(random, 0.1, 0.9) * (rows - height),
        )
        return Area(left, top, left + width, top + height), True
    sides = [between(random, 0.02, 0.25) if chance(random, 0.5) else -0.3 for _ in range(4)]
    return Area(columns * sides[0], rows * sides[1], columns * (1 - sides[2]), rows * (1 - sides[3])), True


def _surface(random: Random, canvas: Canvas, page: Area | None, style: str, *, board: bool) -> ByteArray:
    """Paint what is written on and what lies around it; return where the sheet is."""
    if page is not None:
        _around(random, canvas, style)
    if board:
        dark = chance(random, 0.4)
        tint = (0.17, 0.2, 0.16) if dark else (0.9, 0.91, 0.9)
        canvas.conditions["blackboard" if dark else "whiteboard"] = 1.0
        return paper.lay_paper(random, canvas, page, tint, 1.0 if dark else 0.1)
    name = (
        "white"
        if style == "scan"
        else pick(random, {name: share for name, (share, _) in paper.TINTS.items()})
    )
    canvas.conditions[f"{name} paper"] = 1.0
    blue, green, red = (
        float(np.clip(value + random.normal(0, 0.025), 0.1, 0.99)) for value in paper.TINTS[name][1]
    )
    tint = (blue, green, red)
    return paper.lay_paper(random, canvas, page, tint, 0.9 if name == "kraft" else between(random, 0, 0.8))


def _around(random: Random, canvas: Canvas, style: str) -> None:
    """Paint what lies around the sheet."""
    if style == "webcam":
        surroundings.paint_room(random, canvas)
    else:
        surroundings.paint_desk(random, canvas)


def _writable(random: Random, page: Area, rows: int, columns: int) -> Area:
    """Where to write: on the page and in the picture, now and then a little beyond its border."""
    beyond = (
        -0.1 * min(rows, columns)
        if chance(random, 0.15)
        else between(random, 0.01, 0.06) * min(rows, columns)
    )
    seen = Area(beyond, beyond, columns - beyond, rows - beyond)
    edge = 0.02 * min(rows, columns)
    sheet = page.inset(edge)
    return Area(
        max(sheet.left, seen.left),
        max(sheet.top, seen.top),
        min(sheet.right, seen.right),
        min(sheet.bottom, seen.bottom),
    )


@dataclass(frozen=True, slots=True)
class _Written:
    label: int
    line: int
    position: int


def _write_all(
    random: Random, canvas: Canvas, bank: GlyphBank, hand: Hand, layout: Layout, area: Area, *, board: bool
) -> tuple[dict[int, _Written], list[SceneMark], list[StruckNumber]]:
    """Write the digits, and the clutter around them.

    Returns:
        What each instance is, the numbers' marks, and the numbers that were struck out.
    """
    dark = "blackboard" in canvas.conditions
    kind = ("chalk" if dark else "dry marker") if board else None

    def new_pen() -> Pen:
        return _readable(random, canvas, area, draw_pen(random, layout.height, kind))

    pen = new_pen()
    canvas.conditions[pen.name] = pen.opacity
    canvas.conditions["stroke width"] = pen.width / layout.height
    other = new_pen() if chance(random, 0.5) else pen
    if chance(random, 0.05):
        clutter.stamp_words(random, canvas, bank, layout, other, area)
    if chance(random, 0.6 if not layout.numbers and not layout.signs else 0.14):
        clutter.add_text(random, canvas, bank, hand, layout, other, area)
    if chance(random, 0.5 if not layout.numbers and not layout.signs else 0.18):
        clutter.add_writing(random, canvas, bank, hand, layout, other, area)
    if chance(random, 0.5 if not layout.numbers and not layout.signs else 0.12):
        clutter.add_doodles(random, canvas, layout, other, area)
    many_pens = chance(random, 0.12)
    # MNIST's own strokes are as wide as a felt pen's; thinner pens follow the centre lines.
    share = {"marker": 0.7, "felt": 0.6, "dry marker": 0.5, "chalk": 0.5}.get(pen.name, 0.12)
    # Enlarged, 20 pixels of MNIST are a blot.
    as_raster = chance(random, share * min(1.0, 90 / layout.height))
    truth: dict[int, _Written] = {}
    # The other layouts have made theirs in order: on rising rows, what is higher is not what comes first.
    numbers = _in_reading_order(layout.numbers) if layout.name == "scattered" else layout.numbers
    strikes = chance(random, STRUCK_PAGES)
    struck: list[StruckNumber] = []
    lines: dict[int, int] = {}  # of the numbers as laid out: those that were not struck out, in order
    for index, number in enumerate(numbers):
        if many_pens:
            pen = new_pen()
        if strikes and chance(random, STRUCK):
            for mark in number:
                write(random, canvas, mark.shape, mark.place, pen, CLUTTER)
            place = _area_of(number)
            how = clutter.strike(random, canvas, place, pen)
            struck.append(StruckNumber(canvas.geometry.map(_corners_of(place)), len(number), how))
            continue
        line = lines.setdefault(index, len(lines))
        for position, mark in enumerate(number):
            instance = len(truth) + 1
            assert mark.label is not None
            truth[instance] = _Written(mark.label, line, position)
            write(random, canvas, mark.shape, mark.place, pen, instance, as_raster=as_raster)
    marks: list[SceneMark] = []
    rows: dict[int, list[FloatArray]] = {}
    for mark in layout.signs:
        strokes = strokes_of(random, canvas, mark.shape, mark.place, pen)
        if mark.row >= 0 and not mark.lookalike:
            rows.setdefault(mark.row, []).extend(strokes)
        else:
            draw_strokes(random, canvas, strokes, pen, IGNORE if mark.lookalike else CLUTTER)
        if mark.kind:
            box = _box_of(strokes, pen).clipped(canvas.rows, canvas.columns)
            marks.append(SceneMark(mark.kind, box, lines.get(mark.number, -1)))
        if strikes and mark.row >= 0 and len(mark.shape.strokes) > 1 and chance(random, STRUCK):
            clutter.strike(random, canvas, _area_of([mark]), pen)
    for strokes in rows.values():  # a whole line of words at once: one by one they take longer
        draw_strokes(random, canvas, strokes, pen, CLUTTER)
    for rule in layout.rules:
        draw_strokes(random, canvas, [canvas.geometry.map(rule)], pen, CLUTTER)
    return truth, marks, struck


def _area_of(number: list[Mark]) -> Area:
    """The area that a number takes, in the page's plane."""
    corners = np.concatenate([mark.place.map(mark.shape.corners, mark.shape.height) for mark in number])
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return Area(left, top, right, bottom)


def _corners_of(area: Area) -> FloatArray:
    left, top, right, bottom = area.left, area.top, area.right, area.bottom
    return floats([(left, top), (right, top), (right, bottom), (left, bottom)])


def _box_of(strokes: list[FloatArray], pen: Pen) -> Box:
    """The box of the ink along centre lines given in pixels of the picture."""
    points = np.concatenate(strokes)
    left, top = np.floor(points.min(axis=0) - pen.width / 2).astype(int).tolist()
    right, bottom = np.ceil(points.max(axis=0) + pen.width / 2).astype(int).tolist()
    return Box(left, top, right + 1, bottom + 1)


def _shown_marks(
    canvas: Canvas, image: ByteArray, marks: list[SceneMark], digits: tuple[SceneDigit, ...]
) -> tuple[SceneMark, ...]:
    """The marks that a person can see, of numbers that can be read; others are moved to the ignored part."""
    grey = pixels(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)) if marks else np.zeros((0, 0), np.uint8)
    lines, shown = {digit.line for digit in digits}, []
    for mark in marks:
        if mark.line not in lines or mark.box.width <= 0 or mark.box.height <= 0:
            continue
        if mark.box.of(canvas.clutter).max() > 100 and not mark.box.of(canvas.ignore).any():
            around = _grown(mark.box, PAPER_BESIDE).clipped(canvas.rows, canvas.columns)
            mine = np.zeros((around.height, around.width), bool)
            mark.box.moved(-around.left, -around.top).of(mine)[:] = True
            ink = around.of(canvas.clutter)
            if _stands_out(canvas, grey, around, mine & (ink > 0), ink, max(mark.box.width, mark.box.height)):
                shown.append(mark)
            else:
                mark.box.of(canvas.ignore)[:] = 255
    return tuple(shown)


def _readable(random: Random, canvas: Canvas, area: Area, pen: Pen) -> Pen:
    """The pen, pressed harder where its ink would not stand out from this paper by at least 8 %."""
    x, y = ((area.left + area.right) / 2, (area.top + area.bottom) / 2)
    row, column = int(np.clip(y, 0, canvas.rows - 1)), int(np.clip(x, 0, canvas.columns - 1))
    below = canvas.colour[row, column]
    weights = floats([0.114, 0.587, 0.299])
    contrast = abs(float((below - floats(pen.colour)) @ weights)) / max(float(below @ weights), 0.05)
    least = log_between(random, 0.1, 0.4)
    if contrast < least:
        shade = 0.9 if float(below @ weights) < 0.3 else 0.12
        return replace(pen, colour=(shade, shade, shade), opacity=max(pen.opacity, 0.5))
    return replace(pen, opacity=min(1.0, max(pen.opacity, least / contrast)))


def _in_reading_order(numbers: list[list[Mark]]) -> list[list[Mark]]:
    """The numbers row by row: those that stand beside each other from left to right."""

    def top(number: list[Mark]) -> float:
        return min(mark.place.y for mark in number)

    def bottom(number: list[Mark]) -> float:
        return max(mark.place.y + mark.shape.height * mark.place.size for mark in number)

    def middle(number: list[Mark]) -> float:
        return (top(number) + bottom(number)) / 2

    ordered: list[list[Mark]] = []
    rest = sorted(numbers, key=middle)
    while rest:
        # A row is all whose middle is beside the upper three quarters of its highest number.
        lowest = bottom(rest[0]) - 0.25 * (bottom(rest[0]) - top(rest[0]))
        count = sum(middle(number) < lowest for number in rest)
        ordered += sorted(rest[:count], key=lambda number: number[0].place.x)
        rest = rest[count:]
    return ordered


def _legible(canvas: Canvas, image: ByteArray, truth: dict[int, _Written]) -> tuple[SceneDigit, ...]:
    """The digits that a person can read; the others are moved to the ignored part."""
    if not truth:
        return ()
    grey = pixels(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    shown = np.bincount(canvas.instances.ravel(), canvas.ink.ravel(), minlength=len(truth) + 1) / 255
    digits = []
    for instance, written in truth.items():
        box = canvas.boxes.get(instance)
        if box is None:
            continue
        wide = _grown(box, PAPER_BESIDE).clipped(canvas.rows, canvas.columns)
        mine = window(canvas.instances, wide) == instance
        if shown[instance] >= VISIBLE * canvas.areas[instance] and _stands_out(
            canvas, grey, wide, mine, wide.of(canvas.ink), max(box.height, LOWEST)
        ):
            digits.append(SceneDigit(written.label, box, written.line, written.position, instance))
            continue
        around = _grown(box, 3).clipped(canvas.rows, canvas.columns)
        region = window(canvas.instances, around) == instance
        hidden = cv2.dilate(region.astype(np.uint8) * 255, np.ones((7, 7), np.uint8))
        around.of(canvas.ignore)[hidden > 0] = 255
        around.of(canvas.ink)[region] = 0
        window(canvas.instances, around)[region] = 0
    return tuple(digits)


def _forget_faded(canvas: Canvas, image: ByteArray) -> None:
    """Move writing that is no digit, and that nobody can see, to the ignored part, in place."""
    writing = cv2.threshold(canvas.clutter, 127, 255, cv2.THRESH_BINARY)[1]
    if not cv2.countNonZero(writing):
        return
    grey = pixels(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    drawn = cv2.max(cv2.max(canvas.ink, canvas.clutter), cv2.max(canvas.ignore, canvas.ruling))
    paper = cv2.threshold(drawn, 20, 255, cv2.THRESH_BINARY_INV)[1]
    side = FADED_WINDOW
    level: list[FloatArray] = []
    for mask in (writing, paper):
        count = floats(cv2.blur(mask, (side, side), borderType=cv2.BORDER_REFLECT)) + np.float32(0.5)
        total = floats(cv2.blur(cv2.bitwise_and(grey, mask), (side, side), borderType=cv2.BORDER_REFLECT))
        level.append(total * np.float32(255) / count)
    least = 0.55 * LEAST_ONE_BIT if "one bit" in canvas.conditions else LEAST_CONTRAST
    told = cv2.blur(paper, (side, side), borderType=cv2.BORDER_REFLECT) > 12  # else there is no paper near
    faded = (np.abs(level[0] - level[1]) < least) & (canvas.clutter > 0) & told
    if not faded.any():
        return
    around = cv2.dilate(faded.astype(np.uint8) * 255, np.ones((5, 5), np.uint8))
    around[canvas.instances > 0] = 0
    np.maximum(canvas.ignore, around, out=canvas.ignore)
    canvas.clutter[faded] = 0


def _grown(box: Box, by: int) -> Box:
    return Box(box.left - by, box.top - by, box.right + by, box.bottom + by)


def _stands_out(
    canvas: Canvas, grey: ByteArray, wide: Box, mine: npt.NDArray[np.bool_], ink: ByteArray, size: int
) -> bool:
    """True when the ink of a digit or a mark differs enough from the paper right beside it.

    Args:
        canvas: what was drawn.
        grey: the picture of it.
        wide: its box, and paper around it.
        mine: which pixels there are its own.
        ink: how much of each is covered.
        size: of the digit or mark, pixels.
    """
    around = floats(wide.of(grey))
    core = mine & (ink > 160) if np.count_nonzero(mine & (ink > 160)) >= 4 else mine
    bare = (wide.of(canvas.ink) == 0) & (wide.of(canvas.clutter) == 0)
    if np.count_nonzero(bare & (wide.of(canvas.ruling) == 0)) > 0.1 * bare.size:
        bare &= wide.of(canvas.ruling) == 0
    blank = floats(bare)
    # Against the paper near each pixel: the edge of a shadow or of the sheet in the box is no contrast.
    reach = max(9, (wide.height - 2 * PAPER_BESIDE) // 3) | 1
    share = floats(cv2.blur(blank, (reach, reach)))
    paper_grey = floats(cv2.blur(around * blank, (reach, reach))) / np.maximum(share, np.float32(1e-6))
    core &= share > 0.01
    if np.count_nonzero(core) < 4:
        return False
    contrast = abs(float((around - paper_grey)[core].mean()))
    steps = (around[:, 1:] - around[:, :-1])[(blank[:, 1:] * blank[:, :-1]) > 0]
    noise = float(steps.std()) / np.sqrt(2) if steps.size else 0.0
    size = min(size, 60)  # a larger one may have strokes that are no thicker
    least = LEAST_ONE_BIT if "one bit" in canvas.conditions else LEAST_CONTRAST
    return contrast >= least and contrast / (noise + 1) * np.sqrt(size / 20) >= LEAST_CONTRAST_TO_NOISE
