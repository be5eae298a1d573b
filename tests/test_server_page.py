"""The page in a real browser: Debian's Chromium, driven by Playwright.

With DIGITCAM_PICTURES=docs the picture that the README shows is made again, as docs/page.jpg.
"""

import base64
import json
import os
import re
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from receiver import receiving
from samples import written
from serving import serving

from edge.reader import DigitReader
from edge.sources.handwriting import Hand, write_number

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")
pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install playwright")
from browsing import NARROW, WIDE, Pages, beside, box_of, check_looks, chromium, expect, wait_until_ready


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server():
    with serving("demo", "--fps", "10") as running:
        yield running


@pytest.fixture
def meant():
    """Parts of what the browser logs that are meant to go wrong, such as answers that are errors."""
    return []


@pytest.fixture
def open_page(browser, server, meant):
    """Opens the page; in the end, nothing was asked of anybody else, and nothing else went wrong in it."""
    with Pages(browser, meant) as pages:
        yield lambda tab="draw", url=server.url, **options: pages.open(f"{url}/#{tab}", **options)


def write(page, text, height=150, left=60, top=100):
    """Write a number with the pointer, stroke by stroke."""
    paper = box_of(page.locator("#draw canvas"))
    hand = Hand(height, slant=0.05, width=1.0, gap=0.3, pen=0.09, shake=0.008, habits=(0,) * 10)
    rng = np.random.default_rng(5)
    for k, character in enumerate(text):
        corner = np.array((paper["x"] + left + 0.95 * height * k, paper["y"] + top + height))
        for stroke in write_number(character, hand, rng):
            way = (stroke + corner)[:: max(1, len(stroke) // 20)]
            page.mouse.move(*way[0])
            page.mouse.down()
            for x, y in way[1:]:
                page.mouse.move(x, y)
            page.mouse.up()


def numbers(page, tab):
    return page.locator(f"#{tab} .list .text")


def test_digits_are_read_as_the_pen_is_lifted(open_page):
    page = open_page()
    expect(page.get_by_text("Write some digits here")).to_be_visible()
    write(page, "407")
    expect(numbers(page, "draw")).to_have_text(["407"])
    expect(page.locator("#draw .plate")).to_have_text(["407"])
    expect(page.locator("#draw .announce")).to_have_text("Read: 407")
    write(page, "25", top=320)
    expect(numbers(page, "draw")).to_have_text(["407", "25"])


def test_a_stroke_may_begin_inside_a_digit_that_was_read(open_page):
    page = open_page()
    write(page, "7")
    expect(numbers(page, "draw")).to_have_text(["7"])
    strokes = box_of(page.locator("#draw .overlay .digit"))
    page.mouse.move(strokes["x"] + strokes["width"] * 0.3, strokes["y"] + strokes["height"] * 0.5)
    before = page.locator("#draw canvas").evaluate("canvas => canvas.toDataURL()")
    page.mouse.down()
    page.mouse.move(strokes["x"] + strokes["width"] * 0.8, strokes["y"] + strokes["height"] * 0.5)
    page.mouse.up()
    assert page.locator("#draw canvas").evaluate("canvas => canvas.toDataURL()") != before


def test_undo_takes_back_a_stroke_and_clear_all(open_page):
    page = open_page()
    write(page, "10")
    expect(numbers(page, "draw")).to_have_text(["10"])
    page.keyboard.press("Control+z")
    expect(numbers(page, "draw")).to_have_text(["1"])
    page.get_by_role("button", name="Clear").click()
    expect(numbers(page, "draw")).to_have_count(0)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_finger_draws_too(open_page):
    page = open_page(viewport=NARROW, has_touch=True, is_mobile=True)
    write(page, "7", height=120)
    expect(numbers(page, "draw")).to_have_text(["7"])


def test_a_click_on_a_digit_shows_what_the_reader_saw(open_page):
    page = open_page()
    write(page, "407")
    expect(numbers(page, "draw")).to_have_text(["407"])
    box = box_of(page.locator("#draw .overlay .digit").nth(1))
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    # On paper a click draws a dot: the digits of the list show it there.
    page.get_by_role("button", name=re.compile("^7, .* digit 3 of")).last.click()
    inspector = page.locator("#draw .inspector")
    expect(inspector.locator(".verdict")).to_contain_text("Read as 7, with a confidence of")
    expect(inspector.locator(".bars li")).to_have_count(10)
    expect(inspector.locator(".bars li.best")).to_contain_text("7")
    glyph = inspector.locator(".glyph")
    assert glyph.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [28, 28]
    assert inspector.locator(".crop").evaluate("image => image.naturalWidth") > 28


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    cv2.imwrite(str(path), written("2859", size=(240, 360)))
    return path


def test_a_photo_is_shown_with_boxes_over_its_digits(open_page, photo):
    page = open_page("photo")
    page.set_input_files("#photo .choose", photo)
    expect(numbers(page, "photo")).to_have_text(["2859"])
    shown = box_of(page.locator("#photo .shown"))
    assert shown["width"] / shown["height"] == pytest.approx(360 / 240, rel=0.01)
    boxes = [box_of(digit) for digit in page.locator("#photo .overlay .digit").all()]
    assert len(boxes) == 4
    for k, box in enumerate(boxes):
        left = (box["x"] - shown["x"]) / shown["width"] * 360
        assert left == pytest.approx(36 + 45 * k, abs=8)  # where `written` wrote it
    expect(page.locator("#photo .note")).to_contain_text("1 number, 4 digits, read in")
    page.locator("#photo .overlay .digit").first.click()
    expect(page.locator("#photo .verdict")).to_contain_text("Read as 2")


def test_a_photo_that_was_taken_the_wrong_way_round_is_turned(open_page, photo):
    page = open_page("photo")
    expect(page.locator("#photo .turn")).to_be_hidden()
    page.set_input_files("#photo .choose", photo)
    shown = page.locator("#photo .shown")
    for size in ([240, 360], [360, 240], [240, 360], [360, 240]):
        page.get_by_role("button", name="Turn").click()
        expect(shown).to_have_js_property("naturalWidth", size[0])
        expect(shown).to_have_js_property("naturalHeight", size[1])
        expect(page.locator("#photo .note")).to_contain_text("read in")


def test_real_photos_are_read(open_page, real_dir):
    photo = real_dir / "photos" / "bikz05_photo1.jpg"
    page = open_page("photo")
    page.set_input_files("#photo .choose", photo)
    result = DigitReader(thorough=True).read_image(cv2.imread(str(photo)))
    there = [reading.text for reading in result.readings]
    assert "".join(there) == "05221859"
    expect(numbers(page, "photo")).to_have_text(there)


def test_what_the_browser_shows_is_read_whatever_its_kind_and_size(open_page, tmp_path):
    path = tmp_path / "photo.webp"
    large = cv2.resize(written("407"), None, fx=16, fy=16)  # 19 megapixels
    Image.fromarray(large).save(path)
    page = open_page("photo")
    page.set_input_files("#photo .choose", path)
    expect(numbers(page, "photo")).to_have_text(["407"])


def test_a_picture_is_dropped_and_pasted(open_page, photo):
    page = open_page("photo")
    transfer = """async data => {
        const transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
        transfer.items.add(new File([bytes], 'photo.jpg', { type: 'image/jpeg' }));
        return transfer;
    }"""
    data = base64.b64encode(photo.read_bytes()).decode()
    page.dispatch_event("#photo .drop", "drop", {"dataTransfer": page.evaluate_handle(transfer, data)})
    expect(numbers(page, "photo")).to_have_text(["2859"])
    page.reload()
    wait_until_ready(page)
    page.evaluate(
        "transfer => document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer }))",
        page.evaluate_handle(transfer, data),
    )
    expect(numbers(page, "photo")).to_have_text(["2859"])


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "avif"])
def test_of_an_animation_it_is_said_that_the_first_picture_is_read(open_page, tmp_path, kind):
    path = tmp_path / f"photo.{kind}"
    first, second = (Image.fromarray(written(text)).convert("RGB") for text in ("407", "19"))
    first.save(path, save_all=True, append_images=[second], duration=100)
    page = open_page("photo")
    page.set_input_files("#photo .choose", path)
    expect(page.locator("#photo .note")).to_contain_text(
        re.compile("[.] An animation.* of which the first.* is read[.]")
    )
    first.save(path)
    page.set_input_files("#photo .choose", path)
    expect(page.locator("#photo .note")).to_contain_text("read in")
    expect(page.locator("#photo .note")).not_to_contain_text("animation")


