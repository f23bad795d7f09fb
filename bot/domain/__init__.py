"""What the bot talks about: requests, jobs, pictures, usage and outcomes; no I/O."""

from bot.domain.clearances import Clearance, Leftover
from bot.domain.clock import now
from bot.domain.errands import Errand, ErrandKind
from bot.domain.errors import (
    AllowanceReached,
    BotError,
    InputError,
    InputProblem,
    LimitReached,
    StartError,
    StorageUnavailable,
    TryLater,
    Unreachable,
)
from bot.domain.jobs import UNFINISHED, Draft, Job, JobState, Request, Wake
from bot.domain.outcomes import Answer, CallReport, Drawn, Outcome, OutcomeKind, Undrawn
from bot.domain.pictures import Picture, Source
from bot.domain.preferences import Level, Preferences, SendAs
from bot.domain.secrets import redacted
from bot.domain.usage import Cost, CostSource, Period, Totals, Usage
from bot.domain.wishes import AlbumItem, Ask, Introduction, Reply, Rewrite, Voice, Wish

__all__ = [
    "UNFINISHED",
    "AlbumItem",
    "AllowanceReached",
    "Answer",
    "Ask",
    "BotError",
    "CallReport",
    "Clearance",
    "Cost",
    "CostSource",
    "Draft",
    "Drawn",
    "Errand",
    "ErrandKind",
    "InputError",
    "InputProblem",
    "Introduction",
    "Job",
    "JobState",
    "Leftover",
    "Level",
    "LimitReached",
    "Outcome",
    "OutcomeKind",
    "Period",
    "Picture",
    "Preferences",
    "Reply",
    "Request",
    "Rewrite",
    "SendAs",
    "Source",
    "StartError",
    "StorageUnavailable",
    "Totals",
    "TryLater",
    "Undrawn",
    "Unreachable",
    "Usage",
    "Voice",
    "Wake",
    "Wish",
    "now",
    "redacted",
]
