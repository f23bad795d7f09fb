"""What operators take along: a board, rules, a unit and a composition that fit the bot."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bot.config import Settings
from bot.domain import JobState, OutcomeKind
from bot.web.metrics import BotMetrics
from tests.support.command import ROOT

DEPLOY = ROOT / "deploy"
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
SELECTOR = re.compile(r"(picturebot_\w+)(?:\{([^}]*)\})?")


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def known() -> dict[str, set[str]]:
    """The series that there are, and their labels."""
    return {
        one.name + suffix: {*one.labels, *(["le"] if suffix == "_bucket" else [])}
        for one in BotMetrics().declared
        for suffix in SUFFIXES.get(one.kind, ("",))
    }


def board() -> dict[str, Any]:
    return dict(json.loads(read("grafana.json")))


def expressions() -> dict[str, list[str]]:
    shown = [target["expr"] for panel in board()["panels"] for target in panel["targets"]]
    groups = yaml.safe_load(read("alerts.yaml"))["groups"]
    rules = [rule["expr"] for group in groups for rule in group["rules"]]
    return {"grafana.json": shown, "alerts.yaml": rules}


@pytest.mark.parametrize("name", ["grafana.json", "alerts.yaml"])
def test_only_series_and_labels_that_there_are_are_asked_for(name: str) -> None:
    series, asked = known(), SELECTOR.findall("\n".join(expressions()[name]))
    assert asked
    assert {metric for metric, _ in asked} - series.keys() == set()
    for metric, selector in asked:
        assert set(re.findall(r"(\w+)\s*[=!]", selector)) <= series[metric], metric


# Several processes count each for itself; gauges of one database or store they all tell alike.
GAUGES = {
    "up": "min",
    "telegram_silence_seconds": "min",
    "disk_free_bytes": "min",
    "build_info": "count",
    "leader": "sum",
}
OF_EACH = {"up", "disk_free_bytes", "sqlite_wal_reset_fault", "build_info"}  # an alert a process


def enclosing(expression: str, at: int) -> list[str]:
    """Name the functions around a place of an expression, the innermost first."""
    names, depth = [], 0
    for place in range(at, -1, -1):
        depth += {")": 1, "(": -1}.get(expression[place], 0)
        if depth < 0:
            names.append(re.split(r"\W", expression[:place])[-1])
            depth = 0
    return names


@pytest.mark.parametrize("name", ["grafana.json", "alerts.yaml"])
def test_processes_add_up_where_they_count_and_not_where_they_tell_the_same(name: str) -> None:
    kinds = {
        one.name.removeprefix("picturebot_") + suffix: one.kind
        for one in BotMetrics().declared
        for suffix in SUFFIXES.get(one.kind, ("",))
    }
    seen = set()
    for written in expressions()[name]:
        expression = re.sub(r"\s*\bby\s*\([^)]*\)\s*", "", written)
        for found in re.finditer(r"picturebot_(\w+)", expression):
            metric, around = found[1], enclosing(expression, found.start())
            if name == "alerts.yaml" and metric in OF_EACH:
                continue
            gauge = GAUGES.get(metric, "max")
            right = gauge if kinds[metric] == "gauge" else "sum"
            assert {"sum", "min", "max", "count"} & set(around) == {right}, written
            seen.add(metric)
    assert len(seen) > 5


def test_every_metric_is_on_the_board() -> None:
    shown = {metric for metric, _ in SELECTOR.findall("\n".join(expressions()["grafana.json"]))}
    for one in BotMetrics().declared:
        series = {one.name + suffix for suffix in SUFFIXES.get(one.kind, ("",))}
        assert shown & series, one.name


def test_rules_ask_for_outcomes_and_states_that_there_are() -> None:
    rules = read("alerts.yaml")
    outcomes = re.findall(r'outcome=~?"([^"]+)"', rules)
    assert {word for words in outcomes for word in words.split("|")} <= set(OutcomeKind)
    assert set(re.findall(r'state="(\w+)"', rules)) <= set(JobState)


def test_panels_have_each_their_place() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board()["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in board()["panels"]}) == len(board()["panels"])


def test_where_memory_runs_out_the_unit_goes_on_without_what_decodes() -> None:
    assert "\nOOMPolicy=continue\n" in read("picturebot.service")


def test_what_a_container_says_does_not_fill_the_disk() -> None:
    read_both = (yaml.safe_load(read(name)) for name in ("compose.yaml", "cluster.yaml"))
    for service in (one for file in read_both for one in file["services"].values()):
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}


def test_metrics_are_read_by_prometheus_own_parser() -> None:
    text = generate_latest(BotMetrics().registry).decode()
    assert len(list(text_string_to_metric_families(text))) == len(BotMetrics().declared)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is there instead of the bot."""
    file = tmp_path / "picturebot.service"
    text = read("picturebot.service").replace("/opt/picturebot/bin/picturebot", sys.executable)
    file.write_text(text)
    return file


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_systemd_understands_the_unit_and_finds_it_little_exposed(unit: Path) -> None:
    verified = subprocess.run(  # noqa: S603 - our own words
        ["systemd-analyze", "verify", unit],  # noqa: S607 - where it is
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    security = subprocess.run(  # noqa: S603 - as above
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert security.returncode == 0, security.stdout[-200:]


def test_the_unit_gives_as_many_descriptors_as_may_be_needed_and_time_to_stop() -> None:
    text = read("picturebot.service")
    most = next(
        one.le for one in Settings.model_fields["max_concurrency"].metadata if hasattr(one, "le")
    )
    assert int(re.findall(r"LimitNOFILE=(\d+)", text)[0]) >= 3 * most + 128
    shutdown = Settings.model_fields["shutdown_seconds"].default
    assert int(re.findall(r"TimeoutStopSec=(\d+)", text)[0]) > 1.5 * shutdown


@pytest.mark.skipif(not shutil.which("docker"), reason="there is no docker here")
def test_docker_compose_understands_the_composition(tmp_path: Path) -> None:
    words = ["docker", "compose"]
    if subprocess.run([*words, "version"], capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("docker has no compose here")
    (tmp_path / "deploy").mkdir()
    (tmp_path / ".env").write_text("ADMIN_IDS=1\n")
    file = Path(shutil.copy(DEPLOY / "compose.yaml", tmp_path / "deploy"))
    done = subprocess.run(  # noqa: S603 - our own words
        [*words, "--file", file, "config", "--format", "json"], capture_output=True, check=True
    )
    bot = json.loads(done.stdout)["services"]["bot"]
    assert bot["environment"] == {"ADMIN_IDS": "1"}
    assert bot["cap_drop"] == ["ALL"]
