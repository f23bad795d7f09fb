"""The program's version, for whoever reports something."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    try:
        return version("picturebot")
    except PackageNotFoundError:  # a checkout that is not installed
        return "0+checkout"
