"""Prompts: what somebody wrote, and what of it waits for more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.jobs import Note
from bot.domain.pictures import Source


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote, and where: for the operator's eyes; `user_id` is None where no user is named."""

    user_id: int | None
    name: str
    username: str | None
    language: str | None
    chat_kind: str
    chat_title: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The message that a prompt replies to, and the picture seen in it, if any."""

    message_id: int
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What somebody wrote to the bot, before it is known which pictures it works on.

    `notes` are told of it beside those that its own words give rise to.
    """

    account_id: int
    chat_id: int
    message_id: int
    text: str
    locale: str
    thread_id: int | None = None
    private: bool = True
    sources: tuple[Source, ...] = ()
    reply: Reply | None = None
    author: Author | None = None
    inline_message_id: str | None = None
    notes: tuple[Note, ...] = ()
    speaker_id: int | None = None  # the chat as which somebody wrote


@dataclass(frozen=True, slots=True)
class PendingPrompt:
    """Pictures that wait: for their prompt, or, where `prompt` is there, for a model that edits.

    `message_id` is the pictures' message, `question_id` the bot's question below it, None until
    it was sent; `locale` and `private` say in which words and where it is sent. `flags` is what
    was said of the picture already, as it was written. With `which` it is asked whether the prompt
    is about these pictures, which have waited for long, or a new one. They wait `instead` of
    others that were sent before.
    """

    account_id: int
    chat_id: int
    thread_id: int | None
    message_id: int
    sources: tuple[Source, ...]
    asked_at: datetime
    parent_picture_id: int | None = None
    locale: str = "en"
    private: bool = True
    question_id: int | None = None
    prompt: str = ""
    flags: str = ""
    which: bool = False
    instead: bool = False


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice message on its way to words; `words` is what was heard, None until then.

    `seconds` as Telegram declares it, `caption` what was written under it, `heard_id` the bot's
    message that says what was heard.
    """

    account_id: int
    chat_id: int
    message_id: int
    source: Source
    seconds: int
    locale: str
    arrived_at: datetime
    thread_id: int | None = None
    private: bool = True
    caption: str = ""
    reply: Reply | None = None
    words: str | None = None
    heard_id: int | None = None

    @classmethod
    def of(cls, prompt: Prompt, source: Source, seconds: int, at: datetime) -> Voice:
        return cls(
            account_id=prompt.account_id,
            chat_id=prompt.chat_id,
            message_id=prompt.message_id,
            source=source,
            seconds=seconds,
            locale=prompt.locale,
            arrived_at=at,
            thread_id=prompt.thread_id,
            private=prompt.private,
            caption=prompt.text,
            reply=prompt.reply,
        )

    def as_prompt(self) -> Prompt:
        """What was heard, and the caption, as if both had been typed."""
        return _prompt(self, f"{self.words or ''} {self.caption}".strip())


@dataclass(frozen=True, slots=True)
class Enhancement:
    """A prompt that is made better before it is drawn.

    `words` as they were written, `bare` without their flags, which `flags` spells out; `better` is
    None until there are better words, and empty where none could be had. `shown_id` is the bot's
    message that shows them, and `shown` whether they stand in it.
    """

    account_id: int
    chat_id: int
    message_id: int
    words: str
    locale: str
    asked_at: datetime
    thread_id: int | None = None
    private: bool = True
    reply: Reply | None = None
    bare: str = ""
    flags: str = ""
    better: str | None = None
    shown_id: int | None = None
    shown: bool = False

    @classmethod
    def of(cls, prompt: Prompt, at: datetime) -> Enhancement:
        return cls(
            account_id=prompt.account_id,
            chat_id=prompt.chat_id,
            message_id=prompt.message_id,
            words=prompt.text,
            locale=prompt.locale,
            asked_at=at,
            thread_id=prompt.thread_id,
            private=prompt.private,
            reply=prompt.reply,
        )

    def as_prompt(self, text: str) -> Prompt:
        """The prompt with one of its wordings."""
        return _prompt(self, text)


def _prompt(pending: Voice | Enhancement, text: str) -> Prompt:
    return Prompt(
        account_id=pending.account_id,
        chat_id=pending.chat_id,
        message_id=pending.message_id,
        text=text,
        locale=pending.locale,
        thread_id=pending.thread_id,
        private=pending.private,
        reply=pending.reply,
    )
