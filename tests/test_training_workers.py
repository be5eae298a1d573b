"""Work that several processes share, and what becomes of it when it is broken off."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edge.workers import Place, WorkerError
from training.page.lessons import draw_pages
from training.workers import mapped

MANY = 400

INTERRUPTED = """
import os, signal, sys
from edge.workers import Place
from training.workers import mapped
from tests.test_training_workers import touch

if __name__ == "__main__":
    try:
        with mapped(touch, [os.path.join(sys.argv[1], str(k)) for k in range(400)], place=Place(2)) as made:
            next(made)
            os.killpg(0, signal.SIGINT)  # as a terminal does
            list(made)
    except KeyboardInterrupt:
        sys.exit(130)
"""


def touch(path):
    """Leave a file, and take a while for it."""
    Path(path).touch(exist_ok=False)
    time.sleep(0.01)
    return path


def square(number):
    return number**2


def under(least, number):
    """A number that is prepared, behind it a key; one kills."""
    if number == 3 * least:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05 * (number % 3))
    return number, least


def twenty():
    return 20


@pytest.mark.parametrize("place", [Place(1), Place(3), Place(2, "local")], ids=["1", "3", "cluster"])
def test_what_comes_does_not_depend_on_the_place(place):
    if place.cluster:
        pytest.importorskip("distributed")
    with mapped(under, range(30), place=place, prepare=twenty) as made:
        assert list(made) == [(number, 20) for number in range(30)]


def test_a_key_that_kills_is_told():
    with (
        mapped(under, range(50, 70), place=Place(2), prepare=twenty) as made,
        pytest.raises(WorkerError) as told,
    ):
        list(made)
    assert str(told.value).startswith("60 ends each process that is given it")


def test_results_come_in_order():
    with mapped(square, range(50), place=Place(2)) as squares:
        assert list(squares) == [number**2 for number in range(50)]


def test_what_is_not_begun_when_the_block_ends_is_never_done(tmp_path):
    paths = [str(tmp_path / str(number)) for number in range(MANY)]
    with pytest.raises(OSError, match="full"), mapped(touch, paths, place=Place(2)) as made:
        assert next(made) == paths[0]
        raise OSError("full")
    assert len(list(tmp_path.iterdir())) < MANY


def test_ctrl_c_ends_them_all(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, tmp_path],
        start_new_session=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr == ""  # no process has anything to say of it
    assert len(list(tmp_path.iterdir())) < MANY
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.slow
def test_the_same_seed_draws_the_same_pages_wherever_and_in_however_many_parts():
    pytest.importorskip("distributed")
    whole = draw_pages(None, "train", 4, seed=3)
    for place in (Place(2), Place(2, "local")):
        parts = [draw_pages(None, "train", 2, seed=3, first=first, place=place) for first in (0, 2)]
        for name in ("grey", "ink", "flags"):
            drawn = np.concatenate([getattr(part, name) for part in parts])
            assert np.array_equal(drawn, getattr(whole, name))
        digits = [part.digits + np.array([2 * k, 0, 0, 0]) for k, part in enumerate(parts)]
        assert np.array_equal(np.concatenate(digits), whole.digits)
