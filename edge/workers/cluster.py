"""Workers of a Dask cluster: the only file that names Dask."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Any

from edge.errors import PackageMissingError
from edge.isolated import python_command
from edge.workers.base import Doer, Ended, Job, WorkerError, Workers
from edge.workers.dispatcher import AGAIN
from edge.workers.identity import identity, unlike

try:
    import dask
    from distributed import Client, Future, KilledWorker, LocalCluster, Status, Worker, WorkerPlugin
except ImportError as error:
    raise PackageMissingError.of_extra("cluster", "--cluster needs Dask's package distributed") from error

CONNECT_S = 15.0
"""Until a scheduler must have answered."""

FIRST_WORKER_S = 120.0
"""For the first worker to come: a batch system or a cloud may have to start it."""

NO_WORKER_S = 600.0
"""How long it is waited for workers to come back, which a cloud may have taken away."""

CLOSE_S = 1.5
"""For good manners at the end."""

LOOK_S = 1.0
"""After which it is looked whether there are still workers."""

COUNT_S = 2.0
"""How long it is believed how many workers there are."""

HERE = {
    "logging": {"distributed": "critical"},  # what becomes of a batch is said by us
    "distributed.scheduler.allowed-failures": AGAIN,
    "temporary-directory": tempfile.gettempdir(),  # not the folder in which the command runs
    "distributed.scheduler.worker-saturation": 1.0,  # a batch that waits at no worker is lost with none
}
"""Settings of a cluster that is started here."""


class ClusterWorkers(Workers):
    """The workers of a Dask cluster: all that it has, those that join later too.

    Args:
        job: what they do.
        client: is connected; it is closed at the end.
        process: in which the cluster was started for it; it is ended too.

    Raises:
        WorkerError: there are no workers, or they run other code.
    """

    def __init__(self, job: Job, client: Client, process: subprocess.Popen[str] | None = None) -> None:
        self._job, self._client, self._process = job, client, process
        self._finished: queue.SimpleQueue[tuple[int, Future]] = queue.SimpleQueue()
        self._futures: dict[int, Future] = {}
        self._count, self._counted_at = 0, 0.0
        self._closed = False
        self._here_at = time.monotonic()  # when there was a worker
        try:
            _check(client, job)
            client.register_plugin(_Opened(job, identity(job.packages)))
        except BaseException:
            self.close()
            raise

    @property
    def count(self) -> int:
        """How many batches they do at the same time; it is asked for now and then."""
        now = time.monotonic()
        if not self._count or now - self._counted_at > COUNT_S:
            with contextlib.suppress(OSError, ValueError, RuntimeError):  # `ended` says that it is lost
                self._count = sum(self._client.nthreads().values())
            self._counted_at = now
        return self._count

    def submit(self, number: int, items: Sequence[Any]) -> None:
        """Have a batch done, as soon as a worker is free."""
        try:
            future = self._client.submit(
                _do, self._job.name, items, key=f"{self._job.name}-{uuid.uuid4().hex}", retries=0
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise self._lost(error) from error
        self._futures[number] = future
        future.add_done_callback(lambda future: self._finished.put((number, future)))

    def ended(self, timeout_s: float) -> list[Ended]:
        """Wait for batches to end; none after this time, or after `LOOK_S`.

        Raises:
            WorkerError: the cluster is lost.
            Exception: whatever the job raised.
        """
        found: list[Ended] = []
        with contextlib.suppress(queue.Empty):
            wait_s = min(timeout_s, LOOK_S)
            one = self._finished.get(timeout=wait_s) if wait_s > 0 else self._finished.get_nowait()
            while True:
                found.append(self._result(*one))
                one = self._finished.get_nowait()
        if not found:
            if self._client.status != "running":
                raise self._lost(None)
            if self.count:
                self._here_at = time.monotonic()
            elif time.monotonic() - self._here_at > NO_WORKER_S:
                raise WorkerError(f"the cluster has had no worker for {NO_WORKER_S:g} s: start some again")
        return found

    def close(self) -> None:
        """Take back what is not done, and leave the cluster as it was; may be called twice."""
        if self._closed:
            return
        self._closed = True
        # An unlucky cluster takes longer than whoever waits for us.
        thread = threading.Thread(target=self._close, name="digitcam-close", daemon=True)
        thread.start()
        thread.join(2 * CLOSE_S)

    def _close(self) -> None:
        if self._process is not None:
            _end(self._process)
        with contextlib.suppress(Exception):
            if self._process is None:
                self._client.cancel(list(self._futures.values()), force=True)
                self._client.unregister_worker_plugin(self._job.name)
            self._client.close(timeout=CLOSE_S)

    def _result(self, number: int, future: Future) -> Ended:
        try:
            results = future.result()
        except KilledWorker as error:
            return Ended(number, deaths=error.allowed_failures + 1, why="the workers that did it died")
        except (CancelledError, OSError) as error:
            if isinstance(error, OSError) and future.status == "error":
                raise  # the job's own
            raise self._lost(error) from error
        finally:
            self._futures.pop(number, None)
            future.release()
        return Ended(number, results)

    def _lost(self, error: BaseException | None) -> WorkerError:
        why = f" ({_one_line(error)})" if error is not None and str(error) else ""
        return WorkerError(f"the cluster is lost{why}: see whether its scheduler is still running")


def start_here(workers: int) -> tuple[Client, subprocess.Popen[str]]:
    """Start a cluster on this machine, in a process of its own: Ctrl-C at the terminal is ours to answer.

    It ends with this process, however that ends.

    Args:
        workers: processes, each of which does one batch at a time.

    Raises:
        WorkerError: it does not start.
    """
    process = subprocess.Popen(
        python_command("edge.workers.cluster:_serve", workers),
        stdin=subprocess.PIPE,  # its end is the sign to end
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        process_group=0,
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline().strip()
        if not said.startswith("tcp://"):
            raise WorkerError(f"no cluster can be started here: {said or 'it died'}")
        return connect(said), process
    except BaseException:
        _end(process)
        raise


def _end(process: subprocess.Popen[str]) -> None:
    """End a cluster that was started here, its workers too; what they have started ends with them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def connect(address: str) -> Client:
    """Connect to a cluster that is there.

    Args:
        address: of its scheduler.

    Raises:
        WorkerError: it does not answer, or speaks otherwise.
    """
    _hush()
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except Exception as error:  # OSError where nobody is; whatever another version makes of our words
        raise WorkerError(
            f"no Dask cluster answers at {address} ({_one_line(error)}): expected the address of a "
            "scheduler, such as tcp://10.0.0.1:8786, which runs the same version of distributed; or local, "
            "which starts a cluster here"
        ) from error


