"""What ends the reading of an archive; what was read stays."""

from __future__ import annotations

from edge.errors import EdgeError


class ArchiveError(EdgeError, RuntimeError):
    """An archive cannot be read, or not read on."""
