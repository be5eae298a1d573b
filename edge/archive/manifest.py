"""What an output was read with: a JSON file beside its parts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge.archive.errors import ArchiveError
from edge.archive.journal import Counts
from edge.archive.settings import Settings
from edge.files import write_whole
from edge.types import SCHEMA, ModelName, iso_utc

NAME = "_manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an output was read with, and how far.

    Attributes:
        schema: version of the rows.
        digitcam: its version.
        model: which network named the digits.
        page_model: which network found them.
        fields: what was wanted, as tables of the settings.
        rotation: degrees that the pictures were turned.
        mirror: whether they were mirrored after that.
        folder: in which relative names start.
        patterns: what was to be read, of all runs.
        started_at: of the first run, UTC.
        quick: whether pictures were looked at as the frames of a stream are.
        finished_at: when all that was found was read, UTC; None where it is not.
        pictures: that are read.
        failed: of which so many could not be read.
        again: of which so many are read again with the next run.
        rows: of the output.
    """

    schema: int
    digitcam: str
    model: ModelName
    page_model: ModelName
    fields: tuple[dict[str, Any], ...]
    rotation: int
    mirror: bool
    folder: str
    patterns: tuple[str, ...]
    started_at: str
    quick: bool = False
    finished_at: str | None = None
    pictures: int = 0
    failed: int = 0
    again: int = 0
    rows: int = 0

    @classmethod
    def now(
        cls, settings: Settings, models: tuple[ModelName, ModelName], patterns: Sequence[str]
    ) -> Manifest:
        """The manifest of a run that begins."""
        return cls(
            SCHEMA,
            version("digitcam"),
            *models,
            tuple(field.as_table() for field in settings.fields),
            settings.options.rotation,
            settings.options.mirror,
            str(Path.cwd()),
            tuple(patterns),
            iso_utc(datetime.now(UTC)),
            settings.quick,
        )

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of an output.

        Raises:
            ArchiveError: it cannot be read.
        """
        path = folder / NAME
        try:
            told = json.loads(path.read_bytes())
            for name in ("model", "page_model"):
                told[name] = ModelName(**told[name])
            for name in ("fields", "patterns"):
                told[name] = tuple(told[name])
            return cls(**told)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ArchiveError(
                f"cannot read {path} ({error}): name another --out, or delete {folder} and begin again"
            ) from error

    def as_text(self) -> str:
        """As it is written."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    def write(self, folder: Path) -> None:
        """Write it.

        Raises:
            OutputError: it cannot be written.
        """
        write_whole(folder / NAME, self.as_text())

    def of_run(self, counts: Counts, *, finished: bool) -> Manifest:
        """The same at the end of a run."""
        return replace(
            self,
            finished_at=iso_utc(datetime.now(UTC)) if finished else None,
            pictures=counts.done,
            failed=counts.failed,
            again=counts.again,
            rows=counts.rows,
        )

    def unlike(self, now: Manifest) -> list[str]:
        """What is different in a run that wants to go on with this one, in words; none: it may."""
        told = []
        for name, what in (("model", "digits were named by"), ("page_model", "digits were found by")):
            then, other = getattr(self, name), getattr(now, name)
            if then.sha256 != other.sha256:
                told.append(f"{what} {_of_model(then)}, and now would be by {_of_model(other)}")
        for name in ("schema", "digitcam", "fields", "rotation", "mirror", "quick"):
            then, other = getattr(self, name), getattr(now, name)
            # Fields as JSON has them, which knows no tuples.
            if json.dumps(then) != json.dumps(other):
                told.append(f"{name} was {_short(then)}, and now is {_short(other)}")
        relative = [
            pattern for pattern in now.patterns if "://" not in pattern and not Path(pattern).is_absolute()
        ]
        if relative and self.folder != now.folder:
            told.append(f"{relative[0]} was meant in {self.folder}, and now is in {now.folder}")
        return told


def check(folder: Path, now: Manifest, *, resume: bool) -> Manifest | None:
    """Whether an output may be begun, or gone on with.

    Args:
        folder: of the output.
        now: the manifest of this run.
        resume: whether it may be there already.

    Returns:
        The manifest of an output that is there, with what this run adds; None where it is new.

    Raises:
        ArchiveError: there is something in the folder; or it is another output than this run would write.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    if not (folder / NAME).exists():
        raise ArchiveError(f"{folder} exists, and digitcam has not written it: name another --out")
    if not resume:
        raise ArchiveError(f"{folder} exists: add --resume to go on with it, or name another --out")
    then = Manifest.read(folder)
    if told := then.unlike(now):
        raise ArchiveError(
            f"{folder} was read otherwise: {'; '.join(told)}. Ask for the same to go on with it, or name "
            "another --out"
        )
    added = tuple(pattern for pattern in now.patterns if pattern not in then.patterns)
    return replace(then, patterns=then.patterns + added, finished_at=None)


def _of_model(model: ModelName) -> str:
    return f"{model.name} ({model.sha256[:12]})"


def _short(value: object) -> str:
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) < 80 else f"{said[:76]} ..."
