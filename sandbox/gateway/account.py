"""The account behind the key: what it was given and has spent, in the new-api family's quota."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.gateway.shapes import Json
from sandbox.gateway.usages import DOLLARS

QUOTA_PER_DOLLAR = 500_000
PICTURE_QUOTA = round(DOLLARS * QUOTA_PER_DOLLAR)
_ENDLESS_DOLLARS = 100_000_000


@dataclass(slots=True)
class Account:
    """What the key may spend and has spent; both in quota, 500,000 of which are a dollar.

    Nothing is refused when it is used up: say `Failure.NO_QUOTA` for that.
    """

    granted: int = 100 * QUOTA_PER_DOLLAR
    used: int = 0
    unlimited: bool = False

    def charge(self, pictures: int) -> None:
        self.used += pictures * PICTURE_QUOTA

    def token_usage(self) -> Json:
        data = {
            "object": "token_usage",
            "name": "sandbox",
            "total_granted": self.granted,
            "total_used": self.used,
            "total_available": self.granted - self.used,
            "unlimited_quota": self.unlimited,
            "model_limits": {},
            "model_limits_enabled": False,
            "expires_at": 0,
        }
        return {"code": True, "message": "ok", "data": data}

    def subscription(self) -> Json:
        """Give what `/v1/dashboard/billing/subscription` says, in dollars."""
        dollars = _ENDLESS_DOLLARS if self.unlimited else self.granted / QUOTA_PER_DOLLAR
        return {
            "object": "billing_subscription",
            "has_payment_method": True,
            "soft_limit_usd": dollars,
            "hard_limit_usd": dollars,
            "system_hard_limit_usd": dollars,
            "access_until": 0,
        }

    def usage(self) -> Json:
        """Give what `/v1/dashboard/billing/usage` says, in hundredths of a dollar."""
        return {"object": "list", "total_usage": self.used / QUOTA_PER_DOLLAR * 100}
