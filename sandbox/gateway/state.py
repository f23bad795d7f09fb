"""What a gateway remembers: its calls, its script, what holds them; and how it answers one."""

from __future__ import annotations

import asyncio
import hmac
import itertools
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from starlette.requests import Request

from sandbox.gateway import answers, models
from sandbox.gateway.account import Account
from sandbox.gateway.body import Body, distort
from sandbox.gateway.calls import LONGEST_WAIT, Call, Gate, Voice, new_call
from sandbox.gateway.directives import UnknownDirective, apply_directives
from sandbox.gateway.hosted_pictures import HostedPictures
from sandbox.gateway.models import MODELS, Model
from sandbox.gateway.replies import Failure, Reply
from sandbox.gateway.requests import DrawingRequest
from sandbox.waiting import PATIENCE, patient

Value = TypeVar("Value")

MAX_CALLS = 5_000
# These answer with words: with better prompts, as far as that goes without a model.
TEXT_MODELS = frozenset({"gpt-4.1-mini"})
BETTERED = ", in soft morning light, full of detail"


class GatewayState:
    """A gateway's state, which its routes share.

    `default` answers what no script does; `sandbox:` words in a prompt change it. `models` is what
    there is; one that is not there draws on every route unless `strict`. `account` counts what the
    key spends. `instead` answers a path that is read with GET (`/v1/models`,
    `/api/usage/token` …) by a failure or a body. `voices` are those that were written down,
    `hearing` the next answers to them. Used from one event loop.
    """

    def __init__(self, api_key: str) -> None:
        self.default = Reply()
        self.models: tuple[Model, ...] = MODELS
        self.strict = False
        self.account = Account()
        self.instead: dict[str, Reply] = {}
        self.voices: list[Voice] = []
        self.hearing: deque[Reply] = deque()
        self.stream_gate: Gate | None = None
        self._api_key = api_key
        self._calls: deque[Call] = deque(maxlen=MAX_CALLS)
        self._numbers = itertools.count(1)
        self._script: deque[Reply] = deque()
        self.hosted = HostedPictures()
        self._gate: Gate | None = None
        self._changed = asyncio.Event()

    @property
    def calls(self) -> list[Call]:
        """The last calls with a good key and a body that was understood, oldest first."""
        return list(self._calls)

    def script(self, *replies: Reply, times: int = 1) -> None:
        """Answer the next calls, on whichever route, with these replies, the row `times` times."""
        self._script.extend(replies * times)

    def hold(self) -> Gate:
        """Hold the calls that come from now on, before they are answered."""
        self._gate = Gate(self.note)
        return self._gate

    async def held(self) -> None:
        if self._gate is not None:
            await self._gate.hold()

    def hold_streams(self) -> Gate:
        """Hold the streams that come from now on, behind their words, before their pictures."""
        self.stream_gate = Gate(self.note)
        return self.stream_gate

    async def until(self, check: Callable[[], Value], timeout: float = PATIENCE) -> Value:  # noqa: ASYNC109 - a wait that says what it waited for
        """Wait until `check` gives something true, looking whenever a call gets on.

        Raises TimeoutError, naming the calls, after `timeout` seconds.
        """
        try:
            async with patient(timeout):
                while not (value := check()):
                    await self._changed.wait()
        except TimeoutError as exc:
            seen = [f"{call.number} {call.state} {call.prompt[:40]!r}" for call in self._calls]
            raise TimeoutError(f"the gateway's calls so far: {seen}") from exc
        return value

    def authorized(self, http_request: Request) -> bool:
        given = http_request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._api_key}".encode())

    def model(self, name: str) -> Model:
        """Give a model by its id, the permissive one where there is none."""
        return next((m for m in self.models if m.id == name), models.unknown(name))

    def begin(self, request: DrawingRequest) -> Call:
        call = new_call(next(self._numbers), datetime.now(UTC), request)
        self._calls.append(call)
        self.note()
        return call

    def note(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def choose(self, request: DrawingRequest) -> Reply:
        """Give the reply to a call: the script's next, or the default as the prompt's words say."""
        if self._script:
            return self._script.popleft()
        if request.model in TEXT_MODELS:
            return Reply(pictures=0, text=f"{request.prompt}{BETTERED}")
        if self.strict and all(model.id != request.model for model in self.models):
            return Reply(failure=Failure.NO_CHANNEL)
        try:
            return apply_directives(request.prompt, self.default)
        except UnknownDirective as unknown:
            return Reply(pictures=0, text=str(unknown))

    async def answer(
        self, request: DrawingRequest, call: Call, base_url: str
    ) -> tuple[Reply, Body]:
        """Wait as long as the call is to wait, then draw and write the answer."""
        model = self.model(request.model)
        reply = answers.resolve(self.choose(request), request, model)
        await self.held()
        await asyncio.sleep(LONGEST_WAIT if reply.hang else reply.delay)
        replaced = answers.replacement(reply, request, model, call.number)
        if replaced is not None:
            return reply, distort(replaced, reply)
        drawn = await answers.draw(reply, request, call.number)
        self.account.charge(len(drawn.pictures))
        if not reply.noise:
            call.pictures = tuple(picture.sha256 for picture in drawn.pictures)
        urls: tuple[str, ...] = ()
        if answers.links(reply, request, model):
            names = [f"{call.number}-{index}" for index in range(len(drawn.pictures))]
            self.hosted.put(names, drawn.pictures)
            urls = tuple(f"{base_url}/pictures/{name}" for name in names)
        context = answers.context(request, call.number, urls)
        return reply, distort(answers.body(reply, request, model, drawn, context), reply)
