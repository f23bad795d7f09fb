"""The composition and the Procfile: what they name is there, and the bot alone is what it was."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import Settings
from tests.deploy.dockerfile import read_dockerfile
from tests.support.command import ROOT, ended

DEPLOY = ROOT / "deploy"
IMAGE = read_dockerfile(DEPLOY / "Dockerfile")[-1]
PROCESSES = {"ingress", "worker"}
OWN_VARIABLES = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"}


def read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8")))


ALONE, CLUSTER = read("compose.yaml"), read("cluster.yaml")
SERVICES: dict[str, dict[str, Any]] = ALONE["services"] | CLUSTER["services"]
VOLUMES = ALONE["volumes"] | CLUSTER["volumes"]
OURS = {name: one for name, one in SERVICES.items() if one.get("image") == "picturebot"}


async def understood(folder: Path, words: list[str]) -> str:
    """Have the command line read a command's words, and run nothing; tell its name."""
    end = await ended(folder, *words, "--help")
    assert (end.code, end.stderr) == (0, ""), words
    return words[0]


def test_by_default_there_is_the_bot_alone_read_only_but_for_the_image_s_volume() -> None:
    assert ALONE["services"].keys() == {"bot"}
    bot = SERVICES["bot"]
    (volume,) = IMAGE.last("VOLUME").words
    assert bot["volumes"] == [f"data:{volume}"]
    assert bot["env_file"] == "../.env"
    assert not {"command", "environment", "depends_on", "secrets"} & bot.keys()


def test_the_cluster_is_two_that_take_updates_two_that_draw_and_what_they_need() -> None:
    others = {"migrate", "postgres", "s3", "bucket", "prometheus", "grafana"}
    assert CLUSTER["services"].keys() == PROCESSES | others  # the bot alone would share their token
    assert [SERVICES[name]["deploy"]["replicas"] for name in PROCESSES] == [2, 2]
    assert not any("profiles" in one for one in SERVICES.values())
    told = (DEPLOY / "cluster.yaml").read_text(encoding="utf-8")
    assert (
        "cluster.yaml up --detach --remove-orphans\n" in told
    )  # it is one project: the other stops
    assert "name" not in ALONE.keys() | CLUSTER.keys()


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_little_exposed_and_have_time_to_stop(name: str) -> None:
    one = OURS[name]
    assert (one["read_only"], one["tmpfs"], one["cap_drop"]) == (True, ["/tmp"], ["ALL"])  # noqa: S108
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["build"]["dockerfile"] == "deploy/Dockerfile"
    seconds = int(one["stop_grace_period"].removesuffix("s"))
    assert seconds > 1.5 * Settings.model_fields["shutdown_seconds"].default
    assert all(port.startswith("127.0.0.1:") for port in one.get("ports", []))


async def test_commands_are_those_that_there_are(tmp_path: Path) -> None:
    others = [name for name in OURS if name != "bot"]
    asked = {name: await understood(tmp_path, OURS[name]["command"]) for name in others}
    assert asked == {"ingress": "run", "worker": "worker", "migrate": "migrate"}
    procfile = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    lines = {
        name: shlex.split(words) for name, _, words in (line.partition(": ") for line in procfile)
    }
    for name, words in lines.items():
        plain = [word for word in words if not re.match(r"[A-Z_]+=", word)]
        assert plain[:3] == ["python", "-m", "bot"]
        assert await understood(tmp_path, plain[3:]) == {"release": "migrate"}.get(name, "run")
    # As it was: who scales `worker` alone has the whole bot.
    assert lines["worker"] == ["python", "-m", "bot", "run"]
    assert lines["web"][-1] == "--no-worker"


def test_settings_are_those_that_there_are_and_secrets_are_files() -> None:
    declared = CLUSTER["secrets"]
    known = {name.upper() for name in Settings.model_fields} | OWN_VARIABLES
    for name, one in SERVICES.items():
        mounted = set(one.get("secrets", []))
        assert mounted <= declared.keys(), name
        given = one.get("environment", {})
        files = {value for value in given.values() if value.startswith("/run/secrets/")}
        assert files <= {f"/run/secrets/{secret}" for secret in mounted}
        assert not re.search("password|secret_access", " ".join(set(given.values()) - files))
        if name in OURS:
            assert {key.removesuffix("_FILE") for key in given} <= known
    assert {one["file"] for one in declared.values()} == {f"secrets/{name}" for name in declared}
    committed = (DEPLOY / "secrets/.gitignore").read_text(encoding="utf-8").splitlines()
    assert committed[-2:] == ["*", "!.gitignore"]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert not [line for line in ignored if line.startswith("!deploy")]


def test_images_have_a_version_and_what_runs_has_a_check_of_its_health() -> None:
    for name, one in SERVICES.items():
        if name not in OURS:
            assert re.search(r"\d", one["image"].partition(":")[2]), name
        check = one.get("healthcheck") or (IMAGE.all("HEALTHCHECK") if name in OURS else None)
        assert check, name
        assert (one["restart"] == "no") == bool(one.get("healthcheck", {}).get("disable")), name


def test_what_is_mounted_or_waited_for_is_there() -> None:
    for name, one in SERVICES.items():
        assert set(one.get("depends_on", [])) <= SERVICES.keys(), name
        for volume in one.get("volumes", []):
            source = volume.partition(":")[0]
            there = (DEPLOY / source).is_file() if source[0] == "." else source in VOLUMES
            assert there, volume
        for config in one.get("configs", []):
            assert yaml.safe_load(CLUSTER["configs"][config["source"]]["content"])


def test_prometheus_asks_each_process_at_the_port_where_it_tells() -> None:
    scraping = read("prometheus.yaml")
    (job,) = scraping["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert set(found["names"]) == PROCESSES
    for name in PROCESSES:
        assert SERVICES[name]["environment"]["WEB_ADDRESS"] == f"0.0.0.0:{found['port']}"
    token = job["authorization"]["credentials_file"]
    assert token == SERVICES["worker"]["environment"]["METRICS_TOKEN_FILE"]
    assert token.removeprefix("/run/secrets/") in SERVICES["prometheus"]["secrets"]
    assert scraping["rule_files"] == ["alerts.yaml"]
    rules = [rule["expr"] for group in read("alerts.yaml")["groups"] for rule in group["rules"]]
    assert f'up{{job="{job["job_name"]}"}} == 0' in rules