def test_of_several_files_that_are_dropped_one_is_read_and_the_others_told(open_page, photo):
    page = open_page("photo")
    data = base64.b64encode(photo.read_bytes()).decode()
    transfer = """data => {
        const transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
        for (const name of 'abc') transfer.items.add(new File([bytes], name, { type: 'image/jpeg' }));
        return transfer;
    }"""
    page.dispatch_event("#photo .drop", "drop", {"dataTransfer": page.evaluate_handle(transfer, data)})
    expect(page.locator("#photo .note")).to_contain_text("2 other files left out")


def test_what_is_no_picture_is_said(open_page, tmp_path):
    path = tmp_path / "letter.png"
    path.write_bytes(b"no picture")
    page = open_page("photo")
    page.set_input_files("#photo .choose", path)
    expect(page.locator("#photo .note")).to_have_text("This browser cannot open letter.png as a picture.")


def test_the_annotated_picture_is_saved(open_page, photo):
    page = open_page("photo")
    page.set_input_files("#photo .choose", photo)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save with boxes").click()
    saved = cv2.imread(str(download.value.path()))
    assert saved.shape == (240, 360, 3)


def pause(page):
    """Pause at a picture with a number: between two sheets there is none."""
    digits = page.locator("#live .list .text button")
    for _ in range(20):
        expect(digits.first).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#live .shown")).to_have_attribute("src", re.compile("^blob:"))
        expect(page.locator("#live .shown")).to_have_js_property("naturalWidth", 640)
        if digits.count():
            return
        page.get_by_role("button", name="Go on").click()
    pytest.fail("each time that it is paused, no number is in view")


