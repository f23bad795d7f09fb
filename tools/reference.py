"""Write docs/settings.md and docs/metrics.md from the code: `make reference`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.config import Settings, secret_fields
from bot.web.metrics import BotMetrics

ROOT = Path(__file__).parents[1]
WRITTEN = "(Written by `make reference`.)"
SETTINGS = """\
# Settings

Environment variables, or lines in `.env` in the folder where the bot is started; the environment goes first. An
empty variable is not set. A wrong one stops the start with a line that names it, and `picturebot config` prints
those that hold and where they are from. A secret may be in a file of its own: `NAME_FILE` says where, for the keys
of further gateways in `MODELS_FILE`, too.
"""
METRICS = """\
# Metrics

At `/metrics` of `WEB_ADDRESS`, for those whom `METRICS_NETWORKS` and `METRICS_TOKEN` let in. No label tells of a
person or a chat. What is counted is counted since the start; gauges are read when Prometheus asks. A histogram has
`_bucket`, `_sum` and `_count`, a summary the latter two. `deploy/grafana.json` shows them, `deploy/alerts.yaml` has
rules for them.

| Metric | Kind | Labels | What it tells |
|-|-|-|-|
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What .env.example says of settings that stand together."""

    names: list[str]
    text: str


def settings_page() -> str:
    parts = [SETTINGS, WRITTEN]
    for title, entries in _sections((ROOT / ".env.example").read_text(encoding="utf-8")):
        parts += ["", f"## {title}", "", "| Setting | Default | May be | |", "|-|-|-|-|"]
        for entry in entries:
            fields = [Settings.model_fields[name.lower()] for name in entry.names]
            cells = (
                _each(f"`{name}`" for name in entry.names),
                _each(map(_default, fields)),
                _each(dict.fromkeys(map(_values, fields))),
                entry.text.replace("|", "\\|") + _file(entry.names),
            )
            parts.append(f"| {' | '.join(cells)} |")
    return "\n".join(parts) + "\n"


def metrics_page() -> str:
    rows = [
        f"| `{one.name}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} "
        f"| {one.text} |"
        for one in BotMetrics().declared
    ]
    return METRICS + "\n".join(rows) + f"\n\n{WRITTEN}\n"


def _sections(text: str) -> Iterator[tuple[str, list[Entry]]]:
    """Take .env.example apart: its sections, and the entries of each in order."""
    first, *others = re.split(r"^# --- (.+?) -+$", text, flags=re.MULTILINE)
    _, _, bare = first.partition("\n\n")  # how the file is used
    yield "What it takes", _entries(bare)
    for title, body in zip(others[::2], others[1::2], strict=True):
        yield title, _entries(body)


def _entries(body: str) -> list[Entry]:
    entries: list[Entry] = []
    said: list[str] = []
    for line in body.splitlines():
        if found := re.fullmatch(r"#?([A-Z_]+)=.*", line):
            if said:
                entries.append(Entry([], " ".join(said)))
                said = []
            entries[-1].names.append(found[1])
        elif line.startswith("#"):
            said.append(line.lstrip("# "))
    return entries


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return f"`{value}`".lower()
    if isinstance(value, float):
        return f"`{value:g}`"
    if isinstance(value, tuple | frozenset):
        value = ",".join(map(str, value))
    return f"`{value}`" if value not in (None, "") else ""


def _values(field: FieldInfo) -> str:
    """Say what a field takes, as far as its type and bounds tell."""
    bounds = {
        name: limit
        for one in field.metadata
        for name in ("ge", "le")
        if (limit := getattr(one, name, None)) is not None
    }
    if choices := [word for word in get_args(field.annotation) if isinstance(word, str)]:
        return ", ".join(f"`{word}`" for word in choices)
    if field.annotation is bool:
        return "`true`, `false`"
    match bounds:
        case {"ge": least, "le": most}:
            return f"{least:,} to {most:,}"
        case {"ge": least}:
            return f"at least {least:,}"
    return ""


def _file(names: list[str]) -> str:
    secret = [name for name in names if name.lower() in secret_fields()]
    return "".join(f" Or `{name}_FILE`." for name in secret)


def _each(words: Iterator[str] | dict[str, None]) -> str:
    return "<br>".join(words)


PAGES = {"docs/settings.md": settings_page, "docs/metrics.md": metrics_page}


def main() -> None:
    for name, page in PAGES.items():
        (ROOT / name).write_text(page(), encoding="utf-8")
        print(f"written: {name}")


if __name__ == "__main__":
    main()
