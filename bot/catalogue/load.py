"""The catalogue's files, the shipped one and the operator's own over it, and whether they fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    StrictBool,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from bot.catalogue.models import Catalogue
from bot.catalogue.profiles import (
    MAIN,
    GatewayProfile,
    InputDialect,
    Modalities,
    Price,
    Profile,
    RatioDialect,
    Route,
)
from bot.catalogue.toml import STRICT, naming, quotient, read_file, read_toml, validated
from bot.config import ConfigError

_SHIPPED = Path(__file__).with_name("models.toml")
_SKEWED = 0.1  # how far a picture's sides may be from the ratio whose name they have
_NEED_PICTURES = {Route.EDITS, Route.VARIATIONS}

# The first is what a route is usually sent.
_INPUTS = {
    Route.CHAT: (InputDialect.PARTS,),
    Route.EDITS: (InputDialect.MULTIPART, InputDialect.IMAGE, InputDialect.IMAGE_OBJECTS),
    Route.VARIATIONS: (InputDialect.MULTIPART,),
    Route.GENERATIONS: (
        InputDialect.IMAGE,
        InputDialect.IMAGE_OBJECTS,
        InputDialect.REFERENCES,
    ),
    Route.IMAGES: (InputDialect.IMAGE, InputDialect.IMAGE_OBJECTS, InputDialect.REFERENCES),
}
_OF_CHAT = {RatioDialect.IMAGE_CONFIG, RatioDialect.EXTRA_BODY, RatioDialect.SYSTEM_MESSAGE}
_OWN_FIELDS = frozenset(
    {"model", "prompt", "messages", "modalities", "stream", "stream_options", "n"}
    | {"image", "images", "image[]", "mask", "input_references", "image_config", "extra_body"}
)
_RATIO_FIELDS = frozenset({"size", "aspect_ratio", "resolution"})


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read the shipped catalogue, and lay the one at `path` over it.

    Raises ConfigError with one line that names setting, file, model and field.
    """
    shipped = parse_catalogue(read_file(_SHIPPED), str(_SHIPPED))
    with naming("MODELS_FILE"):
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

    def kept(known: Profile) -> Profile:
        aliases = tuple(word for word in known.aliases if word.casefold() not in taken)
        return mine.pop(known.id, None) or replace(known, aliases=aliases)

    merged = [kept(known) for known in below]
    return (*merged, *mine.values())


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


def _profile(values: object, validate: ValidatorFunctionWrapHandler) -> Profile:
    """Check what the fields of a model say together, and fill in what follows from others."""
    profile: Profile = validate(values)
    if not isinstance(values, dict):  # it is a profile already
        return profile
    if profile.edit_route and "inputs" not in values:
        profile = replace(profile, inputs=_INPUTS[profile.edit_route][0])
    if not profile.aspect_ratios:
        profile = replace(profile, aspect_ratios=tuple(profile.pixels))
    if "base_size" in values and profile.ratio_dialect is not RatioDialect.PIXELS:
        raise ValueError("base_size belongs to the ratio_dialect pixels")
    if wrong := next(_contradictions(profile), None):
        raise ValueError(wrong)
    return profile


def _contradictions(model: Profile) -> Iterator[str]:
    yield from _of_routes(model)
    yield from _of_ratios(model)
    ours = _OWN_FIELDS | (_RATIO_FIELDS if model.ratio_dialect is not RatioDialect.NONE else set())
    yield from (f"extra.{name} is the bot's own to send" for name in model.extra if name in ours)
    for size in sorted(model.credits.keys() - model.sizes):
        yield f"credits has {size}, which is none of its sizes"
    for size in sorted((model.price.by_size if model.price else {}).keys() - model.sizes):
        yield f"price.by_size has {size}, which is none of its sizes"
    if model.price and model.price == Price(model.price.currency):
        yield "price.currency stands there without any price"


def _of_routes(model: Profile) -> Iterator[str]:
    routes = {model.route, model.edit_route} - {None}
    edits = model.edit_route
    if not routes:
        yield "route and edit_route are both none: it would do nothing"
    if model.route in _NEED_PICTURES:
        yield f"route cannot be {model.route}, which needs pictures"
    if bool(edits) != bool(model.max_inputs):
        yield "max_inputs must be 1 to 100 with an edit_route, else 0"
    if edits is Route.VARIATIONS and model.max_inputs > 1:
        yield "max_inputs must be 1: a variation is of one picture"
    if edits and model.inputs not in _INPUTS[edits]:
        yield f"inputs {model.inputs} cannot be sent to {edits}"
    if model.mask and (edits is not Route.EDITS or model.inputs is InputDialect.IMAGE):
        yield f"mask needs the edit_route {Route.EDITS} and inputs that can tell it"
    if model.modalities is not Modalities.NONE and Route.CHAT not in routes:
        yield f"modalities are sent to {Route.CHAT} only"


def _of_ratios(model: Profile) -> Iterator[str]:
    dialect, dialect_known = model.ratio_dialect, model.ratio_dialect is not RatioDialect.NONE
    if bool(model.pixels) != (dialect is RatioDialect.PIXELS):
        yield "pixels and the ratio_dialect pixels must be given together"
    if not dialect_known and (model.aspect_ratios or model.sizes):
        yield f"{'aspect_ratios' if model.aspect_ratios else 'sizes'} need a ratio_dialect"
    if dialect_known and not model.aspect_ratios:
        yield f"aspect_ratios are missing for the ratio_dialect {dialect}"
    for route in (model.route, model.edit_route):
        if dialect_known and route and (route is Route.CHAT) != (dialect in _OF_CHAT):
            yield f"ratio_dialect {dialect} is not spoken at {route}"
    yield from _of_pixels(model)


def _of_pixels(model: Profile) -> Iterator[str]:
    for ratio, size in model.pixels.items():
        if abs(quotient(size, "x") / quotient(ratio) - 1) > _SKEWED:
            yield f"pixels.{ratio} is not the shape of {size}"
    for ratio in model.aspect_ratios:
        if model.pixels and ratio not in model.pixels:
            yield f"aspect_ratios has {ratio}, which pixels has not"


def _gateway(gateway: GatewayProfile) -> GatewayProfile:
    for field, value in (("url", gateway.url), ("key", gateway.key)):
        if gateway.name == MAIN and value is not None:
            raise ValueError(f"{field} of {MAIN} is a setting: GATEWAY_URL, GATEWAY_API_KEY")
        if gateway.name != MAIN and value is None:
            raise ValueError(f"{field} is missing")
    return gateway


class _ModelsFile(BaseModel):
    """A whole file; it is validated with the Catalogue below it as context."""

    model_config = STRICT

    extends: StrictBool = True
    gateway: dict[str, Annotated[GatewayProfile, AfterValidator(_gateway)]] = {}
    model: Annotated[
        tuple[Annotated[Profile, WrapValidator(_profile)], ...], Field(min_length=1)
    ] = ()

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
