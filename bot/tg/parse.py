"""Incoming messages, read: who wrote where, what for, with which picture. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from telegram import (
    Bot,
    Document,
    ExternalReplyInfo,
    MaybeInaccessibleMessage,
    Message,
    MessageEntity,
)
from telegram.constants import ChatType, MessageEntityType

from bot.domain import AlbumItem, Prompt, Reply, Source, account_of_admins
from bot.domain.jobs import number_of
from bot.i18n.texts import pick
from bot.tg.authors import author_of
from bot.tg.callbacks import OF_PICTURES, has_buttons

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic", ".heif", ".avif", ".gif"),
    *(".bmp", ".tif", ".tiff"),
)
_UNTOLD = "application/octet-stream"
IMAGINE, PRESETS, ENHANCE = "imagine", "presets", "enhance"
NOWHERE = 0  # no message has this id
NEWER_CONTENT = frozenset({"rich_message"})


class ContentKind(Enum):
    """What a message consists of, as far as the bot cares."""

    WORDS = auto()
    PICTURE = auto()
    COMMAND = auto()  # one that nobody here knows, or somebody else's that is forwarded
    VOICE = auto()
    OTHER_FILE = auto()
    OTHER = auto()


# In groups a sticker is no request, and a command that we do not know is another bot's.
_PRIVATE_MATTERS = frozenset({ContentKind.OTHER, ContentKind.COMMAND})


@dataclass(frozen=True, slots=True)
class Audio:
    """A voice message or a piece of audio, as Telegram declares it: `seconds` long."""

    source: Source
    seconds: int


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A message as the bot understands it.

    `addressed`: it is for the bot (always in private chats). The prompt's text is text or caption
    without command and mention. `size` in bytes as Telegram declares it, of the message's own
    picture. What is `casual` in a group is for the bot only where it asked for a photo. `raw` is
    the text as it was sent, at `sent_at` by Telegram's clock.
    """

    prompt: Prompt
    content: ContentKind
    addressed: bool
    album_id: str | None
    size: int
    audio: Audio | None = None
    casual: bool = False
    raw: str = ""
    forwarded: bool = False
    sent_at: datetime | None = None

    @classmethod
    def of_words(cls, prompt: Prompt) -> ParsedMessage:
        """A prompt for the bot that is all words, however many messages it came in."""
        return cls(prompt, ContentKind.WORDS, addressed=True, album_id=None, size=0)

    def album_item(self, at: datetime, group_id: str | None = None) -> AlbumItem:
        prompt = self.prompt
        return AlbumItem(
            chat_id=prompt.chat_id,
            group_id=group_id or self.album_id or "",
            message_id=prompt.message_id,
            account_id=prompt.account_id,
            source=prompt.sources[0] if prompt.sources else None,
            prompt=prompt.text,
            addressed=self.addressed,
            locale=prompt.locale,
            arrived_at=at,
            thread_id=prompt.thread_id,
            private=prompt.private,
            reply_id=prompt.reply.message_id if prompt.reply else None,
            reply_source=prompt.reply.source if prompt.reply else None,
            sent_at=self.sent_at,
        )


def read(message: Message | None, bot: Bot) -> ParsedMessage | None:
    """Understand a message; None for what no person wrote to anybody (service messages, bots)."""
    account_id = account_of(message) if message else None
    if message is None or account_id is None:
        return None
    private = message.chat.type == ChatType.PRIVATE
    source = source_of(message)
    text, addressed = _text(message, bot)
    if message.via_bot and message.via_bot.id == bot.id:  # an inline result: a copy for us
        if not (source and private):
            return None
        text = ""  # it says how the picture was made, not what shall become of it
    content = _content(message, source, bot)
    if content is None or (content in _PRIVATE_MATTERS and not private):
        return None
    # In groups people throw stickers and GIFs at each other's messages, the bot's among them.
    casual = not private and not text and bool(message.sticker or message.animation)
    if content is ContentKind.COMMAND and message.media_group_id:  # the album is asked about
        text = ""
    return ParsedMessage(
        prompt_of(message, account_id, text, source),
        content,
        addressed=private or addressed,
        album_id=message.media_group_id,
        size=(source.size or 0) if source else 0,
        audio=_audio(message),
        casual=casual,
        raw=message.text or "",
        forwarded=message.forward_origin is not None,
        sent_at=message.date,
    )


