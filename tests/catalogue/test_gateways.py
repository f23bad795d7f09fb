"""A [gateway.NAME] table: what it may say, and how a wrong one is told."""

from __future__ import annotations

import pytest

from bot import catalogue
from bot.catalogue import CatalogueError, GatewayProfile

TABLE = '[gateway.other]\nurl = "https://gw.example/v1/"\nkey = "OTHER_KEY"\n'
MODEL = '[[model]]\nid = "m"\nlabel = "M"\n'
THERE = MODEL + 'gateway = "other"\n'


def test_a_gateway_is_read_with_its_defaults() -> None:
    known = catalogue.parse(TABLE + THERE, "models.toml")
    expected = GatewayProfile("other", "https://gw.example/v1", "OTHER_KEY", "", 10.0, None)
    assert known.gateways == {"other": expected}


def test_every_field_is_read() -> None:
    more = 'proxy = "http://proxy.example:3128"\nconnect_timeout = 3.5\ntimeout = 600\n'
    known = catalogue.parse(TABLE + more + THERE, "models.toml")
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
    assert set(catalogue.parse(TABLE + MODEL, "models.toml").gateways) == {"main"}


def test_main_is_the_settings_gateway_and_may_have_its_own_times() -> None:
    known = catalogue.parse("[gateway.main]\ntimeout = 60\n" + MODEL, "models.toml")
    assert known.gateways == {"main": GatewayProfile("main", timeout=60.0)}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (TABLE.replace("url =", "uri ="), "url"),
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
        (TABLE.replace("other", "Other"), "name"),
        ('[gateway.main]\nurl = "https://gw.example"', "url"),
        ('[gateway.main]\nkey = "OTHER_KEY"', "key"),
        ("gateway = 1", "gateway"),
        ("gateway = false", "gateway"),
        ("gateway = []", "gateway"),
        ("gateway.other = 1", "other"),
    ],
)
def test_a_wrong_field_is_told_in_one_line_without_any_secret(text: str, field: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        catalogue.parse(f"{text}\n{MODEL}", "models.toml")
    line = str(caught.value)
    assert line.startswith("models.toml: ")
    assert "gateway" in line
    assert field in line
    assert "\n" not in line
    assert "hush" not in line
