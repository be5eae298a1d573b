"""Where workers are: on this machine, or on a cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass

from edge.errors import UsageError
from edge.workers.base import Job, Workers
from edge.workers.local import LocalWorkers

LOCAL = "local"
"""The address of a cluster that is started here, for as long as it is needed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where work is done.

    Attributes:
        workers: how many; None: one for each processor, or all of a cluster.
        cluster: address of a Dask scheduler, such as "tcp://10.0.0.1:8786"; `LOCAL` starts one here; None
            does the work in child processes.

    Raises:
        UsageError: a number of workers for a cluster that is there already.
    """

    workers: int | None = None
    cluster: str | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.cluster not in (None, LOCAL):
            raise UsageError(
                f"--workers is for this machine: the cluster {self.cluster} has the workers that it has, and "
                "all of them are used"
            )


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def open_workers(job: Job, place: Place) -> Workers:
    """Workers for a job.

    Raises:
        PackageMissingError: the extra `cluster` is missing.
        WorkerError: the cluster is not there, or cannot be used.
    """
    if place.cluster is None:
        return LocalWorkers(job, place.workers or processors())
    from edge.workers.cluster import ClusterWorkers, connect, start_here

    if place.cluster == LOCAL:
        return ClusterWorkers(job, *start_here(place.workers or processors()))
    return ClusterWorkers(job, connect(place.cluster))
