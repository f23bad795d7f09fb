"""A transaction: the repositories that read and write in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.storage.albums import Albums
from bot.storage.allowances import Allowances
from bot.storage.asks import Asks
from bot.storage.attempts import Attempts
from bot.storage.clearances import Clearances
from bot.storage.errands import Errands
from bot.storage.handled import Handled
from bot.storage.jobs import Jobs
from bot.storage.latest import Latest
from bot.storage.ledger import Ledger
from bot.storage.outgoing import Outgoing
from bot.storage.own_data import OwnData
from bot.storage.people import People
from bot.storage.pictures import Pictures
from bot.storage.preferences import PreferenceBook
from bot.storage.published import Published
from bot.storage.queue import Queue
from bot.storage.rewrites import Rewrites
from bot.storage.shelves import Shelves
from bot.storage.stand_ins import StandIns
from bot.storage.voices import Voices

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


class Transaction:
    """What can be done inside one transaction; of no use after its end."""

    def __init__(self, sql: AsyncConnection) -> None:
        self.jobs = Jobs(sql)
        self.attempts = Attempts(sql)
        self.errands = Errands(sql)
        self.pictures = Pictures(sql)
        self.latest = Latest(sql)
        self.ledger = Ledger(sql)
        self.albums = Albums(sql)
        self.allowances = Allowances(sql)
        self.asks = Asks(sql)
        self.handled = Handled(sql)
        self.outgoing = Outgoing(sql)
        self.people = People(sql)
        self.preferences = PreferenceBook(sql)
        self.own_data = OwnData(sql)
        self.queue = Queue(sql)
        self.shelves = Shelves(sql)
        self.stand_ins = StandIns(sql)
        self.voices = Voices(sql)
        self.rewrites = Rewrites(sql)
        self.clearances = Clearances(sql)
        self.published = Published(sql)
