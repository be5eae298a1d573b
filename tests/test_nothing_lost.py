"""A slice of benchmarks/nothing_lost.py, and whether it would notice."""

import os
import shutil

import pytest
from mosquitto import NEEDED

from benchmarks.nothing_lost import Found, Plan, Said, history, judge, judge_heard, mqtt, power


def said(*words):
    said = Said()
    said.add("\n".join(words).encode())
    return said


def test_nothing_that_was_acknowledged_is_lost_by_kills(tmp_path):
    outcome = history(Plan(tmp_path, kills=6, seed=11))
    assert outcome.is_good, outcome
    assert outcome.acknowledged > 0


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mkfs.ext4") is None or not os.path.exists("/dev/loop-control"),  # noqa: PTH110
    reason="mounting a disk needs root and loop devices",
)
def test_nothing_that_was_acknowledged_is_lost_by_power_cuts(tmp_path):
    outcome = power(Plan(tmp_path, cuts=3, seed=11))
    assert outcome.is_good, outcome
    assert outcome.acknowledged > 0


def test_what_was_begun_and_not_acknowledged_may_be_there_or_not():
    words = said("<0.0", ">0.0", "<0.1 0.2")
    assert words.in_mid_write == 1
    for there in (["0.0"], ["0.0", "0.1", "0.2"]):
        assert judge("", words, Found(there, there)).is_good


@pytest.mark.parametrize(
    ("there", "messages", "problems"),
    [
        (["0.0"], ["0.0"], []),
        (["0.0", "0.1", "0.1"], ["0.0", "0.1", "0.1"], []),
        (["0.0", "0.1"], ["0.0"], []),
        (["0.1", "0.0"], ["0.1", "0.0"], []),
        (["0.0", "0.1"], ["0.0", "0.1"], ["set aside"]),
    ],
    ids=["lost", "doubled", "without its message", "in another order", "damaged"],
)
def test_what_is_wrong_is_noticed(there, messages, problems):
    words = said("<0.0", ">0.0", "<0.1", ">0.1")
    assert not judge("", words, Found(there, messages, problems)).is_good


@NEEDED
def test_nothing_is_lost_by_outages_of_the_broker_and_kills(tmp_path):
    outcome = mqtt(Plan(tmp_path, seed=3, readings=150, outages=2, deaths=2))
    assert outcome.is_good, outcome
    assert outcome.acknowledged == 150


HEARD = [("a", "0"), ("b", "1"), ("b", "1"), ("c", "2")]


@pytest.mark.parametrize(
    ("kept", "entries", "left", "heard", "good"),
    [
        ({"0"}, ["0", "1", "2"], 0, HEARD, True),
        ({"0"}, ["0", "1", "2"], 0, HEARD[:3], False),
        ({"0"}, ["0", "1", "2"], 0, [*HEARD, ("d", "2")], False),
        ({"0"}, ["0", "1", "2"], 1, HEARD, False),
        ({"3"}, ["0", "1", "2"], 0, HEARD, False),
        ({"0"}, ["0", "2"], 0, HEARD, False),
    ],
    ids=["a repeat", "lost", "doubled", "not sent", "not kept", "not made"],
)
def test_what_is_lost_by_mqtt_is_noticed(tmp_path, kept, entries, left, heard, good):
    assert judge_heard(Plan(tmp_path, readings=3), kept, entries, left, heard).is_good == good