def _hush() -> None:
    """Leave it to us to say what goes wrong: a worker that is lost is no news for people."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _check(client: Client, job: Job) -> None:
    """Make sure that there are workers, and that all of them run what this process runs.

    Raises:
        WorkerError: they do not.
    """
    try:
        client.wait_for_workers(1, timeout=FIRST_WORKER_S)
    except TimeoutError as error:
        raise WorkerError(
            f"the cluster has had no worker for {FIRST_WORKER_S:g} s: start some, as with dask worker "
            f"{client.scheduler.address if client.scheduler else 'ADDRESS'}"
        ) from error
    versions = client.get_versions()
    ours = _versions(versions["client"])
    machines = {"the scheduler": versions["scheduler"]}
    machines |= {f"the worker {address}": found for address, found in versions["workers"].items()}
    for name, found in machines.items():
        if told := unlike(ours, _versions(found)):
            raise WorkerError(
                f"{name} is another version ({told}): install the same on all machines of the cluster"
            )
    mine = here(job.packages)
    answers = {
        "the scheduler": _ask(lambda: client.run_on_scheduler(identity, job.packages)),
        **_ask(lambda: client.run(identity, job.packages, on_error="return")),
    }
    for name, answer in answers.items():
        told = unlike(mine, answer) if isinstance(answer, dict) else _one_line(answer)
        if told:
            who = name if name.startswith("the ") else f"the worker {name}"
            raise WorkerError(
                f"{who} has no digitcam like this one ({told}): install the same on all machines of the "
                "cluster"
            )


here = identity
"""Of this process; a test has another."""


def _ask(question: Any) -> Any:  # noqa: ANN401 - as Dask has it
    try:
        return question()
    except Exception as error:  # such as a module that is not there
        return error


def _versions(found: dict[str, Any]) -> dict[str, str]:
    """What must be alike for both sides to understand each other."""
    python = ".".join(str(found["host"]["python"]).split(".")[:2])
    packages = {
        name: str(found["packages"].get(name)) for name in ("dask", "distributed", "cloudpickle", "numpy")
    }
    return {"Python": python, **packages}


def _one_line(error: BaseException | object) -> str:
    return " ".join(str(error).split()) or type(error).__name__


# --- in the process of a cluster that is started here ---


def _serve(workers: int) -> None:
    """Be a cluster until standard input ends, and end with all workers."""
    try:
        with dask.config.set(HERE):
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",  # any free port
                silence_logs=logging.CRITICAL,
                memory_limit=0,
            )
        print(cluster.scheduler_address, flush=True)
        while not select.select([sys.stdin], [], [], LOOK_S)[0]:
            _replace_lost(cluster, workers)
    except Exception as error:
        print(_one_line(error), flush=True)
    finally:
        os.killpg(0, signal.SIGKILL)


def _replace_lost(cluster: LocalCluster, workers: int) -> None:
    """Start workers anew that Dask's nanny has given up, as it does with those that die while they start."""
    alive = (Status.created, Status.init, Status.starting, Status.running)
    gone = [name for name, nanny in cluster.workers.items() if nanny.status not in alive]
    for name in gone:
        cluster.worker_spec.pop(name, None)
    if len(cluster.workers) - len(gone) < workers:
        cluster.scale(workers)  # starts those, too, that it has struck off its list


# --- in a worker ---


class _Opened(WorkerPlugin):  # type: ignore[misc]  # distributed has no types here
    """Brings a job to each worker, those that join later too, and ends it there."""

    def __init__(self, job: Job, expected: dict[str, str]) -> None:
        self.name = job.name
        self._job, self._expected = job, expected

    def setup(self, worker: Worker) -> None:
        """Know the job; it is opened when the first batch comes."""
        if told := unlike(self._expected, identity(self._job.packages)):
            raise WorkerError(f"another digitcam on {platform.node()}: {told}")
        _jobs[self.name] = _Here(self._job)

    def teardown(self, worker: Worker) -> None:
        """Close what was opened."""
        if here := _jobs.pop(self.name, None):
            here.close()


class _Here:
    """A job in this process, and what is open for it: one for each thread of the worker."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lock = threading.Lock()
        self._idle: list[Doer] = []
        self._all: list[Doer] = []

    def do(self, items: Sequence[Any]) -> list[Any]:
        with self._lock:
            doer = self._idle.pop() if self._idle else None
        if doer is None:
            doer = self._job.open()
            self._all.append(doer)
        try:
            return doer.do(items)
        finally:
            self._idle.append(doer)

    def close(self) -> None:
        for doer in self._all:
            doer.close()


_jobs: dict[str, _Here] = {}


def _do(name: str, items: Sequence[Any]) -> list[Any]:
    return _jobs[name].do(items)
