import csv
import json
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from samples import THRESHOLDS, number, result_of

from edge.lines import to_reading
from edge.reader import DigitReader
from edge.types import Box
from training.dataset import DataError
from training.evaluate import pooled_reliability
from training.photos import Photo, align, load_photos, read_photos, right, tally, tally_numbers
from training.pictures import (
    DigitRead,
    Outcome,
    Tally,
    compare,
    cut_mistakes,
    digits_read,
    only_digits,
    pair,
    reliability,
)


@pytest.mark.parametrize(
    ("truth", "read", "edits", "confident"),
    [
        ("123", "123", 0, 0),
        ("123", "", 3, 0),
        ("", "12?", 3, 2),
        ("123", "13", 1, 0),
        ("123", "1723", 1, 1),
        ("123", "1?3", 1, 0),
        ("123", "183", 1, 1),
        ("12", "21", 2, 1),  # one missed and one extra, which are two edits as well, but one certain mistake
        ("5", "?5?", 2, 0),
        ("407", "4?17", 2, 1),
    ],
)
def test_edits_are_counted_and_the_certain_ones_among_them(truth, read, edits, confident):
    assert align(truth, read) == (edits, confident)


def photo(digits, *, order_free=False):
    return Photo(path=None, group="g", digits=digits, order_free=order_free, places=(), ignored=())


def read(text):
    """Digits as they are shown; what is not certain is most probably a 5."""
    return [
        DigitRead(character, Box(0, 0, 9, 9), character.replace("?", "5"), 0.5 if character == "?" else 0.9)
        for character in text
    ]


def test_a_photo_counts_its_digits_edits_and_whether_it_is_exact():
    assert tally(photo("407"), read("407")) == Tally(pictures=1, digits=3, texts=1, exact_texts=1)
    assert tally(photo("407"), read("4?1")) == Tally(pictures=1, digits=3, edits=2, confident=1, texts=1)


def test_scattered_digits_are_compared_without_their_order():
    assert tally(photo("407", order_free=True), read("074")).error == 0
    assert tally(photo("407"), read("074")).error > 0


@pytest.mark.parametrize(
    ("truth", "shown", "expected"),
    [
        ("407", "407", [True, True, True]),
        ("407", "4?7", [True, False, True]),
        ("457", "4?7", [True, True, True]),  # right, though not certain
        ("407", "47", [True, True]),
        ("407", "1407", [False, True, True, True]),
        ("", "3", [False]),
        ("407", "", []),
    ],
)
def test_what_is_read_is_right_where_it_is_written(truth, shown, expected):
    assert right(photo(truth), read(shown)) == expected


def test_scattered_digits_are_right_wherever_they_are_written():
    assert right(photo("407", order_free=True), read("0?74")) == [True, False, True, True]


def test_how_sure_the_reader_was_is_kept_with_what_was_right():
    shown = read("4?7")
    told = reliability(shown, right(photo("407"), shown))
    assert told.confidence.tolist() == pytest.approx([0.9, 0.5, 0.9])
    assert told.right.tolist() == [True, False, True]
    assert told.calibration_error == pytest.approx((2 * 0.1 + 0.5) / 3)
    assert pooled_reliability([told, told]).calibration_error == pytest.approx(told.calibration_error)
    assert pooled_reliability([]).calibration_error == 0


def test_only_certain_digits_are_false_in_an_empty_picture():
    assert tally(photo(""), read("1?7")) == Tally(pictures=1, empty=1, false_digits=2)


def test_tallies_add_up_and_tell_shares():
    both = Tally(pictures=1, digits=3, edits=2, confident=1, texts=1) + Tally(
        pictures=2, digits=1, texts=1, exact_texts=1, empty=1, false_digits=3
    )
    assert (both.error, both.wrong, both.exact, both.false) == (0.5, 0.25, 0.5, 3)
    assert Tally().error is Tally().exact is Tally().false is None


