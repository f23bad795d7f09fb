"""A probe: one call, its findings, and an answer that can become a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.sandbox.gateway import Failure, Gateway, Reply, Shape
from bot.sandbox.server import serve
from bot.sandbox.telegram import Telegram
from tests.command import Ended, ended
from tests.conversation import KEY, image

if TYPE_CHECKING:
    from pathlib import Path


async def probed(folder: Path, *words: str, reply: Reply | None = None) -> tuple[Ended, Gateway]:
    async with serve(Telegram("1:x"), Gateway(KEY)) as world:
        world.gateway.script(*([reply] if reply else []))
        end = await ended(
            folder,
            "probe",
            *words,
            GATEWAY_URL=world.gateway_url,
            GATEWAY_API_KEY=KEY,
            ALLOW_INSECURE_PICTURE_URLS="true",
            COLUMNS="200",
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


async def test_a_photo_asks_the_route_that_edits(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(image())
    end, gateway = await probed(tmp_path, "gemini-2.5-flash-image", "--photo", "photo.png")
    assert end.code == 0, end
    assert len(gateway.calls[0].inputs) == 1


async def test_a_failed_probe_is_kept_too(tmp_path: Path) -> None:
    end, gateway = await probed(
        tmp_path, "gemini-2.5-flash-image", reply=Reply(failure=Failure.RATE_LIMITED)
    )
    assert end.code == 0, end
    assert "rate_limited" in end.stdout
    assert len(gateway.calls) == 1
    (text,) = kept(tmp_path, "txt")
    assert "status: 429" in text.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["da-vinci"], "da-vinci is not in the catalogue; there are: gemini-2.5-flash-image, "),
        (["dall-e-3", "--photo", "photo.png"], "dall-e-3 works from words alone"),
        (["gemini-2.5-flash-image", "--photo", "none.png"], "none.png: No such file"),
        (["gemini-2.5-flash-image", "--photo", "text.txt"], "not_a_picture"),
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
