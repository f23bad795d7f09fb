"""`make flow`: what is counted of a prompt's way, and that the bot can be followed."""

from __future__ import annotations

import pytest

from tools.flow import Call, Flow, main


def call(file: str, name: str, caller: tuple[str, str] | None, *, entered: bool = True) -> Call:
    return Call(file, name, caller, 0, entered, "MainThread")


def test_what_is_done_again_is_a_call_and_no_step() -> None:
    poll, ask = ("polling.py", "poll"), ("job.py", "ask")
    flow = Flow(
        (
            call(*poll, None),
            call(*ask, poll),
            call(*ask, poll),
            call(*poll, None, entered=False),
            call("polling.py", "parse", poll),
            call("text.py", "words", ask),
        )
    )
    assert flow.figures() == {
        "calls": 6,
        "entered": 5,
        "functions": 4,
        "files": 3,
        "steps": 4,
        "changes of file": 3,
        "returns (A, B, A)": 1,
    }


@pytest.mark.usefixtures("own_log")
def test_a_prompt_is_followed_from_the_poll_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tree"]) == 0
    tree = [line.strip().partition(":") for line in capsys.readouterr().out.splitlines()]
    packages = {file.partition("/")[0] for file, _, _ in tree}
    assert packages >= {"tg", "storage", "media", "catalogue"}
    assert "sandbox" not in packages
