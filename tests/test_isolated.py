import os
import time
import venv
from pathlib import Path

import pytest

from edge.errors import ImageError
from edge.isolated import Isolated, IsolatedError, TooLongError, lift_cpu_limit, run_isolated


def upper(data: bytes) -> bytes:
    return data.upper()


def refuse(data: bytes) -> bytes:
    raise ImageError(f"no picture: {data.decode()}")


def crash(data: bytes) -> bytes:
    os.abort()


def hang(data: bytes) -> bytes:
    time.sleep(100_000)
    return b""


def devour(data: bytes) -> bytes:
    return bytes(1 << 31)


def test_the_childs_answer_comes_back():
    assert run_isolated("test_isolated:upper", b"abc") == b"ABC"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("refuse", "^no picture: abc$"),
        ("crash", "died .signal 6"),
        ("devour", "MemoryError"),
    ],
)
def test_what_becomes_of_the_child_is_said(function, message):
    with pytest.raises(IsolatedError, match=message):
        run_isolated(f"test_isolated:{function}", b"abc", memory_mb=1024)


def spin(data: bytes) -> bytes:
    while True:
        pass


def work_on_what_is_good(data: bytes) -> bytes:
    lift_cpu_limit()
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
    return b"done"


CALLS = []


def count(data: bytes) -> bytes:
    if data == b"crash":
        os.abort()
    CALLS.append(data)
    return str(len(CALLS)).encode()


def test_a_child_that_spins_is_killed_by_its_own_clock():
    with pytest.raises(TooLongError, match="more than 0.2 s of the processor's time"):
        Isolated("test_isolated:spin").call(b"", cpu_s=0.2)


def test_what_has_proven_good_may_take_longer():
    with Isolated("test_isolated:work_on_what_is_good") as child:
        child.call(b"")  # imports what it needs, which may take longer on a busy machine
        assert child.call(b"", cpu_s=0.2) == b"done"


def test_a_child_is_kept_from_call_to_call_and_started_anew_when_it_is_gone():
    with Isolated("test_isolated:count") as child:
        assert not child.running
        assert [child.call(b"one"), child.call(b"two")] == [b"1", b"2"]
        with pytest.raises(IsolatedError, match="died .signal 6"):
            child.call(b"crash")
        assert not child.running
        assert child.call(b"one") == b"1"
    assert not child.running


def test_a_child_that_hangs_is_killed():
    with pytest.raises(TooLongError, match="more than 1 s"):
        run_isolated("test_isolated:hang", b"", timeout_s=1)


def test_another_environments_interpreter_runs_this_code(tmp_path):
    venv.create(tmp_path / "env", with_pip=False)
    # It has none of our packages, numpy least of all.
    with pytest.raises(IsolatedError, match="No module named 'cv2'|No module named 'numpy'"):
        run_isolated("test_isolated:upper", b"abc", python=tmp_path / "env" / "bin" / "python")
    with pytest.raises(IsolatedError, match="cannot run nowhere: No such file"):
        run_isolated("test_isolated:upper", b"abc", python=Path("nowhere"))
