"""The file in a form (multipart/form-data), as phones, browsers and `curl -F` send it."""

from __future__ import annotations

from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from edge.errors import ImageError
from edge.words import counted

FIELD = "file"
"""The field that holds the picture where there are several files."""

MAX_PARTS = 16
MAX_HEADERS = 8
"""Of a part."""

MAX_HEADER_BYTES = 1024

_CURE = "send it as curl -F file=@photo.jpg does"


def picture_of(body: bytes, content_type: str) -> bytes:
    """The picture in the body of a request: the body itself, unless that is a form.

    Args:
        body: as it came.
        content_type: the request's header, "" where there is none.

    Returns:
        The content of the field `file`, or of the only file in the form.

    Raises:
        ImageError: the form is damaged or cut off, has more than `MAX_PARTS` parts, or does not say which of
            its parts is the picture.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        return body
    parts = _parts(body, options.get(b"boundary", b""))
    named = [part for part in parts if part.name == FIELD]
    files = named or [part for part in parts if part.is_file]
    if len(files) != 1:
        found = counted(len(files), "file") if files else f"{counted(len(parts), 'field')} and no file"
        raise ImageError(
            f"expected a form with one file, or one field named {FIELD!r}, found {found}; {_CURE}"
        )
    return bytes(files[0].data)


@dataclass(slots=True)
class _Part:
    """A field of a form."""

    name: str = ""
    is_file: bool = False
    data: bytearray = field(default_factory=bytearray)


def _parts(body: bytes, boundary: bytes) -> list[_Part]:
    if not boundary:
        raise ImageError(f"expected a form whose Content-Type names its boundary, found none; {_CURE}")
    collector = _Collector()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": collector.begin,
                "on_header_field": collector.header_name,
                "on_header_value": collector.header_value,
                "on_header_end": collector.header_end,
                "on_part_data": collector.part_data,
                "on_end": collector.end,
            },
            max_header_count=MAX_HEADERS,
            max_header_size=MAX_HEADER_BYTES,
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise ImageError(f"the form is damaged: {error}; {_CURE}") from error
    if not collector.whole:
        raise ImageError(f"the form is cut off: its last boundary is missing; {_CURE}")
    return collector.parts


class _Collector:
    """Puts together what the parser tells of in pieces."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.whole = False
        self._name, self._value = bytearray(), bytearray()

    def begin(self) -> None:
        if len(self.parts) == MAX_PARTS:
            raise ImageError(f"expected a form of at most {MAX_PARTS} fields, found more; {_CURE}")
        self.parts.append(_Part())

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self.parts[-1].name = options.get(b"name", b"").decode(errors="replace")
            self.parts[-1].is_file = b"filename" in options
        self._name.clear()
        self._value.clear()

    def part_data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].data += data[start:end]

    def end(self) -> None:
        self.whole = True
