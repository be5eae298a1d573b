"""The page's tab History in a real browser.

With DIGITCAM_PICTURES=docs the picture that docs/history-page.md shows is made again, as docs/history.jpg.
"""

import json
import os
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from receiver import OK, receiving
from samples import written
from serving import serving

from edge.store import NewEntry, Store

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")
pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install playwright")
from browsing import NARROW, WIDE, Pages, beside, box_of, check_looks, chromium, expect

NOW = datetime.now(UTC)
PAGE = Path(__file__).parent.parent / "edge/server/page"


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


def entry(
    at, text, *, field="water", unit="m³", problem=None, why="", crop=True, confidence=0.97, synchronised=True
):
    """A reading of a field; where there is a problem, it was refused."""
    refused = problem is not None
    return NewEntry(
        kind="field" if field else "number",
        field=field,
        text=None if refused else text,
        value=None if refused or ":" in text else float(text),
        raw=text,
        problem=problem,
        why=why,
        confidence=confidence,
        unit=unit,
        captured_at=at,
        synchronised=synchronised,
        source="demo",
        digits_model="8a6f0011" * 8,
        page_model="1b2c0022" * 8,
        crop=picture(text) if crop else None,
    )


def picture(text):
    image = written(re.sub(r"\D", "", text), size=(180, 340))[70:160]
    return cv2.imencode(".jpg", image)[1].tobytes()


def meter(field, count, step, *, refused=True):
    """A meter that goes up; of 17 readings one is refused."""
    entries, value = [], 417.0
    for k in range(count):
        value += 0.1 * ((k * 7) % 5)
        wrong = refused and k % 17 == 5
        entries.append(
            entry(
                NOW - step * (count - k),
                f"{value + 5000 * wrong:07.1f}",
                field=field,
                problem="change" if wrong else None,
                why="5000.0 more than before; expected at most up 8 / d" if wrong else "",
                confidence=0.8 + 0.0019 * ((k * 31) % 100),
                crop=count - k <= 20,
            )
        )
    return entries


def three(field, wrong="00150.0"):
    """Values of three hours; the one in the middle was refused."""
    return [
        entry(NOW - timedelta(hours=3), "00100.0", field=field),
        entry(NOW - timedelta(hours=2), wrong, field=field, problem="limit", crop=False),
        entry(NOW - timedelta(hours=1), "00200.0", field=field),
    ]