def test_digits_are_paired_by_the_best_overlap_one_to_one():
    truth = [Box(0, 0, 20, 40), Box(25, 0, 45, 40)]
    merged, second, far = Box(0, 0, 45, 40), Box(26, 2, 46, 40), Box(200, 0, 220, 40)
    assert pair(truth, [far, second, merged]) == {0: 2, 1: 1}
    assert pair(truth, []) == pair([], [far]) == {}


def test_ink_in_a_cell_is_paired_with_the_cell():
    assert pair([Box(0, 0, 60, 60)], [Box(28, 10, 32, 50)]) == {0: 0}


def test_every_digit_gets_an_outcome_and_every_mistake_a_picture():
    truth = [("4", Box(0, 0, 20, 40)), ("0", Box(25, 0, 45, 40)), ("7", Box(50, 0, 70, 40))]
    found = [
        DigitRead("4", Box(0, 0, 20, 40), "4", 0.9),
        DigitRead("8", Box(26, 0, 45, 40), "8", 0.9),
        DigitRead("1", Box(150, 0, 160, 30), "1", 0.9),
    ]
    outcomes = compare(truth, found)
    assert outcomes == [
        Outcome("4", "4", truth[0][1]),
        Outcome("0", "8", truth[1][1]),
        Outcome("7", "", truth[2][1]),
        Outcome("", "1", found[2].box),
    ]
    image = np.full((40, 160, 3), 90, np.uint8)
    image[:, 25:45] = 30
    mistakes = cut_mistakes(image, outcomes)
    assert [(mistake.truth, mistake.read) for mistake in mistakes] == [("0", "8"), ("7", ""), ("", "1")]
    assert {mistake.picture.shape for mistake in mistakes} == {(64, 64)}
    assert mistakes[0].picture[32, 32] == 30  # the digit is in the middle
    assert mistakes[0].picture[1, 32] == 255  # above the picture there is nothing


def test_rejected_numbers_are_not_read():
    reading = to_reading(number("42"), THRESHOLDS)
    assert [digit.text for digit in digits_read(result_of(reading))] == ["4", "2"]
    assert digits_read(result_of(replace(reading, status="rejected"))) == []


def test_a_number_is_right_when_one_reading_has_all_its_digits():
    known = replace(photo("40712"), numbers=("407", "12", "12"))
    shown = [to_reading(number(text, top=100 * k), THRESHOLDS) for k, text in enumerate(("407", "1", "2"))]
    counts = tally_numbers(known, shown)
    assert (counts.numbers, counts.right_numbers, counts.readings) == (3, 1, 3)
    assert (counts.right, counts.true) == (1 / 3, 1 / 3)
    twelve = to_reading(number("12"), THRESHOLDS)
    assert tally_numbers(known, [twelve] * 3).right_numbers == 2  # it is written twice, not three times


def test_numbers_that_are_unsure_rejected_or_not_asked_for_are_not_right():
    known = replace(photo("12"), numbers=("12",), ignored=(Box(0, 0, 90, 90),))
    unsure = to_reading(number("12", confidence=0.6), THRESHOLDS)
    assert tally_numbers(known, [unsure]) == Tally(numbers=1, readings=1)
    rejected = replace(to_reading(number("12"), THRESHOLDS), status="rejected")
    elsewhere = to_reading(number("12", left=0, top=0), THRESHOLDS)
    assert tally_numbers(known, [rejected, elsewhere]) == Tally(numbers=1)
    assert tally_numbers(photo("12"), [unsure]) == Tally()


def write_photos(folder, rows, boxes=None, numbers=None):
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "digits", "source", "license", "notes"])
        writer.writerows([(name, digits, "", "", notes) for name, digits, notes in rows])
    if boxes is not None:
        (folder / "boxes.json").write_text(json.dumps(boxes))
    if numbers is not None:
        lines = "".join(f"{name},{text},{text},\n" for name, text in numbers.items())
        (folder / "numbers.csv").write_text(f"file,numbers,written,notes\n{lines}")
    for name, _, _ in rows:
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), np.full((60, 80), 220, np.uint8))