def test_the_camera_is_watched_live(open_page):
    page = open_page("live")
    expect(numbers(page, "live").first).to_be_visible()
    expect(page.locator("#live .fps")).to_have_text(re.compile(r"^[1-9]\d*$"))
    expect(page.locator("#live .latency")).to_have_text(re.compile(r"^\d+ ms$"))
    expect(page.locator("#live .shown")).to_have_js_property("naturalWidth", 640)
    expect(page.locator("#live .frame.accepted").first).to_be_visible()
    pause(page)
    page.locator("#live .list .text button").first.click()
    expect(page.locator("#live .verdict")).to_contain_text("Read as")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#live .shown")).to_have_attribute("src", re.compile("stream"))


def test_what_cannot_be_kept_is_told_while_the_camera_is_watched(open_page, tmp_path):
    (tmp_path / "file").touch()
    with serving("demo", "--history", tmp_path / "file" / "history.db") as running:
        page = open_page("live", running.url)
        note = page.locator("#live .note")
        expect(note).to_contain_text("history.db cannot be written to")
        expect(note).to_have_class(re.compile("bad"))
        expect(numbers(page, "live").first).to_be_visible()
        (tmp_path / "file").unlink()
        expect(note).not_to_contain_text("history.db", timeout=90_000)
        page.close()  # before its server is gone


def test_a_server_that_is_gone_leaves_nothing_old_on_the_page(browser):
    with serving("demo") as server:
        page = browser.new_context(viewport=NARROW).new_page()
        page.goto(f"{server.url}/#live")
        expect(numbers(page, "live").first).to_be_visible()
    expect(page.locator("#live .note")).to_have_text("Not connected; trying again …")
    expect(numbers(page, "live")).to_have_count(0)
    expect(page.locator("#live .shown")).to_be_hidden()
    expect(page.locator("#live .fps")).to_have_text("–")
    page.context.close()