HISTORY = [
    *meter("water", 300, timedelta(minutes=30)),
    *meter("sure", 100, timedelta(minutes=30), refused=False),
    *meter("many", 12_000, timedelta(minutes=6)),
    *meter("gas", 60, timedelta(minutes=30)),
    *three("three"),
    *three("far", wrong="99150.0"),
    *three("lost"),
    entry(datetime(1970, 1, 1, 0, 5, tzinfo=UTC), "00210.0", field="lost", synchronised=False),
    *(entry(NOW - timedelta(hours=k), f"0{k}:30", field="wakes", unit="") for k in (3, 2, 1)),
    *(entry(NOW - timedelta(minutes=k), f"{40 + k}", field="", unit="") for k in (4, 3, 2, 1)),
]
"""Each field is another story."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("history")


@pytest.fixture(scope="module")
def blank(folder):
    """A picture without a number: reading it adds nothing."""
    path = folder / "blank.png"
    cv2.imwrite(str(path), np.full((120, 160), 255, np.uint8))
    return path


@pytest.fixture(scope="module")
def server(folder, blank):
    store = Store(folder / "history.db")
    store.record(HISTORY)
    store.close()
    with serving(blank, "--history", folder / "history.db") as running:
        yield running


@pytest.fixture
def meant():
    """Parts of what the browser logs that are meant to go wrong, such as answers that are errors."""
    return []


@pytest.fixture
def open_history(browser, server, meant):
    """Opens the tab, and shows a field."""
    wait_until_alone(server)
    with Pages(browser, meant) as pages:

        def open_history(field="water", url=server.url, **options):
            page = pages.open(f"{url}/#history", **options)
            if field is not None:
                page.locator("#history .field").select_option(field)
            return page

        yield open_history


def wait_until_alone(server):
    """The page of the test before has closed its connections; the server may not have noticed yet."""
    with server.client() as client:
        for _ in range(100):
            if "\ndigitcam_connections 1.0\n" in client.get("/metrics").text:
                return
            time.sleep(0.1)
    raise AssertionError("connections stay open")


def note(page):
    return page.locator("#history .plots .note")


def rows(page):
    return page.locator("#history tbody tr")


def spot(page, across, up, plot="values"):
    """A place in a plot, in shares of it."""
    over = page.locator(f"#history .{plot} .u-over")
    over.scroll_into_view_if_needed()
    box = box_of(over)
    return box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"]


def drag(page, start, end, plot="values"):
    page.mouse.move(*spot(page, start, 0.4, plot))
    page.mouse.down()
    page.mouse.move(*spot(page, (start + end) / 2, 0.5, plot))
    page.mouse.move(*spot(page, end, 0.5, plot))
    page.mouse.up()


PAINTED = """([plot, name]) => {
    const canvas = document.querySelector(`#history .${plot} canvas`);
    const probe = document.createElement('canvas').getContext('2d');
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
    probe.fillRect(0, 0, 1, 1);
    const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const columns = new Set();
    for (let k = 0; k < data.length; k += 4) {
        const away = Math.abs(data[k] - red) + Math.abs(data[k + 1] - green) + Math.abs(data[k + 2] - blue);
        if (data[k + 3] > 200 && away < 12) columns.add((k / 4) % canvas.width);
    }
    return columns.size / canvas.width;
}"""


def painted(page, colour, plot="values"):
    """The share of a plot's width in which there is something of a colour of the style sheet."""
    return page.evaluate(PAINTED, [plot, f"--{colour}"])


def test_a_field_is_plotted_with_its_values_confidences_and_what_was_refused(open_history):
    page = open_history()
    expect(note(page)).to_have_text("300 readings, 18 refused.")
    assert painted(page, "accent") > 0.8  # from the left to the right
    assert painted(page, "unsure") > 0.1  # 17 crosses
    assert painted(page, "muted", "confidences") > 0.5
    page.locator("#history .field").select_option("sure")
    expect(note(page)).to_have_text("100 readings, 0 refused.")
    assert painted(page, "unsure") == 0


def test_a_click_on_a_point_shows_the_reading_and_its_picture(open_history):
    page = open_history("three")
    expect(note(page)).to_contain_text("3 readings, 1 refused.")
    chosen = page.locator("#history .chosen")
    # Of two hours, 2 % are left free at both sides; of the values, a tenth above and below.
    page.mouse.click(*spot(page, 0.02 / 1.04, 0.1 / 1.2))
    expect(chosen.locator(".value")).to_have_text("00100.0 m³")
    expect(chosen.locator(".facts")).to_contain_text("97.0 %")
    expect(chosen.locator(".crop")).to_have_js_property("naturalWidth", 340)
    page.mouse.click(*spot(page, 0.5, 0.5))
    expect(chosen.locator(".value")).to_have_text("00150.0")
    expect(chosen.locator(".problem")).to_have_text("Refused: outside its limits")
    expect(chosen.locator(".crop")).to_be_hidden()
    expect(chosen.locator(".no-crop")).to_be_visible()
    expect(rows(page).nth(1)).to_have_class(re.compile("picked"))
    page.mouse.click(*spot(page, 0.25, 0.95))  # where nothing is
    expect(chosen.locator(".value")).to_have_text("00150.0")
    page.get_by_role("button", name="Later", exact=True).last.click()
    expect(chosen.locator(".value")).to_have_text("00200.0 m³")


