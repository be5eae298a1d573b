"""Work that many processes share, and what becomes of it when they die."""

import importlib
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from edge.errors import ImageError, UsageError
from edge.workers import Answer, Dispatcher, Ended, GivenUp, Job, Place, WorkerError, Workers, open_workers
from edge.workers.identity import identity, unlike


class Squares:
    """Squares numbers; what it does with some of them is told by words."""

    def __init__(self, folder):
        self._folder = Path(folder)
        Path(folder, f"opened-{os.getpid()}").touch()

    def do(self, items):
        return [self._one(item) for item in items]

    def close(self):
        pass

    def _one(self, item):
        if item == "pid":
            return os.getpid()
        if item == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "die once" and not (self._folder / "died").exists():
            (self._folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "fail":
            raise ImageError("no picture")
        if item == "strange":
            raise Strange(1, 2)
        if item == "wait":
            time.sleep(60)
        if item == "wait a little":
            time.sleep(3)
        return item if isinstance(item, str) else item**2


class Strange(Exception):
    """Cannot be made of its words alone, as pickle would."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class Broken:
    def __init__(self):
        raise ImageError("cannot be opened")


def job(tmp_path):
    return Job(partial(Squares, str(tmp_path)))


def through(workers, batches):
    """All that comes of these batches."""
    dispatcher, found = Dispatcher(workers), []
    for batch in batches:
        dispatcher.give(batch)
    while dispatcher.out:
        found += dispatcher.take(60)
    return found


def pairs(answers):
    return sorted(
        (str(item), result)
        for answer in answers
        if isinstance(answer, Answer)
        for item, result in zip(answer.items, answer.results, strict=True)
    )


@pytest.fixture(scope="module")
def cluster():
    """The address of a cluster that is there."""
    distributed = pytest.importorskip("distributed")
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "memory_limit": 0}
    with distributed.LocalCluster(n_workers=2, silence_logs=50, **options) as there:
        yield there.scheduler_address


@pytest.fixture(params=[None, "local"], ids=["processes", "cluster"])
def place(request):
    if request.param:
        pytest.importorskip("distributed")
    return Place(2, request.param)


def test_each_item_gets_its_result_and_the_job_is_opened_once_in_each_worker(tmp_path, place):
    with open_workers(job(tmp_path), place) as workers:
        assert workers.count == 2
        found = through(workers, [(3 * k, 3 * k + 1, 3 * k + 2) for k in range(10)])
    assert pairs(found) == sorted((str(k), k**2) for k in range(30))
    assert 1 <= len(list(tmp_path.glob("opened-*"))) <= 2


def test_a_cluster_that_is_there_does_the_work_and_stays(tmp_path, cluster):
    for _ in range(2):
        with open_workers(job(tmp_path), Place(cluster=cluster)) as workers:
            assert workers.count == 2
            assert pairs(through(workers, [(1,), (2,)])) == [("1", 1), ("2", 4)]


def test_a_cluster_that_is_not_there_is_told(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    cluster = importlib.import_module("edge.workers.cluster")
    monkeypatch.setattr(cluster, "CONNECT_S", 1.0)
    with pytest.raises(WorkerError, match="no Dask cluster answers at tcp://127.0.0.1:9 .*local"):
        open_workers(job(tmp_path), Place(cluster="tcp://127.0.0.1:9"))


@pytest.mark.slow
def test_a_cluster_that_is_lost_is_told(tmp_path):
    distributed = pytest.importorskip("distributed")
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "memory_limit": 0}
    there = distributed.LocalCluster(n_workers=1, silence_logs=50, **options)
    with there, open_workers(job(tmp_path), Place(cluster=there.scheduler_address)) as workers:
        dispatcher = Dispatcher(workers)
        dispatcher.give(["wait a little"])
        there.close()
        with pytest.raises(WorkerError, match="the cluster is lost.*scheduler"):
            while dispatcher.out:
                dispatcher.take(1)


def test_a_cluster_with_another_digitcam_is_told(tmp_path, cluster, monkeypatch):
    import edge.workers.cluster as dask

    monkeypatch.setattr(dask, "here", lambda packages: identity(packages) | {"digitcam": "9.9"})
    with pytest.raises(
        WorkerError, match=r"scheduler has no digitcam like this one .*instead of 9.9.*install"
    ):
        open_workers(job(tmp_path), Place(cluster=cluster))


def test_a_cluster_with_another_version_of_dask_is_told(tmp_path, cluster, monkeypatch):
    import edge.workers.cluster as dask

    versions = dask._versions
    told = iter(range(9))
    monkeypatch.setattr(dask, "_versions", lambda found: versions(found) | {"dask": str(min(1, next(told)))})
    with pytest.raises(WorkerError, match=r"the scheduler is another version \(dask 1 instead of 0\)"):
        open_workers(job(tmp_path), Place(cluster=cluster))


@pytest.mark.slow
def test_a_batch_that_is_lost_with_its_worker_is_done_again(tmp_path, place):
    with open_workers(job(tmp_path), place) as workers:
        found = through(workers, [(1, "die once", 2), (3,)])
    assert pairs(found) == [("1", 1), ("2", 4), ("3", 9), ("die once", "die once")]


@pytest.mark.slow
def test_the_item_that_kills_is_found_and_the_others_of_its_batch_are_done(tmp_path, place):
    with open_workers(job(tmp_path), place) as workers:
        found = through(workers, [(1, 2, "die", 4), (5, 6)])
    assert pairs(found) == [("1", 1), ("2", 4), ("4", 16), ("5", 25), ("6", 36)]
    (given_up,) = (one for one in found if isinstance(one, GivenUp))
    assert given_up.item == "die"
    assert "died" in given_up.why


def test_what_the_job_raises_is_raised_here(tmp_path, place):
    with open_workers(job(tmp_path), place) as workers, pytest.raises(ImageError, match="no picture"):
        through(workers, [(1, "fail")])


def test_an_exception_that_cannot_be_sent_comes_as_its_words(tmp_path):
    with open_workers(job(tmp_path), Place(1)) as workers, pytest.raises(WorkerError, match="1 and 2"):
        through(workers, [("strange",)])


def test_a_job_that_cannot_be_opened_says_why():
    with open_workers(Job(Broken), Place(1)) as workers, pytest.raises(ImageError, match="cannot be opened"):
        through(workers, [(1,)])


@pytest.mark.slow
def test_workers_end_at_once_whatever_they_do(tmp_path, place):
    with open_workers(job(tmp_path), place) as workers:
        (answer,) = through(workers, [("pid",)])
        dispatcher = Dispatcher(workers)
        dispatcher.give(["wait"])
        dispatcher.give(["wait"])
        assert dispatcher.take(0.5) == []
    (pid,) = answer.results
    for _ in range(600):
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()
    workers.close()  # again


class Told(Workers):
    """Workers that are told what becomes of each batch."""

    count = 1

    def __init__(self, fate):
        self._fate, self._waiting = fate, []
        self.submitted = []

    def submit(self, number, items):
        self.submitted.append(items)
        self._waiting.append((number, items))

    def ended(self, timeout_s):
        ended = [self._fate(number, items) for number, items in self._waiting]
        self._waiting = []
        return ended

    def close(self):
        pass


def test_a_batch_is_done_again_twice_and_then_item_by_item():
    workers = Told(lambda number, items: Ended(number, deaths=1, why="it died"))
    found = through(workers, [(1, 2)])
    assert found == [GivenUp(1, "it died"), GivenUp(2, "it died")]
    assert workers.submitted == [(1, 2)] * 3 + [(1,)] * 3 + [(2,)] * 3


def test_one_suspect_is_out_at_a_time():
    """A scheduler blames all that waits at a worker which dies."""

    def fate(number, items):
        return Ended(number, deaths=3, why="they died") if len(items) > 1 else Ended(number, [*items])

    workers = Told(fate)
    dispatcher = Dispatcher(workers)
    dispatcher.give((1, 2))
    dispatcher.give((3, 4))
    found = []
    while dispatcher.out:
        before = len(workers.submitted)
        found += dispatcher.take(0)
        assert len(workers.submitted) <= before + 1
    assert [answer.items for answer in found] == [(1,), (2,), (3,), (4,)]


def test_what_a_scheduler_has_given_up_is_tried_once_more_with_nothing_else_out():
    workers = Told(lambda number, items: Ended(number, deaths=3, why="they died"))
    assert through(workers, [(1,)]) == [GivenUp(1, "they died")]
    assert workers.submitted == [(1,), (1,)]


def test_workers_that_all_die_are_told_before_all_items_are_given_up():
    workers = Told(lambda number, items: Ended(number, deaths=1, why="no memory"))
    with pytest.raises(WorkerError, match="one after the other.*no memory"):
        through(workers, [(k,) for k in range(100)])


def test_more_batches_are_wanted_until_no_worker_has_to_wait():
    dispatcher = Dispatcher(Told(lambda number, items: Ended(number, list(items))))
    given = 0
    while dispatcher.wants_more:
        dispatcher.give([given])
        given += 1
    assert given == 2
    assert dispatcher.take(0) and dispatcher.wants_more


def test_a_cluster_has_the_workers_that_it_has():
    with pytest.raises(UsageError, match="--workers is for this machine"):
        Place(2, "tcp://127.0.0.1:8786")


def test_another_version_is_told_by_name():
    ours = identity(["edge"])
    assert {"digitcam", "code of edge", "digits.tflite", "page.tflite"} == ours.keys()
    assert unlike(ours, dict(ours)) == ""
    assert unlike(ours, ours | {"digitcam": "9.9"}) == f"digitcam 9.9 instead of {ours['digitcam']}"
    assert "code of edge missing" in unlike(ours, {"digitcam": ours["digitcam"]})