def test_the_page_says_what_does_not_get_through_to_elsewhere(browser, tmp_path):
    env = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    page = browser.new_context(viewport=NARROW).new_page()
    with receiving() as receiver:
        receiver.plan = [500]
        with serving("demo", "--webhook", receiver.url, env=env) as server:
            receiver.wait_for(2)
            page.goto(f"{server.url}/#live")
            note = page.locator("#live .note")
            unsent = re.compile(r"[1-9]\d* not sent \(webhook\): http://127\S* answers 500")
            expect(note).to_contain_text(unsent)
            expect(note).to_have_class(re.compile("bad"))
            receiver.plan = [204]
            expect(note).not_to_contain_text("not sent", timeout=60_000)
    page.context.close()


def test_where_a_picture_cannot_be_read_nothing_older_is_shown_as_read(browser, server, photo):
    page = browser.new_context(viewport=NARROW).new_page()
    page.goto(f"{server.url}/#draw")
    wait_until_ready(page)
    write(page, "7")
    expect(numbers(page, "draw")).to_have_text(["7"])
    page.route("**/v1/predict*", lambda route: route.abort())
    write(page, "4", top=260)
    page.get_by_role("tab", name="Photo").click()
    page.set_input_files("#photo .choose", photo)
    for tab in ("draw", "photo"):
        expect(page.locator(f"#{tab} .note")).to_have_text("The server does not answer.")
        expect(numbers(page, tab)).to_have_count(0)
        expect(page.locator(f"#{tab} .numbers .none")).to_have_text("Nothing read yet.")
    page.context.close()


def test_a_server_without_room_for_all_files_of_the_page_is_asked_again(browser, server):
    page = browser.new_context(viewport=NARROW).new_page()
    full = iter([True])

    def answer(route):
        route.fulfill(status=503) if next(full, False) else route.continue_()

    page.route("**/page/draw.js", answer)
    page.goto(server.url)
    expect(page.get_by_role("alert")).to_have_text(re.compile("trying again"))
    expect(page.get_by_role("tabpanel", name="Draw")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()
    page.context.close()


def full_page(rows, columns, gap):
    """What the server answers for a page of numbers that stand close together."""
    high, wide = 20, 14
    readings = []
    for row in range(rows):
        for column in range(columns):
            left, top = 40 + column * (3 * wide + gap), 40 + row * (high + gap)
            text = str(100 + 10 * row + column)
            boxes = [[left + k * wide, top, left + (k + 1) * wide - 2, top + high] for k in range(3)]
            digits = [
                {
                    "label": int(label),
                    "confidence": 0.99,
                    "margin": 0.9,
                    "box": box,
                    "top_k": [[0, 1], [1, 0]],
                }
                for label, box in zip(text, boxes, strict=True)
            ]
            box = [left, top, boxes[-1][2], top + high]
            reading = {"text": text, "status": "accepted", "confidence": 0.99, "track_id": None}
            readings.append({**reading, "box": box, "digits": digits})
    result = {"image_size": [360, 240], "readings": readings, "turned": 0, "complete": True}
    return json.dumps({**result, "speed_ms": {"total": 1.0}})


def overlapping(box, other):
    return (
        box["x"] < other["x"] + other["width"]
        and other["x"] < box["x"] + box["width"]
        and box["y"] < other["y"] + other["height"]
        and other["y"] < box["y"] + box["height"]
    )


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "360"])
@pytest.mark.parametrize("gap", [4, 12, 30])
def test_labels_cover_neither_other_numbers_nor_each_other(open_page, photo, size, gap):
    page = open_page("photo", viewport=size)
    page.route("**/v1/predict*", lambda route: route.fulfill(body=full_page(4, 3, gap)))
    page.set_input_files("#photo .choose", photo)
    expect(page.locator("#photo .plate")).to_have_count(12)
    picture = box_of(page.locator("#photo .picture"))
    frames = [box_of(frame) for frame in page.locator("#photo .frame").all()]
    labels = {
        k: box_of(plate) for k, plate in enumerate(page.locator("#photo .plate").all()) if plate.is_visible()
    }
    assert len(labels) >= 4  # at the least those at the rim of the block
    for k, label in labels.items():
        assert label["x"] >= picture["x"]
        assert label["x"] + label["width"] <= picture["x"] + picture["width"]
        assert not any(overlapping(label, frame) for number, frame in enumerate(frames) if number != k)
        assert not any(overlapping(label, other) for number, other in labels.items() if number != k)
        near = {side: frames[k][side] - 3 for side in "xy"}
        assert overlapping(label, {**near, **{side: frames[k][side] + 6 for side in ("width", "height")}})


