"""The sandbox's gateway: answers with pictures it draws itself, on every route, or fails on demand."""

from sandbox.gateway.account import Account
from sandbox.gateway.app import Gateway
from sandbox.gateway.calls import Call, CallState, Gate
from sandbox.gateway.models import Model
from sandbox.gateway.replies import (
    Failure,
    Format,
    Reply,
    Shape,
    Stream,
    UsageForm,
    UsagePlace,
    Wire,
)
from sandbox.gateway.requests import Route

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
