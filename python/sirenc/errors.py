"""Errors, sorted by who is at fault. Reading and writing raise `OSError`, the lack of memory `MemoryError`."""


class Error(Exception):
    """Any error of this package."""


class FormatError(Error):
    """The file breaks the specification of its format."""


class UnsupportedError(Error):
    """The file is valid, but this program does not implement a feature of it."""


class LimitError(Error):
    """A limit would be exceeded: found before memory or time is spent."""


class ParameterError(Error, ValueError):
    """An argument is invalid."""


class DeviceError(Error):
    """A compute device is missing or failed."""


class VerificationError(Error):
    """The finished file is not what it should be."""