def test_a_number_is_listed_with_its_marks_and_what_is_in_doubt_is_uncertain(open_page, photo):
    answer = json.loads(full_page(3, 1, 4))
    texts = [("12.5", "accepted"), ("-302", "uncertain"), ("1?:45", "uncertain")]
    for reading, (text, status) in zip(answer["readings"], texts, strict=True):
        reading |= {"text": text, "status": status}
    answer["readings"][2]["digits"].append(answer["readings"][2]["digits"][0])
    page = open_page("photo")
    page.route("**/v1/predict*", lambda route: route.fulfill(body=json.dumps(answer)))
    page.set_input_files("#photo .choose", photo)
    expect(numbers(page, "photo")).to_have_text([text for text, _ in texts])
    expect(page.locator("#photo .list .state")).to_have_text(
        ["accepted, 99 %", "uncertain, 99 %", "uncertain, 99 %"]
    )


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "360"])
def test_a_long_number_goes_on_in_the_next_line(open_page, photo, size):
    answer = json.loads(full_page(1, 1, 4))
    (reading,) = answer["readings"]
    reading |= {"text": "4" * 60, "digits": reading["digits"][:1] * 60}
    page = open_page("photo", viewport=size)
    page.route("**/v1/predict*", lambda route: route.fulfill(body=json.dumps(answer)))
    page.set_input_files("#photo .choose", photo)
    expect(numbers(page, "photo")).to_have_text(["4" * 60])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for button in (
        page.locator("#photo .list .text button").first,
        page.locator("#photo .list .text button").last,
    ):
        box = box_of(button)
        assert 0 <= box["x"] < box["x"] + box["width"] <= size["width"]


def test_a_label_without_a_place_is_there_while_its_number_is_pointed_at_or_chosen(open_page, photo):
    page = open_page("photo")
    page.route("**/v1/predict*", lambda route: route.fulfill(body=full_page(3, 3, 4)))
    page.set_input_files("#photo .choose", photo)
    label = page.locator("#photo .plate").nth(4)  # in the middle
    expect(label).to_be_hidden()
    for item in (page.locator("#photo .digit").nth(12), page.locator("#photo .list li").nth(4)):
        item.hover()
        expect(label).to_be_visible()
        page.mouse.move(1, 1)
        expect(label).to_be_hidden()
    page.locator("#photo .list li button").nth(12).click()
    page.mouse.move(1, 1)
    page.locator("h1").click()  # the focus goes
    expect(label).to_be_visible()


def test_a_label_stays_where_it_is_while_that_is_free(open_page, photo):
    """Sizes of numbers tremble from frame to frame; labels are not to jump."""
    page = open_page("photo")
    script = """async () => {
        const { placeLabels } = await import('/page/labels.js');
        const frame = [100, 100, 160, 130], size = [40, 20];
        const above = placeLabels([{ frame, size, last: null }], [400, 300], [1])[0];
        const blocked = [{ frame, size, last: null }, { frame: [100, 60, 160, 90], size, last: null }];
        const below = placeLabels(blocked, [400, 300], [1])[0];
        const still = placeLabels([{ frame, size, last: below.place }], [400, 300], [1])[0];
        return [above.top, below.top, still.top];
    }"""
    assert page.evaluate(script) == [80, 130, 130]


def test_tabs_are_changed_by_keys_and_kept_in_the_address(open_page):
    page = open_page("draw")
    page.get_by_role("tab", name="Draw").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Photo")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Photo")).to_be_visible()
    expect(page.get_by_role("tabpanel", name="Draw")).to_be_hidden()
    page.reload()
    expect(page.get_by_role("tab", name="Photo")).to_have_attribute("aria-selected", "true")


@pytest.fixture
def token_file(tmp_path):
    return tmp_path / "token"


@pytest.fixture
def guarded(token_file):
    with serving("demo", "--token-file", token_file) as running:
        yield running


