"""Pending prompts, which wait for words, a photo or another model; and the pictures of a prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.catalogue.presets import Preset
from bot.domain import PendingPrompt, Picture, Prompt, Reply, Source
from bot.jobs.options import ModelOptions, Unsupported
from bot.jobs.preferences import PreferenceService
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

LIFETIME = timedelta(hours=24)
DELETABLE = timedelta(hours=48)  # Telegram's limit for what bots delete
AT_HAND = timedelta(minutes=10)  # so long the next message is about pictures, without being asked


HELD = timedelta(seconds=30)  # so long a process that has died keeps what it has begun


def held_until(store: Store, tx: Transaction, at: datetime) -> datetime | None:
    """Tell until when a message is to be left to this process; None where there is no other."""
    return None if store.leader.is_sole else tx.moment(at) + HELD


def worded_key(pending: PendingPrompt) -> str:
    """Name the fact that pictures have their words by a press, and not from their caption."""
    return f"worded:{pending.chat_id}:{pending.message_id}"


@dataclass(frozen=True, slots=True)
class PendingService:
    """Looks pending prompts up as long as they live, and notes where they were asked about."""

    store: Store
    options: ModelOptions
    preferences: PreferenceService
    clock: Callable[[], datetime]

    async def get(self, chat_id: int, message_id: int) -> PendingPrompt | None:
        since = self.clock() - LIFETIME
        return await self.store.read(lambda tx: tx.questions.get(chat_id, message_id, since))

    async def expects(self, prompt: Prompt) -> bool:
        """Whether a prompt replies to a question that asks this account for a photo or words."""
        if prompt.reply is None:
            return False
        question = (prompt.account_id, prompt.chat_id, prompt.reply.message_id)
        since = self.clock() - LIFETIME
        return (
            await self.store.read(lambda tx: tx.questions.expecting(*question, since)) is not None
        )

    async def expect(
        self,
        account_id: int,
        chat_id: int,
        thread_id: int | None,
        question_id: int,
        text: str,
        *,
        locale: str,
        private: bool,
    ) -> None:
        """Keep that a reply to a question, which was sent just now, brings what `text` lacks."""
        pending = PendingPrompt(
            account_id=account_id,
            chat_id=chat_id,
            thread_id=thread_id,
            message_id=question_id,
            sources=(),
            asked_at=self.clock(),
            locale=locale,
            private=private,
            question_id=question_id,
            prompt=text,
        )

        def keep(tx: Transaction) -> None:
            tx.messages.add(chat_id, question_id, self.clock())
            tx.questions.expect(pending)

        await self.store.write(keep)

    async def questioned(self, pending: PendingPrompt, question_id: int) -> None:
        """Note the message, sent just now, in which the bot asks about pictures."""

        def note(tx: Transaction) -> None:
            tx.messages.add(pending.chat_id, question_id, self.clock())
            tx.questions.shown(pending, question_id)

        await self.store.write(note)

    async def unsupported(self, pending: PendingPrompt) -> Unsupported | None:
        """Tell why a prompt that has its words waits, and for which models; None for all others."""
        if not pending.prompt or pending.which:
            return None
        preferences = await self.store.read(self.preferences.in_force, pending)
        flags = self.options.parse(pending.prompt)
        options = self.options.resolve(flags, preferences, earlier=pending.flags)
        if unsupported := self.options.unsupported(options, pending.sources):
            return unsupported
        able = self.options.able(len(pending.sources), mask=options.mask)
        return Unsupported(None, options.profile, able)

    async def forget(self, pending: PendingPrompt) -> bool:
        """Close a question without an answer; False if that was so already."""
        place, since = (pending.chat_id, pending.message_id), self.clock() - LIFETIME
        return await self.store.write(lambda tx: tx.questions.answer(*place, since))

    async def lapsed(self) -> list[tuple[int, int, int]]:
        """List the chat, message and question of what nobody can answer any more.

        No bot can delete what is older than two days, so that is left as it is.
        """
        before = self.clock() - LIFETIME
        since = self.clock() - DELETABLE
        return await self.store.read(lambda tx: tx.questions.lapsed(since, before))

    async def tidied(self, chat_id: int, message_id: int) -> None:
        await self.store.write(lambda tx: tx.questions.tidied(chat_id, message_id))

    async def unasked(self) -> list[PendingPrompt]:
        """List the questions that a crash kept the bot from asking; fresh ones may be on their way."""
        at = self.clock()
        found = await self.store.read(lambda tx: tx.questions.unasked(at - LIFETIME))
        return [one for one in found if self.store.leader.is_sole or one.asked_at < at - HELD]


@dataclass(frozen=True, slots=True)
class FoundSources:
    """Pictures, the one of ours that they come from, and flags that were written with them.

    `pending_id` is the message under which they waited for this prompt's words, `waited_since` when
    they were asked about.
    """

    sources: tuple[Source, ...] = ()
    parent_picture_id: int | None = None
    flags: str = ""
    pending_id: int | None = None
    waited_since: datetime | None = None

    @classmethod
    def of(cls, pending: PendingPrompt) -> FoundSources:
        return cls(pending.sources, pending.parent_picture_id, pending.flags)


def complete(tx: Transaction, prompt: Prompt, not_before: datetime) -> Prompt | PendingPrompt:
    """Put a reply to the question of a preset into that preset's prompt.

    What is pending for a photo is given back where the reply brings words alone.
    """
    if prompt.reply is None:
        return prompt
    question = (prompt.account_id, prompt.chat_id, prompt.reply.message_id)
    pending = tx.questions.expecting(*question, not_before)
    if pending is None:
        return prompt
    preset = Preset("", pending.prompt)
    if not preset.from_words and not prompt.sources:
        return pending
    if preset.from_words and not prompt.text:
        return prompt
    return replace(prompt, text=preset.fill(prompt.text), reply=None)


def is_about_pictures(tx: Transaction, prompt: Prompt, not_before: datetime) -> bool:
    """Whether a prompt is about pictures, or an answer to the bot; nothing is taken from anywhere."""
    if prompt.sources or (prompt.reply and prompt.reply.source):
        return True
    if prompt.reply is None:
        place = (prompt.account_id, prompt.chat_id, prompt.thread_id)
        return tx.questions.waits(*place, not_before)
    replied = (prompt.chat_id, prompt.reply.message_id)
    return bool(
        tx.questions.replied(prompt.account_id, *replied, not_before)
        or tx.pictures.at(*replied)
        or tx.pictures.linked(*replied)
    )


def find_sources(
    tx: Transaction, prompt: Prompt, not_before: datetime, *, takes_pending: bool
) -> FoundSources:
    """Find a prompt's pictures: its own, else the replied one, else those that wait for words.

    Those that wait, since `not_before` at most, are taken, unless the prompt has no words itself.
    """
    if prompt.sources:
        return FoundSources(prompt.sources)
    if prompt.reply and (replied := _replied(tx, prompt, prompt.reply, not_before)):
        return replied
    if not takes_pending:
        return FoundSources()
    place = (prompt.account_id, prompt.chat_id, prompt.thread_id)
    pending = tx.questions.take(*place, not_before, by=prompt.message_id)
    if pending is None:
        return FoundSources()
    found = FoundSources.of(pending)
    return replace(found, pending_id=pending.message_id, waited_since=pending.asked_at)


def _replied(
    tx: Transaction, prompt: Prompt, reply: Reply, not_before: datetime
) -> FoundSources | None:
    replied = (prompt.chat_id, reply.message_id)
    pending = tx.questions.take_replied(prompt.account_id, *replied, not_before)
    if picture := tx.pictures.at(*replied) or tx.pictures.linked(*replied):
        file_id = picture.original_file_id or picture.file_id
        source = Source(file_id, picture.sha256, picture.size)
        kept = f"{flags_of(tx, picture)} {pending.flags if pending else ''}".strip()
        return FoundSources((source,), picture.id, kept)
    if pending:
        return FoundSources.of(pending)
    return FoundSources((reply.source,)) if reply.source else None


def flags_of(tx: Transaction, picture: Picture | None) -> str:
    """Spell out how a picture was drawn: its edits keep that, as far as nothing else is said."""
    job = tx.jobs.get(picture.job_id) if picture else None
    if job is None or job.request.erased:
        return ""
    request = job.request
    said = (("model", request.model), ("ratio", request.aspect_ratio), ("size", request.size))
    return " ".join(f"--{name} {word}" for name, word in said if word)
