"""The thread that reads the source, and what the event loop sees of it."""

import asyncio
import gc
import itertools
import threading
import time
import weakref
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace

import pytest
from samples import result_of, written

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")

import httpx
from fastapi import FastAPI

from edge import live as module
from edge.errors import SourceError
from edge.live import LiveLoop
from edge.reader import DigitReader
from edge.server import watch as watch_module
from edge.server.live import Live, View
from edge.sources import Source
from edge.types import Frame


class Camera(Source):
    """Gives a page again and again, loses one frame for each, and breaks after some."""

    live = continuous = True

    def __init__(self, frames=None):
        super().__init__("camera")
        self._frames = frames
        self._closed = False

    def __iter__(self):
        for frame_id in itertools.count():
            if self._closed:
                return
            if frame_id == self._frames:
                raise SourceError("the cable is out")
            time.sleep(0.005)
            self.drops["missed"] += 1
            yield Frame(written("407"), frame_id, time.monotonic(), datetime.now(UTC), self.name)

    def close(self):
        self._closed = True


async def watch(live, until):
    """The first view that is what is waited for."""
    async with asyncio.timeout(120):
        return await anext(view async for view in live.views() if until(view))


@pytest.fixture
def reader(classifier):
    return DigitReader(classifier)


def run(opening, reader, watching, on_view=lambda view, events: None):
    """Watch a source that is read; what was said of errors comes with it."""
    errors = []
    loop = LiveLoop(opening, reader, wait=False, on_error=errors.append, on_notice=lambda text: None)

    async def main():
        live = Live(loop, on_view, errors.append)
        live.start()
        try:
            return await watching(live)
        finally:
            live.close()

    return asyncio.run(main()), [str(error) for error in errors]


def test_a_source_that_breaks_is_opened_again_and_nothing_is_forgotten(reader, monkeypatch):
    monkeypatch.setattr(module, "REOPEN_S", 0.05)
    opened = []

    def open_source():
        opened.append(Camera(5))
        if len(opened) == 3:
            raise SourceError("still out")
        return opened[-1]

    async def watching(live):
        await watch(live, lambda view: len(opened) > 4)
        return live.events(0), live.last_event

    counted = []
    (events, last), _ = run(
        open_source, reader, watching, lambda view, events: counted.append((view.dropped, view.trouble))
    )
    troubles = [trouble for _, trouble in counted if trouble]
    assert troubles[:3] == ["the cable is out", "the cable is out", "still out"]
    dropped = [dropped for dropped, _ in counted]
    assert dropped == sorted(dropped)
    assert dropped[-1] >= 15
    assert events[0][1].reading.text == "407"
    assert [number for number, _ in events] == list(range(1, last + 1))


def test_frames_that_cannot_be_read_are_trouble_and_counted(reader, monkeypatch):
    def fail(frame, tracker=None):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(reader, "read_frame", fail)
    view, _ = run(Camera, reader, lambda live: watch(live, lambda view: view.failed >= 3))
    assert "of camera cannot be read: ZeroDivisionError: a fault" in view.trouble
    assert view.result is None
    assert view.stale_s() == float("inf")
    assert view.frames_per_second == 0


def test_trouble_ends_with_the_next_frame_that_can_be_read(reader, monkeypatch):
    read = reader.read_frame

    def fail_now_and_then(frame, tracker=None):
        if frame.frame_id % 4 == 1:
            raise ZeroDivisionError("a fault")
        return read(frame, tracker)

    monkeypatch.setattr(reader, "read_frame", fail_now_and_then)

    async def watching(live):
        await watch(live, lambda view: view.trouble and view.failed)
        return await watch(live, lambda view: not view.trouble)

    view, _ = run(Camera, reader, watching)
    assert view.failed >= 1
    assert view.result is not None


def test_what_is_remembered_of_many_frames_is_no_picture(reader):
    """The pictures of all frames but the last few are free again."""
    pictures = []

    class Remembered(Camera):
        def __iter__(self):
            for frame in super().__iter__():
                pictures.append(weakref.ref(frame.image))
                yield frame

    async def watching(live):
        await watch(live, lambda view: len(pictures) > 60)
        gc.collect()
        return sum(picture() is not None for picture in pictures), len(live.events(0))

    (alive, events), _ = run(Remembered, reader, watching)
    assert events >= 1
    assert alive <= 20


def test_all_who_ask_for_a_frame_share_one_encoding(reader):
    async def watching(live):
        view = await watch(live, lambda view: view.result is not None)
        return await asyncio.gather(*(live.jpeg(view.result.frame) for _ in range(5)))

    pictures, _ = run(Camera, reader, watching)
    assert all(picture is pictures[0] for picture in pictures)
    assert pictures[0].startswith(b"\xff\xd8\xff")


def test_who_comes_late_misses_views_and_the_end_is_told(reader):
    async def watching(live):
        ids = []
        async for view in live.views():
            if view.result:
                ids.append(view.result.frame.frame_id)
                while live.view.result.frame.frame_id < ids[-1] + 3:
                    await asyncio.sleep(0.01)
            if len(ids) == 3:
                live.stop()
        return ids

    (first, second, third), _ = run(Camera, reader, watching)
    assert second - first >= 3
    assert third - second >= 3


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("with_glyphs", "/v1/readings?glyphs=1"),
        ("_annotated", "/snapshot.jpg?annotate=1"),
        ("_aims", "/v1/aim"),
    ],
)
def test_what_the_reader_saw_is_encoded_once_a_frame_for_all_who_ask(monkeypatch, name, path):
    calls = []

    def make(result):
        calls.append(result.frame.frame_id)
        time.sleep(0.1)
        return original(result)

    original = getattr(watch_module, name)
    monkeypatch.setattr(watch_module, name, make)
    live = Live(
        SimpleNamespace(add=lambda sink: None, speedometer=None, source=Camera()),
        lambda view, events: None,
        lambda error: None,
    )
    app = FastAPI()
    app.include_router(watch_module.live_api(live, None, 0.9))

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            for frame_id in range(2):
                live.view = View(result_of(frame_id=frame_id))
                answers = await asyncio.gather(*(client.get(path) for _ in range(6)))
                assert {answer.status_code for answer in answers} == {200}

    asyncio.run(ask())
    assert calls == [0, 1]


def test_of_all_that_is_made_of_results_one_thing_is_made_at_a_time():
    live = Live(SimpleNamespace(add=lambda sink: None, speedometer=None), None, None)
    live.view = View(result_of())
    busy = threading.Lock()

    def alone(result):
        with_nobody_else = busy.acquire(blocking=False)
        time.sleep(0.05)
        if with_nobody_else:
            busy.release()
        return with_nobody_else

    async def ask():
        return await asyncio.gather(*(live.made(partial(alone)) for _ in range(5)))

    assert all(asyncio.run(ask()))
