"""What an operator asks on the command line: models and money at the gateways, and the books."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime

from rich.console import Console
from rich.text import Text

from bot.catalogue.load import load_catalogue
from bot.catalogue.models import Catalogue
from bot.catalogue.profiles import GatewayProfile, Profile
from bot.config import Settings
from bot.domain import BotError, CommandFailed, StartError, now
from bot.domain.administration import AdminVerb
from bot.features.admin import books
from bot.features.admin.from_outside import PAUSE
from bot.gateway.account import ListedModel, ProviderAccount
from bot.gateway.connect import gateway_key
from bot.gateway.errors import AccountError
from bot.healthcheck import complaint
from bot.heartbeat import heartbeat_file
from bot.storage import Store, schema
from bot.storage.actions import command_line
from bot.storage.calls import LONGEST_CALL, UnfinishedCall
from bot.storage.notices import Topic
from bot.storage.transaction import Transaction

MOST_LISTED = 1000  # calls without an end
_WIDEST = 250
# What is told less first where there is no room.
_COLUMNS = (
    ("model", "sent as", "route", "edits with", "state"),
    ("model", "route", "edits with", "state"),
    ("model", "state"),
)
# What a gateway tells of its balance; the dashboard looks these up in Chinese.
_UNITS = " (at 500,000 units a dollar, which the gateway may have changed)"
BALANCES = {
    "key": "{gateway}: key {name}: {left} USD left, {used} USD used" + _UNITS,
    "key, no limit": "{gateway}: key {name}: no limit, {used} USD used" + _UNITS,
    "billing": "{gateway}: billing: limit {limit} USD, {used} USD used",
    "billing, no limit": "{gateway}: billing: no limit, {used} USD used",
}
Left = tuple[str, dict[str, str]]  # one of them, and what stands in its brackets


async def models(settings: Settings, console: Console) -> None:
    """Print the catalogue, marking what the gateways do not list and what has retired.

    Raises CommandFailed in the end where a gateway did not tell.
    """
    reasons: list[str] = []
    catalogue = load_catalogue(settings.models_file)
    today = datetime.now(UTC).date()
    for gateway in catalogue.gateways.values():
        try:
            async with open_account(settings, gateway) as account:
                listed = {model.id: model for model in await account.models()}
        except BotError as error:
            reasons.append(f"{gateway.name}: {error}")
            listed = None
        console.print(Text(f"gateway {gateway.name}", style="italic"))
        print_rows(_rows(catalogue, gateway, listed, today), console)
    if reasons:
        raise CommandFailed("; ".join(reasons))


def _rows(
    catalogue: Catalogue,
    gateway: GatewayProfile,
    listed: Mapping[str, ListedModel] | None,
    today: date,
) -> list[list[Text]]:
    """Lay the models out, in as many columns as there is room for."""
    rows = [{column: Text(column, style="bold") for column in _COLUMNS[0]}] + [
        {
            "model": Text(profile.id),
            "sent as": Text(profile.name),
            "route": Text(str(profile.route or "-")),
            "edits with": Text(str(profile.edit_route or "-")),
            "state": _state(profile, listed, today),
        }
        for profile in catalogue
        if profile.gateway == gateway.name
    ]
    laid: list[list[Text]] = []
    for columns in _COLUMNS:
        laid = aligned([[row[column] for column in columns] for row in rows])
        if max(sum(cell.cell_len for cell in row) for row in laid) <= terminal_width():
            break
    return laid


def aligned(rows: list[list[Text]]) -> list[list[Text]]:
    """Fill all cells of a column but the last up to the widest, and two blanks."""
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    filled = [[cell.copy() for cell in row] for row in rows]
    for row in filled:
        for cell, width in zip(row[:-1], widths, strict=False):
            cell.pad_right(width - cell.cell_len + 2)
    return filled


def print_rows(rows: list[list[Text]], console: Console) -> None:
    """Print a line a row, none broken and none filled up: all can be copied and searched for."""
    for row in rows:
        console.print(Text.assemble(*row), soft_wrap=True)


def terminal_width() -> int:
    """Tell how wide a table may be; a file or a pipe has room for everything."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return _WIDEST


def _state(profile: Profile, listed: Mapping[str, ListedModel] | None, today: date) -> Text:
    """Say the worst that is known of a model."""
    model = (listed or {}).get(profile.name)
    if listed is not None and model is None:
        return Text("not listed by the gateway", style="red")
    ends = min(filter(None, (profile.retires, model.retires if model else None)), default=None)
    if ends and ends <= today:
        return Text(f"retired on {ends}", style="red")
    if ends:
        return Text(f"retires on {ends}", style="yellow")
    if profile.hidden:
        return Text("not offered", style="yellow")
    return Text("listed" if model else "not known", style="green" if model else "")


async def balance(settings: Settings, console: Console) -> None:
    """Print what is left at each gateway; raises CommandFailed where none of them tells."""
    told, reasons = await balances(settings)
    for text, values in told:
        console.print(Text(text.format(**values)))
    if not told:
        raise CommandFailed(f"no gateway tells its balance: {'; '.join(reasons)}")
    for reason in reasons:
        console.print(Text(reason, style="yellow"))


