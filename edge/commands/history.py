"""`digitcam history`: what was read and kept."""

from __future__ import annotations

import argparse
import json
import os
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from edge.clock import moment_of
from edge.commands import values
from edge.commands.output import put, say
from edge.commands.parser import Option, Verb
from edge.errors import UsageError

if TYPE_CHECKING:
    from edge.store import Entry, Store

NEWEST = 20
"""Entries in the table, where nothing is said."""

PORTION = 1000
"""Lines that are written at a time."""

COLUMNS = ("number", "time", "field", "value", "confidence", "refused")

UNSET = "*"
"""Behind a time of a clock that was not synchronised."""


def _history(args: argparse.Namespace) -> int:
    from edge.outputs import NO_HISTORY
    from edge.store import Selection, Store

    if args.csv and args.json:
        raise UsageError("expected --csv or --json, found both")
    path = args.history if args.history not in (None, NO_HISTORY) else find_history(os.environ)
    store = Store(path)
    if args.field is not None:
        _check_field(store, args.field)
    selection = Selection(args.field, args.since, args.until)
    if args.csv or args.json:
        entries = store.history.each(selection)
        if args.limit:
            entries = reversed(store.history.page(selection, args.limit).entries)
        for text in _csv(entries) if args.csv else _json(entries):
            put(text)
    else:
        page = store.history.page(selection, args.limit or NEWEST)
        if page.entries:
            put("\n".join(_table(page.entries[::-1])))
        _tell(store, page.entries, more=page.next is not None)
    return 0


def find_history(environment: Mapping[str, str]) -> Path:
    """The history that is there: the service's, or the user's.

    Raises:
        UsageError: there is none.
    """
    from edge.outputs import SERVICE_HISTORY, user_history

    places = [SERVICE_HISTORY, user_history(environment)]
    for place in places:
        try:
            if place.exists():
                return place
        except PermissionError:  # of the service, whose folder is its own; reading it tells the cure
            return place
    raise UsageError(
        f"there is no history, neither {places[0]} nor {places[1]}: digitcam run --history FILE keeps one, "
        "and digitcam history FILE shows it"
    )


def _check_field(store: Store, name: str) -> None:
    names = [field.name for field in store.history.fields() if field.name]
    if name not in names:
        there = ", ".join(names) if names else "none, only numbers that belong to no field"
        raise UsageError(
            f"{store.path} holds nothing of a field {name!r}; expected one of its fields: {there}"
        )


def _csv(entries: Iterable[Entry]) -> Iterator[str]:
    from edge.store.export import HEAD, csv_rows

    entries = iter(entries)
    yield HEAD.rstrip()
    while portion := list(islice(entries, PORTION)):
        yield csv_rows(portion).rstrip()


def _json(entries: Iterable[Entry]) -> Iterator[str]:
    return (json.dumps(entry.as_dict(), ensure_ascii=False) for entry in entries)


def _table(entries: Iterable[Entry]) -> Iterator[str]:
    """The entries in columns, for people, with the system's own time."""
    rows = [COLUMNS]
    for entry in entries:
        time = entry.captured_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        value = "-" if entry.text is None else f"{entry.text} {entry.unit}".rstrip()
        refused = f"{entry.raw or '-'} ({entry.problem}: {entry.why})" if entry.problem else ""
        rows.append(
            (
                str(entry.number),
                time + (UNSET if entry.synchronised is False else ""),
                entry.field or "-",
                value,
                f"{entry.confidence:.0%}",
                refused,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _tell(store: Store, shown: tuple[Entry, ...], *, more: bool) -> None:
    """Say what the table does not."""
    state = store.history.state()
    if not shown:
        say(f"none of the {state.entries:,} entries of {store.path} is of that time")
    elif more:
        say(f"the newest of {state.entries:,} entries of {store.path}; --limit, --since and --csv show more")
    if any(entry.synchronised is False for entry in shown):
        say(f"{UNSET} the clock was not synchronised")
    if state.clock and "set back" in state.clock:
        say(state.clock)
    if state.deleted:
        say(f"{state.deleted:,} older entries were deleted, as --history-size and --history-age ask")
    for path in store.torn:
        say(f"a damaged history was set aside: {path}")


def _moment(text: str) -> datetime:
    try:
        return moment_of(text, now=datetime.now(UTC), zone=None)
    except UsageError as error:
        raise ArgumentTypeError(str(error)) from error


VERB = Verb(
    name="history",
    help="show what was read and kept",
    description="Show what run or serve has kept with --history, while they run, too.",
    options=(
        Option(
            "history",
            "was given to run or serve --history (default: the service's, else the user's)",
            values.history,
            "FILE",
            kind="argument",
        ),
        Option(
            "since",
            "only what was read then or later: 2026-11-29, 2026-11-29T18:00 (of this machine's time zone), "
            "or, for so long ago, 12 h or 7 d",
            _moment,
            "TIME",
            settable=False,
        ),
        Option("until", "only what was read before, likewise", _moment, "TIME", settable=False),
        Option("field", "only this field", metavar="NAME", settable=False),
        Option(
            "limit",
            f"only the newest so many (default: the table {NEWEST}, all as CSV and JSON)",
            values.count,
            "N",
            settable=False,
        ),
        Option("csv", "print CSV, the oldest first", default=False, kind="switch", settable=False),
        Option(
            "json",
            "print a JSON object for each entry, likewise",
            default=False,
            kind="switch",
            settable=False,
        ),
    ),
    run=_history,
)
