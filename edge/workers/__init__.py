"""Work that many processes share, on this machine or on a cluster, and that outlives them.

A `Job` says what workers do. `open_workers` starts them where a `Place` says, and a `Dispatcher` hands them
batches: one that is lost with its worker is done again.
"""

from edge.workers.base import Doer, Ended, Job, WorkerError, Workers
from edge.workers.dispatcher import Answer, Dispatcher, GivenUp
from edge.workers.places import Place, open_workers, processors

__all__ = [
    "Answer",
    "Dispatcher",
    "Doer",
    "Ended",
    "GivenUp",
    "Job",
    "Place",
    "WorkerError",
    "Workers",
    "open_workers",
    "processors",
]
