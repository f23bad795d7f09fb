"""The program's version, for whoever reports something."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@cache
def program_version() -> str:
    try:
        return version("picturebot")
    except PackageNotFoundError:  # a checkout that is not installed
        project = tomllib.loads(Path(__file__).parents[3].joinpath("pyproject.toml").read_text())
        return f"{project['project']['version']}+checkout"
