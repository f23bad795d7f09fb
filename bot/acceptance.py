"""Acceptance: a draft becomes jobs and their reservations, all of them or none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import Draft, LimitReached, Request
from bot.submissions import Accepted, Duplicate, Entered

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.accounts import Accounts
    from bot.domain import Ask, Introduction, Job, Preferences, Wake, Wish
    from bot.material import Material
    from bot.options import Choices, Options
    from bot.storage.transaction import Transaction


class Acceptance:
    """Makes jobs of drafts, in a caller's transaction."""

    def __init__(self, accounts: Accounts, choices: Choices, clock: Callable[[], datetime]) -> None:
        self._accounts = accounts
        self._choices = choices
        self._clock = clock

    async def accept(
        self, tx: Transaction, draft: Draft, count: int, chosen: Preferences, wakes: list[Wake]
    ) -> Entered | Duplicate:
        """Make `count` jobs of a draft, all of them or, by LimitReached, none.

        `chosen` holds where they are made: the allowances of a group are in it.
        """
        at = self._clock()
        limits = self._accounts.limits
        charge = self._choices.charge(draft.request)  # more pictures of one answer are a gift
        jobs: list[Job] = []
        for ordinal in range(draft.ordinal, draft.ordinal + count):
            job = await tx.jobs.add(replace(draft, ordinal=ordinal), at)
            if job is None:
                return Duplicate()
            try:
                await tx.ledger.reserve(
                    draft.account_id, job.id, charge, at, limits.day, limits.month
                )
            except LimitReached as reached:
                totals = (await tx.ledger.totals(draft.account_id, at))[reached.period]
                room = max(reached.limit - totals.reserved - totals.pictures, 0)
                left = len(jobs) * charge + room  # with what found room before this one
                raise reached.told(left, count * charge) from None
            jobs.append(job)
        if not draft.private and not draft.inline_message_id:
            await tx.allowances.take(
                draft.chat_id,
                draft.account_id,
                count * charge,
                at,
                member=chosen.member_day or 0,
                chat=chosen.chat_day or 0,
            )
        admitted = await tx.jobs.admit(draft.account_id, limits.concurrency)
        wakes += admitted
        going = {wake.job_id for wake in admitted}
        return Entered(tuple([Accepted(j, await tx.jobs.ahead(j.id), j.id in going) for j in jobs]))


def drafted(asked: Wish | Ask, options: Options, found: Material) -> Draft:
    """Draft the job of a wish, or of pictures that waited."""
    return Draft(
        account_id=asked.account_id,
        chat_id=asked.chat_id,
        thread_id=asked.thread_id,
        message_id=asked.message_id,
        request=Request(
            prompt=options.prompt,
            model=options.profile.id,
            sources=found.sources,
            aspect_ratio=options.aspect_ratio,
            size=options.size,
            mask=options.mask,
        ),
        locale=asked.locale,
        parent_picture_id=found.parent_picture_id,
        private=asked.private,
    )


async def introduce(tx: Transaction, chat_id: int, who: Introduction, at: datetime) -> None:
    """Note who wrote, and where."""
    if who.user_id is not None:
        await tx.people.seen_user(who.user_id, who.name, who.username, who.language, at)
    await tx.people.seen_chat(chat_id, who.chat_kind, who.chat_title, at)
