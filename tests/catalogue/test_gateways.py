"""A [gateway.NAME] table: what it may say, and how a wrong one is told."""

from __future__ import annotations

import pytest

from bot.catalogue.load import parse_catalogue
from bot.catalogue.profiles import GatewayProfile, Route
from bot.config import ConfigError

TABLE = '[gateway.other]\nurl = "https://gw.example/v1/"\nkey = "OTHER_KEY"\n'
MODEL = '[[model]]\nid = "m"\nlabel = "M"\n'
THERE = MODEL + 'gateway = "other"\n'


def test_a_gateway_is_read_with_its_defaults() -> None:
    known = parse_catalogue(TABLE + THERE, "models.toml")
    expected = GatewayProfile("other", "https://gw.example/v1", "OTHER_KEY", "", 10.0, None)
    assert known.gateways == {"other": expected}


def test_every_field_is_read() -> None:
    more = 'proxy = "http://proxy.example:3128"\nconnect_timeout = 3.5\ntimeout = 600\n'
    known = parse_catalogue(TABLE + more + THERE, "models.toml")
    expected = GatewayProfile(
        "other",
        "https://gw.example/v1",
        "OTHER_KEY",
        "http://proxy.example:3128",
        3.5,
        600.0,
    )
    assert known.gateways["other"] == expected


def test_only_gateways_with_a_model_are_in_use() -> None:
    assert set(parse_catalogue(TABLE + MODEL, "models.toml").gateways) == {"main"}


def test_main_is_the_settings_gateway_and_may_have_its_own_times() -> None:
    known = parse_catalogue("[gateway.main]\ntimeout = 60\n" + MODEL, "models.toml")
    assert known.gateways == {"main": GatewayProfile("main", timeout=60.0)}


@pytest.mark.parametrize(
    "host",
    [
        *("localhost:4000", "127.0.0.1", "[::1]:4000", "10.0.0.7", "192.168.1.2", "100.64.0.1"),
        *("litellm:4000", "nas.local", "host.docker.internal", "LiteLLM.lan"),
    ],
)
def test_http_is_enough_in_a_network_of_ones_own(host: str) -> None:
    table = TABLE.replace("https://gw.example", f"http://{host}")
    known = parse_catalogue(table + THERE, "models.toml")
    assert known.gateways["other"].url == f"http://{host}/v1"


@pytest.mark.parametrize(
    "host", ["gw.example", "8.8.8.8", "[2001:4860::8]", "134744072", "gw.nolocal"]
)
def test_a_key_is_sent_over_the_internet_by_https_only(host: str) -> None:
    table = TABLE.replace("https://gw.example", f"http://{host}")
    with pytest.raises(ConfigError, match="gateway other: url must be https://"):
        parse_catalogue(table + THERE, "models.toml")


@pytest.mark.parametrize("route", Route)
@pytest.mark.parametrize("end", ["", "/"])
def test_a_url_that_ends_in_a_route_is_told_to_end_before_it(route: Route, end: str) -> None:
    table = TABLE.replace("/v1/", f"/v1/{route}{end}")
    with pytest.raises(ConfigError, match=f"url must end before the route: leave /{route} out"):
        parse_catalogue(table + THERE, "models.toml")


@pytest.mark.parametrize("name", ["PATH", "HOME", "DATABASE_URL", "LANG"])
def test_a_variable_that_is_no_key_is_not_sent_to_a_gateway(name: str) -> None:
    with pytest.raises(ConfigError, match="gateway other: key must be a name with KEY"):
        parse_catalogue(TABLE.replace("OTHER_KEY", name) + THERE, "models.toml")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (TABLE.replace("url =", "uri ="), "uri"),
        (TABLE.replace('url = "https://gw.example/v1/"', ""), "url"),
        (TABLE.replace("https://gw.example/v1/", "gw.example"), "url"),
        (TABLE.replace("https://", "ftp://"), "url"),
        (TABLE.replace("https://gw.example", "https://me:hush@gw.example"), "url"),
        (TABLE.replace("/v1/", "/v1?key=hush"), "url"),
        (TABLE.replace("gw.example", "[::1"), "url"),
        (TABLE.replace("gw.example", "gw.example:port"), "url"),
        (TABLE.replace("gw.example", "gw example"), "url"),
        (TABLE.replace('key = "OTHER_KEY"', ""), "key"),
        (TABLE.replace("OTHER_KEY", "sk-hush"), "key"),
        (TABLE + 'proxy = "socks5://proxy"', "proxy"),
        (TABLE + 'proxy = "http://me:hush@proxy"', "proxy"),
        (TABLE + "timeout = 0", "timeout"),
        (TABLE + "timeout = 3601", "timeout"),
        (TABLE + 'timeout = "60"', "timeout"),
        (TABLE + "timeout = true", "timeout"),
        (TABLE + "timeout = nan", "timeout"),
        (TABLE + "connect_timeout = 61", "connect_timeout"),
        (TABLE + "retries = 3", "retries"),
        (TABLE.replace("other", "Other"), "NAME"),
        (TABLE + 'name = "another"', "name"),
        ('[gateway.main]\nurl = "https://gw.example"', "url"),
        ('[gateway.main]\nkey = "OTHER_KEY"', "key"),
        ("gateway = 1", "gateway"),
        ("gateway = false", "gateway"),
        ("gateway = []", "gateway"),
        ("gateway.other = 1", "other"),
    ],
)
def test_a_wrong_field_is_told_in_one_line_without_any_secret(text: str, field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_catalogue(f"{text}\n{MODEL}", "models.toml")
    line = str(caught.value)
    assert line.startswith("models.toml: ")
    assert "gateway" in line
    assert field in line
    assert "\n" not in line
    assert "hush" not in line
