"""The fields over the API: looked at, tried and saved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from edge.errors import OutputError, UsageError
from edge.field_reader import FieldReader
from edge.fields import Field, field_of, fields_of
from edge.reader import DigitReader
from edge.server import schema
from edge.server.fields_file import FieldsFile, Saved
from edge.server.live import Live
from edge.server.problems import Problem, documented
from edge.server.queries import known_keys
from edge.types import FieldReading, Frame

ALL_NUMBERS = Field()
"""What is read where no field says what is wanted."""


def wanted(fields: Sequence[Field]) -> tuple[Field, ...]:
    """What is to be read: these fields, or all numbers where there is none."""
    return tuple(fields) or (ALL_NUMBERS,)


def fields_api(file: FieldsFile, live: Live, reader: FieldReader) -> APIRouter:
    """The fields.

    Args:
        file: where they are kept.
        live: shows what the reader reads.
        reader: of the live source.
    """
    api = APIRouter(tags=["fields"], dependencies=[Depends(known_keys)], responses=documented(422))
    saving = asyncio.Lock()  # two who save at a time: the second finds the file changed
    trying = asyncio.Lock()  # however many try, the live reading keeps the other processors
    # A field of the command line replaces those of the settings, until the next start.
    read = all(field.name or field == ALL_NUMBERS for field in reader.fields)

    @api.get(
        "/v1/fields",
        response_class=JSONResponse,
        responses={200: {"model": schema.Fields}, **documented(409)},
    )
    async def get_fields() -> Response:
        """The fields in the settings file; what each reads is in /v1/readings."""
        try:
            return _answer(file, await asyncio.to_thread(file.read), read)
        except UsageError as error:
            raise Problem(409, str(error)) from error

    @api.put(
        "/v1/fields",
        response_class=JSONResponse,
        responses={200: {"model": schema.Fields}, **documented(400, 409, 507)},
    )
    async def put_fields(given: schema.FieldsGiven) -> Response:
        """Save fields in the place of those in the settings file; they are read from the next frame on."""
        try:
            fields = fields_of(map(_table, given.fields))
        except UsageError as error:
            raise Problem(422, str(error)) from error
        async with saving:
            try:
                saved = await asyncio.to_thread(file.write, fields, given.version)
            except UsageError as error:
                raise Problem(409, str(error)) from error
            except OutputError as error:
                raise Problem(507, f"{error}: let the user that digitcam runs as write there") from error
            if read:
                reader.change(wanted(saved.fields))
        return _answer(file, saved, read)

    @api.post(
        "/v1/fields/try",
        response_class=JSONResponse,
        responses={200: {"model": schema.FieldReading}, **documented(400, 503)},
    )
    async def try_field(tried: schema.FieldSettings) -> Response:
        """Read a field in the newest frame, without saving it; when it is read otherwise does not matter."""
        try:
            field = replace(field_of(_table(tried)), after=None, every=None)
        except UsageError as error:
            raise Problem(422, str(error)) from error
        async with trying:
            result = live.view.result
            if result is None:
                raise Problem(503, f"no frame from {live.source}: {live.view.trouble}")
            reading = await asyncio.to_thread(_tried, reader.reader, field, result.frame)
        return JSONResponse(reading.as_dict())

    return api


def _table(given: schema.FieldSettings) -> dict[str, Any]:
    return given.model_dump(exclude_none=True)


def _tried(reader: DigitReader, field: Field, frame: Frame) -> FieldReading:
    (reading,) = FieldReader(reader, [field]).read_frame(frame).fields
    return reading


def _answer(file: FieldsFile, saved: Saved, read: bool) -> Response:
    return JSONResponse(
        {
            "fields": [field.as_table() for field in saved.fields],
            "version": saved.version,
            "file": str(file.path),
            "read": read,
        }
    )
