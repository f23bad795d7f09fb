"""/stats: the bot in numbers, below a chart of its last days."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from bot.domain import OutcomeKind, Prompt, now
from bot.features.admin import chart
from bot.features.admin.lookup import CHART_DAYS, BotStatistics
from bot.i18n.texts import Texts
from bot.tg.files import Upload
from bot.tg.new_picture import NewPicture
from bot.tg.replies import Replies
from bot.tg.sender import target_of
from bot.tg.status_text import age

MICROS = 1_000_000


async def send(replies: Replies, command: Prompt, statistics: BotStatistics) -> None:
    data = await asyncio.to_thread(chart.draw, statistics.days)
    size = chart.WIDTH, chart.HEIGHT, len(data)
    upload = Upload(Path("chart.png"), "chart.png", "image/png", *size, data=data)
    words = caption(replies.texts, command.locale, statistics)
    picture = NewPicture(target_of(command), upload, words, None, as_file=False)

    async def remember(message_id: int, _file_id: str) -> None:
        await replies.sender.sent.sent(command.chat_id, message_id)

    await picture.send(replies.sender, remember, above=command.message_id, uncertain=False)


def caption(texts: Texts, locale: str, statistics: BotStatistics) -> str:
    say, today, usual = partial(texts, locale), statistics.today, statistics.usual
    told = [say("queue.all", running=statistics.running, waiting=statistics.waiting)]
    if statistics.waits_since:
        waits = age((now() - statistics.waits_since).total_seconds())
        told.append(say("admin.stats.waits", age=waits))
    told.append(
        say(
            "admin.stats.today",
            pictures=today.pictures,
            usual=f"{usual(lambda day: day.pictures):.0f}",
            failed=today.failed,
            usual_failed=f"{usual(lambda day: day.failed):.0f}",
            users=today.accounts,
            usual_users=f"{usual(lambda day: day.accounts):.0f}",
        )
    )
    if (median := statistics.quantile(0.5)) is not None:
        most = statistics.quantile(0.95) or 0.0
        told.append(say("admin.stats.seconds", median=f"{median:.0f}", most=f"{most:.0f}"))
    if costs := [f"{one.micros / MICROS:.4f} {one.currency}" for one in statistics.spent]:
        unpriced = sum(one.unpriced for one in statistics.spent)
        told.append(say("admin.stats.cost", cost=" + ".join(costs), unpriced=unpriced))
    reasons = sorted(statistics.outcomes.items(), key=lambda item: -item[1])
    failed = [f"{kind.replace('_', ' ')} {n}" for kind, n in reasons if kind != OutcomeKind.DRAWN]
    if failed:
        told.append(say("admin.stats.reasons", reasons=", ".join(failed)))
    told.append(say("admin.stats.chart", days=CHART_DAYS))
    return "\n".join(told)
