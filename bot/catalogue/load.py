"""Files: the shipped catalogue, and the operator's own that is laid over it."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.catalogue.entries import profile
from bot.catalogue.entry import Entry, Wrong
from bot.catalogue.gateways import gateways
from bot.catalogue.models import Catalogue
from bot.catalogue.profiles import MAIN, Profile
from bot.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHIPPED = Path(__file__).with_name("models.toml")


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read the shipped catalogue, and lay the one at `path` over it.

    Raises ConfigError with one line that names file, model and field.
    """
    shipped = parse_catalogue(_text(_SHIPPED), str(_SHIPPED))
    return parse_catalogue(_text(path), str(path), shipped) if path else shipped


def parse_catalogue(text: str, name: str, below: Catalogue | None = None) -> Catalogue:
    """Read a catalogue from TOML, over the one `below`; `name` is the file's, for ConfigError.

    An id that is known replaces the whole entry in its place, a new one stands behind all others,
    `extends = false` leaves nothing of what is below.
    """
    try:
        return _layered(Entry("top level", tomllib.loads(text)), below or Catalogue(()))
    except Wrong as exc:
        # In one line, whatever a quoted key holds.
        raise ConfigError(f"{name}: {' '.join(str(exc).split())}") from None
    except ValueError as exc:  # a number may be too long for Python, where the syntax is right
        raise ConfigError(f"{name}: is not TOML: {exc}") from exc


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read ({type(exc).__name__})") from exc


def _layered(document: Entry, below: Catalogue) -> Catalogue:
    if not document.take("extends", bool, default=True):
        below = Catalogue(())
    known = {gateway.name: gateway for gateway in below.declared}
    known |= {gateway.name: gateway for gateway in gateways(document.take("gateway", dict, {}))}
    own = _own(document, below)
    document.end()
    merged = _merged(own, below)
    _check(own, merged, known)
    return Catalogue(merged, tuple(known.values()))


def _own(document: Entry, below: Catalogue) -> tuple[Profile, ...]:
    entries = document.rest("model")
    if not isinstance(entries, list) or not entries:
        if entries is None and len(below):
            return ()
        raise Wrong("model: must be at least one [[model]] table")
    own = tuple(
        _hidden(values, below) or profile(Entry(f"model number {position}", values))
        for position, values in enumerate(entries, 1)
    )
    for model_id, count in Counter(known.id for known in own).items():
        if count > 1:
            raise Wrong(f"model {model_id}: id is there twice")
    return own


def _hidden(values: object, below: Catalogue) -> Profile | None:
    """Read the short form that hides a known model: its id, and `offered = false`."""
    match values:
        case {"id": str(model_id), "offered": False, **rest} if not rest:
            known = below.get(model_id)
            return replace(known, hidden=True, aliases=()) if known else None
    return None


def _merged(own: tuple[Profile, ...], below: Catalogue) -> tuple[Profile, ...]:
    """Lay own models over the others, which lose the aliases that were given away."""
    mine = {known.id: known for known in own}
    taken = {word.casefold() for known in own for word in (known.id, *known.aliases)}
    kept = [mine.pop(known.id) if known.id in mine else _without(known, taken) for known in below]
    return (*kept, *mine.values())


def _without(known: Profile, taken: set[str]) -> Profile:
    aliases = tuple(word for word in known.aliases if word.casefold() not in taken)
    return replace(known, aliases=aliases)


def _check(own: tuple[Profile, ...], merged: tuple[Profile, ...], known: Iterable[str]) -> None:
    ids: dict[str, str] = {}
    for model in merged:
        if ids.setdefault(model.id.casefold(), model.id) != model.id:
            raise Wrong(f"model {model.id}: id differs from another by capital letters only")
    for model in own:
        if model.gateway not in {MAIN, *known}:
            raise Wrong(f"model {model.id}: gateway {model.gateway} is not in the file")
        for other in model.fallbacks:
            if other == model.id or ids.get(other.casefold()) != other:
                raise Wrong(f"model {model.id}: fallbacks has {other}, which is no other model")
    _check_aliases(own, ids)


def _check_aliases(own: tuple[Profile, ...], ids: dict[str, str]) -> None:
    owners = dict(ids)
    for model in own:
        for alias in model.aliases:
            owner = owners.setdefault(alias.casefold(), model.id)
            if owner != model.id or alias.casefold() in ids:
                raise Wrong(f"model {model.id}: aliases has {alias}, which is {owner}'s")
