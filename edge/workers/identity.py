"""Which code a process runs: all workers of a job must run the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from edge.model_file import PAGE_MODEL, SHIPPED, shipped_path


def identity(packages: Sequence[str]) -> dict[str, str]:
    """What this process runs: digitcam's version, and digests of its code and of the shipped models.

    Args:
        packages: names of packages whose code counts.
    """
    found = {"digitcam": version("digitcam")}
    for package in packages:
        folder = Path(str(files(package)))
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{path.relative_to(folder)}\n".encode())
            digest.update(path.read_bytes())
        found[f"code of {package}"] = digest.hexdigest()[:12]
    for name in (SHIPPED, PAGE_MODEL):
        found[name] = hashlib.sha256(shipped_path(name).read_bytes()).hexdigest()[:12]
    return found


def unlike(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """What is different there, in words; "" where nothing is."""
    return ", ".join(
        f"{name} {theirs.get(name, 'missing')} instead of {value}"
        for name, value in ours.items()
        if theirs.get(name) != value
    )