def test_what_is_at_the_pointer_is_told(open_history):
    page = open_history("three")
    expect(note(page)).to_contain_text("3 readings")
    page.mouse.move(*spot(page, 0.4, 0.5))
    page.mouse.move(*spot(page, 0.5, 0.5))
    expect(page.locator("#history .pointed")).to_have_text(
        re.compile("· 00150.0 · 97.0 % · outside its limits$")
    )
    page.mouse.move(1, 1)
    expect(page.locator("#history .pointed")).to_have_text("")


def test_what_was_refused_leaves_the_values_their_room(open_history):
    """A meter that was misread by 5000 once is not a flat line ever after."""
    page = open_history("far")
    expect(note(page)).to_contain_text("3 readings")
    page.mouse.click(*spot(page, 0.02 / 1.04, 0.1 / 1.2))
    expect(page.locator("#history .chosen .value")).to_have_text("00100.0 m³")
    page.mouse.click(*spot(page, 0.5, 0.98))  # at the upper edge
    expect(page.locator("#history .chosen .value")).to_have_text("99150.0")


@pytest.mark.parametrize("plot", ["values", "confidences"])
def test_a_time_that_is_dragged_over_is_zoomed_to_in_plot_and_table(open_history, plot):
    page = open_history()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/history?" in request.url else None)
    expect(note(page)).to_contain_text("300 readings")
    reset = page.get_by_role("button", name="Reset the zoom")
    expect(reset).to_be_disabled()
    drag(page, 0.25, 0.5, plot)
    expect(note(page)).to_contain_text(re.compile(r"^7\d readings"))
    expect(page.locator("#history .which")).to_contain_text(re.compile(r"^1 to 25 of 7\d$"))
    reset.click()
    expect(note(page)).to_contain_text("300 readings")
    drag(page, 0.5, 0.25, plot)
    expect(note(page)).to_contain_text(re.compile(r"^7\d readings"))
    page.get_by_role("button", name="Zoom out").click()
    expect(note(page)).to_contain_text(re.compile(r"^1[45]\d readings"))
    page.get_by_role("button", name="Zoom in").click()
    expect(note(page)).to_contain_text(re.compile(r"^7\d readings"))
    page.get_by_role("button", name="Earlier").first.click()
    expect(note(page)).to_contain_text(re.compile(r"^7\d readings"))
    page.mouse.dblclick(*spot(page, 0.5, 0.9))
    expect(note(page)).to_contain_text("300 readings")
    assert [address for address in asked if "since=" in address] == []  # all of it was here


def test_a_finger_zooms_too_and_one_that_goes_down_scrolls(open_history):
    page = open_history(viewport=NARROW, has_touch=True, is_mobile=True)
    expect(note(page)).to_contain_text("300 readings")
    touch = page.context.new_cdp_session(page)

    def swipe(*way):
        points = [dict(zip("xy", spot(page, *place), strict=True)) for place in way]
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
        for point in points[1:]:
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    swipe((0.5, 0.8), (0.5, 0.6), (0.5, 0.4), (0.5, 0.1))
    expect(note(page)).to_contain_text("300 readings")
    swipe((0.25, 0.5), (0.3, 0.5), (0.4, 0.5), (0.5, 0.5))
    expect(note(page)).to_contain_text(re.compile(r"^[67]\d readings"))
    small = page.locator("#history button:visible, #history select:visible").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).filter(box => box.height < 44 || box.width < 44)"
    )
    assert small == []


def test_the_plot_is_used_with_the_keyboard_alone(open_history):
    page = open_history()
    expect(note(page)).to_contain_text("300 readings")
    plot = page.get_by_role("group", name="Plot of water (m³): 300 readings, 18 refused.")
    plot.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    announced = page.locator("#history .announce")
    expect(announced).to_have_text(
        re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, 00476.7 m³, confidence \d\d %$")
    )
    page.keyboard.press("ArrowRight")
    expect(announced).to_contain_text("00477.0 m³")
    page.keyboard.press("+")
    expect(note(page)).to_contain_text(re.compile(r"^7\d readings"))
    page.keyboard.press("Escape")
    expect(note(page)).to_contain_text("300 readings")
    rows(page).nth(5).get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(announced).to_contain_text(
        "05476.0, confidence 83 %, 5000.0 more than before; expected at most up 8 / d"
    )


