"""A Dockerfile as what it says: its stages, each a list of instructions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction in one line: its word, and what stands behind it."""

    word: str
    text: str

    @property
    def words(self) -> list[str]:
        """What stands behind it, as a list of JSON or between blanks."""
        return list(json.loads(self.text)) if self.text.startswith("[") else self.text.split()


@dataclass(slots=True)
class Stage:
    """What follows one FROM."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[Instruction]:
        return [one for one in self.instructions if one.word == word]

    def last(self, word: str) -> Instruction:
        return self.all(word)[-1]


def read_dockerfile(file: Path) -> Sequence[Stage]:
    text = "\n".join(
        line
        for line in file.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(name, base))
        else:
            stages[-1].instructions.append(Instruction(word, rest.strip()))
    return stages
