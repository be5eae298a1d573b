"""What passes between the process that reads a camera and the one that wants its frames is plain data."""

import json
import math
import pickle
import socket

import pytest

from edge.errors import CameraBusyError, SourceError
from edge.sources import SourceOptions
from edge.sources.handover import (
    Ask,
    Beat,
    Failure,
    Link,
    MessageError,
    Shot,
    Start,
    decode_message,
    encode_message,
)
from edge.sources.supervised import SupervisedSource

SHOT = Shot(
    7, 12.5, 3.25, (480, 640, 3), grey=True, black=False, fingerprint=99, drops={"busy": 2, "outage": 1}
)


@pytest.mark.parametrize(
    "message",
    [
        Start("rtsp://user:secret@host/", SourceOptions(size=(320, 240), frozen_after_s=math.inf, gain=2.0)),
        Start("0", SourceOptions(), patient=True, fingerprint=5),
        Ask(),
        SHOT,
        Beat(None),
    ],
    ids=repr,
)
def test_a_message_comes_out_as_it_went_in(message):
    assert decode_message(encode_message(message)) == message


def test_an_error_comes_out_as_its_own_kind():
    failure = decode_message(encode_message(Failure("ended", CameraBusyError("it is taken"))))
    assert isinstance(failure, Failure)
    assert (failure.trouble, type(failure.error), str(failure.error)) == (
        "ended",
        CameraBusyError,
        "it is taken",
    )
    beat = decode_message(encode_message(Beat(SourceError("no light"))))
    assert isinstance(beat, Beat)
    assert str(beat.problem) == "no light"


def shot(**changes):
    return {**json.loads(encode_message(SHOT)), **changes}


@pytest.mark.parametrize(
    "fields",
    [
        shot(shape=[480]),
        shot(shape=[480, 640, 4]),
        shot(shape=[-480, -640, 3]),
        shot(shape=[100_000, 100_000, 3]),
        shot(shape=[480.0, 640, 3]),
        shot(shape="picture"),
        shot(frame_id="7"),
        shot(timestamp=math.nan),
        shot(drops={"weather": 1}),
        shot(drops={"busy": -1}),
        shot(drops=3),
        shot(fingerprint="x"),
        shot(more=1),
        {"kind": "Failure", "trouble": "bored", "error": {"type": "SourceError", "message": ""}},
        {"kind": "Failure", "trouble": "ended", "error": "none"},
        {"kind": "Shutdown"},
        {},
        [],
        None,
    ],
    ids=str,
)
def test_what_makes_no_sense_is_no_message(fields):
    with pytest.raises(MessageError):
        decode_message(json.dumps(fields).encode())


def test_an_error_of_an_unknown_kind_is_one_of_the_source():
    fields = {"kind": "Failure", "trouble": "ended", "error": {"type": "SystemExit", "message": "out"}}
    failure = decode_message(json.dumps(fields).encode())
    assert type(failure.error) is SourceError


class Harmful:
    def __reduce__(self):
        return pytest.fail, ("code that came over the line was run",)


def test_code_that_comes_over_the_line_is_not_run():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        theirs.send(pickle.dumps(Harmful()))
        link = Link(ours)
        with pytest.raises(MessageError):
            link.receive(1.0)
        link.close()


def test_a_process_that_sends_nonsense_is_started_again(tmp_path, monkeypatch):
    control = tmp_path / "fault"
    control.write_text("")
    notices = []
    options = SourceOptions(size=(160, 120), seed=4)
    with SupervisedSource(f"faulty:{control}", options, on_notice=notices.append) as source:
        frames = iter(source)
        next(frames)
        receive, sent = Link.receive, []

        def nonsense_once(link, timeout_s):
            if not sent:
                sent.append(link)
                raise MessageError("3 bytes that are no message")
            return receive(link, timeout_s)

        monkeypatch.setattr(Link, "receive", nonsense_once)
        next(frames)
        assert source.restarts["died"] == 1
    assert "no longer sane: 3 bytes that are no message" in notices[0]