def test_the_token_is_asked_for_once(guarded, open_page, token_file):
    page = open_page(url=guarded.url)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    token = token_file.read_text().strip()
    page.get_by_role("textbox", name="Token").fill(token)
    page.get_by_role("button", name="Open").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("tab", name="Live").click()
    expect(numbers(page, "live").first).to_be_visible()
    page.reload()
    expect(numbers(page, "live").first).to_be_visible()
    expect(dialog).to_be_hidden()
    assert token not in page.evaluate("document.cookie + JSON.stringify(localStorage)")


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "digitcam.toml"
    path.write_text("# mine\n[run]\njson = true  # always\n")
    return path


@pytest.fixture
def with_fields(settings, open_page):
    """The live tab of a server whose settings can be changed; its pages are slow enough to be read."""
    with serving("demo", "--fps", "5", env={"XDG_CONFIG_HOME": str(settings.parent)}) as running:
        pages = []

        def open_live(**options):
            pages.append(open_page("live", running.url, **options))
            expect(pages[-1].locator("#live .shown")).to_be_visible()  # there is a frame to try fields on
            return pages[-1]

        yield open_live
        for page in pages:
            page.context.close()  # before its server, whose end would be an error in it


def add_field(page, name, region=(0.02, 0.02, 0.98, 0.98), look=""):
    """Add a field as a user does, but for saving it."""
    page.get_by_role("button", name="Add a field").click()
    drag(page, region)
    page.get_by_label("Name").fill(name)
    page.get_by_label("What it looks like").select_option(look)


def drag(page, region):
    """Drag a frame, in shares of the picture."""
    picture = box_of(page.locator("#live .chooser"))
    left, top, right, bottom = region
    corners = [
        (picture["x"] + x * picture["width"], picture["y"] + y * picture["height"])
        for x, y in ((left, top), ((left + right) / 2, (top + bottom) / 2), (right, bottom))
    ]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner)
    page.mouse.up()


def save(page):
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#live .field-form")).to_be_hidden()


def saved(settings):
    return tomllib.loads(settings.read_text())["field"]


def test_a_field_is_dragged_named_and_saved_and_is_there_after_a_reload(with_fields, settings):
    page = with_fields()
    expect(page.locator("#live .fields .none")).to_be_visible()
    add_field(page, "water", (0.1, 0.2, 0.9, 0.5), "???0")
    expect(page.locator("#live .now")).to_have_text(re.compile("^Now: "))
    save(page)
    (field,) = saved(settings)
    assert field["name"] == "water"
    assert field["format"] == "???0"
    assert field["region"] == pytest.approx([0.1, 0.2, 0.9, 0.5], abs=0.01)
    assert settings.read_text().startswith("# mine\n[run]\njson = true  # always\n")
    page.reload()
    wait_until_ready(page)
    expect(page.locator("#live .field-list .name")).to_have_text(["water"])
    expect(page.locator("#live .outlines polygon")).to_have_count(1)
    page.get_by_role("button", name="Edit water").click()
    frame, picture = (box_of(page.locator(f"#live .{name}")) for name in ("region", "picture"))
    assert (frame["x"] - picture["x"]) / picture["width"] == pytest.approx(0.1, abs=0.01)
    assert frame["height"] / picture["height"] == pytest.approx(0.3, abs=0.01)


def test_it_is_told_what_a_field_reads_now_and_why_it_was_refused(with_fields):
    page = with_fields()
    expect(numbers(page, "live").first).to_be_visible()
    add_field(page, "meter", look="0000-00-00")
    refused = re.compile(r"(no|none of \d+) numbers? is|is not as|not as|as 0000-00-00")
    expect(page.locator("#live .now")).to_have_text(refused)
    save(page)
    expect(page.locator("#live .field-list .problem")).to_have_text(refused)
    expect(page.locator("#live .field-list .value")).to_have_text("–")


