"""A room: a group or channel in the hands of the people who run it."""

from __future__ import annotations

from typing import Literal, get_args

from .chats import GENERAL_TOPIC, Chat, Standing, Topic, User
from .members import change
from .person import Person
from .schema import Json
from .world import Draft, World

BotRole = Literal["administrator", "member", "photoless", "muted", "out"]
_IN_CHANNELS = {"administrator", "out"}


def bot_role(chat: Chat, bot_id: int) -> BotRole:
    """Tell what the bot may do in a group or channel, in the word that the page shows."""
    match chat.standing(bot_id):
        case "creator" | "administrator":
            return "administrator"
        case "restricted":
            return "muted"
        case "member":
            return "photoless" if chat.photos_forbidden else "member"
        case _:
            return "out"


class Room:
    """A group, supergroup or channel; whatever is done here its owner does."""

    def __init__(self, world: World, chat: Chat) -> None:
        self._world = world
        self.chat = chat
        self.id = chat.id

    def __repr__(self) -> str:
        return f"Room({self.chat.name!r}, {self.chat.type}, {self.id})"

    def topic(self, name: str) -> int:
        ids = {topic.name: topic.id for topic in self.chat.topics.values()}
        return GENERAL_TOPIC if name == "General" and name not in ids else ids[name]

    def open_topic(self, name: str) -> int:
        """Open a topic; its id is the id of the service message that says so."""
        created = {"name": name, "icon_color": 7_322_096}
        message = self._publish({"forum_topic_created": created})
        return int(message["message_id"])

    def close_topic(self, name: str) -> None:
        """Let nobody write into a topic but those who run the group."""
        number = self.topic(name)
        self.chat.topics[number] = Topic(number, name, closed=True)

    def upgrade(self) -> Room:
        """Turn a basic group into a supergroup, which is another chat."""
        old = self.chat
        members = [old.users[user_id] for user_id in old.standings if user_id != self._bot.id]
        new = self._world.add_chat("supergroup", old.name, members, None)
        new.standings.update(old.standings)
        self._publish({"migrate_to_chat_id": new.id})
        old.migrated_to = new.id
        self._world.publish(
            new, Draft(self.owner, {"migrate_from_chat_id": old.id}, sender_chat=new)
        )
        return Room(self._world, new)

    def add(self, person: Person) -> None:
        self.chat.join(person.user)
        self._publish({"new_chat_members": [person.user.form()]})

    def remove(self, person: Person) -> None:
        self.chat.join(person.user, "left")
        self._publish({"left_chat_member": person.user.form()})

    def add_bot(self) -> None:
        self._let("administrator" if self.chat.type == "channel" else "member")
        if self.chat.type != "channel":
            self._publish({"new_chat_members": [self._bot.form()]})

    def remove_bot(self) -> None:
        self._let("kicked")

    def promote_bot(self) -> None:
        """Make the bot an administrator: it then sees everything."""
        self._let("administrator")

    def demote_bot(self) -> None:
        self._let("member")

    def mute_bot(self) -> None:
        """Let the bot read, and write nothing."""
        self._let("restricted")

    @property
    def bot_role(self) -> BotRole:
        """What the bot may do here."""
        return bot_role(self.chat, self._bot.id)

    def set_bot_role(self, wanted: str) -> None:
        """Give the bot another role, in the steps in which an administrator would.

        Raises `ValueError` for a role that there is not, or not in such a room.
        """
        chat, now = self.chat, self.bot_role
        offered = _IN_CHANNELS if chat.type == "channel" else get_args(BotRole)
        if chat.is_direct or wanted not in offered:
            raise ValueError(f"the bot cannot be {wanted} here")
        if wanted == now:
            return
        if now == "out":
            self.add_bot()
        chat.photos_forbidden = wanted == "photoless"
        if wanted == self.bot_role:
            return
        match wanted:
            case "administrator":
                self.promote_bot()
            case "muted":
                self.mute_bot()
            case "out":
                self.remove_bot()
            case _:
                self.demote_bot()

    @property
    def _bot(self) -> User:
        return self._world.bot

    @property
    def owner(self) -> User:
        """Who founded it."""
        for user_id, standing in self.chat.standings.items():
            if standing == "creator":
                return self.chat.users[user_id]
        raise LookupError(f"{self.chat.name} has no owner")

    def _publish(self, content: Json) -> Json:
        return self._world.publish(self.chat, Draft(self.owner, content))

    def _let(self, new: Standing) -> None:
        old = self.chat.standing(self._bot.id)
        self.chat.join(self._bot, new)
        self._world.tell("my_chat_member", change(self.chat, self.owner, self._bot, old, new))
        self._world.changes.notify()
