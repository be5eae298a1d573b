"""A live source in a process of its own, which fails in all ways and is started again."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from edge.errors import CameraNotFoundError, UsageError
from edge.sources import SourceOptions, open_here, open_source
from edge.sources.child import Capture
from edge.sources.handover import Start

SMALL = SourceOptions(size=(160, 120), seed=4)


@pytest.fixture
def control(tmp_path):
    path = tmp_path / "fault"
    path.write_text("")
    return path


def children():
    """The processes that this one started and has not buried."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def handles():
    """What this process holds open: files by their path, pipes and sockets by a number that no other has.

    Compare what has been added, not how many there are: what other tests left may be closed meanwhile.
    """
    held = set()
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            held.add(str(handle.readlink()))
    return held


@pytest.fixture
def others():
    """The processes that other tests have left, as `multiprocessing` leaves its resource tracker."""
    return children()


def test_frames_come_through_as_the_source_gives_them(control):
    with open_here(f"faulty:{control}", SMALL) as direct:
        picture = next(iter(direct)).image
        truth = {frame_id: direct._demo.picture(frame_id) for frame_id in range(30)}
    assert (picture == truth[0]).all()
    begun = time.monotonic()
    with open_source(f"faulty:{control}", SMALL) as source:
        for frame in itertools.islice(source, 5):
            assert (frame.image == truth[frame.frame_id]).all()
            assert frame.source == f"faulty:{control}"
            assert begun <= frame.timestamp <= time.monotonic()


def test_a_frame_given_stays_as_it_is(control):
    with open_source(f"faulty:{control}", SMALL) as source:
        first = next(frames := iter(source))
        copy = first.image.copy()
        for _ in range(3):
            next(frames)
    assert (first.image == copy).all()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_pictures_are_turned_clockwise(control, rotation):
    with open_source(f"faulty:{control}", SourceOptions(size=(160, 120), rotation=rotation)) as turned:
        frame = next(iter(turned))
    with open_here(f"faulty:{control}", SourceOptions(size=(160, 120))) as source:
        upright = source._demo.picture(frame.frame_id)
    assert (frame.image == np.rot90(upright, -rotation // 90)).all()


def test_every_frame_left_out_has_its_cause(control):
    with open_source(f"faulty:{control}", SMALL) as source:
        seen = []
        for frame in itertools.islice(source, 15):
            seen.append(frame.frame_id)
            time.sleep(0.1)
            if len(seen) == 5:
                os.kill(source.pid, signal.SIGKILL)
    assert seen == sorted(set(seen))
    assert source.dropped == seen[-1] + 1 - len(seen)
    assert source.drops["busy"] > 0
    assert source.drops["outage"] > 0


FAULTS = {"killed": "died", "hang": "hung", "freeze": "frozen", "gone": "ended", "resize": "resized"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_source_comes_back_after_each_fault(control, fault):
    notices = []
    with open_source(f"faulty:{control}", SMALL, on_notice=notices.append) as source:
        frames = iter(source)
        next(frames)
        if fault == "killed":
            os.kill(source.pid, signal.SIGKILL)
        else:
            control.write_text(fault)
        if fault == "gone":
            threading.Timer(1.0, control.write_text, [""]).start()
        frame = next(frame for frame in frames if source.restarts[FAULTS[fault]])
        assert source.state == "running"
        assert frame.size == SMALL.size
        assert "starting it again" in notices[0]
        assert "is back after" in notices[-1]  # benchmarks/recovery.py measures how soon


def test_no_frame_is_given_twice_while_frozen(control):
    with open_source(f"faulty:{control}", SMALL) as source:
        frames = iter(source)
        next(frames)
        control.write_text("freeze")
        pictures = []
        for frame in frames:
            pictures.append(frame.image)
            if source.restarts:
                break
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_black_is_a_state_and_no_reason_to_restart(control):
    notices = []
    with open_source(f"faulty:{control}", SMALL, on_notice=notices.append) as source:
        frames = iter(source)
        next(frames)
        control.write_text("black")
        until = time.monotonic() + 1.6  # longer than a picture may be frozen
        while time.monotonic() < until:
            next(frames)
        assert source.state == "black"
        control.write_text("")
        while source.state == "black":
            next(frames)
    assert source.state == "running"
    assert not source.restarts["frozen"]
    assert ["is black" in notices[0], "sees again" in notices[1]] == [True, True]


def test_a_process_that_is_stopped_is_replaced(control):
    with open_source(f"faulty:{control}", SMALL) as source:
        frames = iter(source)
        next(frames)
        os.kill(source.pid, signal.SIGSTOP)
        next(frame for frame in frames if source.restarts["hung"])


def test_what_cannot_be_opened_is_raised_as_the_source_raised_it(control, others):
    control.write_text("gone")
    with pytest.raises(CameraNotFoundError, match="is gone"):
        open_source(f"faulty:{control}")
    control.write_text("sad")
    with pytest.raises(UsageError, match="says 'sad': expected gone, black"):
        open_source(f"faulty:{control}")
    assert children() == others


def test_closing_ends_a_reader_that_waits_and_leaves_nothing_behind(control, others):
    before = handles()
    source = open_source(f"faulty:{control}", SMALL)
    frames = iter(source)
    next(frames)
    control.write_text("gone")
    threading.Timer(1.0, source.close).start()
    list(frames)  # ends
    source.close()
    assert children() == others
    assert handles() <= before


def test_restarts_leave_nothing_behind(control, others):
    with open_source(f"faulty:{control}", SMALL) as source:
        frames = iter(source)
        next(frames)
        next(frames)
        before = len(handles())
        for restart in range(1, 4):
            os.kill(source.pid, signal.SIGKILL)
            while source.restarts.total() < restart:
                next(frames)
        assert len(handles()) <= before  # others than before: each process has its own
        assert len(children()) == len(others) + 2  # the one that reads, and the next


def test_the_process_ends_when_its_reader_is_killed(control):
    code = """
import sys, time
from edge.sources import open_source
source = open_source(sys.argv[1])
print(source.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, f"faulty:{control}"], stdout=subprocess.PIPE, text=True
    ) as reader:
        pid = int(reader.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        control.write_text("hang")
        reader.kill()
    until = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_ctrl_c_in_a_terminal_does_not_reach_the_process(control):
    with open_source(f"faulty:{control}", SMALL) as source:
        assert os.getpgid(source.pid) != os.getpgid(0)


def test_a_script_without_a_main_guard_may_open_a_camera(control, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom edge import open_source\nprint(next(iter(open_source(sys.argv[1]))).size)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, script, f"faulty:{control}"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout == "(640, 480)\n"


def test_the_newest_frame_is_given_and_the_others_counted(control):
    capture = Capture(Start("demo", SourceOptions(size=(160, 120), realtime=False)))
    capture.start()
    time.sleep(0.5)
    frame, shot = capture.take(1)
    assert frame.frame_id == shot.frame_id == shot.drops["busy"] > 2
    capture.stop()
    assert not capture.is_alive()
