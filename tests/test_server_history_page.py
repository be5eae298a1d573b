"""The page's tab History in a real browser.

With DIGITCAM_PICTURES=docs the picture that docs/history-page.md shows is made again, as docs/history.jpg.
"""

import hashlib
import json
import os
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import cv2
import pytest
from samples import written
from serving import serving

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")
pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install playwright")
from browsing import NARROW, WIDE, Pages, beside, check_looks, chromium, expect

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server():
    with serving("demo", "--fps", "2") as running:
        yield running


class Fake:
    def __init__(self, rows, fields):
        self.rows, self.fields, self.asked = rows, fields, []

    def answer(self, route):
        url = urlsplit(route.request.url)
        query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        self.asked.append((url.path, query))
        if url.path == "/v1/history/fields":
            fields = []
            for name, unit in self.fields:
                mine = [row for row in self.rows if row["field"] == name]
                fields.append(
                    {
                        "name": name,
                        "unit": unit,
                        "count": len(mine),
                        "first": mine[-1]["captured_at"],
                        "last": mine[0]["captured_at"],
                    }
                )
            return route.fulfill(json={"schema": 1, "fields": fields})
        if url.path.endswith("/crop"):
            return route.fulfill(
                body=cv2.imencode(".png", written("123"))[1].tobytes(), content_type="image/png"
            )
        rows = [row for row in self.rows if row["field"] == query.get("field", row["field"])]
        rows = [
            row for row in rows if query.get("since", "") <= row["captured_at"] <= query.get("until", "9")
        ]
        if route.request.headers.get("accept") == "text/csv":
            lines = [",".join(("captured_at", "text")), *(f"{r['captured_at']},{r['text']}" for r in rows)]
            return route.fulfill(body="\r\n".join(lines), content_type="text/csv")
        start, limit = int(query.get("cursor", 0)), int(query.get("limit", 100))
        page = rows[start : start + limit]
        cursor = str(start + limit) if start + limit < len(rows) else None
        tag = hashlib.sha256(json.dumps(page).encode()).hexdigest()[:16]
        if route.request.headers.get("if-none-match") == tag:
            return route.fulfill(status=304)
        return route.fulfill(json={"schema": 1, "entries": page, "next": cursor}, headers={"ETag": tag})


def row(number, name, unit, at, text, raw=None, problem=None, confidence=0.97, synchronised=True):
    return {
        "number": number,
        "kind": "field",
        "field": name,
        "text": text,
        "value": float(text),
        "raw": raw or text,
        "problem": problem,
        "confidence": confidence,
        "unit": unit,
        "captured_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "synchronised": synchronised,
        "boot": "b",
        "timestamp": 1.0,
        "source": "demo",
        "digits_model": "8a6f00112233445566",
        "page_model": "1b2c00112233445566",
        "crop": f"/v1/history/{number}/crop" if number % 2 else None,
    }


def water(count, step=timedelta(minutes=30)):
    rows = []
    value = 417.0
    for k in range(count):
        value += 0.1 * ((k * 7) % 5)
        at = NOW - step * (count - k)
        refused = k % 17 == 5
        rows.append(
            row(
                k + 1,
                "water",
                "m³",
                at,
                f"{value:07.1f}",
                raw=f"{value + 5000:07.1f}" if refused else None,
                problem="change" if refused else None,
                confidence=0.8 + 0.0019 * ((k * 31) % 100),
            )
        )
    return rows[::-1]


@pytest.fixture
def meant():
    """Parts of what the browser logs that are meant to go wrong, such as answers that are errors."""
    return []


@pytest.fixture
def open_history(browser, server, meant):
    wait_until_alone(server)
    with Pages(browser, meant) as pages:

        def open_history(fake, **options):
            page = pages.open(f"{server.url}/#draw", **options)
            page.route("**/v1/history**", fake.answer)
            page.get_by_role("tab", name="History").click()
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
    box = over.bounding_box()
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
        if (data[k + 3] > 200 && Math.abs(data[k] - red) + Math.abs(data[k + 1] - green) + Math.abs(data[k + 2] - blue) < 12) {
            columns.add((k / 4) % canvas.width);
        }
    }
    return columns.size / canvas.width;
}"""


def painted(page, colour, plot="values"):
    """The share of a plot's width in which there is something of a colour of the style sheet."""
    return page.evaluate(PAINTED, [plot, f"--{colour}"])