def prompt_of(
    message: Message, account_id: int, text: str = "", source: Source | None = None
) -> Prompt:
    return Prompt(
        account_id=account_id,
        chat_id=message.chat.id,
        thread_id=thread_of(message),
        message_id=message.message_id,
        text=text,
        locale=pick(message.from_user.language_code if message.from_user else None),
        private=message.chat.type == ChatType.PRIVATE,
        sources=(source,) if source else (),
        reply=_reply_of(message),
        author=author_of(message.from_user, message.chat),
        speaker_id=message.sender_chat.id if message.sender_chat else None,
    )


def thread_of(message: MaybeInaccessibleMessage) -> int | None:
    """Name the topic of a message; below zero where it is one of a channel's direct messages.

    None, too, for a message so old that Telegram does not show it any more.
    https://core.telegram.org/bots/api#directmessagestopic
    """
    if not isinstance(message, Message):
        return None
    if message.direct_messages_topic:
        return -message.direct_messages_topic.topic_id
    return message.message_thread_id if message.is_topic_message else None


def account_of(message: Message) -> int | None:
    """Name who pays: the user, or the channel that speaks.

    A group's anonymous administrators are one account together, which is not the group's: that
    counts what all ask for. So are all who speak in a group as one of their channels: anybody can
    make any number of channels, each of which would have a user's limits anew.
    """
    if message.is_automatic_forward:  # a channel's post, copied into its discussion group
        return None
    if message.sender_chat:
        speaker, chat = message.sender_chat, message.chat
        if chat.type not in {chat.GROUP, chat.SUPERGROUP} or chat.is_direct_messages:
            return speaker.id
        return account_of_admins(chat.id) if speaker.id == chat.id else account_of_speakers(chat.id)
    if message.from_user and not message.from_user.is_bot:
        return message.from_user.id
    return None


def account_of_speakers(group_id: int) -> int:
    """Number those who speak in a group as one of their channels; no chat has this number."""
    return number_of(f"sender chats of {group_id}")


def source_of(message: Message | ExternalReplyInfo) -> Source | None:
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        return Source(largest.file_id, size=largest.file_size)
    if message.sticker or message.animation:
        return _still(message)
    document = message.document
    if document and _is_image(document):
        return Source(document.file_id, size=document.file_size)
    return None


def _still(message: Message | ExternalReplyInfo) -> Source | None:
    """Find the picture of a sticker or a GIF: itself, or the thumbnail of what moves."""
    sticker, animation = message.sticker, message.animation
    if sticker and not sticker.is_animated and not sticker.is_video:
        return Source(sticker.file_id, size=sticker.file_size)
    # Clients turn a GIF into a film; a bot's may be one still.
    if animation and animation.mime_type == "image/gif":
        return Source(animation.file_id, size=animation.file_size)
    moving = sticker or animation
    thumbnail = moving.thumbnail if moving else None
    return Source(thumbnail.file_id, size=thumbnail.file_size) if thumbnail else None


def _audio(message: Message) -> Audio | None:
    audio = message.voice or message.audio
    if audio is None:
        return None
    duration = audio.duration
    seconds = duration if isinstance(duration, int) else int(duration.total_seconds())
    return Audio(Source(audio.file_id, size=audio.file_size), seconds)


def _is_image(document: Document) -> bool:
    """Whether a file says that it is a picture, or is one for all that is said of it."""
    mime, name = (document.mime_type or "").lower(), (document.file_name or "").lower()
    untold = mime == _UNTOLD and ("." not in name or document.thumbnail is not None)
    return untold or mime.startswith("image/") or name.endswith(IMAGE_SUFFIXES)


def _content(message: Message, source: Source | None, bot: Bot) -> ContentKind | None:
    """Tell what a message consists of; None for what Telegram says of itself (pins, timers)."""
    if _is_foreign_command(message, bot):
        return ContentKind.COMMAND
    if source:
        return ContentKind.PICTURE
    if message.voice or message.audio:
        return ContentKind.VOICE
    if message.document and not message.animation:
        return ContentKind.OTHER_FILE
    if message.text:
        return ContentKind.WORDS
    return ContentKind.OTHER if message.effective_attachment or _is_newer(message) else None


def _is_newer(message: Message) -> bool:
    """Whether a message has what a newer Bot API calls content, and PTB does not know."""
    return not NEWER_CONTENT.isdisjoint(message.api_kwargs)


def _reply_of(message: Message) -> Reply | None:
    if message.external_reply:  # to a message of another chat, whose ids mean nothing here
        return Reply(NOWHERE, source_of(message.external_reply))
    to = _replied(message)
    return Reply(to.message_id, source_of(to)) if to else None


