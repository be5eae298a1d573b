from dataclasses import replace
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from samples import THRESHOLDS, number, prediction, written

from edge.reader import DigitReader
from edge.track import TrackerOptions
from edge.tracker import Tracker
from edge.types import SIGNS, Box, Digit, Frame, Line, Span

SIZE = (640, 480)
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def soon():
    """A tracker that is content with three frames."""
    return Tracker(TrackerOptions(confirm=Span(0.06, 3)))


def follow(tracker, frames, *, start=0.0, fps=30):
    """Feed lists of lines, one each frame; the readings of each frame."""
    return [tracker.update(lines, start + k / fps, THRESHOLDS, SIZE) for k, lines in enumerate(frames)]


def last_of(seen):
    """Track, text and status of the readings in the last frame."""
    return [(reading.track_id, reading.text, reading.status) for reading in seen[-1]]


def accepted_in(seen):
    """All texts that were accepted."""
    return {reading.text for readings in seen for reading in readings if reading.status == "accepted"}


def part_of(line, digits, right=None):
    """A line of which only these digits are seen, and of the last of them only what is left of `right`."""
    left = list(line.digits[digits])
    if right is not None:
        box = left[-1].box
        left[-1] = Digit(Box(box.left, box.top, right, box.bottom), prediction(1))
    return Line(tuple(left))


def test_a_reading_is_accepted_when_enough_frames_agree():
    seen = follow(soon(), [[number("407")]] * 4)
    assert [r[0].status for r in seen] == ["uncertain", "uncertain", "accepted", "accepted"]
    assert {r[0].text for r in seen} == {"407"}


def with_point(line, chance):
    """A line with a point before its second digit that is so likely."""
    before = np.zeros((len(line.digits), len(SIGNS)), np.float32)
    before[:, 0] = 1
    before[1, :2] = 1 - chance, chance
    return Line(tuple(replace(digit, before=row) for digit, row in zip(line.digits, before, strict=True)))


def read_with_points(chances):
    """The readings of frames that see a point before the second digit of 407 with these probabilities."""
    tracker, strict = soon(), replace(THRESHOLDS, mark=0.8, nothing=0.8)
    lines = [with_point(number("407"), chance) for chance in chances]
    return [tracker.update([line], k / 30, strict, SIZE)[0] for k, line in enumerate(lines)]


def test_a_mark_is_kept_over_frames_and_one_frame_without_it_changes_nothing():
    seen = read_with_points([0.99, 0.99, 0.99, 0.99, 0.9999, 0.99, 0.99, 0.99, 0.3, 0.99, 0.99])
    assert {reading.text for reading in seen} == {"4.07"}
    assert (seen[-1].status, seen[-1].value) == ("accepted", 4.07)


def test_a_mark_that_comes_and_goes_is_never_accepted_as_one_number_or_the_other():
    assert {reading.status for reading in read_with_points([0.9, 0.1] * 20)} == {"uncertain"}


def test_a_number_that_was_sure_stays_accepted_when_it_is_a_little_less():
    doubtful, sure = number("407", confidence=0.72), number("407", confidence=0.99)
    tracker, lenient = soon(), replace(THRESHOLDS, accept=0.7)
    lines = [doubtful] * 20 + [sure] * 8 + [doubtful] * 20
    seen = [tracker.update([line], k / 30, lenient, SIZE) for k, line in enumerate(lines)]
    status = [readings[0].status for readings in seen]
    assert status[19] == "uncertain"
    assert status[27:] == ["accepted"] * 21
    assert {readings[0].text for readings in seen} == {"407"}


def seconds_until_accepted(fps, confidence=0.99, frames=400):
    """From the first frame of a number to the one that accepts it; None where none does."""
    lenient = replace(THRESHOLDS, accept=0.7)
    tracker = Tracker()
    for k in range(frames):
        (reading,) = tracker.update([number("407", confidence=confidence)], k / fps, lenient, SIZE)
        if reading.status == "accepted":
            return k / fps
    return None


@pytest.mark.parametrize("confidence", [0.99, 0.89, 0.74, 0.71])
@pytest.mark.parametrize("fps", [5, 15, 30, 60, 120])
def test_what_a_picture_shows_surely_enough_is_accepted_in_a_stream_too(confidence, fps):
    assert seconds_until_accepted(fps, confidence) is not None


