"""A real browser for tests of the page: Debian's Chromium, driven by Playwright."""

import os
import shutil
from contextlib import contextmanager

import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

CHROMIUM = shutil.which("chromium")
if not CHROMIUM and not os.environ.get("CI"):
    pytest.skip("needs a browser: apt install chromium", allow_module_level=True)

expect.set_options(timeout=60_000)

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


@contextmanager
def chromium():
    """The browser."""
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not work as root, as in CI.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Pages:
    """Pages that are opened; in the end, nobody else was asked for anything, and nothing went wrong in them.

    Args:
        browser: opens them.
        meant: parts of what the browser logs that are meant to go wrong, such as answers that are errors.
    """

    def __init__(self, browser, meant):
        self._browser, self._meant, self._contexts, self._wrong = browser, meant, [], []

    def open(self, address, **options):
        """Open a page in a window of its own."""
        context = self._browser.new_context(**{"viewport": WIDE, **options})
        context.set_default_timeout(60_000)
        self._contexts.append(context)
        page = context.new_page()
        url = address.partition("/#")[0]
        page.on("pageerror", lambda error: self._wrong.append(str(error)))
        page.on("console", lambda line: self._wrong.append(told(line)) if line.type == "error" else None)
        page.on(
            "request",
            lambda request: self._wrong.append(request.url) if is_outside(request.url, url) else None,
        )
        page.goto(address)
        wait_until_ready(page)
        return page

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for context in self._contexts:
            context.close()
        wrong = [line for line in self._wrong if not any(part in line for part in self._meant)]
        if wrong and error == (None, None, None):
            raise AssertionError("\n".join(wrong))


def told(line):
    """A line of the browser's console, with what it is about."""
    return f"{line.text} {line.location['url']}"


def wait_until_ready(page):
    """A page that has loaded still asks the server whether a token is wanted, before it opens a tab."""
    expect(page.locator("[role=tabpanel]:visible, dialog:visible").first).to_be_visible()


def box_of(locator):
    """Where an element is, once it is shown: what a page does after a click may come a moment later."""
    expect(locator).to_be_visible()
    return locator.bounding_box()


def is_outside(asked, url):
    return not asked.startswith((f"{url}/", f"ws{url[4:]}/", "data:", "blob:"))


def check_looks(page, path):
    """Nothing sticks out, text has contrast, a thumb finds the tabs; a picture is kept to be looked at."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tabs = page.locator("[role=tab]:visible").all()
    assert all(tab.bounding_box()["height"] >= 44 for tab in tabs)
    assert page.evaluate(CONTRAST) >= 4.5  # WCAG 2.2, level AA
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path)


def beside(desk, phone):
    """Screenshots of a laptop and of a phone, beside each other."""
    left, right = (Image.open(path).convert("RGB") for path in (desk, phone))
    right = right.resize((left.height * right.width // right.height, left.height), Image.Resampling.LANCZOS)
    both = Image.new("RGB", (left.width + 24 + right.width, left.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + 24, 0))
    return both


CONTRAST = """() => {
    const channels = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
    const behind = element => {
        for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor;
            const [r, g, b, alpha = 1] = channels(colour);
            if (colour.startsWith('rgb') && alpha === 1) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const contrasts = [...document.querySelectorAll('h1, h2, p, dd, dt, li span, figcaption, button, a')]
        .filter(element => element.checkVisibility() && element.textContent.trim() && !element.disabled
            && !element.closest('.hint, .skip, [role=tablist], .overlay'))
        .map(element => {
            const [a, b] = [light(channels(getComputedStyle(element).color)), light(behind(element))];
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        });
    return Math.min(...contrasts);
}"""
