"""The composition root: opens outside systems and every part, starts and stops them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from telegram import Update

from bot import descriptors, memory
from bot.config import Settings
from bot.domain import NO_METER, StartError
from bot.features.admin import backups
from bot.healthcheck import own_file
from bot.heartbeat import Heartbeat, heartbeat_file
from bot.jobs.messages import PublishedProfile
from bot.jobs.options import warn_of_retired
from bot.outside import Outside, open_outside
from bot.parts import Parts
from bot.storage.schema import sqlite_file, warn_of_fault
from bot.tg.bot_profile import publish_menu, publish_or_log
from bot.tg.client import Connected, open_application
from bot.tg.polling import Polling, greet
from bot.tg.posting_rights import check_storage_chat
from bot.tg.tasks import run_together, run_until

if TYPE_CHECKING:
    from bot.tg.webhook import Webhook

ALONE = (
    "DATABASE_URL: on SQLite one process does everything, by `run`: several processes need Postgres"
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Role:
    """What a process does: take updates, work on so many jobs `at_once`, or both.

    None is MAX_CONCURRENCY.
    """

    takes_updates: bool = True
    at_once: int | None = None


BOTH = Role()


async def run(settings: Settings, stop: asyncio.Event, role: Role = BOTH) -> None:
    """Run the bot until `stop` is set, then finish or hand back what runs.

    Raises StartError and the settings', catalogue's and schema's own errors before anything runs.
    """
    if role is not BOTH and sqlite_file(settings.database_url.get_secret_value()):
        raise StartError(ALONE)
    at_once = settings.max_concurrency if role.at_once is None else role.at_once
    memory.economize()
    descriptors.reserve(at_once)
    async with AsyncExitStack() as stack:
        metrics = None
        if settings.web_address:
            from bot.web.metrics import BotMetrics  # noqa: PLC0415 - most bots serve no pages

            metrics = BotMetrics()
        outside = await open_outside(settings, stack, stop, metrics or NO_METER)
        bot, parts = outside.bot, Parts(settings, outside, at_once)
        application, process = open_application(bot, parts.handlers, parts.replies)
        taker = _taker(settings, role, outside, parts, process)
        heartbeat = Heartbeat(
            own_file(heartbeat_file(settings)),
            settings.heartbeat_seconds,
            {
                "polling": lambda: not role.takes_updates or taker.is_alive,
                "dispatcher": lambda: parts.dispatch.is_alive,
            },
            outside.store.turn,
            settings.heartbeat_url,
        )
        await stack.enter_async_context(heartbeat.beating())
        if metrics:
            from bot.web.site import open_site  # noqa: PLC0415 - as above

            site = open_site(settings, outside, parts, metrics, heartbeat, taker)
            await stack.enter_async_context(site)
        await greet(application.initialize, stop)
        stack.push_async_callback(application.shutdown)
        if stop.is_set():
            return
        await check_storage_chat(bot, settings.storage_chat_id)

        parts.dispatch.start(parts.worker.perform)
        stack.push_async_callback(parts.background.drain, settings.shutdown_seconds / 4)
        stack.push_async_callback(parts.drain, settings.shutdown_seconds)
        stack.push_async_callback(parts.albums.stop)
        await parts.admin.load()

        model = outside.options.default.id
        warn_of_retired(outside.options)
        warn_of_fault(settings.database_url.get_secret_value())
        log.info("ready", bot=bot.username, model=model, access=settings.access)

        menus = _Menus(bot, parts, PublishedProfile(outside.store))
        parts.owner_link.on_owned = menus.owned
        leader = outside.store.leader
        lasting = {"database": outside.store.until_lost(), **parts.own_tasks}
        lasting["attending"] = taker.attend(lambda: leader.leads)
        if role.takes_updates:
            lasting["leading"] = leader.run(lambda: _lead(settings, bot, parts, taker, menus))
        await run_until(stop, lasting)
        if leader.leads:
            await taker.confirm()
            await leader.resign()
    log.info("stopped")


def _taker(
    settings: Settings,
    role: Role,
    outside: Outside,
    parts: Parts,
    process: Callable[[Update], Awaitable[None]],
) -> Polling | Webhook:
    """Make what takes updates: they are fetched, or brought by Telegram."""
    bot, meter, albums = outside.bot, outside.store.meter, parts.albums
    may_delete, note = settings.telegram_delete_webhook, parts.alerts.unread
    if not settings.webhook_url or not role.takes_updates:
        return Polling(bot, process, note, albums.resume, may_delete, albums.foresee, meter)
    from bot.tg.webhook import Webhook, default_secret, nothing  # noqa: PLC0415 - most bots poll

    url, certificate = settings.webhook_url, settings.webhook_certificate
    secret = settings.webhook_secret or default_secret(settings.token)
    prepare = nothing if outside.store.leader.is_sole else albums.learn
    taken = process, prepare, note, albums.resume, may_delete, meter
    return Webhook(bot, url, secret, certificate, *taken)


async def _lead(
    settings: Settings, bot: Connected, parts: Parts, taker: Polling | Webhook, menus: _Menus
) -> None:
    """Do what only one process may, as long as this one does."""
    await parts.resume()
    if link := await parts.owner_link.make(bot.username):
        log.warning(
            "nobody operates this bot: who opens this link within 15 minutes does,"
            " or set ADMIN_IDS",
            link=link,
        )
    lasting = {"updates": taker.run(), **parts.tasks}
    if settings.backup_every:
        lasting["backups"] = backups.run(settings)
    if not parts.leader.is_sole:
        lasting["sweep"] = parts.sweep()
    await run_together(lasting, menus.publish())


@dataclass(frozen=True, slots=True)
class _Menus:
    """The bot's profile and menus, as Telegram shows them."""

    bot: Connected
    parts: Parts
    profile: PublishedProfile

    async def publish(self) -> None:
        parts = self.parts
        admins = parts.replies.access.admins
        await publish_or_log(self.bot, parts.texts, self.profile, admins, parts.commands)

    async def owned(self, user_id: int, locale: str) -> None:
        """Show somebody his menu now, and everybody theirs."""
        parts = self.parts
        if parts.replies.access.is_admin(user_id):
            await publish_menu(self.bot, parts.texts, self.profile, user_id, locale, parts.commands)
            await parts.checks.look_at_gateways()  # nobody was there to be told
        await self.publish()
