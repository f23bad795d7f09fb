"""The catalogue's files: the shipped one, and the operator's own that is laid over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from bot.catalogue.consistency import GatewayEntry, ModelEntry
from bot.catalogue.fields import STRICT, Flag
from bot.catalogue.files import naming, read_file, read_toml, validated
from bot.catalogue.models import Catalogue
from bot.catalogue.profiles import Profile
from bot.config import ConfigError

_SHIPPED = Path(__file__).with_name("models.toml")


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read the shipped catalogue, and lay the one at `path` over it.

    Raises ConfigError with one line that names file, model and field.
    """
    shipped = parse_catalogue(read_file(_SHIPPED), str(_SHIPPED))
    return parse_catalogue(read_file(path), str(path), shipped) if path else shipped


def parse_catalogue(text: str, name: str, below: Catalogue | None = None) -> Catalogue:
    """Read a catalogue from TOML, over the one `below`; `name` is the file's, for ConfigError.

    An id that is known replaces the whole entry in its place, a new one stands behind all others,
    `extends = false` leaves nothing of what is below.
    """
    with naming(name):
        document = read_toml(text)
        if below is None or document.get("extends") is False:
            below = Catalogue(())
        file = validated(_ModelsFile, document, below)
        if not file.model and not len(below):
            raise ConfigError("model: must be at least one [[model]] table")
        gateways = {known.name: known for known in (*below.declared, *file.gateway.values())}
        merged = _merged(file.model, below)
        if wrong := next(_conflicts(file.model, merged, gateways), None):
            raise ConfigError(wrong)
        return Catalogue(merged, tuple(gateways.values()))


def _merged(own: tuple[Profile, ...], below: Catalogue) -> tuple[Profile, ...]:
    """Lay own models over the others, which lose the aliases that were given away."""
    mine = {model.id: model for model in own}
    taken = {word.casefold() for model in own for word in (model.id, *model.aliases)}
    kept = [mine.pop(known.id) if known.id in mine else _without(known, taken) for known in below]
    return (*kept, *mine.values())


def _without(known: Profile, taken: set[str]) -> Profile:
    aliases = tuple(word for word in known.aliases if word.casefold() not in taken)
    return replace(known, aliases=aliases)


def _conflicts(
    own: tuple[Profile, ...], merged: tuple[Profile, ...], gateways: Iterable[str]
) -> Iterator[str]:
    """Tell what models take from each other, or name and is not there."""
    for model_id, count in Counter(model.id for model in own).items():
        if count > 1:
            yield f"model {model_id}: id is there twice"
    ids: dict[str, str] = {}
    for model in merged:
        if ids.setdefault(model.id.casefold(), model.id) != model.id:
            yield f"model {model.id}: id differs from another by capital letters only"
    for model in own:
        if model.gateway not in gateways:
            yield f"model {model.id}: gateway {model.gateway} is not in the file"
        for other in model.fallbacks:
            if other == model.id or ids.get(other.casefold()) != other:
                yield f"model {model.id}: fallbacks has {other}, which is no other model"
    yield from _alias_conflicts(own, ids)


def _alias_conflicts(own: tuple[Profile, ...], ids: Mapping[str, str]) -> Iterator[str]:
    owners = dict(ids)
    for model in own:
        for alias in model.aliases:
            owner = owners.setdefault(alias.casefold(), model.id)
            if owner != model.id or alias.casefold() in ids:
                yield f"model {model.id}: aliases has {alias}, which is {owner}'s"


class _ModelsFile(BaseModel):
    """A whole file; it is validated with the Catalogue below it as context."""

    model_config = STRICT

    extends: Flag = True
    gateway: dict[str, GatewayEntry] = {}
    model: Annotated[tuple[ModelEntry, ...], Field(min_length=1)] = ()

    @field_validator("gateway", mode="before")
    @classmethod
    def _named(cls, tables: object) -> object:
        if not isinstance(tables, dict):
            return tables
        return {
            name: table | {"NAME": name} if isinstance(table, dict) else table
            for name, table in tables.items()
        }

    @field_validator("model", mode="before")
    @classmethod
    def _hidden(cls, entries: object, info: ValidationInfo) -> object:
        """Read the short form that hides a known model: its id, and `offered = false`."""
        if not isinstance(entries, list) or not info.context:
            return entries
        return [_hidden(values, info.context) or values for values in entries]


def _hidden(values: object, below: Catalogue) -> Profile | None:
    match values:
        case {"id": str(model_id), "offered": False, **rest} if not rest:
            known = below.get(model_id)
            return replace(known, hidden=True, aliases=()) if known else None
    return None
