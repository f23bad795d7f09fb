"""Logging in by a link that the bot sent, and out.

A link is opened by a page with a button: what only looks at it, as Telegram's preview or a scanner of
mails, does not use it up.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.features.admin.dashboard import LOGIN
from bot.features.admin.logins import LONGEST, Logins
from bot.web.visits import Attempts, Door, Visit, read_form, render, sorry
from bot.web.wording import LANGUAGES, Wording

log = structlog.get_logger(__name__)

HOME = "/admin"


@dataclass(frozen=True, slots=True)
class LoginPages:
    """The pages before and after all others."""

    logins: Logins
    door: Door
    attempts: Attempts

    def routes(self) -> Sequence[BaseRoute]:
        guarded = self.door.guarded
        return [
            Route(f"{LOGIN}{{token}}", sorry(self.ask), methods=["GET"]),
            Route(f"{LOGIN}{{token}}", sorry(self.open), methods=["POST"]),
            Route("/admin/logout", guarded(self.leave), methods=["POST"]),
            Route("/admin/language", guarded(self.choose_language), methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Show the button; its form is good for this browser only."""
        refused = await self._refused(request)
        if refused:
            return refused
        nonce = secrets.token_urlsafe()
        wording = _wording(request)
        answer = render("login.html", wording, problem="", nonce=nonce)
        self._give(answer, f"{self.door.cookie}-login", nonce, 300)
        return answer

    async def open(self, request: Request) -> Response:
        """Begin a session."""
        refused = await self._refused(request)
        if refused:
            return refused
        form = await read_form(request)
        nonce = request.cookies.get(f"{self.door.cookie}-login", "")
        if not nonce or not compare_digest((form or {}).get("csrf", "").encode(), nonce.encode()):
            return render("login.html", _wording(request), HTTPStatus.FORBIDDEN, problem="no token")
        browser = request.headers.get("user-agent", "")
        opened = await self.logins.open(request.path_params["token"], browser)
        if opened is None:  # used by somebody else in between
            return _void(request)
        key, session = opened
        log.info("logged in", user=session.user_id, session=session.name)
        answer = RedirectResponse(HOME, HTTPStatus.SEE_OTHER)
        self._give(answer, self.door.cookie, key, int(LONGEST.total_seconds()))
        self._give(answer, f"{self.door.cookie}-login", "", 0)
        return answer

    async def leave(self, visit: Visit) -> Response:
        """End this session, another one of the same person's, or all of his."""
        own = [one.name for one in await self.logins.of(visit.session.user_id)]
        wanted = visit.form.get("session", visit.session.name)
        await self.logins.end(*(own if wanted == "all" else set(own) & {wanted}))
        answer = RedirectResponse(HOME, HTTPStatus.SEE_OTHER)
        if await self.logins.find(visit.request.cookies.get(self.door.cookie, "")) is None:
            self._give(answer, self.door.cookie, "", 0)
        return answer

    async def choose_language(self, visit: Visit) -> Response:
        if visit.form.get("locale") in LANGUAGES:
            await self.logins.speak(visit.session, visit.form["locale"])
        return RedirectResponse(HOME, HTTPStatus.SEE_OTHER)

    async def _refused(self, request: Request) -> Response | None:
        """Refuse a link that is void, and who guesses; one that is valid is no guess."""
        token, address = request.path_params["token"], _address(request)
        if await self.logins.is_open(token):
            return None
        if await self.logins.was_open(token):
            return _void(request)
        if self.attempts.allows(address):
            self.attempts.fail(address)
            return _void(request)
        answer = render(
            "login.html", _wording(request), HTTPStatus.TOO_MANY_REQUESTS, problem="too many"
        )
        answer.headers["Retry-After"] = "60"
        return answer

    def _give(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(
            name,
            value,
            seconds,
            path="/",
            secure=self.door.secure,
            httponly=True,
            samesite="strict",
        )


def _void(request: Request) -> Response:
    return render("login.html", _wording(request), HTTPStatus.FORBIDDEN, problem="void")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _wording(request: Request) -> Wording:
    return Wording.of(request.headers.get("accept-language", ""))
