"""The verdict on an answer that brought no picture: whose fault, in whose words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import OutcomeKind
from bot.upstream.errors import Failed

if TYPE_CHECKING:
    from bot.upstream.decode import Reading

# Gemini's reasons (google-genai's FinishReason and BlockedReason) that mean "we will not draw it";
# the others (NO_IMAGE, IMAGE_OTHER, MALFORMED_RESPONSE, MAX_TOKENS ...) mean "it did not work".
_REFUSALS = frozenset(
    {
        "SAFETY",
        "IMAGE_SAFETY",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "RECITATION",
        "IMAGE_RECITATION",
        "SPII",
        "MODEL_ARMOR",
        "JAILBREAK",
        "CONTENT_FILTER",
        "REFUSAL",
    }
)
_NEUTRAL = frozenset({"", "STOP", "FINISH_REASON_UNSPECIFIED"})


def verdict(reading: Reading, spoiled: str) -> Failed:
    """Classify an answer without a picture: the gateway's error, native reason, finish reason, text.

    `spoiled` says why something that looked like a picture was none; empty if there was nothing.
    """
    if reading.error:
        return reading.error
    if reading.task:
        return Failed(OutcomeKind.ASYNC_TASK, "a task was started instead of a picture drawn")
    words = reading.refusal or reading.text
    if _refused(reading):
        return Failed(OutcomeKind.REFUSED, words or _reason(reading))
    if (reading.finish_reason or "").lower() == "error":
        return Failed(OutcomeKind.GATEWAY_ERROR, words or _reason(reading))
    if spoiled:
        return Failed(OutcomeKind.BROKEN, spoiled)
    return Failed(OutcomeKind.TEXT_ONLY if words else OutcomeKind.EMPTY, words or _reason(reading))


def _refused(reading: Reading) -> bool:
    """Tell a refusal; a native reason outweighs a finish reason, into which all is flattened."""
    native = (reading.native_reason or "").upper()
    finish = (reading.finish_reason or "").upper()
    deciding = finish if native in _NEUTRAL else native
    return bool(reading.refusal) or deciding in _REFUSALS


def _reason(reading: Reading) -> str:
    return reading.native_reason or reading.finish_reason or ""