def test_a_field_is_changed_and_deleted(with_fields, settings):
    page = with_fields()
    add_field(page, "water")
    save(page)
    page.get_by_role("button", name="Edit water").click()
    page.get_by_label("Name").fill("cold water")
    page.get_by_label("What it looks like").select_option("own")
    page.get_by_label("Format: 0 a digit").fill("??00,0")
    expect(page.locator("#live .example")).to_have_text("Read as in 12,3 or 1234,5.")
    page.get_by_text("Unit, limits, and when it is read").click()
    page.get_by_label("Unit").fill("m³")
    page.get_by_label("Least").fill("1,5")
    page.get_by_label("Changes at most").fill("up")
    save(page)
    (field,) = saved(settings)
    assert (field["name"], field["format"], field["unit"]) == ("cold water", "??00,0", "m³")
    assert (field["least"], field["most_change"]) == (1.5, "up")
    page.get_by_role("button", name="Edit cold water").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Really delete?").click()
    expect(page.locator("#live .field-list li")).to_have_count(0)
    expect(page.locator("#live .fields .none")).to_be_visible()
    assert "field" not in tomllib.loads(settings.read_text())


def test_a_field_that_makes_no_sense_is_told_and_the_form_stays(with_fields, settings, meant):
    meant.append("status of 422")
    page = with_fields()
    page.get_by_role("button", name="Add a field").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#live .field-form .wrong")).to_have_text("Give it a name.")
    page.get_by_label("Name").fill("water")
    page.get_by_label("What it looks like").select_option("own")
    page.get_by_label("Format: 0 a digit").fill("12")
    expect(page.locator("#live .now")).to_have_text(re.compile("format: cannot use the format"))
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#live .field-form .wrong")).to_have_text(re.compile("cannot use the format '12'"))
    expect(page.locator("#live .field-form")).to_be_visible()
    assert "field" not in tomllib.loads(settings.read_text())


def test_settings_that_were_changed_meanwhile_are_shown_and_not_overwritten(with_fields, settings, meant):
    meant.append("status of 409")
    page = with_fields()
    add_field(page, "water")
    settings.write_text(settings.read_text() + '[[field]]\nname = "by hand"  # just now\n')
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#live .field-form .wrong")).to_contain_text("changed meanwhile")
    expect(page.locator("#live .field-list .name")).to_have_text(["by hand"])
    save(page)
    assert [field["name"] for field in saved(settings)] == ["by hand", "water"]
    assert "# just now" in settings.read_text()


def test_a_field_can_be_added_once_it_is_known_which_there_are(with_fields, meant):
    page = with_fields()
    meant.append("/v1/fields")
    page.route("**/v1/fields", lambda asked: asked.fulfill(status=503, json={"detail": "busy"}))
    page.reload()
    wait_until_ready(page)
    expect(page.locator("#live .fields-note")).to_have_text("busy")
    add = page.get_by_role("button", name="Add a field")
    expect(add).to_be_disabled()
    page.unroute("**/v1/fields")
    page.get_by_role("tab", name="Photo").click()
    page.get_by_role("tab", name="Live").click()
    expect(add).to_be_enabled()
    add.click()
    expect(page.locator("#live .field-form")).to_be_visible()


def test_a_region_is_placed_and_moved_by_keys(with_fields, settings):
    page = with_fields()
    page.get_by_role("button", name="Add a field").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("water")
    page.get_by_role("button", name="Put a frame in the middle").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#live .region")).to_be_focused()
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    page.get_by_label("Name").press("Enter")
    expect(page.locator("#live .field-form")).to_be_hidden()
    assert saved(settings)[0]["region"] == pytest.approx([0.29, 0.39, 0.7, 0.6])
    page.get_by_role("button", name="Edit water").click()
    page.keyboard.press("Escape")
    expect(page.locator("#live .field-form")).to_be_hidden()


