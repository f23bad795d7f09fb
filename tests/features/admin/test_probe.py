"""A probe: one call, its findings, and an answer that can become a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.domain.administration import Action, AdminVerb
from bot.storage import Store
from bot.storage.actions import command_line
from sandbox.gateway import Failure, Gateway, Reply, Shape
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.support.command import Ended, ended, running
from tests.support.conversation import KEY, TOKEN, image
from tests.support.database import migrated


async def probed(
    folder: Path, *words: str, reply: Reply | None = None, **more: str
) -> tuple[Ended, Gateway]:
    async with serve(Telegram("1:x"), Gateway(KEY)) as world:
        world.gateway.script(*([reply] if reply else []))
        end = await ended(
            folder,
            "probe",
            *words,
            GATEWAY_URL=world.gateway_url,
            GATEWAY_API_KEY=KEY,
            **{"ALLOW_INSECURE_PICTURE_URLS": "true", "COLUMNS": "200", **more},
        )
        assert KEY not in end.stdout + end.stderr
        return end, world.gateway


def kept(folder: Path, suffix: str) -> list[Path]:
    return sorted((folder / "data" / "probes").glob(f"*.{suffix}"))


@pytest.mark.parametrize("shape", [Shape.MARKDOWN, Shape.IMAGES, Shape.MULTI_CAMEL])
async def test_a_probe_makes_one_call_and_keeps_the_answer_without_the_picture(
    shape: Shape, tmp_path: Path
) -> None:
    end, gateway = await probed(tmp_path, "gemini-2.5-flash-image", reply=Reply(shape=shape))
    assert end.code == 0, end
    assert len(gateway.calls) == 1
    for fact in ("drawn", "shape", "tokens", "cost", "latency", "image/png"):
        assert fact in end.stdout
    (text,), (picture,) = kept(tmp_path, "txt"), kept(tmp_path, "png")
    head, _, body = text.read_text().partition("\n\n")
    assert "kind: drawn" in head
    assert "pictures: png" in head
    assert "{{png}}" in body
    assert len(body) < 5_000
    assert picture.read_bytes().startswith(b"\x89PNG")


async def test_a_picture_at_the_gateway_itself_is_fetched_without_a_setting(tmp_path: Path) -> None:
    end, gateway = await probed(tmp_path, "flux", ALLOW_INSECURE_PICTURE_URLS="false")
    assert end.code == 0, end
    assert gateway.calls[0].route == "images/generations"
    assert "data[].url" in end.stdout
    assert len(kept(tmp_path, "png")) == 1


async def test_a_photo_asks_the_route_that_edits(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(image())
    end, gateway = await probed(tmp_path, "gemini-2.5-flash-image", "--photo", "photo.png")
    assert end.code == 0, end
    assert len(gateway.calls[0].inputs) == 1


async def test_a_failed_probe_is_kept_too(tmp_path: Path) -> None:
    end, gateway = await probed(
        tmp_path, "gemini-2.5-flash-image", reply=Reply(failure=Failure.RATE_LIMITED)
    )
    assert end.code == 1, end
    assert end.stderr.startswith("gemini-2.5-flash-image: rate_limited, status 429")
    assert end.stderr.count("\n") == 1
    assert "rate_limited" in end.stdout
    assert len(gateway.calls) == 1
    (text,) = kept(tmp_path, "txt")
    assert "status: 429" in text.read_text()


async def test_a_recording_keeps_no_secret_of_the_bot_and_no_query_of_a_link(
    tmp_path: Path,
) -> None:
    password = "hush-hush-hush"
    said = rf"{TOKEN} {KEY} {password} ![x](https://cdn.example/a.png?sig=s3cret&b=1?c) \"why?\""
    escaped = r"https:\/\/cdn.example\/b.png?sig=s3cret\u0026b=1\nAnd more?"
    body = f'{{"choices": [{{"message": {{"content": "{said} {escaped}"}}}}]}}'
    end, _ = await probed(
        tmp_path,
        "gemini-2.5-flash-image",
        reply=Reply(body=body.encode()),
        TELEGRAM_BOT_TOKEN=TOKEN,
        DATABASE_URL=f"postgresql://bot:{password}@127.0.0.1/bot",
    )
    assert end.code == 1, end
    (file,) = kept(tmp_path, "txt")
    text = file.read_text()
    for secret in (TOKEN, KEY, password, "sig=", "s3cret"):
        assert secret not in text
    content = json.loads(text.partition("\n\n")[2])["choices"][0]["message"]["content"]
    assert '![x](https://cdn.example/a.png) "why?"' in content
    assert content.endswith("https://cdn.example/b.png\nAnd more?")


@pytest.mark.parametrize("photo", ["photo.png", "/dev/zero"])
async def test_a_photo_larger_than_the_bot_takes_is_not_read(photo: str, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(image() + bytes(3_000))
    end, gateway = await probed(
        tmp_path, "gemini-2.5-flash-image", "--photo", photo, MAX_INPUT_BYTES="2048"
    )
    assert end.code == 2
    assert f"{photo} is larger than MAX_INPUT_BYTES, 2048" in end.stderr
    assert end.stderr.count("\n") == 1
    assert gateway.calls == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["da-vinci"], "da-vinci is not in the catalogue; there are: gemini-2.5-flash-image, "),
        (["dall-e-3", "--photo", "photo.png"], "dall-e-3 works from words alone"),
        (["gemini-2.5-flash-image", "--photo", "none.png"], "none.png: No such file"),
        (
            ["gemini-2.5-flash-image", "--photo", "text.txt"],
            "text.txt cannot be used: not a picture",
        ),
    ],
)
async def test_what_cannot_be_asked_is_refused_in_one_line(
    words: list[str], told: str, tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(image())
    (tmp_path / "text.txt").write_text("no picture " * 20)
    end, gateway = await probed(tmp_path, *words)
    assert end.code == 2
    assert told in end.stderr
    assert end.stderr.count("\n") == 1
    assert gateway.calls == []


PAYING = "gemini-2.5-flash-image"


async def probes(url: str) -> tuple[list[Action], dict[int, dict[str, Any]]]:
    """Read the actions, and their calls."""
    store = await Store.open(url)
    try:
        actions = await store.read(lambda tx: tx.actions.latest(9))
        ids = [int(one.after["call"] or 0) for one in actions]
        return actions, await store.read(lambda tx: tx.calls.by_ids(ids))
    finally:
        await store.close()


async def test_a_probe_is_in_the_books_of_the_bot(tmp_path: Path) -> None:
    url = await migrated(tmp_path)
    await probed(tmp_path, PAYING, DATABASE_URL=url)
    await probed(tmp_path, PAYING, reply=Reply(failure=Failure.RATE_LIMITED), DATABASE_URL=url)
    (failed, drawn), calls = await probes(url)
    assert (drawn.verb, drawn.target, drawn.before) == (AdminVerb.PROBE, f"model:{PAYING}", {})
    assert drawn.actor == failed.actor == command_line()
    one, other = calls[1], calls[2]
    assert (one["kind"], one["outcome"], one["cost_micros"]) == ("probe", "drawn", 38_704)
    assert (other["outcome"], other["http_status"], other["account_id"]) == ("rate_limited", 429, 0)
    assert other["detail"] != ""
    audit = await ended(tmp_path, "audit", DATABASE_URL=url)
    assert audit.stdout == "the books agree\n"


async def test_a_probe_that_is_killed_stays_in_the_books_as_one_whose_end_nobody_saw(
    tmp_path: Path,
) -> None:
    url = await migrated(tmp_path)
    async with serve(Telegram("1:x"), Gateway(KEY)) as world:
        given = {"GATEWAY_URL": world.gateway_url, "GATEWAY_API_KEY": KEY, "DATABASE_URL": url}
        with world.gateway.hold() as gate:
            async with running(tmp_path, "probe", PAYING, **given):
                await world.gateway.until(lambda: gate.waiting)
    audit = await ended(tmp_path, "audit", DATABASE_URL=url)
    assert "call 1 beside the jobs: a probe for the command line" in audit.stdout
    assert "it may have been billed" in audit.stdout


async def test_a_probe_without_a_database_says_so_and_makes_none(tmp_path: Path) -> None:
    end, gateway = await probed(tmp_path, PAYING, DATABASE_URL=f"sqlite:///{tmp_path}/bot.db")
    assert (end.code, len(gateway.calls)) == (0, 1)
    assert "not written down: DATABASE_URL: there is no database of the bot's" in end.stdout
    assert not (tmp_path / "bot.db").exists()
