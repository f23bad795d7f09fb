"""The breaker: opens after failures in a row, lets one call try, and closes when that works."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import CallReport
from bot.domain import OutcomeKind as Kind
from bot.gateway.circuit_breaker import FAILURES, REST, CircuitBreaker, GatewayCircuits, is_down
from bot.gateway.errors import CircuitOpen

DOWN = CallReport(Kind.UNAVAILABLE)
DRAWN = CallReport(Kind.DRAWN, http_status=200)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock)


def call(breaker: CircuitBreaker, report: CallReport | None, prompt: object = None) -> None:
    end(breaker, report, prompt, trial=breaker.begin())


def end(
    breaker: CircuitBreaker, report: CallReport | None, prompt: object = None, *, trial: bool
) -> None:
    down = None if report is None else is_down(report)
    breaker.end(trial=trial, down=down, prompt=object() if prompt is None else prompt)


def broken(breaker: CircuitBreaker) -> None:
    for _ in range(FAILURES):
        call(breaker, DOWN)


def test_it_opens_after_five_failures_in_a_row(breaker: CircuitBreaker) -> None:
    for _ in range(FAILURES - 1):
        call(breaker, DOWN)
    assert breaker.open_for() == 0
    call(breaker, DOWN)
    assert breaker.open_for() == REST


def test_a_success_between_begins_the_count_anew(breaker: CircuitBreaker) -> None:
    for report in [DOWN] * 4 + [DRAWN] + [DOWN] * 4:
        call(breaker, report)
    assert breaker.open_for() == 0


def test_what_says_nothing_about_the_gateway_changes_nothing(breaker: CircuitBreaker) -> None:
    for report in [DOWN] * 4 + [None, CallReport(Kind.BAD_INPUT)]:
        call(breaker, report)
    assert breaker.open_for() == 0
    call(breaker, DOWN)
    assert breaker.open_for() == REST


def test_after_its_rest_one_call_at_a_time_tries(breaker: CircuitBreaker, clock: Clock) -> None:
    broken(breaker)
    clock.now += REST
    assert breaker.open_for() == 0
    trial = breaker.begin()
    assert trial
    assert breaker.open_for() > 0
    with pytest.raises(CircuitOpen):
        breaker.begin()
    end(breaker, DRAWN, trial=trial)
    assert breaker.open_for() == 0
    call(breaker, DOWN)
    assert breaker.open_for() == 0


def test_while_it_rests_no_call_begins(breaker: CircuitBreaker, clock: Clock) -> None:
    broken(breaker)
    clock.now += REST - 1
    with pytest.raises(CircuitOpen, match="left alone for 1 s more") as refused:
        breaker.begin()
    assert refused.value.seconds == 1


def test_of_many_that_saw_it_ready_one_tries(breaker: CircuitBreaker, clock: Clock) -> None:
    broken(breaker)
    clock.now += REST
    assert [breaker.open_for() for _ in range(9)] == [0] * 9
    assert breaker.begin()
    for _ in range(8):
        with pytest.raises(CircuitOpen):
            breaker.begin()
    assert breaker.open_for() > 0


@given(steps=st.lists(st.sampled_from(["begin", "down", "drawn", "cancelled", "rest"])))
def test_never_more_than_one_call_tries_and_it_never_closes_for_good(steps: list[str]) -> None:
    clock = Clock()
    breaker, open_calls = CircuitBreaker(clock), list[bool]()
    for step in steps:
        if step == "rest":
            clock.now += REST
        elif step == "begin":
            with suppress(CircuitOpen):
                open_calls.append(breaker.begin())
        elif open_calls:
            report = {"down": DOWN, "drawn": DRAWN, "cancelled": None}[step]
            end(breaker, report, trial=open_calls.pop(0))
        assert sum(open_calls) <= 1
    for trial in open_calls:
        end(breaker, None, trial=trial)
    clock.now += REST
    assert breaker.open_for() == 0


def test_a_trial_that_fails_rests_again(breaker: CircuitBreaker, clock: Clock) -> None:
    broken(breaker)
    clock.now += REST
    call(breaker, DOWN)
    assert breaker.open_for() == REST


def test_a_trial_that_is_cancelled_lets_the_next_one_try(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    broken(breaker)
    clock.now += REST
    call(breaker, None)
    assert breaker.open_for() == 0
    assert breaker.begin()


def test_failures_of_calls_begun_before_do_not_prolong_the_rest(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    broken(breaker)
    clock.now += 10
    end(breaker, DOWN, trial=False)
    assert breaker.open_for() == REST - 10


@pytest.mark.parametrize(
    ("report", "down"),
    [
        (CallReport(Kind.UNAVAILABLE), True),
        (CallReport(Kind.UNAVAILABLE, http_status=503), True),
        (CallReport(Kind.TIMEOUT), True),
        (CallReport(Kind.TIMEOUT, http_status=524), False),
        (CallReport(Kind.TIMEOUT, http_status=200), False),
        (CallReport(Kind.CUT_OFF), True),
        (CallReport(Kind.CUT_OFF, http_status=200), False),
        (CallReport(Kind.RATE_LIMITED, http_status=429), False),
        (CallReport(Kind.REFUSED, http_status=200), False),
        (CallReport(Kind.OUT_OF_MONEY, http_status=402), False),
        (CallReport(Kind.BAD_INPUT), None),
        (CallReport(Kind.INTERNAL), None),
    ],
)
def test_a_gateway_is_down_when_it_does_not_answer(
    report: CallReport, *, down: bool | None
) -> None:
    assert is_down(report) is down


OVERLOADED = CallReport(Kind.UNAVAILABLE, http_status=503)


@pytest.fixture
def circuits(clock: Clock) -> GatewayCircuits:
    return GatewayCircuits(clock)


def ask(circuits: GatewayCircuits, model: str, report: CallReport | None, *prompts: object) -> None:
    for prompt in prompts or [object()]:
        circuits.end(model, circuits.begin(model), report, prompt)


def test_tries_of_one_prompt_count_once(circuits: GatewayCircuits) -> None:
    ask(circuits, "busy", OVERLOADED, *[prompt for prompt in range(FAILURES - 1) for _ in range(3)])
    assert circuits.open_for("busy") == 0
    ask(circuits, "busy", OVERLOADED)
    assert circuits.open_for("busy") == REST


def test_one_overloaded_model_leaves_the_others_alone(circuits: GatewayCircuits) -> None:
    ask(circuits, "busy", OVERLOADED, *range(FAILURES))
    assert (circuits.open_for(), circuits.open_for("well")) == (0, 0)
    assert circuits.models() == {"busy": REST}
    with pytest.raises(CircuitOpen):
        circuits.begin("busy")
    ask(circuits, "well", DRAWN)


def test_models_that_are_down_together_close_the_gateway(
    circuits: GatewayCircuits, clock: Clock
) -> None:
    ask(circuits, "one", OVERLOADED, *range(FAILURES))
    ask(circuits, "other", OVERLOADED, *range(FAILURES))
    assert circuits.open_for() == circuits.open_for("third") == REST
    clock.now += REST
    ask(circuits, "third", DRAWN)
    assert circuits.open_for() == circuits.open_for("third") == 0


def test_a_gateway_that_cannot_be_reached_is_closed_by_prompts_of_any_models(
    circuits: GatewayCircuits, clock: Clock
) -> None:
    for number in range(FAILURES):
        assert circuits.open_for("any") == 0
        ask(circuits, f"model {number}", DOWN, number)
    assert circuits.open_for("any") == REST
    clock.now += REST
    ask(circuits, "any", DRAWN)
    assert [circuits.open_for(f"model {number}") for number in range(FAILURES)] == [0] * FAILURES


def test_whoever_tries_for_the_gateway_and_fails_closes_it_again(
    circuits: GatewayCircuits, clock: Clock
) -> None:
    ask(circuits, "any", DOWN, *range(FAILURES))
    clock.now += REST
    ask(circuits, "any", OVERLOADED)
    assert circuits.open_for("other") == REST


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from([DOWN, OVERLOADED, DRAWN, None]),
            st.integers(0, 9),
            st.sampled_from([0, REST]),
        )
    )
)
def test_no_circuit_stays_open_for_good_and_none_opens_before_so_many_prompts(
    steps: list[tuple[str, CallReport | None, int, float]],
) -> None:
    clock = Clock()
    circuits, failed = GatewayCircuits(clock), set[int]()
    for model, report, prompt, pause in steps:
        clock.now += pause
        with suppress(CircuitOpen):
            ask(circuits, model, report, prompt)
            failed |= {prompt} if report in (DOWN, OVERLOADED) else set()
        if len(failed) < FAILURES:
            assert [circuits.open_for(one) for one in "abc"] == [0, 0, 0]
    clock.now += REST
    assert [circuits.open_for(one) for one in "abc"] == [0, 0, 0]