def test_a_finger_drags_a_region_and_its_corners(with_fields, settings):
    page = with_fields(viewport=NARROW, has_touch=True, is_mobile=True)
    page.get_by_role("button", name="Add a field").tap()
    touch = page.context.new_cdp_session(page)

    def swipe(*way):
        points = [
            {"x": picture["x"] + x * picture["width"], "y": picture["y"] + y * picture["height"]}
            for x, y in way
        ]
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
        for point in points[1:]:
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    expect(page.locator("#live .chooser")).to_be_visible()
    page.evaluate("document.querySelector('#live .picture').scrollIntoView()")
    picture = box_of(page.locator("#live .chooser"))
    swipe((0.2, 0.3), (0.5, 0.5), (0.7, 0.6))
    swipe((0.7, 0.6), (0.8, 0.7), (0.9, 0.8))
    swipe((0.4, 0.5), (0.35, 0.45), (0.3, 0.4))
    page.get_by_label("Name").fill("water")
    save(page)
    assert saved(settings)[0]["region"] == pytest.approx([0.1, 0.2, 0.8, 0.7], abs=0.02)
    small = page.locator("#live .fields button:visible, #live .aim summary").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).filter(box => box.height < 44 || box.width < 44)"
    )
    assert small == []


def test_how_the_camera_is_aimed_is_told(open_page):
    page = open_page("live")
    expect(page.locator("#live .aim-state")).not_to_have_text("How it is aimed")
    page.locator("#live .aim summary").click()
    expect(page.locator("#live .measures dt", has_text="height of the digits")).to_be_visible()
    expect(page.locator("#live .measures dd").first).to_have_text(re.compile(r"^\d+ pixels$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "360"])
def test_fields_look_right_in_every_width_and_light(with_fields, tmp_path, scheme, size):
    page = with_fields(viewport=size, color_scheme=scheme)
    add_field(page, "water", (0.1, 0.1, 0.9, 0.5), "00000.0")
    page.get_by_text("Unit, limits, and when it is read").click()
    expect(page.locator("#live .now")).to_have_text(re.compile("^Now: "))
    check_looks(page, tmp_path / "form.png")
    save(page)
    expect(page.locator("#live .field-list .problem")).not_to_be_empty()
    page.locator("#live .aim summary").click()
    check_looks(page, tmp_path / "fields.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "360"])
def test_it_looks_right_in_every_width_and_light(open_page, photo, tmp_path, scheme, size):
    page = open_page(viewport=size, color_scheme=scheme)
    narrow = size is NARROW
    write(page, "407", *((80, 20, 40) if narrow else (150, 60, 80)))
    write(page, "2859", *((70, 30, 190) if narrow else (140, 140, 350)))
    expect(numbers(page, "draw")).to_have_text(["407", "2859"])
    page.locator("#draw .list .text button").nth(2).click()
    expect(page.locator("#draw .verdict")).to_be_visible()
    check_looks(page, tmp_path / "draw.png")
    page.get_by_role("tab", name="Photo").click()
    page.set_input_files("#photo .choose", photo)
    page.locator("#photo .list .text button").first.click()
    expect(page.locator("#photo .verdict")).to_be_visible()
    check_looks(page, tmp_path / "photo.png")
    page.get_by_role("tab", name="Live").click()
    watch(page)
    check_looks(page, tmp_path / "live.png")


def watch(page):
    """Wait until the camera shows two numbers or more, and look at a digit, which may not go on meanwhile."""
    expect(page.locator("#live .list .accepted").nth(1)).to_be_visible()
    pause(page)
    page.locator("#live .list .text button").first.click()
    expect(page.locator("#live .verdict")).to_be_visible()


def test_the_readme_shows_the_page(open_page, tmp_path):
    wide = open_page("live", color_scheme="light")
    expect(wide.locator("#live .list .accepted").nth(2)).to_be_visible()
    pause(wide)
    wide.locator("#live .list .text button").first.click()
    expect(wide.locator("#live .verdict")).to_be_visible()
    narrow = open_page(viewport=NARROW, color_scheme="dark", device_scale_factor=2)
    write(narrow, "407", 80, 20, 40)
    write(narrow, "2859", 70, 30, 190)
    expect(numbers(narrow, "draw")).to_have_text(["407", "2859"])
    check_looks(wide, tmp_path / "wide.png")
    check_looks(narrow, tmp_path / "narrow.png")
    path = Path(os.environ.get("DIGITCAM_PICTURES", tmp_path)) / "page.jpg"
    beside(tmp_path / "wide.png", tmp_path / "narrow.png").save(path, quality=88)
    assert path.stat().st_size < 300_000
