"""The thread that reads the source, and what the event loop sees of it."""

import asyncio
import itertools
import time
from datetime import UTC, datetime

import pytest
from samples import dark, written

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")

from edge.errors import SourceError
from edge.reader import DigitReader
from edge.server import live as module
from edge.server.live import Live
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
    async with asyncio.timeout(20):
        return await anext(view async for view in live.views() if until(view))


@pytest.fixture
def reader(classifier):
    return DigitReader(classifier, marker=dark)


def run(live, watching):
    async def main():
        live.start()
        try:
            return await watching(live)
        finally:
            live.close()

    return asyncio.run(main())


def test_a_source_that_breaks_is_opened_again_and_nothing_is_forgotten(reader, monkeypatch):
    monkeypatch.setattr(module, "REOPEN_S", 0.05)
    opened = []

    def open_source():
        opened.append(Camera(5))
        if len(opened) == 3:
            raise SourceError("still out")
        return opened[-1]

    counted = []
    live = Live(open_source, reader, lambda view, events: counted.append((view.dropped, view.trouble)))
    run(live, lambda live: watch(live, lambda view: len(opened) > 4))
    troubles = [trouble for _, trouble in counted if trouble]
    assert troubles[:3] == ["the cable is out", "the cable is out", "still out"]
    dropped = [dropped for dropped, _ in counted]
    assert dropped == sorted(dropped)
    assert dropped[-1] >= 15
    assert live.events(0)[0][1].reading.text == "407"
    assert [number for number, _ in live.events(0)] == list(range(1, live.last_event + 1))


def test_a_source_that_cannot_be_opened_at_all_is_an_error(reader):
    def open_source():
        raise SourceError("no camera")

    with pytest.raises(SourceError, match="no camera"):
        Live(open_source, reader, lambda view, events: None)


def test_all_who_ask_for_a_frame_share_one_encoding(reader):
    live = Live(Camera, reader, lambda view, events: None)

    async def watching(live):
        view = await watch(live, lambda view: view.result is not None)
        return await asyncio.gather(*(live.jpeg(view.result.frame) for _ in range(5)))

    pictures = run(live, watching)
    assert all(picture is pictures[0] for picture in pictures)
    assert pictures[0].startswith(b"\xff\xd8\xff")


def test_who_comes_late_misses_views_and_the_end_is_told(reader):
    live = Live(Camera, reader, lambda view, events: None)

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

    first, second, third = run(live, watching)
    assert second - first >= 3
    assert third - second >= 3