def test_what_is_less_sure_takes_longer():
    assert seconds_until_accepted(30, 0.72) > 5 * seconds_until_accepted(30, 0.95)


def test_a_slow_board_waits_about_as_long_as_a_fast_one():
    fast, usual, slow = (seconds_until_accepted(fps) for fps in (120, 30, 5))
    assert fast == pytest.approx(usual, abs=0.03)
    assert slow <= 4 * usual  # three frames all the same
    assert seconds_until_accepted(5, 0.72) == pytest.approx(seconds_until_accepted(30, 0.72), abs=0.2)


@pytest.mark.parametrize("fps", [5, 10, 30, 60])
def test_one_frame_that_says_otherwise_changes_nothing_however_fast_they_come(fps):
    frames = [[number("12")]] * 3 * fps + [[number("72")]] + [[number("12")]] * 3 * fps
    seen = follow(Tracker(), frames, fps=fps)
    assert accepted_in(seen) == {"12"}
    assert {readings[0].track_id for readings in seen} == {1}


@pytest.mark.parametrize("fps", [5, 15, 30, 60])
def test_speed_is_told_in_seconds(fps):
    slow, fast = 50 * 3, 50 * 12  # pixels a second, of digits 50 pixels high
    for pace, accepted in [(slow, {"12"}), (fast, set())]:
        frames = [[number("12", left=round(60 + pace * k / fps))] for k in range(round(0.8 * fps))]
        assert accepted_in(follow(Tracker(), frames, fps=fps)) == accepted


@pytest.mark.parametrize("fps", [5, 10, 30])
def test_an_id_is_one_number_whatever_becomes_of_the_page(fps):
    pages = [
        [number("12", top=50), number("34", top=150), number("567", top=250)],
        [number("89", top=50), number("3", top=150), number("042", top=250)],
        [number("71", top=52), number("8", top=148), number("0429", top=251)],
        [],
        [number("12", top=50)],
    ]
    seen = follow(Tracker(), [page for page in pages for _ in range(4 * fps)], fps=fps)
    texts: dict[int, set[str]] = {}
    for readings in seen:
        for reading in readings:
            if reading.status == "accepted":
                texts.setdefault(reading.track_id, set()).add(reading.text)
    assert all(len(names) == 1 for names in texts.values())
    assert len(texts) == 10  # 12 comes twice


@pytest.mark.parametrize("fps", [5, 30])
def test_an_id_that_was_never_accepted_goes_to_no_other_number_either(fps):
    frames = [[number("9426", confidence=0.6)]] * 3 * fps + [[number("153")]] * 3 * fps
    seen = follow(Tracker(), frames, fps=fps)
    assert last_of(seen) == [(2, "153", "accepted")]


def test_a_number_that_is_seen_better_keeps_its_id():
    frames = [[number("74", confidence=0.6)]] * 10 + [[number("71")]] * 10
    assert {reading.track_id for readings in follow(Tracker(), frames) for reading in readings} == {1}


def test_after_a_fault_a_tracker_forgets_its_numbers_and_goes_on_with_new_ids():
    tracker = soon()
    follow(tracker, [[number("12")]] * 5)
    with pytest.raises(AttributeError):
        tracker.update([None], 0.2, THRESHOLDS, SIZE)
    seen = follow(tracker, [[number("12")]] * 5, start=0.3)
    assert last_of(seen) == [(2, "12", "accepted")]


def steady(reader, picture, frames=36):
    """What a stream of nothing but one picture shows in the end."""
    tracker = Tracker()
    for k in range(frames):
        result = reader.read_frame(Frame(picture, k, k / 30, WHEN, "camera"), tracker)
    return [(reading.text, reading.status) for reading in result.readings]


def test_a_stream_of_one_picture_shows_what_the_picture_shows(classifier):
    """Of fainter and fainter writing: what `read` accepts of it, `run` does after a while."""
    reader, confidences = DigitReader(classifier), []
    for ink in range(40, 120, 16):
        picture = written("523718", size=(240, 400), ink=ink)
        readings = reader.read_image(picture).readings
        assert steady(reader, picture) == [(reading.text, reading.status) for reading in readings]
        confidences += [reading.confidence for reading in readings]
    assert len(confidences) >= 5


