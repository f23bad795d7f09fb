"""A visit: somebody who is logged in and asks for a page, or sends one of its forms."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.domain import MediaUnavailable, StorageUnavailable
from bot.features.admin.logins import Logins, Session
from bot.features.admin.version import program_version
from bot.web import words
from bot.web.numbers import number
from bot.web.wording import LANGUAGES, Wording, duration, figures, money

LARGEST_FORM, MOST_FIELDS = 64 * 1024, 100
FORM_SECONDS = 10.0
_ENV = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
PAGES = [
    ("/admin", "Overview"),
    ("/admin/jobs", "Jobs"),
    ("/admin/people", "Users and chats"),
    ("/admin/models", "Models and gateways"),
    ("/admin/ledger", "Ledger"),
    ("/admin/actions", "Actions"),
    ("/admin/settings", "Settings"),
    ("/admin/diagnostics", "Diagnostics"),
]
NOTES = {
    "done": "Done.",
    "unchanged": "Nothing was changed: it was so already.",
    "operates": "Operators are always let in, and not banned.",
    "configured": "ADMIN_IDS says it: take the number out there and restart the bot.",
    "last_operator": "This is the only operator: nobody would be left.",
    "default_stays": "The default model stays on: DEFAULT_MODEL says it.",
    "not_failed": "Only what has failed, and was not erased, is drawn anew.",
    "retry_banned": "Not drawn anew: whose job it is, is banned.",
    "retry_maintenance": "Not drawn anew: maintenance is on.",
    "unknown": "There is none of that number.",
    "limit": "The account has no room for it: its limits are reached.",
    "unsure": "Nothing was erased: the number that you typed is not the one above.",
    "wrong": "That is no number that can be set.",
    "probe_begun": "The call is being made; what it came to stands below once it has an end.",
    "probe_busy": "A probe is under way already: one at a time.",
    "probe_often": "There were twenty probes in the last hour: wait a while.",
    "probe_photo": "This model only changes pictures: picturebot probe --photo asks it.",
}
_ENV.globals.update(
    figures=figures,
    money=money,
    duration=duration,
    facts=words.facts,
    word=words.word,
    chats=words.CHATS,
    ways=words.WAYS,
    origin=words.origin,
    limits_named=words.LIMITS,
    languages=LANGUAGES,
    pages=PAGES,
)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks for what; `form` is what was sent, empty where a page is only looked at."""

    request: Request
    session: Session
    wording: Wording
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> str:
        """Who does it, as the table of actions says it."""
        return f"web:{self.session.user_id}"

    @property
    def before(self) -> int | None:
        """The number before which a page of a list is asked for; None where that is none."""
        found = number(self.request.query_params.get("before", ""))
        return found if found is not None and found >= 0 else None

    def missing(self) -> Response:
        return self.render("missing.html", status=HTTPStatus.NOT_FOUND)

    def render(self, template: str, status: int = HTTPStatus.OK, **values: Any) -> Response:  # noqa: ANN401 - what it shows
        path, note = self.request.url.path, self.request.query_params.get("note")
        shown: dict[str, Any] = {
            "visit": self,
            "here": path,
            "version": program_version(),
            "csrf": self.session.csrf,
            "note": NOTES.get(note or ""),
        }
        return render(template, self.wording, status, **shown, **values)

    def back(self, path: str, note: str) -> Response:
        """Show a page again, which says what came of a form: a key of NOTES."""
        joint = "&" if "?" in path else "?"
        return RedirectResponse(f"{path}{joint}note={note}", HTTPStatus.SEE_OTHER)


Page = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def render(
    template: str,
    wording: Wording,
    status: int = HTTPStatus.OK,
    **values: Any,  # noqa: ANN401
) -> Response:
    body = _ENV.get_template(template).render(t=wording, **values)
    return HTMLResponse(body, status)


def compile_pages() -> None:
    """Compile all pages and read their languages: whoever came first had waited for that. Blocks."""
    for name in _ENV.list_templates():
        _ENV.get_template(name)
    for locale in LANGUAGES:
        Wording(locale)("Overview")


@dataclass(slots=True)
class Door:
    """Lets in who brings a session's cookie; a form only with the token that stood in its page."""

    logins: Logins
    may_enter: Callable[[int], bool]
    secure: bool  # whether browsers come by https

    @property
    def cookie(self) -> str:
        return "__Host-picturebot" if self.secure else "picturebot"

    def guarded(self, page: Page) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            session = await self.logins.find(request.cookies.get(self.cookie, ""))
            wording = Wording.of(request.headers.get("accept-language", ""))
            if session is None or not self.may_enter(session.user_id):
                return render("login.html", wording, HTTPStatus.UNAUTHORIZED, problem="no session")
            if session.locale:
                wording = Wording(session.locale)
            if request.method != "POST":
                return await self._answer(page, Visit(request, session, wording))
            form = await read_form(request)
            if form is None or not compare_digest(
                form.get("csrf", "").encode(), session.csrf.encode()
            ):
                return render("login.html", wording, HTTPStatus.FORBIDDEN, problem="no token")
            return await self._answer(page, Visit(request, session, wording, form))

        return sorry(endpoint)

    async def _answer(self, page: Page, visit: Visit) -> Response:
        if None in visit.request.path_params.values():
            return visit.missing()
        try:
            return await page(visit)
        except (StorageUnavailable, MediaUnavailable) as error:
            part = "bucket" if isinstance(error, MediaUnavailable) else "database"
            return visit.render("busy.html", status=HTTPStatus.SERVICE_UNAVAILABLE, part=part)


def sorry(endpoint: Endpoint) -> Endpoint:
    """Say so where the database does not answer who it is that asks."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except StorageUnavailable:
            wording = Wording.of(request.headers.get("accept-language", ""))
            return render("login.html", wording, HTTPStatus.SERVICE_UNAVAILABLE, problem="busy")

    return answer


async def read_form(request: Request) -> dict[str, str] | None:
    """Read the fields of a form; None where it is larger or slower than ours, or no text."""
    data = bytearray()
    try:
        async with asyncio.timeout(FORM_SECONDS):
            async for chunk in request.stream():
                data += chunk
                if len(data) > LARGEST_FORM:
                    return None
        found = parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except (ValueError, TimeoutError):
        return None
    return None if any("\0" in value for _, value in found) else dict(found)


@dataclass(slots=True)
class Attempts:
    """Counts what failed, by address, in minutes; who fails too often has to wait for the next."""

    clock: Callable[[], float]
    most: int = 10
    addresses: int = 1024
    _failed: OrderedDict[tuple[str, int], int] = field(default_factory=OrderedDict)

    def allows(self, address: str) -> bool:
        return self._failed.get(self._key(address), 0) < self.most

    def fail(self, address: str) -> None:
        key = self._key(address)
        self._failed[key] = self._failed.pop(key, 0) + 1
        while len(self._failed) > self.addresses:
            self._failed.popitem(last=False)

    def _key(self, address: str) -> tuple[str, int]:
        return address, int(self.clock() // 60)
