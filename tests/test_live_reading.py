import numpy as np
import pytest
from samples import THRESHOLDS, number

from benchmarks.live_reading import Score, score
from edge import DigitReader
from edge.lines import to_reading
from edge.sources.demo import Shown


def reading(text, track_id=1, confidence=0.99, **place):
    return to_reading(number(text, confidence=confidence, **place), THRESHOLDS, track_id=track_id)


def shown(text, place=0, *, whole=True, **where):
    return Shown(text, number(text, **where).box, whole, (0, place))


def judged(*frames):
    """The score of frames, each of numbers that are shown and readings."""
    result = Score()
    for frame_id, (numbers, readings) in enumerate(frames):
        result.add(frame_id, numbers, False, readings)
    return result


def test_frames_are_counted_from_the_first_sharp_one_to_the_accepting_one():
    here = [shown("407")]
    result = judged(([shown("407", whole=False)], []), (here, []), (here, []), (here, [reading("407")]))
    assert result.latencies == [3]
    assert result.accuracy == 1
    assert result.never_there == 0
    assert result.missed == []


@pytest.mark.parametrize(
    ("numbers", "readings", "verdict"),
    [
        ([shown("407")], [reading("407")], "right"),
        ([shown("407")], [reading("401")], "misread"),
        ([shown("407", whole=False)], [reading("40")], "a part of a number"),
        ([shown("407")], [reading("40", top=300)], "at no number"),
        ([], [reading("407")], "at no number"),
    ],
)
def test_an_accepted_reading_is_judged_by_what_is_at_its_place(numbers, readings, verdict):
    result = judged((numbers, readings))
    assert list(result.verdicts.values()) == [verdict]
    assert len(result.wrong) == (verdict != "right")
    assert result.never_there == (verdict not in ("right", "misread"))


def test_a_reading_that_is_not_accepted_is_not_judged():
    assert not judged(([shown("407")], [reading("401", confidence=0.6)])).verdicts


def test_a_right_reading_that_stays_when_its_number_is_gone_was_never_there():
    result = judged(([shown("407")], [reading("407")]), ([shown("123", place=1)], [reading("407")]))
    assert result.verdicts == {(1, "407"): "outlived its number"}
    assert result.never_there == 1


def test_a_number_that_is_never_accepted_is_missed():
    assert judged(*[([shown("407")], [])] * 20).missed == [(0, 0)]


@pytest.mark.slow
@pytest.mark.parametrize(("words", "invented"), [(False, 0), (True, 1)])
def test_the_simulated_camera_is_read_as_its_truth_says(classifier, words, invented):
    """Three sheets: one is turned over to the next, which is pushed away; an arm reaches over each."""
    result = score(seed=25, frames=450, reader=DigitReader(classifier), words=words)
    print(result.report())
    assert result.never_there <= invented, result.wrong
    assert result.accuracy >= 0.9, result.wrong  # of a dozen numbers
    assert np.percentile(result.latencies, 90) <= 5
    assert len(result.missed) <= 0.1 * len(result.seen)
