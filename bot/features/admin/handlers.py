"""What operators write to the bot in private; to all others these are no commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from telegram import CallbackQuery, InlineKeyboardMarkup, Update
from telegram.ext import ContextTypes

from bot.domain import Job, JobState, LimitReached, Period, Prompt, now
from bot.domain.administration import AdminResult, LimitName
from bot.features.admin.lookup import AccountView, AdminLookup
from bot.features.admin.once import once
from bot.features.admin.service import AdminService
from bot.tg.callbacks import Press, Verb, is_under
from bot.tg.feature import Feature, OnPress, OnUpdate
from bot.tg.keyboards import button, rows
from bot.tg.presses import Presses
from bot.tg.replies import Replies
from bot.tg.status_text import age
from bot.tg.usage_text import spent

LISTED, IN_A_ROW = 8, 4  # jobs of a list, buttons of a row
USAGE = {
    "user": "/user 123456789",
    "ban": "/ban 123456789 spam",
    "unban": "/unban 123456789",
    "allow": "/allow 123456789",
    "disallow": "/disallow 123456789",
    "disown": "/disown 123456789",
    "limit": "/limit 123456789 day=50 month=500 calls=2000 concurrency=2 queue=50",
    "maintenance": "/maintenance on",
    "model": "/model flux off",
    "refund": "/refund 4711",
}
_LIMITS = frozenset(name.value for name in LimitName)
OnCommand = Callable[[Prompt], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class AdminFeature(Feature):
    """Each command is one call of the service, and tells what came of it."""

    replies: Replies
    presses: Presses
    service: AdminService
    lookup: AdminLookup

    def commands(self) -> Mapping[str, OnUpdate]:
        known: dict[str, OnCommand] = {
            "stats": self.on_stats,
            "user": self.on_user,
            "ban": self.on_ban,
            "unban": self.on_unban,
            "allow": self.on_allow,
            "disallow": self.on_disallow,
            "disown": self.on_disown,
            "limit": self.on_limit,
            "jobs": self.on_jobs,
            "model": self.on_model,
            "refund": self.on_refund,
            "maintenance": self.on_maintenance,
        }
        return {name: partial(self._for_admins, take) for name, take in known.items()}

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return {
            Verb.RETRY_JOB: self.on_retry,
            Verb.STOP_JOB: self.on_stop,
            Verb.LET_IN: self.on_let_in,
        }

    async def _for_admins(
        self, take: OnCommand, update: Update, _context: ContextTypes.DEFAULT_TYPE
    ) -> None:
        command = await self.replies.command(update.message)
        if command is None or not command.private:
            return
        if self.replies.access.is_admin(command.account_id):
            with once(command):
                await take(command)
        else:
            self.replies.answer(command, "ask.command")

    async def on_stats(self, command: Prompt) -> None:
        from bot.features.admin import statistics_page  # noqa: PLC0415 - a start does not wait

        sending = statistics_page.send(self.replies, command, self.lookup)
        self.replies.background.run(sending, "statistics", of=command.account_id)

    async def on_user(self, command: Prompt) -> None:
        if (account_id := await self._whom(command, "user")) is not None:
            await self._show(command, account_id)

    async def on_ban(self, command: Prompt) -> None:
        if (account_id := await self._whom(command, "ban")) is not None:
            reason = "".join(command.text.split(maxsplit=1)[1:])
            result, n = await self.service.ban_counted(actor(command), account_id, reason)
            await self._tell(command, "ban", account_id, result, n=n)

    async def on_unban(self, command: Prompt) -> None:
        await self._rule(command, "unban", self.service.unban)

    async def on_allow(self, command: Prompt) -> None:
        await self._rule(command, "allow", self.service.allow)

    async def on_disallow(self, command: Prompt) -> None:
        await self._rule(command, "disallow", self.service.disallow)

    async def on_disown(self, command: Prompt) -> None:
        await self._rule(command, "disown", self.service.disown)

    async def on_limit(self, command: Prompt) -> None:
        """Set limits as they are written, and show what holds then."""
        limits = read_limits(command.text.split()[1:])
        if limits is None:
            self._explain(command, "limit")
            return
        if (account_id := await self._whom(command, "limit")) is None:
            return
        result = limits and await self.service.limit(actor(command), account_id, limits)
        if result is AdminResult.REFUSED:
            self._explain(command, "limit")
            return
        await self._show(command, account_id)

    async def on_maintenance(self, command: Prompt) -> None:
        word = command.text.strip().casefold()
        if word not in ("on", "off", ""):
            self._explain(command, "maintenance")
            return
        if word:
            await self.service.maintain(actor(command), on=word == "on")
        else:
            word = "on" if self.service.access.maintenance else "none"
        view = await self.lookup.jobs(0)
        running, waiting = view.running, view.waiting
        key = f"admin.maintenance.{word}"
        self.replies.answer(command, key, running=running, waiting=waiting)

    async def on_model(self, command: Prompt) -> None:
        name, _, word = command.text.strip().rpartition(" ")
        if not name or word not in ("on", "off"):
            self._explain(command, "model")
            return
        found = self.service.options.catalogue.find(name.strip())
        model_id, on = found.id if found else name, word == "on"
        result = await self.service.switch_model(actor(command), model_id, on=on)
        label = found.label if found else name
        told = {
            AdminResult.DONE: "admin.model_on" if on else "admin.model_off",
            AdminResult.REFUSED: "operator.model_stays",
            AdminResult.UNCHANGED: "admin.same",
        }
        key = told.get(result, f"admin.{result}")
        self.replies.answer(command, key, model=label, who=label)

    async def on_refund(self, command: Prompt) -> None:
        number = command.text.strip().removeprefix("#")
        if not (number.isascii() and number.isdigit() and len(number) < 19):  # noqa: PLR2004 - int64
            self._explain(command, "refund")
            return
        job_id = int(number)
        result, account_id, n = await self.service.refund_counted(actor(command), job_id)
        key = "admin.refunded" if result is AdminResult.DONE else f"admin.{result}"
        if result is AdminResult.UNCHANGED:
            before = await self.service.was_refunded(job_id)
            key = "admin.refunded_before" if before else "admin.uncharged"
        names = await self.lookup.names([account_id])
        self.replies.answer(command, key, id=job_id, who=names[account_id], n=n)

    async def on_jobs(self, command: Prompt) -> None:
        view, texts = await self.lookup.jobs(LISTED), partial(self.replies.texts, command.locale)
        names = await self.lookup.names(job.account_id for job in view.unfinished + view.failed)
        told = [texts("queue.all", running=view.running, waiting=view.waiting)]
        told += [self._job_line(job, names[job.account_id]) for job in view.unfinished]
        if view.failed:
            told += ["", texts("admin.failed")]
            told += [self._job_line(job, names[job.account_id]) for job in view.failed]
        buttons = [button(f"✕ {job.id}", Verb.STOP_JOB, job.id) for job in view.unfinished]
        buttons += [button(f"↻ {job.id}", Verb.RETRY_JOB, job.id) for job in view.failed]
        keyboard = InlineKeyboardMarkup(rows(buttons, IN_A_ROW)) if buttons else None
        self.replies.reply(command, "\n".join(told), keyboard)

    async def on_retry(self, query: CallbackQuery, press: Press) -> None:
        await self._press(query, press, self.service.retry)

    async def on_stop(self, query: CallbackQuery, press: Press) -> None:
        await self._press(query, press, self.service.cancel)

    async def _press(
        self,
        query: CallbackQuery,
        press: Press,
        act: Callable[[str, int], Awaitable[AdminResult]],
    ) -> None:
        user = query.from_user.id
        if press.id is None or not self.replies.access.is_admin(user):
            self.presses.answer(query, "press.stale")
            return
        try:
            result = await act(f"telegram:{user}", press.id)
        except LimitReached as reached:
            locale = await self.replies.locale_of_press(query)
            self.presses.say(query, self.replies.limit_text(locale, reached), alert=True)
            return
        if result in (AdminResult.UNCHANGED, AdminResult.REFUSED):
            locale = await self.replies.locale_of_press(query)
            text = self.replies.texts(locale, "admin.job_same", id=press.id)
            self.presses.say(query, text, alert=True)
        else:
            self.presses.answer(query, f"admin.{result}")

    async def on_let_in(self, query: CallbackQuery, press: Press) -> None:
        """Allow who has knocked, and say so where the knock was told."""
        user = query.from_user.id
        admin = self.replies.access.is_admin(user)
        if press.id is None or not admin or not is_under(query, {press.verb}):
            self.presses.answer(query, "press.stale")
            return
        result = await self.service.allow(f"telegram:{user}", press.id)
        locale = await self.replies.locale_of_press(query)
        text = await self._outcome(locale, "allow", press.id, result)
        self.replies.background.run(self.presses.replace(query, text), "let in", of=user)

    async def _rule(
        self, command: Prompt, name: str, rule: Callable[[str, int], Awaitable[AdminResult]]
    ) -> None:
        if (account_id := await self._whom(command, name)) is not None:
            await self._tell(command, name, account_id, await rule(actor(command), account_id))

    async def _whom(self, command: Prompt, name: str) -> int | None:
        """Find whom a command is about; None where that is not said, and was explained."""
        word, *_ = [*command.text.split(maxsplit=1), ""]
        if not word:
            self._explain(command, name)
            return None
        account_id = await self.lookup.find(word)
        if account_id is not None:
            return account_id
        called = await self.lookup.called(word)
        if len(called) == 1:
            return next(iter(called))
        if called:
            told = [self.replies.texts(command.locale, "admin.several")]
            told += list(called.values())[:LISTED]
            self.replies.reply(command, "\n".join(told))
        else:
            self.replies.answer(command, "admin.nobody", name=word)
        return None

    def _explain(self, command: Prompt, name: str) -> None:
        self.replies.answer(command, "admin.usage", example=USAGE[name])

    async def _tell(
        self, command: Prompt, name: str, account_id: int, result: AdminResult, *, n: int = 0
    ) -> None:
        told = await self._outcome(command.locale, name, account_id, result, n=n)
        self.replies.reply(command, told)

    async def _outcome(
        self, locale: str, name: str, account_id: int, result: AdminResult, *, n: int = 0
    ) -> str:
        """Say what a rule about somebody came to, and whether that is somebody the bot knows."""
        texts, who = partial(self.replies.texts, locale), await self.lookup.names([account_id])
        key = f"admin.{name}" if result is AdminResult.DONE else "admin.same"
        if result is AdminResult.REFUSED:
            key = "admin.operates"
        if name == "disown":  # the last one stays, and who is in ADMIN_IDS
            if result is AdminResult.UNCHANGED:
                return texts("admin.same", who=who[account_id])
            if result is AdminResult.REFUSED:
                configured = account_id in self.service.access.configured
                key = "operator.configured" if configured else "admin.disown_last"
                return texts(key, who=who[account_id])
            return f"{who[account_id]}: {texts(f'admin.{result}')}"
        told = [texts(key, who=who[account_id], n=n)]
        if account_id > 0 and who[account_id] == str(account_id):
            told.append(texts("admin.unseen"))
        if name == "disallow" and result is not AdminResult.REFUSED and self.service.access.open:
            told.append(texts("admin.open"))
        return "\n".join(told)

    async def _show(self, command: Prompt, account_id: int) -> None:
        view = await self.lookup.account(account_id)
        self.replies.reply(command, self._account(command.locale, view))

    def _account(self, locale: str, view: AccountView) -> str:
        texts, person, rules = partial(self.replies.texts, locale), view.person, view.rules
        name = person.name if person else view.title or texts("admin.unseen")
        told = [f"{name} @{person.username}" if person and person.username else name]
        told.append(f"ID {view.account_id}")
        if person:
            first, last = person.first_seen.date(), person.last_seen.date()
            told.append(
                texts("admin.seen", language=person.language or "?", first=first, last=last)
            )
        if self.replies.access.is_admin(view.account_id):
            told.append(texts("admin.operator"))
        elif rules.banned_at:
            at, reason = rules.banned_at.date(), rules.ban_reason or "?"
            told.append(texts("admin.banned", at=at, reason=reason))
        else:
            told.append(texts("admin.admitted" if view.admitted else "admin.stranger"))
        limits = {name.value: getattr(view.limits, name) or "∞" for name in LimitName}
        told += ["", texts("admin.limits", **limits), texts("admin.waits", jobs=view.jobs), ""]
        told += [spent(self.replies.texts, locale, one, view.totals[one]) for one in Period]
        return "\n".join(told)

    def _job_line(self, job: Job, name: str) -> str:
        since = job.ended_at or job.started_at or job.created_at
        passed = age((now() - since).total_seconds())
        sign = {JobState.ACCEPTED: "…", JobState.RUNNING: "▶"}.get(job.state, "✗")
        sign = "▶" if job.state is JobState.RENDERED else sign
        why = f" · {job.outcome.replace('_', ' ')}" if job.ended_at and job.outcome else ""
        return f"{sign} {job.id} · {passed} · {name} · {job.request.model}{why}"


def actor(command: Prompt) -> str:
    return f"telegram:{command.account_id}"


def read_limits(words: list[str]) -> dict[LimitName, int | None] | None:
    """Read `day=50 month=-`: None for what is to be as for all; None in all where a word is none."""
    limits: dict[LimitName, int | None] = {}
    for word in words:
        name, _, number = word.partition("=")
        known = name in _LIMITS and (number == "-" or (number.isascii() and number.isdigit()))
        if not known or len(number) > 9:  # noqa: PLR2004 - no more pictures are drawn in a life
            return None
        limits[LimitName(name)] = None if number == "-" else int(number)
    return limits
