"""Retries: what may follow a call that brought no picture. Pure.

A call is repeated only where nothing can have been bought: the gateway could not be reached, or
said that it did nothing (`bot/gateway/classify.py` knows who says so). Whatever may have been paid
for is not asked for again by itself; the user has a button for that.
"""

from __future__ import annotations

from bot.catalogue.profiles import Profile
from bot.domain import CallReport, OutcomeKind

REPEATS = 2
LONGEST_WAIT = 20.0  # seconds of one call's repetitions: they hold a place in which others wait
_WAITS = (1.0, 3.0)

# Refused before any model saw it: another gateway, or another model, may do better.
_REFUSED_AT_THE_DOOR = frozenset(
    {OutcomeKind.OUT_OF_MONEY, OutcomeKind.BAD_KEY, OutcomeKind.UNKNOWN_MODEL}
)
# What is wrong with the gateway itself, whichever of its models is asked.
_WITH_GATEWAY = frozenset({OutcomeKind.OUT_OF_MONEY, OutcomeKind.BAD_KEY})


def delay(report: CallReport, repeats: int, jitter: float, waited: float = 0.0) -> float | None:
    """Seconds after which the same call may be made again; None if it may not.

    `repeats` counts those already made, `waited` is for how many seconds all of them waited,
    `jitter` from 0 to 1 spreads those who failed together. A gateway that asks for more patience
    than is left is not asked again, because sooner would be in vain.
    """
    if not report.repeatable or repeats >= REPEATS:
        return None
    wanted = report.retry_after
    seconds = _WAITS[repeats] * (0.5 + jitter) if wanted is None else wanted
    return seconds if waited + seconds <= LONGEST_WAIT else None


def asks_for_picture(report: CallReport, profile: Profile, *, insisted: bool) -> bool:
    """Whether to say once more, and more clearly, that a picture is wanted."""
    return report.kind is OutcomeKind.TEXT_ONLY and bool(profile.retry_sentence) and not insisted


def may_fall_back(report: CallReport) -> bool:
    """Whether the next model of a fallback chain is to be asked: nothing can have been bought."""
    return report.repeatable or report.kind in _REFUSED_AT_THE_DOOR


def rules_out_gateway(report: CallReport) -> bool:
    """Whether the same gateway's other models are not worth asking either."""
    unreached = report.kind is OutcomeKind.UNAVAILABLE and report.http_status is None
    return (unreached and report.asked) or report.kind in _WITH_GATEWAY
