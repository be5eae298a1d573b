"""The page's tab History in a real browser."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import cv2
import pytest
from samples import written
from serving import serving

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")
pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install playwright")
from browsing import NARROW, WIDE, Pages, check_looks, chromium, expect

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
        rows = [row for row in rows if query.get("since", "") <= row["captured_at"] <= query.get("until", "9")]
        if route.request.headers.get("accept") == "text/csv":
            lines = [",".join(("captured_at", "text")), *(f"{r['captured_at']},{r['text']}" for r in rows)]
            return route.fulfill(body="\r\n".join(lines), content_type="text/csv")
        start, limit = int(query.get("cursor", 0)), int(query.get("limit", 100))
        page = rows[start : start + limit]
        cursor = str(start + limit) if start + limit < len(rows) else None
        tag = hashlib.sha256(json.dumps(page).encode()).hexdigest()[:16]
        if route.request.headers.get("if-none-match") == tag:
            return route.fulfill(status=304)
        return route.fulfill(
            json={"schema": 1, "entries": page, "next": cursor}, headers={"ETag": tag}
        )


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
def open_history(browser, server):
    with Pages(browser, []) as pages:

        def open_history(fake, **options):
            page = pages.open(f"{server.url}/#draw", **options)
            page.route("**/v1/history**", fake.answer)
            page.get_by_role("tab", name="History").click()
            return page

        yield open_history


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "360"])
def test_it_looks_right(open_history, tmp_path, scheme, size):
    page = open_history(Fake(water(300), [("water", "m³")]), viewport=size, color_scheme=scheme)
    expect(page.locator("#history .note").first).to_contain_text("300 readings, 18 refused.")
    page.locator("#history tbody tr").first.click()
    page.locator("#history tbody tr .link").nth(3).click()
    page.wait_for_timeout(300)
    check_looks(page, tmp_path / "x.png")
    page.screenshot(path=f"/tmp/plot-{size['width']}-{scheme}.png", full_page=True)