@pytest.mark.parametrize(
    "name", ["lucksoft_345.jpg", "tahaemara_3541.jpg", "rajdeep_735426.jpg", "kiran_09678.png"]
)
def test_a_still_video_of_a_photo_shows_what_the_photo_shows(real_dir, classifier, name):
    """The last two fill their pictures, one of them to the very border."""
    reader = DigitReader(classifier)
    picture = cv2.imread(str(real_dir / "photos" / name))
    readings = reader.read_image(picture).readings
    assert "accepted" in {reading.status for reading in readings}
    assert steady(reader, picture) == [(reading.text, reading.status) for reading in readings]


def test_a_number_keeps_its_id_while_the_paper_drifts():
    seen = follow(Tracker(), [[number("12", left=100 + 8 * k, top=50 + 5 * k)] for k in range(20)])
    assert {r[0].track_id for r in seen} == {1}
    assert last_of(seen) == [(1, "12", "accepted")]


def test_two_numbers_are_two_tracks_and_come_in_the_order_given():
    seen = follow(Tracker(), [[number("12", top=50), number("34", top=150)]] * 3)
    assert [[(r.track_id, r.text) for r in frame] for frame in seen] == [[(1, "12"), (2, "34")]] * 3


def test_equal_numbers_that_cross_each_other_s_place_keep_their_ids():
    frames = [[number("12", left=100 + 9 * k), number("12", left=200 + 9 * k)] for k in range(12)]
    seen = follow(Tracker(), frames)
    assert {tuple(r.track_id for r in readings) for readings in seen} == {(1, 2)}


def test_one_frame_that_says_otherwise_does_not_change_the_text():
    frames = [[number("12")]] * 5 + [[number("72")]] + [[number("12")]] * 2
    seen = follow(Tracker(), frames)
    assert [r[0].text for r in seen] == ["12"] * 8
    assert [r[0].status for r in seen[4:]] == ["accepted", "uncertain", "accepted", "accepted"]


@pytest.mark.parametrize("new", ["345", "34", "3"])
def test_digits_that_were_really_changed_do_not_wait_for_old_votes_to_die(new):
    seen = follow(Tracker(), [[number("12")]] * 30 + [[number(new)]] * 5)
    assert all((r[0].text, r[0].status) != ("12", "accepted") for r in seen[30:])
    ((track_id, text, status),) = last_of(seen)
    assert (text, status) == (new, "accepted")
    assert track_id != 1  # that is the number that was there


@pytest.mark.parametrize("new", ["72", "123", "1"])
def test_digits_that_changed_in_part_are_not_certain_until_that_lasts(new):
    tracker = Tracker(TrackerOptions(forget_after_s=1.0))
    seen = follow(tracker, [[number("12")]] * 30 + [[number(new)]] * 40)
    assert accepted_in(seen[30:58]) == set()
    assert last_of(seen)[0][1:] == (new, "accepted")


def test_the_numbers_of_another_page_are_accepted_within_five_frames():
    old = [number("12", top=50), number("34", top=150), number("567", top=250)]
    new = [number("89", left=120, top=60), number("3", left=110, top=150), number("042", left=90, top=260)]
    seen = follow(Tracker(), [old] * 20 + [new] * 5)
    assert accepted_in(seen[20:23]) == set()
    assert accepted_in(seen[20:]) == {"89", "3", "042"}


