"""Inquiries: what an operator asks his gateways on the command line."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import catalogue
from bot.domain import BotError
from bot.gateway.account import ProviderAccount
from bot.gateway.connect import gateway_key
from bot.gateway.errors import AccountError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import date

    from bot.catalogue import Catalogue, GatewayProfile, Profile
    from bot.gateway.account import ListedModel
    from bot.settings import Settings


_WIDEST = 250
# What is told less first where there is no room.
_COLUMNS = (
    ("model", "sent as", "route", "edits with", "state"),
    ("model", "route", "edits with", "state"),
    ("model", "state"),
)


class InquiryError(BotError):
    """A gateway did not answer what it was asked: one line for the operator, with its reason."""


async def models(settings: Settings, console: Console) -> None:
    """Print the catalogue, marking what the gateways do not list and what has retired.

    Raises InquiryError in the end where a gateway did not tell.
    """
    reasons: list[str] = []
    known = catalogue.load(settings.models_file)
    today = datetime.now(UTC).date()
    for gateway in known.gateways.values():
        try:
            async with _panel(settings, gateway) as panel:
                listed = {model.id: model for model in await panel.models()}
        except BotError as error:
            reasons.append(f"{gateway.name}: {error}")
            listed = None
        console.print(_fitted(known, gateway, listed, today), width=_room())
    if reasons:
        raise InquiryError("; ".join(reasons))


def _fitted(
    known: Catalogue, gateway: GatewayProfile, listed: Mapping[str, ListedModel] | None, today: date
) -> Table:
    """Lay the table out with as many of its columns as there is room for; long words are folded."""
    rows: list[dict[str, str | Text]] = [
        {
            "model": profile.id,
            "sent as": profile.name,
            "route": str(profile.route or "-"),
            "edits with": str(profile.edit_route or "-"),
            "state": _state(profile, listed, today),
        }
        for profile in known
        if profile.gateway == gateway.name
    ]
    console = Console(width=_WIDEST)
    room = _room()
    for columns in _COLUMNS:
        table = Table(title=f"gateway {gateway.name}")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(row[column] for column in columns))
        if console.measure(table).maximum <= room:
            break
    return table


def _room() -> int:
    """Tell how wide a table may be; a file or a pipe has room for everything."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return _WIDEST


def _state(profile: Profile, listed: Mapping[str, ListedModel] | None, today: date) -> Text:
    """Say the worst that is known of a model."""
    there = (listed or {}).get(profile.name)
    if listed is not None and there is None:
        return Text("not listed by the gateway", style="red")
    ends = min(filter(None, (profile.retires, there.retires if there else None)), default=None)
    if ends and ends <= today:
        return Text(f"retired on {ends}", style="red")
    if ends:
        return Text(f"retires on {ends}", style="yellow")
    if profile.hidden:
        return Text("not offered", style="yellow")
    return Text("listed" if there else "not known", style="green" if there else "")


async def balance(settings: Settings, console: Console) -> None:
    """Print what is left at each gateway; raises InquiryError where none of them tells."""
    gateways = catalogue.load(settings.models_file).gateways.values()
    reasons: list[str] = []
    told = [await _balance(settings, gateway, console, reasons) for gateway in gateways]
    if not any(told):
        raise InquiryError(f"no gateway tells its balance: {'; '.join(reasons)}")
    for reason in reasons:
        console.print(Text(reason, style="yellow"))


async def _balance(
    settings: Settings, gateway: GatewayProfile, console: Console, reasons: list[str]
) -> bool:
    """Ask by both routes; forks have the one, the other, or none."""
    told = False
    async with _panel(settings, gateway) as panel:
        for ask in (_token_usage, _billing):
            try:
                line = await ask(panel)
            except AccountError as error:
                reasons.append(f"{gateway.name}: {error}")
            else:
                console.print(Text(f"{gateway.name}: {line}"))
                told = True
    return told


async def _token_usage(panel: ProviderAccount) -> str:
    usage = await panel.token_usage()
    left = "no limit" if usage.unlimited else f"{usage.dollars(usage.available):.4f} USD left"
    return (
        f"key {usage.name or '-'}: {left}, {usage.dollars(usage.used):.4f} USD used"
        " (at 500,000 units a dollar, which the gateway may have changed)"
    )


async def _billing(panel: ProviderAccount) -> str:
    billing = await panel.billing()
    limit = "no limit" if billing.limit is None else f"limit {billing.limit:.4f} USD"
    return f"billing: {limit}, {billing.used:.4f} USD used"


@asynccontextmanager
async def _panel(settings: Settings, gateway: GatewayProfile) -> AsyncIterator[ProviderAccount]:
    key = gateway_key(gateway, settings, settings.gateway_api_key)
    panel = ProviderAccount(gateway.url or settings.gateway_url, key, proxy=gateway.proxy)
    try:
        yield panel
    finally:
        await panel.aclose()