def test_the_table_has_pages(open_history):
    page = open_history("gas")
    which = page.locator("#history .which")
    expect(which).to_have_text("1 to 25 of 60")
    newest = rows(page).first.inner_text()
    page.get_by_role("button", name="Older").click()
    expect(which).to_have_text("26 to 50 of 60")
    page.get_by_role("button", name="Older").click()
    expect(which).to_have_text("51 to 60 of 60")
    expect(rows(page)).to_have_count(10)
    expect(page.get_by_role("button", name="Older")).to_be_disabled()
    page.get_by_role("button", name="Newer").click()
    page.get_by_role("button", name="Newer").click()
    expect(rows(page).first).to_have_text(newest, use_inner_text=True)
    table = page.get_by_role("table", name="The readings of the time that the plot shows, newest first")
    expect(table.get_by_role("columnheader")).to_have_text(
        ["Time", "Value", "Confidence", "Refused, because"]
    )


@pytest.mark.parametrize("clipboard", [True, False], ids=["with HTTPS", "without"])
def test_readings_are_copied_as_a_table(open_history, clipboard):
    page = open_history("three", permissions=["clipboard-read", "clipboard-write"])
    if not clipboard:  # as on a page that came by plain HTTP from another machine
        page.evaluate(
            "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not here')); }"
        )
    expect(note(page)).to_contain_text("3 readings")
    page.get_by_role("button", name="Copy as a table").click()
    expect(page.locator("#history .rows .note")).to_have_text("Copied 3 readings.")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert [line.split("\t")[1:] for line in lines] == [
        ["value", "unit", "confidence", "refused"],
        ["00200.0", "m³", "0.97", ""],
        ["00150.0", "m³", "0.97", "outside its limits"],
        ["00100.0", "m³", "0.97", ""],
    ]
    rows(page).first.click()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#history .chosen .note")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "00200.0 m³"


def test_what_the_plot_shows_is_downloaded_as_csv(open_history):
    page = open_history()
    expect(note(page)).to_contain_text("300 readings")
    for count in (300, 75):
        with page.expect_download() as download:
            page.get_by_role("button", name="Download CSV").click()
        assert re.fullmatch(r"digitcam-water-\d{4}-\d\d-\d\d\.csv", download.value.suggested_filename)
        lines = download.value.path().read_text().splitlines()
        assert abs(len(lines) - 1 - count) < 8
        drag(page, 0.25, 0.5)


def test_of_more_readings_than_a_phone_can_hold_the_newest_are_there_and_zooming_gets_the_others(
    open_history,
):
    page = open_history("many")
    # Of so many, the time that is shown first is one that is quickly there.
    expect(page.locator("#history .range")).to_have_value("604800")
    expect(note(page)).to_contain_text(re.compile(r"^16\d\d readings"))
    page.locator("#history .range").select_option("all")
    expect(note(page)).to_contain_text("10000 readings")
    expect(note(page)).to_contain_text("The newest 10000 of this time: zoom in, or choose a shorter time")
    assert rows(page).count() == 25
    drag(page, 0.01, 0.1)
    expect(note(page)).to_contain_text(re.compile(r"^[89]\d\d readings"))
    for _ in range(3):  # beyond what is here
        page.get_by_role("button", name="Earlier").first.click()
    expect(note(page)).to_contain_text(re.compile(r"^[89]\d\d readings"))
    assert painted(page, "accent") > 0.8


