import cv2
import pytest
from samples import written

from edge.errors import OutputError
from edge.live import read_live
from edge.reader import DigitReader
from edge.sinks import Sink
from edge.sources import open_source
from edge.speedometer import Speedometer


class Kept(Sink):
    """Keeps the frames it was given, and is full after so many."""

    def __init__(self, full_after=1000):
        self.frames = []
        self._full_after = full_after

    def write(self, result, events):
        if len(self.frames) >= self._full_after:
            raise OutputError("full")
        self.frames.append(result.frame.frame_id)


@pytest.fixture
def pages(tmp_path):
    for k in range(6):
        cv2.imwrite(str(tmp_path / f"{k}.png"), written(str(k)))
    with open_source(tmp_path) as source:
        yield source


def read(source, sinks, **options):
    errors = []
    read_live(DigitReader(), source, sinks, Speedometer(source), on_error=errors.append, **options)
    return [str(error) for error in errors]


def test_every_sink_is_told_of_every_frame(pages):
    first, second = Kept(), Kept()
    assert read(pages, [first, second]) == []
    assert first.frames == second.frames == [0, 1, 2, 3, 4, 5]


def test_a_sink_that_is_full_is_left_out_and_the_others_go_on(pages):
    full, other = Kept(full_after=2), Kept()
    assert read(pages, [full, other]) == ["full"]
    assert (full.frames, other.frames) == ([0, 1], [0, 1, 2, 3, 4, 5])


def test_reading_ends_when_nobody_is_left_to_be_told(pages):
    speedometer = Speedometer(pages)
    errors = []
    read_live(DigitReader(), pages, [Kept(full_after=2)], speedometer, on_error=errors.append)
    assert (len(errors), speedometer.frames) == (1, 3)


def test_reading_ends_after_so_many_frames(pages):
    sink = Kept()
    read(pages, [sink], frames=2)
    assert sink.frames == [0, 1]


def test_the_error_that_ends_a_source_is_said_and_what_was_read_counts(pages, tmp_path):
    (tmp_path / "3.png").write_bytes(b"no picture")
    sink = Kept()
    (error,) = read(pages, [sink])
    assert "3.png" in error
    assert sink.frames == [0, 1, 2]
