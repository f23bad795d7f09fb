"""What the bot talks about: requests, jobs, pictures, usage and outcomes; no I/O."""

from bot.domain.albums import AlbumItem
from bot.domain.clock import now
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
from bot.domain.jobs import (
    UNFINISHED,
    Answer,
    CallReport,
    Drawn,
    Job,
    JobState,
    NewJob,
    Outcome,
    OutcomeKind,
    Request,
    Undrawn,
    Wake,
)
from bot.domain.pending import Author, Enhancement, PendingPrompt, Prompt, Reply, Voice
from bot.domain.pictures import PendingDeletion, Picture, Source, Undeletable
from bot.domain.preferences import Preferences, Scope, SendAs
from bot.domain.usage import Cost, CostSource, Period, TextCall, TextCallKind, Totals, Usage

__all__ = [
    "UNFINISHED",
    "AlbumItem",
    "AllowanceReached",
    "Answer",
    "Author",
    "BotError",
    "CallReport",
    "Cost",
    "CostSource",
    "Drawn",
    "Enhancement",
    "InputError",
    "InputProblem",
    "Job",
    "JobState",
    "LimitReached",
    "NewJob",
    "Outcome",
    "OutcomeKind",
    "PendingDeletion",
    "PendingPrompt",
    "Period",
    "Picture",
    "Preferences",
    "Prompt",
    "Reply",
    "Request",
    "Scope",
    "SendAs",
    "Source",
    "StartError",
    "StorageUnavailable",
    "TextCall",
    "TextCallKind",
    "Totals",
    "TryLater",
    "Undeletable",
    "Undrawn",
    "Unreachable",
    "Usage",
    "Voice",
    "Wake",
    "now",
]