def test_a_clock_that_was_not_set_yet_leaves_the_others_their_room(open_history):
    page = open_history("lost")
    expect(note(page)).to_contain_text("1 of a clock that was not set are only in the table.")
    page.mouse.click(*spot(page, 0.02 / 1.04, 0.1 / 1.2))
    expect(page.locator("#history .chosen .value")).to_have_text("00100.0 m³")
    rows(page).first.click()
    expect(page.locator("#history .facts")).to_contain_text("was not set yet")


def test_readings_that_come_are_added_and_what_is_looked_at_stays(open_history, tmp_path):
    store = Store(tmp_path / "history.db")
    store.record([entry(NOW, "77", field="", unit="")])
    store.close()
    with serving("demo", "--fps", "2", "--history", tmp_path / "history.db") as live:
        page = open_history(None, live.url)
        oldest = rows(page).last
        expect(oldest.locator(".value")).to_have_text("77")
        oldest.click()
        before = rows(page).count()
        expect(rows(page).nth(before + 1)).to_be_visible()
        expect(page.locator("#history .chosen .value")).to_have_text("77")
        expect(page.locator("#history tr.picked .value")).to_have_text("77")
        page.context.close()


def test_fields_are_chosen_and_numbers_without_one_too(open_history):
    page = open_history("three")
    expect(note(page)).to_contain_text("3 readings")
    page.get_by_label("Field", exact=True).select_option("numbers without a field")
    expect(note(page)).to_have_text("4 readings, 0 refused.")
    expect(rows(page).first.locator(".value")).to_have_text("41")
    assert 0 < painted(page, "accent") < 0.2  # points, and no line between numbers of different things


def test_values_that_are_no_plain_numbers_are_listed_and_stand_at_the_bottom(open_history):
    page = open_history("wakes")
    expect(note(page)).to_have_text(
        "3 readings, 0 refused. These are no plain numbers, and stand at the bottom."
    )
    expect(rows(page).first.locator(".value")).to_have_text("01:30")


def test_where_nothing_is_kept_yet_that_is_said(open_history, blank, tmp_path):
    with serving(blank, "--history", tmp_path / "history.db") as empty:
        page = open_history(None, empty.url)
        expect(page.locator("#history .plots .none")).to_contain_text("Nothing is kept yet")
        for part in (".plot", ".zoom", ".rows"):
            expect(page.locator(f"#history {part}")).to_be_hidden()
        page.context.close()


def test_where_no_history_is_kept_the_cure_is_said(open_history, blank, meant):
    meant.append("status of 404")
    with serving(blank, "--history", "none") as without:
        page = open_history(None, without.url)
        expect(page.locator("#history .plots .none")).to_contain_text("start it with --history FILE")
        page.context.close()


def test_how_much_is_kept_is_told(open_history):
    page = open_history()
    kept = page.locator("#history .states")
    expect(kept).to_contain_text(re.compile(rf"^readings{len(HISTORY)}, \d+\.\d MBpictures\d+, \d\.\d MB$"))


def test_what_is_wrong_with_the_history_is_told_above_the_plot(open_history, blank, tmp_path):
    (tmp_path / "history.db.torn-20261129T120000Z").touch()
    with serving(blank, "--history", tmp_path / "history.db") as torn:
        page = open_history(None, torn.url, viewport=NARROW)
        trouble = page.locator("#history .trouble")
        expect(trouble).to_contain_text("A damaged history was set aside: ")
        expect(trouble).to_contain_text("history.db.torn-20261129T120000Z.")
        assert trouble.evaluate("line => line.scrollWidth <= line.clientWidth")  # however long the path is
        page.context.close()


