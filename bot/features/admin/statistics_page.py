"""/stats: the bot in numbers, below a chart of its last days."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from bot.domain import OutcomeKind, Period, Prompt, now
from bot.features.admin.charts import PICTURE, Chart, png
from bot.features.admin.daily_figures import DAYS, DayFigures, usual
from bot.features.admin.lookup import AdminLookup, BotStatistics
from bot.i18n.texts import Texts
from bot.tg.files import Upload
from bot.tg.new_picture import NewPicture
from bot.tg.replies import Replies
from bot.tg.sender import target_of
from bot.tg.status_text import age

MICROS = 1_000_000


async def send(replies: Replies, command: Prompt, lookup: AdminLookup) -> None:
    statistics = await lookup.statistics()
    data = await asyncio.to_thread(png, _chart(statistics.days))
    upload = Upload(
        lambda: nullcontext(Path("chart.png")),
        "chart.png",
        "image/png",
        *PICTURE,
        len(data),
        data=data,
    )
    words = caption(replies.texts, command.locale, statistics)
    picture = NewPicture(target_of(command), upload, words, None, as_file=False)

    async def remember(message_id: int, _file_id: str) -> None:
        await replies.sender.sent.sent(command.chat_id, message_id)

    await picture.send(replies.sender, remember, above=command.message_id, uncertain=False)


def _chart(days: Sequence[DayFigures]) -> Chart:
    """Show pictures, and above them in red what brought none."""
    names = [Period.DAY.key(one.day)[5:] for one in days]
    drawn, failed = [float(one["pictures"]) for one in days], [float(one.failed) for one in days]
    return Chart("", names, {"pictures": drawn, "failed": failed}, str)


def caption(texts: Texts, locale: str, statistics: BotStatistics) -> str:
    say, days, today = partial(texts, locale), statistics.days, statistics.days[-1]
    told = [say("queue.all", running=statistics.running, waiting=statistics.waiting)]
    if statistics.waits_since:
        waits = age((now() - statistics.waits_since).total_seconds())
        told.append(say("admin.stats.waits", age=waits))
    told.append(
        say(
            "admin.stats.today",
            pictures=today["pictures"],
            usual=f"{usual(days, lambda day: day['pictures']):.0f}",
            failed=today.failed,
            usual_failed=f"{usual(days, lambda day: day.failed):.0f}",
            users=today["users"],
            usual_users=f"{usual(days, lambda day: day['users']):.0f}",
        )
    )
    if today["outcome:drawn"]:
        median, most = (f"{today[name] / 1000:.0f}" for name in ("median_ms", "p95_ms"))
        told.append(say("admin.stats.seconds", median=median, most=most))
    costs, unpriced = sorted(today.each("cost:").items()), today["unpriced"]
    if costs or unpriced:
        cost = " + ".join(f"{n / MICROS:.4f} {currency}" for currency, n in costs)
        told.append(say("admin.stats.cost", cost=cost or "\N{EN DASH}", unpriced=unpriced))
    reasons = sorted(today.each("outcome:").items(), key=lambda item: -item[1])
    failed = [f"{kind.replace('_', ' ')} {n}" for kind, n in reasons if kind != OutcomeKind.DRAWN]
    if failed:
        told.append(say("admin.stats.reasons", reasons=", ".join(failed)))
    told.append(say("admin.stats.chart", days=DAYS))
    return "\n".join(told)
