"""The errors a user may see, and the exit code each one ends the process with.

HilumError
  UsageError         2  the command or a parameter is wrong
  BadDataError       3  an input cannot be used
    SchemaError      3  a table does not match its description in hilum.schema
    ImageError       3  one image cannot be decoded or is refused
    GroundingError   3  a similarity map cannot be scored
  GateError          4  validation is red: the line stops
  VerificationError  5  bytes are not the recorded ones

A message says what was found, where, what was expected, and the next move. It never holds report text.
"""

from __future__ import annotations


class HilumError(Exception):
    """Base of every error that is the user's to mend; printed in one line, without a traceback."""

    exit_code = 3


class UsageError(HilumError):
    """The command line or params.yaml is wrong."""

    exit_code = 2


class BadDataError(HilumError):
    """An input file cannot be used."""

    exit_code = 3


class SchemaError(BadDataError):
    """A table does not match its description in hilum.schema."""


class ImageError(BadDataError):
    """One image cannot be decoded or is refused; `reason` is a quarantine reason of hilum.schema."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class GroundingError(BadDataError):
    """A similarity map cannot be scored against its boxes."""


class GateError(HilumError):
    """Validation is red: the line stops here."""

    exit_code = 4


class VerificationError(HilumError):
    """Bytes on disk are not the recorded ones."""

    exit_code = 5