async def balances(settings: Settings) -> tuple[list[Left], list[str]]:
    """Ask each gateway what is left; tells what they said, and why they did not."""
    told: list[Left] = []
    reasons: list[str] = []
    for gateway in load_catalogue(settings.models_file).gateways.values():
        async with open_account(settings, gateway) as account:
            for ask in (_token_usage, _billing):  # forks have the one, the other, or none
                try:
                    text, values = await ask(account)
                    told.append((text, {"gateway": gateway.name, **values}))
                except AccountError as error:
                    reasons.append(f"{gateway.name}: {error}")
    return told, reasons


async def _token_usage(account: ProviderAccount) -> Left:
    usage = await account.token_usage()
    left, used = f"{usage.dollars(usage.available):.4f}", f"{usage.dollars(usage.used):.4f}"
    text = BALANCES["key, no limit" if usage.unlimited else "key"]
    return text, {"name": usage.name or "-", "left": left, "used": used}


async def _billing(account: ProviderAccount) -> Left:
    billing = await account.billing()
    text = BALANCES["billing, no limit" if billing.limit is None else "billing"]
    return text, {"limit": f"{billing.limit or 0:.4f}", "used": f"{billing.used:.4f}"}


@asynccontextmanager
async def open_account(
    settings: Settings, gateway: GatewayProfile
) -> AsyncIterator[ProviderAccount]:
    key = gateway_key(gateway, settings)
    account = ProviderAccount(gateway.url or settings.gateway_url, key, proxy=gateway.proxy)
    try:
        yield account
    finally:
        await account.aclose()


def config(settings: Settings) -> None:
    """Print what holds and where it is from, a line each, as `.env` takes it; secrets are blank."""
    with suppress(
        BotError
    ):  # so that their keys are asked for; `run` tells what is wrong with them
        for gateway in load_catalogue(settings.models_file).gateways.values():
            gateway_key(gateway, settings)
    for setting in settings.effective():
        value = " ".join(setting.value.split())
        sys.stdout.write(f"{setting.name}={value}  # {setting.origin}\n")


async def audit(settings: Settings) -> None:
    """Check the books; list the gateway calls whose end nobody saw, and updates that were not read.

    Raises StartError in the end where the books do not agree.
    """
    async with open_database(settings) as store:
        lines = await store.read(_without_end, runs=_may_run(settings))
        differences = await books.audit(store)
    sys.stdout.writelines(f"{line}\n" for line in [*lines, *differences])
    if differences:
        raise StartError("the books do not agree, see above")
    sys.stdout.write("the books agree\n")


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Store]:
    """Open the bot's database as it is, beside a bot that may run; raises what `schema.check` does."""
    url = settings.database_url.get_secret_value()
    await schema.check(url)
    store = await Store.open(url)
    try:
        yield store
    finally:
        await store.close()


async def disown(settings: Settings, user_id: int) -> None:
    """Take an operator's rights from one who has them by the link; also from the last one.

    Raises CommandFailed where he has none of that kind.
    """
    configured = settings.admin_ids
    if user_id in configured:
        raise CommandFailed(f"{user_id} is in ADMIN_IDS: take it out there and restart the bot")
    async with open_database(settings) as store:
        owners = await store.write(_disown, user_id)
    if user_id not in owners:
        raise CommandFailed(f"{user_id} does not operate the bot by its link")
    told = [f"{user_id} operates the bot no longer"]
    if _may_run(settings):
        told[0] += f"; one that runs learns of it within {PAUSE:.0f} seconds"
    if not configured and owners == {user_id}:
        told.append("nobody operates it now: its log shows a new link when it is started again")
    sys.stdout.writelines(f"{line}\n" for line in told)


def _disown(tx: Transaction, user_id: int) -> set[int]:
    """Tell who had the rights before; the row of what was done is written with it."""
    tx.decisions.take_turn()
    owners = {one.account_id for one in tx.decisions.rules() if one.owner}
    if user_id in owners:
        tx.decisions.decide(user_id, owner=False)
        tx.logins.log_out(user_id)
        tx.notify(Topic.DECISIONS)
        change = {"before": {"owner": True}, "after": {"owner": False}}
        tx.actions.add(command_line(), AdminVerb.DISOWN, f"account:{user_id}", now(), **change)
    return owners


def _may_run(settings: Settings) -> bool:
    """Whether a bot runs on this database; one on a Postgres may run on another machine."""
    file = heartbeat_file(settings)
    on_server = schema.sqlite_file(settings.database_url.get_secret_value()) is None
    return complaint(file) is None if file.exists() else on_server


def _without_end(tx: Transaction, *, runs: bool) -> list[str]:
    """Describe the calls without an end, and the updates that were not read."""
    since = now() - LONGEST_CALL if runs else now()
    calls = [_describe(call, since) for call in tx.calls.unfinished(MOST_LISTED)]
    unread = [
        f"an update of {at:%Y-%m-%d %H:%M:%S} UTC could not be read: {note}"
        for at, note in tx.keys.unread(MOST_LISTED)
    ]
    return [*calls, *unread]


def _describe(call: UnfinishedCall, since: datetime) -> str:
    whom = call.account_id or "the command line"
    beside = f" beside the jobs: a {call.kind} for {whom}"
    what = beside if call.job_id is None else f": job {call.job_id}"
    in_flight = call.awaited and call.started_at > since
    # A process that is killed is known to be gone some seconds later.
    end = "no end yet: under way" if in_flight else "no end is known, it may have been billed"
    if in_flight:
        end += ", or lost with a process that has just been killed"
    return (
        f"call {call.id}{what}, {call.model} at {call.host}, begun"
        f" {call.started_at:%Y-%m-%d %H:%M:%S} UTC: {end}"
    )
