"""Models: how a [[model]] entry becomes a profile, and what does not fit together in one."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date, datetime

from bot.catalogue.entry import Entry
from bot.catalogue.profiles import (
    MAIN,
    InputDialect,
    Keep,
    Modalities,
    Price,
    Profile,
    RatioDialect,
    Route,
)

# Telegram's callback_data holds 64 bytes; the id shares them with the button's own words.
_WORD_BYTES = 48
_WORD = r"[!-~]+"
_RATIO = r"[1-9]\d?:[1-9]\d?"
_SIZE = r"512|[1-8]K"
# An alias in these forms reads as a flag in a prompt.
_FLAGS = re.compile(r"-.*|x\d+|\d+:\d+|512|\d+k", re.IGNORECASE)
_LABEL = 64
_JOINERS = {"\u200c", "\u200d"}  # Persian words and emoji are written with them
_STEEPEST = 21  # to 1; no gateway draws a longer strip
_SKEWED = 0.1  # how far a picture's sides may be from the ratio whose name they have
_NONE = "none"
_MOST_INPUTS = 100
_MOST_CREDITS = 99
_NEED_PICTURES = {Route.EDITS, Route.VARIATIONS}

_DIALECTS = {
    InputDialect.PARTS: {Route.CHAT},
    InputDialect.MULTIPART: {Route.EDITS, Route.VARIATIONS},
    InputDialect.IMAGE: {Route.GENERATIONS, Route.EDITS, Route.IMAGES},
    InputDialect.IMAGE_OBJECTS: {Route.GENERATIONS, Route.EDITS, Route.IMAGES},
    InputDialect.REFERENCES: {Route.GENERATIONS, Route.IMAGES},
}
_OF_CHAT = {RatioDialect.IMAGE_CONFIG, RatioDialect.EXTRA_BODY, RatioDialect.SYSTEM_MESSAGE}
_OWN_FIELDS = frozenset(
    {"model", "prompt", "messages", "modalities", "stream", "stream_options", "n"}
    | {"image", "images", "image[]", "mask", "input_references", "image_config", "extra_body"}
)
_RATIO_FIELDS = frozenset({"size", "aspect_ratio", "resolution"})


def profile(entry: Entry) -> Profile:
    """Read a [[model]] entry; Wrong names the model and the field."""
    model_id = entry.name = _word(entry, "id")
    entry.name = f"model {model_id}"
    route, edit_route = _route(entry, "route", Route.CHAT), _route(entry, "edit_route", None)
    if route is edit_route is None:
        raise entry.wrong("route", "and edit_route are both none: it would do nothing")
    dialect = _dialect(entry, route, edit_route)
    pixels = _pixels(entry, dialect)
    sizes = _sizes(entry, dialect)
    inputs = _inputs(entry, edit_route)
    read = Profile(
        id=model_id,
        label=_label(entry),
        model=_word(entry, "model", model_id, 200),
        gateway=entry.take("gateway", str, MAIN),
        route=route,
        edit_route=edit_route,
        inputs=inputs,
        modalities=_modalities(entry, route, edit_route),
        ratio_dialect=dialect,
        pixels=pixels,
        aspect_ratios=_ratios(entry, dialect, pixels),
        sizes=sizes,
        credits=_credits(entry, sizes),
        base_size=_base_size(entry, dialect),
        max_inputs=_max_inputs(entry, edit_route),
        input_side=entry.count("input_side", 2048, 64, 16_384),
        input_bytes=entry.count("input_bytes", 4 * 1024 * 1024, 1024, 64 * 1024 * 1024),
        mask=_mask(entry, edit_route, inputs),
        stream=entry.take("stream", bool, default=False),
        vector=entry.take("vector", bool, default=False),
        keep=entry.one_of("keep", Keep, Keep.ALL),
        image_sentence=entry.take("image_sentence", str, "").strip(),
        retry_sentence=entry.take("retry_sentence", str, "").strip(),
        extra=_extra(entry, dialect),
        aliases=_aliases(entry),
        fallbacks=entry.texts("fallbacks", _WORD, "gemini-2.5-flash-image"),
        retires=_day(entry),
        hidden=not entry.take("offered", bool, default=True),
        price=_price(entry, sizes),
    )
    entry.end()
    return read


def _word(entry: Entry, field: str, default: str | None = None, limit: int = _WORD_BYTES) -> str:
    word = entry.take(field, str, default)
    if not re.fullmatch(_WORD, word) or len(word) > limit:
        raise entry.wrong(field, f"must be 1 to {limit} plain characters without spaces")
    return word


def _label(entry: Entry) -> str:
    """Take what users see: a control character could turn round the text that it stands in."""
    label = entry.words("label")
    if len(label) > _LABEL or not all(c.isprintable() or c in _JOINERS for c in label):
        raise entry.wrong("label", f"must be at most {_LABEL} printable characters")
    return label


def _aliases(entry: Entry) -> tuple[str, ...]:
    aliases = entry.texts("aliases", rf"[!-~]{{1,{_WORD_BYTES}}}", "banana")
    for alias in filter(_FLAGS.fullmatch, aliases):
        raise entry.wrong("aliases", f"has {alias}, which is a flag in a prompt")
    return aliases


def _route(entry: Entry, field: str, default: Route | None) -> Route | None:
    value = entry.take(field, str, default or _NONE)
    if value == _NONE:
        return None
    allowed = [route for route in Route if field == "edit_route" or route not in _NEED_PICTURES]
    if value not in allowed:
        raise entry.wrong(field, f"must be one of {', '.join((*allowed, _NONE))}")
    return Route(value)


def _dialect(entry: Entry, *routes: Route | None) -> RatioDialect:
    dialect = entry.one_of("ratio_dialect", RatioDialect, RatioDialect.NONE)
    for route in routes:
        spoken = dialect is RatioDialect.NONE or (route is Route.CHAT) == (dialect in _OF_CHAT)
        if route and not spoken:
            raise entry.wrong("ratio_dialect", f"{dialect} is not spoken at {route}")
    return dialect


def _inputs(entry: Entry, route: Route | None) -> InputDialect:
    usual = next((kind for kind, routes in _DIALECTS.items() if route in routes), None)
    dialect = entry.one_of("inputs", InputDialect, usual or InputDialect.PARTS)
    if route and route not in _DIALECTS[dialect]:
        raise entry.wrong("inputs", f"{dialect} cannot be sent to {route}")
    return dialect


def _modalities(entry: Entry, *routes: Route | None) -> Modalities:
    modalities = entry.one_of("modalities", Modalities, Modalities.NONE)
    if modalities is not Modalities.NONE and Route.CHAT not in routes:
        raise entry.wrong("modalities", f"are sent to {Route.CHAT} only")
    return modalities


def _pixels(entry: Entry, dialect: RatioDialect) -> tuple[tuple[str, str], ...]:
    table = entry.take("pixels", dict, {})
    if bool(table) != (dialect is RatioDialect.PIXELS):
        raise entry.wrong("pixels", "and the ratio_dialect pixels must be given together")
    for ratio, size in table.items():
        if not re.fullmatch(_RATIO, ratio) or _steep(ratio):
            raise entry.wrong(f"pixels.{ratio}", 'must be a ratio such as "16:9"')
        if not isinstance(size, str) or not re.fullmatch(r"[1-9]\d{1,4}x[1-9]\d{1,4}", size):
            raise entry.wrong(f"pixels.{ratio}", 'must be a size such as "1536x1024"')
        if abs(_quotient(size, "x") / _quotient(ratio, ":") - 1) > _SKEWED:
            raise entry.wrong(f"pixels.{ratio}", f"is not the shape of {size}")
    return tuple(table.items())


def _steep(ratio: str) -> bool:
    return not 1 / _STEEPEST <= _quotient(ratio, ":") <= _STEEPEST


def _quotient(text: str, between: str) -> float:
    width, height = text.split(between)
    return int(width) / int(height)


def _ratios(
    entry: Entry, dialect: RatioDialect, pixels: tuple[tuple[str, str], ...]
) -> tuple[str, ...]:
    ratios = entry.texts("aspect_ratios", _RATIO, "16:9")
    known = tuple(ratio for ratio, _ in pixels)
    for ratio in filter(_steep, ratios):
        raise entry.wrong("aspect_ratios", f"has {ratio}, steeper than {_STEEPEST}:1")
    if ratios and dialect is RatioDialect.NONE:
        raise entry.wrong("aspect_ratios", "need a ratio_dialect")
    if dialect is RatioDialect.PIXELS:
        if unknown := [ratio for ratio in ratios if ratio not in known]:
            raise entry.wrong("aspect_ratios", f"has {unknown[0]}, which pixels has not")
        return ratios or known
    if not ratios and dialect is not RatioDialect.NONE:
        raise entry.wrong("aspect_ratios", f"are missing for the ratio_dialect {dialect}")
    return ratios


def _sizes(entry: Entry, dialect: RatioDialect) -> tuple[str, ...]:
    sizes = entry.texts("sizes", _SIZE, "2K")
    if sizes and dialect is RatioDialect.NONE:
        raise entry.wrong("sizes", "need a ratio_dialect")
    return sizes


def _base_size(entry: Entry, dialect: RatioDialect) -> str:
    if "base_size" in entry and dialect is not RatioDialect.PIXELS:
        raise entry.wrong("base_size", "belongs to the ratio_dialect pixels")
    size = entry.take("base_size", str, "1K")
    if not re.fullmatch(_SIZE, size):
        raise entry.wrong("base_size", 'must be a size such as "2K"')
    return size


def _max_inputs(entry: Entry, edit_route: Route | None) -> int:
    count = entry.take("max_inputs", int, None if edit_route else 0)
    if bool(edit_route) != (count > 0) or count > _MOST_INPUTS:
        raise entry.wrong("max_inputs", f"must be 1 to {_MOST_INPUTS} with an edit_route, else 0")
    if edit_route is Route.VARIATIONS and count > 1:
        raise entry.wrong("max_inputs", "must be 1: a variation is of one picture")
    return count


def _mask(entry: Entry, edit_route: Route | None, inputs: InputDialect) -> bool:
    mask = entry.take("mask", bool, default=False)
    if mask and (edit_route is not Route.EDITS or inputs is InputDialect.IMAGE):
        raise entry.wrong("mask", f"needs the edit_route {Route.EDITS} and inputs that can tell it")
    return mask


def _extra(entry: Entry, dialect: RatioDialect) -> tuple[tuple[str, str | int | float | bool], ...]:
    ours = _OWN_FIELDS | (frozenset() if dialect is RatioDialect.NONE else _RATIO_FIELDS)
    values = entry.scalars("extra")
    for name in values:
        if name in ours:
            raise entry.wrong(f"extra.{name}", "is the bot's own to send")
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
            raise entry.wrong(f"extra.{name}", "must be letters, digits and _")
    return tuple(values.items())


def _day(entry: Entry) -> date | None:
    day = entry.rest("retires")
    if day is not None and (not isinstance(day, date) or isinstance(day, datetime)):
        raise entry.wrong("retires", "must be a day such as 2027-03-15, without quotes")
    return day


def _price(model: Entry, sizes: tuple[str, ...]) -> Price | None:
    values = model.rest("price")
    if values is None:
        return None
    entry = Entry(f"{model.name}: price", values)
    currency = entry.take("currency", str)
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise entry.wrong("currency", "must be three capital letters such as USD")
    names = [field.name for field in fields(Price) if field.name.endswith("_micros")]
    by_size = _by_size(entry, sizes)
    amounts = {name: entry.micros(name.removesuffix("_micros")) for name in names}
    entry.end()
    if set(amounts.values()) == {None} and not by_size:
        raise entry.wrong("currency", "stands there without any price")
    return Price(currency, by_size=by_size, **amounts)


def _by_size(price: Entry, sizes: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    table = price.take("by_size", dict, {})
    entry = Entry(f"{price.name}: by_size", table)
    amounts = tuple((size, entry.micros(size)) for size in _known(price, "by_size", table, sizes))
    return tuple((size, amount) for size, amount in amounts if amount is not None)


def _credits(entry: Entry, sizes: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    table = entry.take("credits", dict, {})
    counts = Entry(f"{entry.name}: credits", table)
    known = _known(entry, "credits", table, sizes)
    return tuple((size, counts.count(size, 1, 1, _MOST_CREDITS)) for size in known)


def _known(
    entry: Entry, field: str, table: dict[str, object], sizes: tuple[str, ...]
) -> tuple[str, ...]:
    """Name the sizes of a table, which must all be the model's."""
    for word in table:
        if word not in sizes:
            raise entry.wrong(field, f"has {word}, which is none of its sizes")
    return tuple(size for size in sizes if size in table)
