"""What child processes do that ask and time models: TensorFlow never runs beside the runtime measured.

This module is also run by the interpreter of a second environment, where there is no TensorFlow at all: it
imports nothing that a Pi does not have.
"""

from __future__ import annotations

import json
import time

import numpy as np

from convert.arrays import unpacked
from edge.runtime import Network

ROUNDS = 40
"""Rounds in which all models are timed in turn, so that a busy moment of the machine meets each of them."""

LONG_ENOUGH_S = 0.001
"""Seconds that a model is timed for in each round, by as many calls as that takes."""


def said(request: bytes) -> bytes:
    """What a model says on this environment's runtime.

    Args:
        request: arrays `model` and `pictures` (n, rows, columns, channels), by `convert.arrays.packed`.

    Returns:
        JSON: the name of the runtime and the labels, with XNNPACK and without.
    """
    asked = unpacked(request)
    model, pictures = asked["model"].tobytes(), asked["pictures"]
    networks = [Network(model, xnnpack=xnnpack) for xnnpack in (True, False)]
    labels = [
        np.concatenate([network(p[np.newaxis]) for p in pictures]).argmax(axis=1) for network in networks
    ]
    return json.dumps({"runtime": networks[0].runtime, "said": [each.tolist() for each in labels]}).encode()


def times(request: bytes) -> bytes:
    """How long models take, each with XNNPACK and without, on one thread.

    Args:
        request: arrays `pictures`, one batch, and any number of models under other names, by
            `convert.arrays.packed`.

    Returns:
        JSON: by name, the microseconds for one picture in each round, with XNNPACK and without.
    """
    asked = unpacked(request)
    pictures = asked.pop("pictures")
    models = {name: model.tobytes() for name, model in asked.items()}
    networks = {
        (name, xnnpack): Network(model, xnnpack=xnnpack)
        for name, model in models.items()
        for xnnpack in (True, False)
    }
    calls = {}
    for key, network in networks.items():
        network(pictures)  # the first call plans the memory
        calls[key] = max(1, round(LONG_ENOUGH_S / _seconds(network, pictures, 1)))
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in models}
    for _ in range(ROUNDS):
        for (name, xnnpack), network in networks.items():
            seconds = _seconds(network, pictures, calls[name, xnnpack])
            found[name][0 if xnnpack else 1].append(1e6 * seconds / len(pictures))
    return json.dumps(found).encode()


def _seconds(network: Network, pictures: np.ndarray, calls: int) -> float:
    """Seconds that one call takes, in the mean over so many."""
    start = time.perf_counter()
    for _ in range(calls):
        network(pictures)
    return (time.perf_counter() - start) / calls
