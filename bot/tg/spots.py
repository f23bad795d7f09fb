"""Spots: where a new message goes, and how Telegram is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram import ReplyParameters

if TYPE_CHECKING:
    from bot.domain import Job


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a new message goes: under which message of which chat and topic.

    Where it `insists`, nothing is sent once the message that it answers is gone. A `thread_id`
    below zero is a topic of a channel's direct messages, its sign changed.
    """

    chat_id: int
    thread_id: int | None = None
    reply_to: int | None = None
    insists: bool = False


def spot_of(job: Job) -> Spot:
    """Name the place under a job's prompt; one that a migration left behind has no number."""
    return Spot(job.chat_id, job.thread_id, job.message_id if job.message_id > 0 else None)


def topic(thread_id: int | None) -> int | None:
    """Name the topic of a group, as Telegram numbers it."""
    return thread_id if thread_id and thread_id > 0 else None


def direct(thread_id: int | None) -> int | None:
    """Name the topic of a channel's direct messages, as Telegram numbers it."""
    return -thread_id if thread_id and thread_id < 0 else None


def reply(spot: Spot) -> ReplyParameters | None:
    """Point to the message that is answered; one that is gone is an obstacle only where that matters."""
    if spot.reply_to is None:
        return None
    return ReplyParameters(spot.reply_to, allow_sending_without_reply=not spot.insists)
