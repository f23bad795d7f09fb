"""The sandbox's gateway: answers chat completions with pictures it draws itself, or fails on demand."""

from bot.sandbox.gateway.app import Gateway
from bot.sandbox.gateway.calls import Call, CallState, Gate
from bot.sandbox.gateway.replies import Failure, Format, Reply, Shape, UsageForm

__all__ = [
    "Call",
    "CallState",
    "Failure",
    "Format",
    "Gate",
    "Gateway",
    "Reply",
    "Shape",
    "UsageForm",
]
