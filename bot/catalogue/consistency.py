"""Consistency: what the fields of an entry say together, whether that can be, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, ValidatorFunctionWrapHandler, WrapValidator

from bot.catalogue.fields import quotient
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
    """Tell what does not fit together, each as field and complaint."""
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
    dialect, told = model.ratio_dialect, model.ratio_dialect is not RatioDialect.NONE
    if bool(model.pixels) != (dialect is RatioDialect.PIXELS):
        yield "pixels and the ratio_dialect pixels must be given together"
    if not told and (model.aspect_ratios or model.sizes):
        yield f"{'aspect_ratios' if model.aspect_ratios else 'sizes'} need a ratio_dialect"
    if told and not model.aspect_ratios:
        yield f"aspect_ratios are missing for the ratio_dialect {dialect}"
    for route in (model.route, model.edit_route):
        if told and route and (route is Route.CHAT) != (dialect in _OF_CHAT):
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


ModelEntry = Annotated[Profile, WrapValidator(_profile)]
GatewayEntry = Annotated[GatewayProfile, AfterValidator(_gateway)]
