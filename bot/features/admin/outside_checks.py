"""What a doctor asks of others: Telegram, the gateways, and the time that it is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from telegram import Bot, User, WebhookInfo

from bot.catalogue.load import load_catalogue
from bot.catalogue.models import Catalogue
from bot.catalogue.profiles import GatewayProfile
from bot.config import ConfigError, Settings
from bot.domain import BotError, StartError, TryLater, Unreachable, now
from bot.features.admin.cli import open_account
from bot.features.admin.findings import Finding, Level
from bot.tg.client import open_bot, open_files
from bot.tg.errors import Rejected, translated
from bot.tg.posting_rights import storage_chat_problem
from bot.tg.proxy import BROKEN

CLOCK_OFF = 30  # seconds
MANY_UPDATES = 100
MOST_NAMED = 5
TELEGRAM, GATEWAY, CLOCK = "Telegram", "gateway", "clock"


async def check_telegram(settings: Settings) -> list[Finding]:
    token = settings.telegram_bot_token
    if token is None:
        said = "TELEGRAM_BOT_TOKEN is not set: `run` starts the sandbox"
        return [Finding(TELEGRAM, Level.NOTE, said)]
    bot = open_bot(token.get_secret_value(), settings.telegram_api_url, 0)
    try:
        with translated():
            me = await bot.get_me()
            webhook = await bot.get_webhook_info()
        found = [*_bot(me), *_webhook(webhook, settings.webhook_url)]
        found += await _storage_chat(bot, settings, me)
    except (Rejected, Unreachable) as refused:
        said = f"TELEGRAM_BOT_TOKEN is not accepted: Telegram says {refused}"
        return [Finding(TELEGRAM, Level.WRONG, said)]
    except TryLater:
        host = urlsplit(settings.telegram_api_url).hostname
        said = f"{host} does not answer: is there a way to it, or a proxy (https_proxy)?"
        return [Finding(TELEGRAM, Level.WRONG, said)]
    finally:
        await bot.request.shutdown()
    return found


def _bot(me: User) -> Iterator[Finding]:
    yield Finding(TELEGRAM, Level.OK, f"the token is that of @{me.username}")
    if not me.can_join_groups:
        yield Finding(
            TELEGRAM, Level.NOTE, "it cannot be added to groups (BotFather: /setjoingroups)"
        )
    elif not me.can_read_all_group_messages:
        said = "privacy mode is on: in groups it sees only commands, mentions and replies"
        yield Finding(TELEGRAM, Level.NOTE, said)
    if not me.supports_inline_queries:
        yield Finding(TELEGRAM, Level.NOTE, "inline mode is off (BotFather: /setinline)")


def _webhook(webhook: WebhookInfo, own: str | None) -> Iterator[Finding]:
    """Tell how updates come; `own` is where the settings have them brought."""
    waiting = webhook.pending_update_count
    if webhook.url and webhook.url != own:  # whose path is often a secret
        host = urlsplit(webhook.url).hostname
        said = f"a webhook of another program is left at {host}: the bot gets no updates, {waiting} wait"
        yield Finding(TELEGRAM, Level.WRONG, said)
    elif own and not webhook.url:
        said = "WEBHOOK_URL is not told to Telegram yet: the bot does it at its start"
        yield Finding(TELEGRAM, Level.NOTE, said)
    elif waiting > MANY_UPDATES:
        how = "brought" if own else "fetched"
        yield Finding(TELEGRAM, Level.WARNING, f"{waiting} updates wait to be {how}")
    if own and webhook.url == own and webhook.last_error_date:
        at = f"{webhook.last_error_date:%Y-%m-%d %H:%M} UTC"
        said = f"Telegram could not deliver to WEBHOOK_URL at {at}: {webhook.last_error_message}"
        yield Finding(TELEGRAM, Level.WARNING, said)


async def _storage_chat(bot: Bot, settings: Settings, me: User) -> list[Finding]:
    if settings.storage_chat_id is None:
        if not me.supports_inline_queries:
            return []
        said = "STORAGE_CHAT_ID is not set: inline mode offers existing pictures only"
        return [Finding(TELEGRAM, Level.NOTE, said)]
    if problem := await storage_chat_problem(bot, settings.storage_chat_id):
        return [Finding(TELEGRAM, Level.WRONG, f"STORAGE_CHAT_ID {problem}")]
    return [Finding(TELEGRAM, Level.OK, "the bot may post in STORAGE_CHAT_ID")]


async def check_gateways(settings: Settings) -> list[Finding]:
    """Ask each gateway for its models, which is free."""
    if not (settings.gateway_api_key or settings.models_file):
        return [Finding(GATEWAY, Level.NOTE, "GATEWAY_API_KEY is not set: nothing is asked")]
    try:
        catalogue = load_catalogue(settings.models_file)
    except ConfigError:
        return [Finding(GATEWAY, Level.NOTE, "nothing is asked: MODELS_FILE cannot be read")]
    found: list[Finding] = []
    for gateway in catalogue.gateways.values():
        try:
            async with open_account(settings, gateway) as account:
                listed = {model.id for model in await account.models()}
        except BotError as error:
            found.append(Finding(GATEWAY, Level.WRONG, f"{gateway.name}: {error}"))
        else:
            found += _models(settings, catalogue, gateway, listed)
    return found


def _models(
    settings: Settings, catalogue: Catalogue, gateway: GatewayProfile, listed: set[str]
) -> Iterator[Finding]:
    ours = [profile for profile in catalogue if profile.gateway == gateway.name]
    missing = [profile for profile in ours if profile.name not in listed]
    there = f"{len(ours) - len(missing)} of {len(ours)} models of the catalogue are listed"
    said = f"{gateway.name} answers and accepts the key, {there}"
    yield Finding(GATEWAY, Level.OK, said)
    default = catalogue.find(settings.default_model)
    if default in missing:
        said = f"{gateway.name} does not list DEFAULT_MODEL, {settings.default_model}"
        yield Finding(GATEWAY, Level.WRONG, said)
    if others := [profile.id for profile in missing if profile is not default]:
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        said = f"{gateway.name} does not list {', '.join(others[:MOST_NAMED])}{more}"
        yield Finding(GATEWAY, Level.WARNING, f"{said} (`models` tells all)")


async def check_clock(settings: Settings) -> list[Finding]:
    """Compare this machine's time with what Telegram's server says: limits count days by it."""
    try:
        url = f"{settings.telegram_api_url}/"
        async with open_files(url) as session, session.head(url, allow_redirects=False) as answer:
            there = parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except (*BROKEN, StartError, TimeoutError, ValueError) as error:
        said = f"Telegram's server does not tell the time ({type(error).__name__})"
        return [Finding(CLOCK, Level.NOTE, said)]
    off = round((now() - there).total_seconds())
    if abs(off) <= CLOCK_OFF:
        return [Finding(CLOCK, Level.OK, "it goes right")]
    said = f"it is {abs(off)} seconds {'fast' if off > 0 else 'slow'}: let NTP set it"
    return [Finding(CLOCK, Level.WRONG, said)]
