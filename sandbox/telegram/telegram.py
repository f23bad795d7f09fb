"""The sandbox's Telegram: one world, its people, its faults and its HTTP application."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from sandbox.waiting import PATIENCE, patient

from .botapi import BotApi
from .chats import ChatType, Place, User, id_of
from .faults import ANY, Fault, MethodGate, When
from .local_only import LocalOnly
from .pageapi import PageApi
from .person import Person
from .room import Room
from .schema import Json
from .transcript import transcript
from .world import Answer, MethodCall, World, WorldOptions

T = TypeVar("T")

_NO_ID = 7_000_000_000  # the bot's id where the token does not begin with one


class Telegram:
    """A Telegram with one bot; people act through it, tests look at it, `app` serves it.

    `privacy` is the bot's privacy mode in groups. Without `recompress` a photo is one size, the
    given bytes (dimensions are still real): for benches. Files beyond `max_file_bytes` are
    forgotten, oldest first. What the Bot API's schema has against a request of the bot or an answer
    of the sandbox is collected in `violations`.
    """

    def __init__(
        self,
        token: str,
        username: str = "sandbox_bot",
        *,
        validate: bool = True,
        privacy: bool = True,
        recompress: bool = True,
        max_file_bytes: int = 512 * 1024 * 1024,
    ) -> None:
        number = token.partition(":")[0]
        bot_id = int(number) if number.isdecimal() else _NO_ID
        bot = User(bot_id, "Sandbox", is_bot=True, username=username)
        self.world = World(bot, WorldOptions(validate, privacy, recompress, max_file_bytes))
        self.bot = bot
        self.clock_ahead = 0.0  # seconds, of the time that HTTP heads tell
        self.app: ASGIApp = Starlette(
            routes=[*PageApi(self.world).routes(), *BotApi(self.world, token).routes()],
            middleware=[Middleware(LocalOnly)],
        )

    def person(
        self, name: str, *, language: str | None = "en", username: str | None = None
    ) -> Person:
        """Let a person register and open his chat with the bot."""
        return Person(self.world, self.world.add_person(name, language, username))

    def group(
        self,
        title: str,
        members: Sequence[Person],
        *,
        supergroup: bool = True,
        topics: Sequence[str] = (),
    ) -> Room:
        """Found a group with the bot in it; the first member owns it. Topics make it a forum."""
        kind: ChatType = "supergroup" if supergroup or topics else "group"
        room = self._room(kind, title, members, None)
        room.chat.is_forum = bool(topics)
        with self.world.without_updates():
            for name in topics:
                room.open_topic(name)
        return room

    def channel(self, title: str, admins: Sequence[Person], *, username: str | None = None) -> Room:
        """Found a channel; the people and the bot administer it."""
        return self._room("channel", title, admins, username)

    def direct(self, channel: Room, people: Sequence[Person]) -> Room:
        """Open a channel's direct messages to people; its owner and the bot govern them."""
        owner = Person(self.world, channel.owner)
        room = self._room(
            "supergroup", f"{channel.chat.name}, direct messages", [owner, *people], None
        )
        room.chat.is_direct = True
        room.chat.join(self.world.bot, "administrator")
        return room

    def populate(self) -> None:
        """Make the world that the chat page opens with."""
        alice = self.person("Alice", language="en")
        bob = self.person("Bob", language="en")
        ming = self.person("小明", language="zh-hans")
        self.group("Friends", [alice, bob, ming], topics=("Art",))
        studio = self.group("Studio", [alice, bob, ming])
        news = self.channel("News", [alice])
        club = self.group("Book club, without the bot", [alice, bob, ming])
        with self.world.without_updates():
            studio.promote_bot()
            club.remove_bot()
        self.direct(news, [bob, ming])

    @property
    def persons(self) -> list[Person]:
        """Everybody who has registered, in order."""
        return [Person(self.world, user) for user in self.world.persons.values()]

    @property
    def violations(self) -> list[str]:
        """What broke the Bot API's schema, on either side."""
        return self.world.violations

    @property
    def calls(self) -> deque[MethodCall]:
        """The bot's last calls as they were answered, polls left out."""
        return self.world.calls

    @property
    def confirmed_offset(self) -> int:
        """The highest offset that a poll has given."""
        return self.world.updates.confirmed_offset

    @property
    def pending_updates(self) -> tuple[Json, ...]:
        return self.world.updates.pending

    @property
    def polling(self) -> bool:
        """Tell whether the bot is in a poll just now."""
        return self.world.updates.polling > 0

    def messages(self, chat: Place) -> list[Json]:
        """Give the messages that stand in a chat, in order."""
        posts = self.world.chats[id_of(chat)].posts
        return [post.message for post in posts.values()]

    def message(self, chat: Place, message_id: int) -> Json:
        """Give one message; raises `KeyError` when it is not (or no longer) there."""
        return self.world.chats[id_of(chat)].posts[message_id].message

    def reactions(self, chat: Place, message_id: int) -> list[Json]:
        return self.world.chats[id_of(chat)].reactions.get(message_id, [])

    def actions(self, chat: Place) -> list[str]:
        """Name the recent chat actions, oldest first."""
        return [action.name for action in self.world.chats[id_of(chat)].actions]

    def drafts(self, chat: Place) -> list[Json]:
        """Give the recent drafts, oldest first, as they were sent."""
        return list(self.world.chats[id_of(chat)].drafts)

    def answer_to(self, query_id: str) -> Answer | None:
        """Give the bot's answer to a press, None while there is none."""
        return self.world.queries.get(query_id)

    def bytes_of(self, file_id: str) -> bytes:
        """Give a file's bytes; raises `LookupError` for an unknown or forgotten one."""
        stored = self.world.files.find(file_id)
        if stored is None:
            raise LookupError(f"there is no file {file_id}")
        return stored.data

    def transcript(self, chat: Place | None = None) -> str:
        if chat is not None:
            return transcript(self.world.chats[id_of(chat)])
        return "\n".join(transcript(each) for each in self.world.chats.values() if each.posts)

    async def until(
        self,
        probe: Callable[[], T],
        timeout: float = PATIENCE,  # noqa: ASYNC109 - a test's row names its patience
    ) -> T:
        """Wait until a probe gives something true, trying again at each change of the world.

        A probe that looks up what is not there yet may raise `LookupError`. Raises
        `TimeoutError` with a transcript of all chats.
        """
        problem = "it gave nothing"
        try:
            async with patient(timeout):
                while True:
                    try:
                        value = probe()
                    except LookupError as error:
                        problem = repr(error)
                    else:
                        if value:
                            return value
                        problem = "it gave nothing"
                    await self.world.changes.wait(None)
        except TimeoutError as exc:
            raise TimeoutError(f"waited {timeout} s, {problem}\n{self.transcript()}") from exc

    def redeliver(self, count: int, *, fresh_ids: bool = False) -> None:
        """Offer the last updates again though they were confirmed."""
        self.world.updates.redeliver(count, fresh_ids=fresh_ids)

    def fault(self, method: str, fault: Fault, times: int = 1, after: int = 0) -> None:
        """Let the next calls of a method fail, `after` so many; `*` is any method but getUpdates.

        `download` is the fetching of a file.
        """
        self.world.faults.plan(method, fault, times, after)

    def during(self, seconds: float, fault: Fault, method: str = ANY) -> None:
        """Let every call (of a method) fail for some seconds."""
        self.world.faults.during(seconds, fault, method)

    def hold(self, method: str, when: When = "before") -> MethodGate:
        """Stop a method's calls before or after they are processed, until released."""
        return self.world.faults.hold(method, when)

    def close(self) -> None:
        """End what waits: long polls return, gates open."""
        self.world.updates.closed = True
        self.world.faults.clear()
        self.world.changes.notify()

    def _room(
        self, kind: ChatType, title: str, members: Sequence[Person], username: str | None
    ) -> Room:
        users = [person.user for person in members]
        return Room(self.world, self.world.add_chat(kind, title, users, username))
