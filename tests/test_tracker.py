import numpy as np
import pytest
from samples import THRESHOLDS, number

from edge.tracker import Tracker, fuse


def follow(tracker, frames, *, start=0.0, fps=30):
    """Feed lists of lines, one each frame; the readings of each frame."""
    return [tracker.update(lines, start + k / fps, THRESHOLDS) for k, lines in enumerate(frames)]


def test_a_reading_is_accepted_when_three_frames_agree():
    seen = follow(Tracker(confirm_after=3), [[number("407")]] * 4)
    assert [r[0].status for r in seen] == ["uncertain", "uncertain", "accepted", "accepted"]
    assert {r[0].text for r in seen} == {"407"}


def test_a_number_keeps_its_id_while_the_paper_drifts():
    seen = follow(Tracker(), [[number("12", left=100 + 10 * k, top=50 + 5 * k)] for k in range(20)])
    assert {r[0].track_id for r in seen} == {1}


def test_two_numbers_are_two_tracks_and_come_in_the_order_given():
    seen = follow(Tracker(), [[number("12", top=50), number("34", top=150)]] * 3)
    assert [[(r.track_id, r.text) for r in frame] for frame in seen] == [[(1, "12"), (2, "34")]] * 3


def test_one_frame_that_says_otherwise_does_not_change_the_text():
    frames = [[number("12")]] * 5 + [[number("72")]] + [[number("12")]] * 2
    seen = follow(Tracker(), frames)
    assert [r[0].text for r in seen] == ["12"] * 8
    assert [r[0].status for r in seen[4:]] == ["accepted", "uncertain", "accepted", "accepted"]


@pytest.mark.parametrize("new", ["72", "123", "1"])
def test_digits_that_were_really_changed_do_not_wait_for_old_votes_to_die(new):
    seen = follow(Tracker(confirm_after=3), [[number("12")]] * 30 + [[number(new)]] * 5)
    assert all((r[0].text, r[0].status) != (new, "accepted") for r in seen[:31])
    assert (seen[-1][0].text, seen[-1][0].status) == (new, "accepted")
    assert seen[-1][0].track_id == 1


def test_flicker_between_two_readings_is_never_accepted():
    seen = follow(
        Tracker(confirm_after=3), [[number("1" if k % 2 else "7", confidence=0.95)] for k in range(40)]
    )
    assert {r[0].status for r in seen} == {"uncertain"}


def test_a_number_that_went_is_forgotten_and_comes_back_as_another():
    tracker = Tracker(forget_after_s=0.5)
    follow(tracker, [[number("12")]] * 3)
    assert follow(tracker, [[]], start=1.0) == [[]]
    ((reading,),) = follow(tracker, [[number("12")]], start=1.1)
    assert (reading.track_id, reading.status) == (2, "uncertain")


def test_a_short_gap_is_bridged():
    tracker = Tracker(forget_after_s=0.5)
    follow(tracker, [[number("12")]] * 3)
    ((reading,),) = follow(tracker, [[number("12")]], start=0.4)
    assert (reading.track_id, reading.status) == (1, "accepted")


def test_fused_probabilities_are_a_geometric_mean():
    a, b = np.full((1, 10), 0.01), np.full((1, 10), 0.01)
    a[0, 3], b[0, 3] = 0.91, 0.5
    b[0, 5] = 0.42
    fused = fuse([np.log(a), np.log(b)])
    assert fused.sum() == pytest.approx(1)
    assert fused[0, 3] / fused[0, 5] == pytest.approx(np.sqrt(0.91 * 0.5 / (0.01 * 0.42)), rel=1e-4)
