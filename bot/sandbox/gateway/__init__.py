"""The sandbox's gateway: answers with pictures it draws itself, on every route, or fails on demand."""

from bot.sandbox.gateway.account import Account
from bot.sandbox.gateway.app import Gateway
from bot.sandbox.gateway.asks import Route
from bot.sandbox.gateway.calls import Call, CallState, Gate
from bot.sandbox.gateway.models import Model
from bot.sandbox.gateway.replies import (
    Failure,
    Format,
    Reply,
    Shape,
    Stream,
    UsageForm,
    UsagePlace,
    Wire,
)

__all__ = [
    "Account",
    "Call",
    "CallState",
    "Failure",
    "Format",
    "Gate",
    "Gateway",
    "Model",
    "Reply",
    "Route",
    "Shape",
    "Stream",
    "UsageForm",
    "UsagePlace",
    "Wire",
]