def _replied(message: Message) -> Message | None:
    to = message.reply_to_message
    if to and to.forum_topic_created:  # each message in a topic "replies" to its creation
        return None
    return to


def _text(message: Message, bot: Bot) -> tuple[str, bool]:
    """Take the prompt out of text or caption, and tell whether it is addressed to the bot."""
    text = message.text or message.caption or ""
    entities = message.entities or message.caption_entities
    units = text.encode("utf-16-le")
    to_bot = _replies_to(message, bot)
    cuts: list[tuple[int, int]] = []
    for entity in entities:
        name = _slice(units, entity.offset, entity.offset + entity.length)
        command = _command_of(entity, name, bot)
        if command == PRESETS and message.caption:  # they are offered where words are missing
            return "", True
        if _asks(command, message) or _is_mention(entity, name, bot):
            cuts.append((entity.offset, entity.offset + entity.length))
    kept, at = "", 0
    for start, end in cuts:
        kept += _slice(units, at, start).rstrip(" ") + " "
        at = end
    kept += _slice(units, at, len(units) // 2).lstrip(" ")
    return kept.strip(" \t\n,:") if cuts else kept.strip(), bool(cuts) or to_bot


def _slice(units: bytes, start: int, end: int) -> str:
    return units[2 * start : 2 * end].decode("utf-16-le", "replace")


def _command_of(entity: MessageEntity, name: str, bot: Bot) -> str:
    """Name the command of this bot's that a message begins with; empty where there is none."""
    if entity.type != MessageEntityType.BOT_COMMAND or entity.offset:
        return ""
    command, _, at = name[1:].lower().partition("@")
    return command if at in ("", bot.username.lower()) else ""


def _asks(command: str, message: Message) -> bool:
    """Whether a command's words are drawn as they are: an album's, or forwarded ones, too."""
    as_they_are = message.media_group_id or message.forward_origin
    return command == IMAGINE or (command == ENHANCE and bool(as_they_are))


def command_in(message: Message, bot: Bot) -> str | None:
    """Name the command that a message begins with; empty if it is another bot's, None for none."""
    first = next(iter(message.entities or message.caption_entities), None)
    if first is None or first.type != MessageEntityType.BOT_COMMAND or first.offset:
        return None
    units = (message.text or message.caption or "").encode("utf-16-le")
    return _command_of(first, _slice(units, 0, first.length), bot)


def _is_foreign_command(message: Message, bot: Bot) -> bool:
    command = command_in(message, bot)
    if command is None or (command == PRESETS and message.caption):
        return False
    return not _asks(command, message)


def _is_mention(entity: MessageEntity, name: str, bot: Bot) -> bool:
    if entity.type == MessageEntityType.TEXT_MENTION:
        return entity.user is not None and entity.user.id == bot.id
    return entity.type == MessageEntityType.MENTION and name[1:].lower() == bot.username.lower()


def _replies_to(message: Message, bot: Bot) -> bool:
    """Whether the message replies to one of the bot's; its posts in channels bear no name."""
    to = _replied(message)
    if to is None:
        return False
    if to.from_user:
        return to.from_user.id == bot.id
    return message.chat.type == ChatType.CHANNEL and has_buttons(to.reply_markup, OF_PICTURES)


LONGEST_PREFIX = 24  # bytes, for it must fit into a button's data

_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")


def usable_prefix(word: str) -> bool:
    """Whether a word may be a prefix: one word of letters and digits.

    One Latin letter is none: too many sentences begin with "a".
    """
    if len(word) < 2 and word.isascii():  # noqa: PLR2004 - a sign of Chinese is a word
        return False
    return len(word.lower().encode()) <= LONGEST_PREFIX and bool(_WORD.fullmatch(word.lower()))


def with_prefix(message: ParsedMessage, prefix: str | None) -> ParsedMessage:
    if prefix is None or message.addressed or message.prompt.private:
        return message
    if message.content not in (ContentKind.WORDS, ContentKind.PICTURE):
        return message
    text = without_prefix(message.prompt.text, prefix)
    if text is None:
        return message
    return replace(message, prompt=replace(message.prompt, text=text), addressed=True)


def without_prefix(text: str, prefix: str) -> str | None:
    """Cut a prefix off, and the colon or comma behind it; None if the text begins otherwise."""
    word, rest = text[: len(prefix)], text[len(prefix) :]
    if word.lower() != prefix.lower() or (rest and rest[0] not in " \t\n:,"):
        return None
    return rest.lstrip(" \t\n:,")
