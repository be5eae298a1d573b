"""TensorFlow, imported without its greetings, which no setting silences."""

from __future__ import annotations

import os

from edge.runtime import quiet_stderr


def import_tensorflow() -> None:
    """Import it, and make it Keras' backend: the only one that TensorFlow Lite can be made of."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr():
        import tensorflow  # noqa: F401