def three():
    """Values of three hours; the one in the middle was refused."""
    entries = [("00100.0", None), ("00150.0", "limit"), ("00200.0", None)]
    made = [
        row(k + 1, "water", "m³", NOW - timedelta(hours=3 - k), text, raw=text, problem=problem)
        for k, (text, problem) in enumerate(entries)
    ]
    made[1] |= {"text": None, "value": None}
    return made[::-1]


WATER = [("water", "m³")]


def test_a_field_is_plotted_with_its_values_confidences_and_what_was_refused(open_history):
    page = open_history(Fake(water(300), WATER))
    expect(note(page)).to_have_text("300 readings, 18 refused.")
    assert painted(page, "accent") > 0.8  # from the left to the right
    assert painted(page, "unsure") > 0.1  # 17 crosses
    assert painted(page, "muted", "confidences") > 0.5
    none_refused = open_history(Fake([each for each in water(300) if not each["problem"]], WATER))
    expect(note(none_refused)).to_have_text("282 readings, 0 refused.")
    assert painted(none_refused, "unsure") == 0


def test_a_click_on_a_point_shows_the_reading_and_its_picture(open_history):
    page = open_history(Fake(three(), WATER))
    expect(note(page)).to_contain_text("3 readings, 1 refused.")
    chosen = page.locator("#history .chosen")
    # Of two hours, 2 % are left free at both sides; of the values, a tenth above and below.
    page.mouse.click(*spot(page, 0.02 / 1.04, 0.1 / 1.2))
    expect(chosen.locator(".value")).to_have_text("00100.0 m³")
    expect(chosen.locator(".facts")).to_contain_text("97.0 %")
    expect(chosen.locator(".crop")).to_have_js_property("naturalWidth", written("123").shape[1])
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
    page = open_history(Fake(three(), WATER))
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
    far = [each | ({"raw": "99150.0"} if each["problem"] else {}) for each in three()]
    page = open_history(Fake(far, WATER))
    expect(note(page)).to_contain_text("3 readings")
    page.mouse.click(*spot(page, 0.02 / 1.04, 0.1 / 1.2))
    expect(page.locator("#history .chosen .value")).to_have_text("00100.0 m³")
    page.mouse.click(*spot(page, 0.5, 0.98))  # at the upper edge
    expect(page.locator("#history .chosen .value")).to_have_text("99150.0")


@pytest.mark.parametrize("plot", ["values", "confidences"])
def test_a_time_that_is_dragged_over_is_zoomed_to_in_plot_and_table(open_history, plot):
    fake = Fake(water(300), WATER)
    page = open_history(fake)
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
    assert len([path for path, _ in fake.asked if path == "/v1/history"]) == 1  # all of it was here


def test_a_finger_zooms_too_and_one_that_goes_down_scrolls(open_history):
    page = open_history(Fake(water(300), WATER), viewport=NARROW, has_touch=True, is_mobile=True)
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
    page = open_history(Fake(water(300), WATER))
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
    expect(announced).to_contain_text("05476.0, confidence 83 %, changed too fast")


def test_the_table_has_pages(open_history):
    page = open_history(Fake(water(60), WATER))
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
    page = open_history(Fake(three(), WATER), permissions=["clipboard-read", "clipboard-write"])
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
    page = open_history(Fake(water(300), WATER))
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
    fake = Fake(water(12_000, timedelta(minutes=6)), WATER)
    page = open_history(fake)
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
    lost = row(4, "water", "m³", datetime(1970, 1, 1, 0, 5, tzinfo=UTC), "00210.0", synchronised=False)
    page = open_history(Fake([lost, *three()], WATER))
    expect(note(page)).to_contain_text("1 of a clock that was not set are only in the table.")
    page.mouse.click(*spot(page, 0.02 / 1.04, 0.1 / 1.2))
    expect(page.locator("#history .chosen .value")).to_have_text("00100.0 m³")
    rows(page).first.click()
    expect(page.locator("#history .facts")).to_contain_text("was not set yet")


