"""/admin: a link to the dashboard, for those who run the bot and for nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from telegram import Update
from telegram.ext import ContextTypes

from bot.features.admin.logins import LINK, Logins
from bot.tg.feature import Feature, OnUpdate
from bot.tg.replies import Replies

LOGIN = "/admin/login/"


@dataclass(frozen=True, slots=True)
class DashboardFeature(Feature):
    """Logs operators in; `url` is where browsers reach the dashboard, None where there is none."""

    replies: Replies
    logins: Logins
    url: str | None

    def commands(self) -> Mapping[str, OnUpdate]:
        return {"admin": self.on_admin}

    async def on_admin(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        command = await self.replies.command(update.message)
        if command is None or not command.private:
            return
        if not self.replies.access.is_admin(command.account_id):  # he hears nothing of it
            self.replies.answer(command, "ask.command")
        elif self.url is None:
            self.replies.answer(command, "operator.no_dashboard")
        else:
            link = f"{self.url}{LOGIN}{await self.logins.link(command.account_id)}"
            minutes = LINK // timedelta(minutes=1)
            text = self.replies.texts(
                command.locale, "operator.dashboard", link=link, minutes=minutes
            )
            sending = self.replies.sender.send_link(command.chat_id, text)
            self.replies.background.run(sending, "link", of=command.chat_id)
