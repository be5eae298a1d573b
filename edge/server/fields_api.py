"""The fields over the API: looked at, tried and saved."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from edge.errors import OutputError, UsageError
from edge.fields import fields_of
from edge.server import schema
from edge.server.fields_file import FieldsFile, Saved
from edge.server.live import Live
from edge.server.problems import Problem, documented
from edge.server.queries import known_keys


def fields_api(file: FieldsFile, live: Live) -> APIRouter:
    """The fields.

    Args:
        file: where they are kept.
        live: reads them.
    """
    api = APIRouter(tags=["fields"], dependencies=[Depends(known_keys)], responses=documented(422))
    saving = asyncio.Lock()  # two who save at a time: the second finds the file changed

    @api.get(
        "/v1/fields",
        response_class=JSONResponse,
        responses={200: {"model": schema.Fields}, **documented(409)},
    )
    async def get_fields() -> Response:
        """The fields in the settings file; what each reads is in /v1/readings."""
        try:
            return _answer(file, await asyncio.to_thread(file.read))
        except UsageError as error:
            raise Problem(409, str(error)) from error

    @api.put(
        "/v1/fields",
        response_class=JSONResponse,
        responses={200: {"model": schema.Fields}, **documented(409, 507)},
    )
    async def put_fields(given: schema.FieldsGiven) -> Response:
        """Save fields in the place of those in the settings file; they are read from the next frame on."""
        try:
            fields = fields_of(_tables(given.fields))
        except UsageError as error:
            raise Problem(422, str(error)) from error
        async with saving:
            try:
                saved = await asyncio.to_thread(file.write, fields, given.version)
            except UsageError as error:
                raise Problem(409, str(error)) from error
            except OutputError as error:
                raise Problem(507, f"{error}: let the user that digitcam runs as write there") from error
            live.use_fields(saved.fields)
        return _answer(file, saved)

    return api


def _tables(given: list[schema.FieldSettings]) -> list[dict[str, Any]]:
    return [field.model_dump(exclude_none=True) for field in given]


def _answer(file: FieldsFile, saved: Saved) -> Response:
    return JSONResponse(
        {
            "fields": [field.as_table() for field in saved.fields],
            "version": saved.version,
            "file": str(file.path),
        }
    )
