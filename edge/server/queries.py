"""What is asked for in an address: unknown keys are refused, and wrong values are told in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.requests import HTTPConnection

from edge.server.problems import Problem

SHOWN = 40
"""Characters of a wrong value that are told back."""

_EXPECTED = {
    "bool_parsing": "1 or 0",
    "bool_type": "true or false",
    "dict_type": "a JSON object",
    "greater_than_equal": "at least {ge}",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_type": "a whole number",
    "json_invalid": "JSON",
    "missing": "a value",
    "model_attributes_type": "a JSON object, with Content-Type: application/json",
    "model_type": "a JSON object",
    "string_too_long": "at most {max_length} characters",
    "string_type": "a string",
}
"""Pydantic's kinds of error, as what was expected instead."""


def known_keys(connection: HTTPConnection) -> None:
    """A dependency of every route: refuse what the route does not know, which would else pass silently.

    Raises:
        Problem: 422, with the keys that are unknown and those that are known.
    """
    route = connection.scope.get("route")
    assert isinstance(route, APIRoute | APIWebSocketRoute)
    known = sorted(parameter.alias for parameter in route.dependant.query_params)
    unknown = sorted({key for key in connection.query_params if key not in known})
    if unknown:
        shown = ", ".join(repr(key[:SHOWN]) for key in unknown[:3])
        expected = f"expected only {', '.join(known)}" if known else "expected no keys"
        raise Problem(422, f"{expected} behind the ? of {route.path}, found {shown}")


def wrong_values(errors: Sequence[dict[str, Any]]) -> Problem:
    """The problem for what did not validate; `errors` are Pydantic's."""
    return Problem(422, "; ".join(map(_wrong_value, errors)))


def _wrong_value(error: dict[str, Any]) -> str:
    place = [str(part) for part in error["loc"][1:] if isinstance(part, str)]
    where = f"{'.'.join(place)}: " if place else "the body: " if error["loc"][0] == "body" else ""
    expected = _EXPECTED.get(error["type"])
    said = f"expected {expected.format(**error.get('ctx', {}))}" if expected else str(error["msg"])
    if error["type"] in {"missing", "json_invalid"}:
        return f"{where}{said}, found {'none' if error['type'] == 'missing' else 'something else'}"
    given = error.get("input")
    found = repr(given.decode(errors="replace") if isinstance(given, bytes) else given)
    return f"{where}{said}, found {found if len(found) <= SHOWN else found[:SHOWN] + ' …'}"