def test_photos_are_listed_with_groups_rows_and_zones(tmp_path):
    write_photos(
        tmp_path,
        [
            ("a/one.png", "12/3", "order free"),
            ("b/two.png", "", ""),
            ("b/three.png", "9", "TRANSITION, not scored"),
        ],
        {"a/one.png": [[5, 6, 10, 20, "1"], [0, 0, 4, 4, "?"]]},
        {"a/one.png": "12 3"},
    )
    one, two = load_photos(tmp_path)
    assert (one.group, one.digits, one.order_free) == ("a", "123", True)
    assert one.places == (("1", Box(5, 6, 15, 26)),)
    assert one.ignored == (Box(0, 0, 4, 4),)
    assert one.numbers == ("12", "3")
    assert (two.group, two.digits, two.places, two.numbers) == ("b", "", (), None)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "a" / "one.png").unlink(), "1 photos that are not there"),
        (
            lambda folder: (folder / "boxes.json").write_text("{"),
            "cannot read labels.csv, boxes.json or numbers.csv",
        ),
        (lambda folder: (folder / "labels.csv").write_text("file\na/one.png\n"), "'notes'"),
    ],
    ids=["a photo is missing", "broken boxes", "a column is missing"],
)
def test_a_damaged_list_is_named(tmp_path, damage, message):
    write_photos(tmp_path, [("a/one.png", "1", "")])
    damage(tmp_path)
    with pytest.raises(DataError, match=message):
        load_photos(tmp_path)


CHOSEN = (
    "photos/tahaemara_3268.jpg",
    "photos/ocsenas_4028.jpg",
    "photos/sudarshan_8plus3.png",
    "photos/tgtony_test6.jpg",
    "photos/kiran_12345.png",
    "negatives/words_hello1.jpg",
    "strings_submitty/sub_00.png",
    "strings_orand/a_car_000720.jpg",
)


def test_the_figures_are_those_of_the_script_that_scores_readers(real_dir, tmp_path, classifier):
    script = real_dir.parent.parent / "score_photos.py"
    if not script.is_file():
        pytest.skip(f"needs {script}")
    with (real_dir / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["file"] in CHOSEN]
    assert len(rows) == len(CHOSEN)
    write_photos(tmp_path, [(row["file"], row["digits"], row["notes"]) for row in rows])
    for name in CHOSEN:
        (tmp_path / name).write_bytes((real_dir / name).read_bytes())
    (tmp_path / "boxes.json").write_bytes((real_dir / "boxes.json").read_bytes())
    numbers = {row["file"]: row["digits"].replace("/", " ") for row in rows if row["digits"]}
    lines = "".join(f"{name},{text},{text},\n" for name, text in numbers.items())
    (tmp_path / "numbers.csv").write_text(f"file,numbers,written,notes\n{lines}")
    done = subprocess.run(
        [
            sys.executable,
            str(script),
            str(tmp_path),
            "--json",
            "--reader",
            f"{sys.executable} -m edge read --json",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    ours = {
        group: {
            "pictures": result.tally.pictures,
            "digits": result.tally.digits,
            "unanswered": 0,
            "numbers": result.tally.numbers,
            **{
                name: None
                if (value := getattr(result.tally, name)) is None
                else round(value, 3 if name == "false" else 4)
                for name in ("error", "wrong", "exact", "false", "right", "true")
            },
        }
        for group, result in read_photos(
            DigitReader(classifier, thorough=True), load_photos(tmp_path)
        ).items()
    }
    theirs = json.loads(done.stdout)
    for group in theirs.values():
        group.pop("marks")  # the marks in numbers, which are not counted here
    assert ours == theirs


def test_marks_are_no_digits_that_were_read():
    assert only_digits("-12.5") == "125"
    assert only_digits("1?:45") == "1?45"
