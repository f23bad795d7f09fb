"""Inquiries: what an operator asks his gateways on the command line."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bot import catalogue
from bot.domain import BotError
from bot.upstream.gateways import key_of
from bot.upstream.panel import Panel, PanelError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import date

    from rich.console import Console

    from bot.catalogue import Catalogue, GatewayProfile, Profile
    from bot.settings import Settings
    from bot.upstream.panel import Listed


class InquiryError(BotError):
    """The question cannot be put: one line for the operator."""


async def models(settings: Settings, console: Console) -> None:
    """Print the catalogue, marking what the gateways do not list and what has retired."""
    known = catalogue.load(settings.models_file)
    today = datetime.now(UTC).date()
    for gateway in known.gateways.values():
        try:
            async with _panel(settings, gateway) as panel:
                listed = {model.id: model for model in await panel.models()}
        except BotError as error:
            console.print(Text(f"{gateway.name}: {error}", style="red"))
            listed = None
        console.print(_table(known, gateway, listed, today))


def _table(
    known: Catalogue, gateway: GatewayProfile, listed: Mapping[str, Listed] | None, today: date
) -> Table:
    table = Table(
        "model", "sent as", "route", "edits with", "state", title=f"gateway {gateway.name}"
    )
    for profile in known:
        if profile.gateway == gateway.name:
            table.add_row(
                profile.id,
                profile.name,
                str(profile.route or "-"),
                str(profile.edit_route or "-"),
                _state(profile, listed, today),
            )
    return table


def _state(profile: Profile, listed: Mapping[str, Listed] | None, today: date) -> Text:
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
    told = [await _balance(settings, gateway, console) for gateway in gateways]
    if not any(told):
        raise InquiryError("no gateway tells its balance by the routes of the new-api family")


async def _balance(settings: Settings, gateway: GatewayProfile, console: Console) -> bool:
    """Ask by both routes; forks have the one, the other, or none."""
    told = False
    async with _panel(settings, gateway) as panel:
        for ask in (_token_usage, _billing):
            try:
                line = await ask(panel)
            except PanelError as error:
                console.print(Text(f"{gateway.name}: {error}", style="yellow"))
            else:
                console.print(Text(f"{gateway.name}: {line}"))
                told = True
    return told


async def _token_usage(panel: Panel) -> str:
    usage = await panel.token_usage()
    left = "no limit" if usage.unlimited else f"{usage.dollars(usage.available):.4f} USD left"
    return (
        f"key {usage.name or '-'}: {left}, {usage.dollars(usage.used):.4f} USD used"
        " (at 500,000 units a dollar, which the gateway may have changed)"
    )


async def _billing(panel: Panel) -> str:
    billing = await panel.billing()
    limit = "no limit" if billing.limit is None else f"limit {billing.limit:.4f} USD"
    return f"billing: {limit}, {billing.used:.4f} USD used"


@asynccontextmanager
async def _panel(settings: Settings, gateway: GatewayProfile) -> AsyncIterator[Panel]:
    key = key_of(gateway, settings, settings.gateway_api_key)
    panel = Panel(gateway.url or settings.gateway_url, key, proxy=gateway.proxy)
    try:
        yield panel
    finally:
        await panel.aclose()