@pytest.mark.parametrize("period", [1, 2, 3])
def test_flicker_between_two_readings_is_soon_uncertain(period):
    frames = [[number("1" if k // period % 2 else "7", confidence=0.95)] for k in range(60)]
    assert accepted_in(follow(Tracker(), frames)) == set()


def test_what_comes_and_goes_is_never_accepted():
    frames = [[number("12")] if k % 3 == 0 else [] for k in range(60)]
    assert accepted_in(follow(Tracker(), frames)) == set()


@pytest.mark.parametrize(("length", "accepted"), [(4, False), (5, True)])
def test_what_was_seen_and_not_seen_while_its_page_came_in_is_accepted_when_it_stays(length, accepted):
    coming = [[number("12")], [], [number("12")], []]
    seen = follow(Tracker(), coming + [[number("12")]] * length)
    assert (accepted_in(seen) == {"12"}) is accepted


def test_a_number_that_went_is_forgotten_and_comes_back_as_another():
    tracker = Tracker(TrackerOptions(forget_after_s=0.5))
    follow(tracker, [[number("12")]] * 5)
    assert follow(tracker, [[]], start=1.0) == [[]]
    ((reading,),) = follow(tracker, [[number("12")]], start=1.1)
    assert (reading.track_id, reading.status) == (2, "uncertain")


def test_a_number_that_was_hidden_comes_back_as_itself_where_the_paper_drifted_to():
    beside = [number("89", left=100 + 2 * k, top=300) for k in range(60)]
    frames = [
        [number("12", left=100 + 2 * k), line] if not 10 < k < 50 else [line] for k, line in enumerate(beside)
    ]
    seen = follow(Tracker(TrackerOptions(forget_after_s=3.0)), frames)
    assert all(len(readings) == 1 for readings in seen[11:50])
    assert last_of(seen) == [(1, "12", "accepted"), (2, "89", "accepted")]


@pytest.mark.parametrize(
    "left",
    [
        [part_of(number("4075"), slice(0, 2))],
        [part_of(number("4075"), slice(3, 4))],
        [part_of(number("4075"), slice(0, 1)), part_of(number("4075"), slice(2, 4))],
        [part_of(number("4075"), slice(0, 4), right=240)],
        [number("9", left=215, top=80)],
    ],
    ids=["two digits", "the last digit", "a gap", "half a digit", "something over it"],
)
def test_what_is_left_of_a_covered_number_is_not_accepted(left):
    beside = number("12", top=300)
    frames = [[number("4075"), beside]] * 10 + [[*left, beside]] * 40 + [[number("4075"), beside]] * 20
    seen = follow(Tracker(), frames)
    covered = seen[10:50]
    assert {(r.track_id, r.text, r.status) for readings in covered for r in readings} == {
        (1, "4075", "uncertain"),
        (2, "12", "accepted"),
    }
    assert last_of(seen) == [(1, "4075", "accepted"), (2, "12", "accepted")]


def test_an_arm_over_most_of_a_page_does_not_make_it_another_page():
    one, two, three = number("4038", top=100), number("88084", top=250), number("170", top=400)
    seen_frames = [
        [number("28", left=190, top=95), number("8", left=225, top=240), three],
        [part_of(one, slice(0, 1)), number("8", left=225, top=240), three],
    ]
    seen = follow(Tracker(), [[one, two, three]] * 10 + seen_frames * 15 + [[one, two, three]] * 20)
    assert accepted_in(seen) == {"4038", "88084", "170"}
    assert last_of(seen) == [(1, "4038", "accepted"), (2, "88084", "accepted"), (3, "170", "accepted")]


def test_a_hand_full_of_uncertain_digits_is_no_other_page():
    page = [number("27", left=100, top=200), number("55", left=300, top=200)]
    fingers = [number("7411", left=80, top=230, confidence=0.5)]
    rest = part_of(page[1], slice(0, 1))
    seen = follow(Tracker(), [page] * 10 + [[*fingers, rest]] * 20)
    assert accepted_in(seen) == {"27", "55"}


def test_a_hidden_number_moves_with_most_digits_not_with_most_numbers():
    page = [number("202", top=50), number("9", top=200), number("98372", top=350)]
    tracker = Tracker()
    follow(tracker, [page] * 10)
    grown = replace(page[1].digits[0], box=Box(100, 200, 120, 248))  # the ink below it is a finger's
    follow(tracker, [[page[0], Line((grown,))]], start=10 / 30)
    hidden = next(track for track in tracker._tracks if track.text == "98372")
    assert abs(hidden.moved).max() < 1


def test_a_doubtful_digit_does_not_change_a_known_number():
    known = number("87")
    doubtful = Line(
        (replace(known.digits[0], prediction=prediction(2, THRESHOLDS.accept - 0.05)), known.digits[1])
    )
    seen = follow(Tracker(), [[known]] * 10 + [[doubtful]] * 30 + [[known]] * 2)
    assert accepted_in(seen) == {"87"}
    assert [r[0].status for r in seen[10:]] == ["uncertain"] * 30 + ["accepted"] * 2


def test_a_digit_does_not_move_alone():
    page = [number("202", left=100, top=50), number("2", left=300, top=300)]
    finger = number("2", left=275, top=320)
    seen = follow(Tracker(), [page] * 10 + [[page[0]]] * 5 + [[page[0], finger]] * 10)
    assert {r.text for readings in seen[15:] for r in readings if r.status == "accepted"} == {"202"}
    moved = [number("2", left=300 + 25 * k, top=300) for k in range(5)]  # nothing tells that it is another
    assert {r[0].track_id for r in follow(Tracker(), [[line] for line in moved])} == {1}


def test_the_numbers_of_another_page_on_the_same_lines_start_at_once():
    page = [number("8881", left=300, top=100), number("4075", left=80, top=300)]
    other = [number("62611", left=230, top=100), number("6965", left=85, top=300)]
    seen = follow(Tracker(), [page] * 10 + [other] * 5)
    assert {r.text for r in seen[14] if r.status == "accepted"} == {"62611", "6965"}


def test_another_page_on_the_same_lines_is_another_page_though_each_number_shares_a_digit():
    page = [number("4038", top=100), number("88084", top=250), number("170", top=400)]
    other = [number("4712", top=100), number("18957", top=250), number("139", top=400)]
    seen = follow(Tracker(), [page] * 10 + [other] * 8)
    assert accepted_in(seen[12:]) == {"4712", "18957", "139"}


@pytest.mark.parametrize("left", [[], [part_of(number("4075"), slice(0, 2))]], ids=["hidden", "in part"])
def test_what_appears_while_something_lies_over_the_paper_has_to_wait(left):
    covered, beside, false = number("4075"), number("12", top=300), number("6", left=400)
    frames = [[covered, beside]] * 10 + [[*left, beside, false]] * 40 + [[covered, beside, false]] * 20
    seen = follow(Tracker(), frames)
    assert accepted_in(seen[10:50]) == {"12"}
    assert accepted_in(seen[50:]) == {"4075", "12", "6"}


def test_a_number_that_can_no_longer_be_read_does_not_keep_others_waiting_for_ever():
    dirty, new = number("4075", confidence=0.5), number("6", left=400)
    frames = [[number("4075")]] * 10 + [[dirty]] * 10 + [[dirty, new]] * 70
    seen = follow(Tracker(TrackerOptions(forget_after_s=2.0)), frames, fps=30)
    assert "6" not in accepted_in(seen[:65])
    assert "6" in accepted_in(seen[80:])


def test_what_leaves_the_picture_keeps_nothing_waiting():
    leaving = [number("7", left=100 - 12 * k, top=300) for k in range(9)]  # until it is at the border
    frames = [[leaving[0]]] * 10 + [[line] for line in leaving]
    frames = frames[:-4] + [[number("12", left=400), *lines] for lines in frames[-4:]]
    assert {r.text for r in follow(Tracker(), frames)[-1] if r.status == "accepted"} == {"12"}


def test_what_appears_is_accepted_when_what_it_may_have_covered_is_forgotten():
    gone, beside, new = number("4075"), number("12", top=300), number("6", left=400)
    seen = follow(
        Tracker(TrackerOptions(forget_after_s=2.0)), [[gone, beside]] * 10 + [[beside, new]] * 75, fps=30
    )
    assert accepted_in(seen[10:65]) == {"12"}
    assert accepted_in(seen[70:]) == {"12", "6"}


def test_numbers_that_are_read_as_one_for_a_while_stay_apart():
    left, right = number("12", left=100), number("34", left=200)
    both = Line(left.digits + right.digits)
    seen = follow(Tracker(), [[left, right]] * 10 + [[both]] * 20 + [[left, right]] * 20)
    assert accepted_in(seen) == {"12", "34"}
    assert last_of(seen) == [(1, "12", "accepted"), (2, "34", "accepted")]


def test_a_number_that_is_pushed_into_the_picture_is_accepted_only_whole():
    frames = []
    for shift in [*range(200, 0, -6), *[0] * 10]:
        whole = number("4075", left=480 + shift)
        seen = tuple(digit for digit in whole.digits if digit.box.right <= SIZE[0])
        frames.append([Line(seen)] if seen else [])
    assert accepted_in(follow(Tracker(), frames)) == {"4075"}


@pytest.mark.parametrize("direction", [-1, 1])
def test_a_number_that_is_pushed_out_of_the_picture_is_never_a_shorter_one(direction):
    frames = [[number("4075", left=200)]] * 10
    for shift in range(0, 500, 6):
        whole = number("4075", left=200 + direction * shift)
        seen = tuple(d for d in whole.digits if d.box.left >= 0 and d.box.right <= SIZE[0])
        frames.append([Line(seen)] if seen else [])
    assert accepted_in(follow(Tracker(), frames)) == {"4075"}


@pytest.mark.parametrize(("left", "status"), [(0, "uncertain"), (3, "uncertain"), (20, "accepted")])
def test_a_number_beside_the_border_is_accepted_at_once_but_not_at_the_border(left, status):
    seen = follow(Tracker(), [[number("12", left=left)]] * 9)
    assert seen[-1][0].status == status


@pytest.mark.parametrize("left", [0, 1, 3])
def test_a_number_that_fills_the_picture_is_accepted_when_it_lies_still(left):
    seen = follow(Tracker(), [[number("12", left=left)]] * 45)
    assert {readings[0].status for readings in seen[:29]} == {"uncertain"}
    assert seen[-1][0].status == "accepted"


@pytest.mark.parametrize("left", [0, 3])
def test_a_number_that_drifts_along_the_border_is_not_accepted(left):
    seen = follow(Tracker(), [[number("12", left=left, top=100 + k)] for k in range(90)])
    assert accepted_in(seen) == set()


def test_a_number_beside_the_border_is_not_accepted_before_it_lies_still():
    frames = [[number("12", left=10 + 4 * min(k, 8))] for k in range(14)]
    seen = follow(Tracker(), frames)
    assert accepted_in(seen[:10]) == set()
    assert last_of(seen) == [(1, "12", "accepted")]


def by_format(text, chance, confidence=0.99, **place):
    return Line(number(text, confidence=confidence, **place).digits, chance)


def test_a_number_that_was_read_by_its_format_is_as_certain_in_a_stream_as_in_a_picture():
    doubted = follow(Tracker(), [[by_format("407", 0.6)]] * 45)
    assert accepted_in(doubted) == set()  # each of its digits is certain, all of it is not
    believed = follow(Tracker(), [[by_format("407", 0.97, confidence=0.6)]] * 5)
    assert last_of(believed) == [(1, "407", "accepted")]
    assert believed[-1][0].confidence == pytest.approx(0.97)


def test_frames_decide_together_how_certain_a_number_of_a_format_is():
    seen = follow(Tracker(), [[by_format("407", chance)] for chance in (0.99, 0.6, 0.99, 0.99, 0.99, 0.99)])
    assert 0.9 < seen[-1][0].confidence < 0.99


def test_a_number_that_moves_too_fast_to_be_sharp_is_not_accepted():
    seen = follow(Tracker(), [[number("12", left=50 + 20 * k)] for k in range(20)])
    assert accepted_in(seen) == set()
    assert {r[0].track_id for r in seen} == {1}


def test_a_number_that_was_smeared_in_motion_does_not_flicker():
    first, second = number("71").digits
    smeared = Line((first, replace(second, box=second.box.moved(second.box.width, 0))))
    seen = follow(Tracker(), [[smeared]] + [[number("71")]] * 4)
    assert last_of(seen) == [(1, "71", "accepted")]


def test_what_a_number_was_on_another_page_holds_up_none_on_this_one():
    corner = number("55", left=300, top=50)
    page = [corner, number("392", left=100, top=200)]
    finger = number("77", left=110, top=205, confidence=0.3)
    other = [number("3", left=130, top=200), number("0577", left=300, top=350)]
    begun = [corner, number("3", left=100, top=200)]
    seen = follow(Tracker(), [begun] * 3 + [page] * 10 + [[corner, finger]] * 5 + [other] * 7)
    assert {"392", "3"} <= accepted_in(seen)
    assert accepted_in(seen[-1:]) == {"3", "0577"}