def test_readings_that_come_are_added(open_history):
    entries = three()
    fake = Fake(entries, WATER)
    page = open_history(fake)
    expect(note(page)).to_contain_text("3 readings")
    rows(page).nth(2).click()
    entries.insert(0, row(4, "water", "m³", NOW, "00212.5"))
    expect(rows(page)).to_have_count(4)
    expect(rows(page).first).to_contain_text("00212.5 m³")
    expect(rows(page).nth(3)).to_have_class(re.compile("picked"))  # what was looked at stays
    expect(page.locator("#history .chosen .value")).to_have_text("00100.0 m³")


def test_fields_are_chosen_and_numbers_without_one_too(open_history):
    numbers = [row(9 - k, "", "", NOW - timedelta(minutes=k), f"{40 + k}") for k in range(4)]
    page = open_history(Fake([*numbers, *three()], [*WATER, ("", "")]))
    expect(note(page)).to_contain_text("3 readings")
    page.get_by_label("Field", exact=True).select_option("numbers without a field")
    expect(note(page)).to_have_text("4 readings, 0 refused.")
    expect(rows(page).first.locator(".value")).to_have_text("40")
    assert 0 < painted(page, "accent") < 0.2  # points, and no line between numbers of different things


def test_where_nothing_is_kept_yet_that_is_said(open_history):
    page = open_history(Fake([], []))
    expect(page.locator("#history .plots .none")).to_contain_text("Nothing is kept yet")
    for part in (".plot", ".zoom", ".rows"):
        expect(page.locator(f"#history {part}")).to_be_hidden()


def test_a_server_that_is_gone_is_told_and_what_was_shown_stays(open_history, meant):
    meant.append("ERR_")
    fake = Fake(three(), WATER)
    page = open_history(fake)
    expect(note(page)).to_contain_text("3 readings")
    page.context.set_offline(True)
    page.unroute("**/v1/history**")
    expect(note(page)).to_have_text("The server does not answer; trying again …")
    expect(rows(page)).to_have_count(3)
    rows(page).first.click()
    expect(page.locator("#history .chosen .value")).to_have_text("00200.0 m³")
    page.context.set_offline(False)
    page.route("**/v1/history**", fake.answer)
    expect(note(page)).to_contain_text("3 readings")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "360"])
def test_it_looks_right_in_every_width_and_light(open_history, tmp_path, scheme, size):
    page = open_history(Fake(water(300), WATER), viewport=size, color_scheme=scheme)
    expect(note(page)).to_contain_text("300 readings, 18 refused.")
    check_looks(page, tmp_path / "history.png")
    for number in (3, 5):
        rows(page).nth(number).click()
        expect(page.locator("#history .chosen .shown")).to_be_visible()
        check_looks(page, tmp_path / "reading.png")
    page.mouse.move(1, 1)
    page.screenshot(path=f"/tmp/plot-{size['width']}-{scheme}.png", full_page=True)


PAGE = Path(__file__).parent.parent / "edge/server/page"


def test_the_plotting_library_is_the_version_that_is_told():
    library = PAGE / "uplot"
    package = json.loads((library / "package.json").read_text())
    root = PAGE.parents[2]
    assert package["license"] == "MIT"
    assert "The MIT License" in (library / "LICENSE").read_text()
    assert f"(v{package['version']})" in (library / "uPlot.esm.js").read_text()[:400]
    assert f"\nUPLOT ?= {package['version']}\n" in (root / "Makefile").read_text()
    assert f"uPlot draws the history ({package['version']}" in (root / "docs/decisions.md").read_text()


def test_the_documentation_shows_the_tab(open_history, tmp_path):
    wide = open_history(
        Fake(water(300), WATER), color_scheme="light", viewport={"width": 1280, "height": 860}
    )
    narrow = open_history(Fake(water(60), WATER), viewport=NARROW, color_scheme="dark", device_scale_factor=2)
    for page in (wide, narrow):
        expect(note(page)).to_contain_text("readings")
    rows(wide).nth(3).click()
    expect(wide.locator("#history .crop")).to_be_visible()
    for page, path in ((wide, tmp_path / "wide.png"), (narrow, tmp_path / "narrow.png")):
        page.mouse.move(1, 1)
        check_looks(page, path)
    path = Path(os.environ.get("DIGITCAM_PICTURES", tmp_path)) / "history.jpg"
    beside(tmp_path / "wide.png", tmp_path / "narrow.png").save(path, quality=88)
    assert path.stat().st_size < 300_000