def test_a_history_that_cannot_be_written_is_told_in_both_tabs_and_comes_back(open_history, meant, tmp_path):
    """Its folder cannot be made, until it can."""
    meant.append("status of 503")
    place = tmp_path / "disk"
    place.touch()
    with serving("demo", "--fps", "2", "--history", place / "history.db") as live:
        page = open_history(None, live.url)
        expect(note(page)).to_contain_text(f"{place}")
        expect(note(page)).to_contain_text("trying again …")
        page.get_by_role("tab", name="Live").click()
        expect(page.locator("#live .note")).to_contain_text("cannot be written to")
        place.unlink()
        page.get_by_role("tab", name="History").click()
        expect(rows(page).first).to_be_visible(timeout=60_000)
        page.context.close()


def test_whether_messages_get_through_is_told(open_history, tmp_path):
    with receiving() as receiver:
        receiver.plan = [503]
        options = ("--history", tmp_path / "history.db", "--webhook", receiver.url)
        with serving("demo", "--fps", "2", *options) as live:
            receiver.wait_for(1)
            page = open_history(None, live.url)
            webhook = page.locator("#history .states div", has_text="webhook")
            expect(webhook).to_have_text(re.compile(r"^webhooknot connected, \d+ waiting: .*503"))
            expect(webhook).to_have_class("bad")
            check_looks(page, tmp_path / "sending.png")
            receiver.plan = [OK]
            expect(webhook).to_have_text(re.compile(r"^webhookconnected"), timeout=90_000)
            page.context.close()


def test_a_server_that_is_gone_is_told_and_what_was_shown_stays(open_history, meant):
    meant.append("ERR_")
    page = open_history("three")
    expect(note(page)).to_contain_text("3 readings")
    page.context.set_offline(True)
    expect(note(page)).to_have_text("The server does not answer; trying again …")
    expect(rows(page)).to_have_count(3)
    rows(page).nth(1).click()
    expect(page.locator("#history .chosen .value")).to_have_text("00150.0")
    page.context.set_offline(False)
    expect(note(page)).to_contain_text("3 readings")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "360"])
def test_it_looks_right_in_every_width_and_light(open_history, tmp_path, scheme, size):
    page = open_history(viewport=size, color_scheme=scheme)
    expect(note(page)).to_contain_text("300 readings, 18 refused.")
    check_looks(page, tmp_path / "history.png")
    for number in (3, 5):
        rows(page).nth(number).click()
        expect(page.locator("#history .chosen .shown")).to_be_visible()
        check_looks(page, tmp_path / "reading.png")
    lines = page.locator("#history tbody .accepted .value").evaluate_all(
        "cells => cells.map(cell => cell.getBoundingClientRect().height)"
    )
    assert max(lines) < 50  # one line, however long the reason of a refusal is


def test_the_plotting_library_is_the_version_that_is_told():
    library = PAGE / "uplot"
    package = json.loads((library / "package.json").read_text())
    root = PAGE.parents[2]
    assert package["license"] == "MIT"
    assert "The MIT License" in (library / "LICENSE").read_text()
    assert f"(v{package['version']})" in (library / "uPlot.esm.js").read_text()[:400]
    assert f"\nUPLOT ?= {package['version']}\n" in (root / "Makefile").read_text()
    assert f"uPlot draws the history ({package['version']}" in (root / "docs/decisions.md").read_text()


def test_the_documentation_shows_the_tab(open_history, server, tmp_path):
    wide = open_history(color_scheme="light", viewport={"width": 1280, "height": 860})
    expect(note(wide)).to_contain_text("readings")
    rows(wide).nth(3).click()
    expect(wide.locator("#history .crop")).to_be_visible()
    check_looks(wide, tmp_path / "wide.png")
    wide.context.close()
    wait_until_alone(server)
    narrow = open_history("gas", viewport=NARROW, color_scheme="dark", device_scale_factor=2)
    expect(note(narrow)).to_contain_text("60 readings")
    check_looks(narrow, tmp_path / "narrow.png")
    path = Path(os.environ.get("DIGITCAM_PICTURES", tmp_path)) / "history.jpg"
    beside(tmp_path / "wide.png", tmp_path / "narrow.png").save(path, quality=88)
    assert path.stat().st_size < 300_000
