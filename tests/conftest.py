"""What several tests share."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.classifier import Classifier

WORKSTATION = ["test_training*.py", "test_convert*.py", "test_scenes*.py"]
"""Tests of what runs on a workstation only; their modules import Keras."""

if "PYTEST_XDIST_WORKER" in os.environ:  # there are as many workers as processors
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(variable, "1")  # read when TensorFlow is imported, here or in a child process

HAS_KERAS = importlib.util.find_spec("keras") is not None

collect_ignore_glob = [] if HAS_KERAS else WORKSTATION


def pytest_report_header() -> str | None:
    """Say what is left out, and why."""
    if HAS_KERAS:
        return None
    return f"left out, because TensorFlow is not installed: {', '.join(WORKSTATION)}"


@pytest.fixture(scope="session", autouse=True)
def _no_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs that tests start do not find the settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("settings")))
        yield


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of data sets; a test that asks for it is skipped where there is none, and fails in CI."""
    return _folder("mnist")


@pytest.fixture(scope="session")
def real_dir() -> Path:
    """The folder of real photos with their labels; likewise."""
    return _folder("real") / "real"


def _folder(needed: str) -> Path:
    folder = os.environ.get("DIGITCAM_DATA")
    if folder and (Path(folder) / needed).is_dir():
        return Path(folder)
    reason = f"needs data: set DIGITCAM_DATA to a folder that holds {needed}/ (found: {folder or 'not set'})"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """The shipped model."""
    return Classifier()
