"""What can go wrong, by kind. Every error is an `EdgeError` and one of Python's own kinds too.

A message says what the thing is, what was expected, what was found and how to cure it; the command line
prints it as it is and exits with code 2; with 1 where the machine lacks something (`PackageMissingError`,
`OutputError`).
"""

from __future__ import annotations

import sys


class EdgeError(Exception):
    """The parent of every error that digitcam raises on purpose."""


class UsageError(EdgeError, ValueError):
    """A command or an argument that makes no sense."""


class ImageError(EdgeError, ValueError):
    """Bytes that are no picture, or one that is damaged, too large or of an unknown kind."""


class NotHereError(ImageError):
    """A picture that may be a good one, but cannot be decoded here: a package or memory is missing."""


class SourceError(EdgeError, OSError):
    """A source of frames that cannot be opened, or that ended before its end."""


class CameraNotFoundError(SourceError):
    """There is no such camera, or no right to use it."""


class CameraBusyError(SourceError):
    """Another program uses the camera."""


class CameraSoftwareError(SourceError):
    """What is needed to speak to the camera is missing, or this Python does not see it."""


class ModelError(EdgeError, ValueError):
    """A model file that is missing, damaged, of another contract, or that gives wrong answers."""


class PackageMissingError(EdgeError, ImportError):
    """A Python package that is needed, and cannot be imported."""

    @classmethod
    def of_extra(cls, extra: str, what: str) -> PackageMissingError:
        """The error for a package that one of digitcam's extras brings.

        Args:
            extra: its name, such as "web".
            what: needs which package, in words.
        """
        return cls(
            f"{what}, which is missing: in the folder of the checkout that digitcam was installed from, run "
            f"{sys.executable} -m pip install '.[{extra}]'"
        )


class RuntimeMissingError(PackageMissingError):
    """Neither LiteRT nor tflite-runtime can be imported."""


class OutputError(EdgeError, OSError):
    """A file that cannot be written: no room, no right, no such folder."""


class ReadingError(EdgeError, RuntimeError):
    """A frame that cannot be read through a fault of the software; the next one can."""
