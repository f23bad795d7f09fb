"""Bombs: a file that costs a decoder far more than its bytes is given up, and only it suffers."""

from __future__ import annotations

import asyncio
import fcntl
import os
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bot.domain import InputError, InputProblem
from bot.media.bounds import CHUNKS, LARGE, SCANS, SEGMENTS, Bounds, is_simple
from bot.media.inputs import Inputs
from tests.media.test_inputs import fitted
from tests.media.test_inspect import SAMPLES, chunk, encoded, png
from tests.support.media import file_of
from tests.support.waiting import patient

MEGA = 1_000_000
WIDE = Bounds(max_pixels=50 * MEGA, max_bytes=20 * MEGA, side=2048, size=20 * MEGA)
pytestmark = pytest.mark.asyncio(loop_scope="module")  # as long as the processes live

JPEG = SAMPLES["image/jpeg"]
PROGRESSIVE = encoded("image/jpeg", progressive=True)
DECODED = SAMPLES["image/webp"]  # whatever it says of itself


def scans(more: int) -> bytes:
    """Repeat the last scan of a progressive JPEG."""
    last = PROGRESSIVE.rindex(b"\xff\xda")
    return PROGRESSIVE[:-2] + PROGRESSIVE[last:-2] * more + PROGRESSIVE[-2:]


def comments(number: int) -> bytes:
    return JPEG[:2] + b"\xff\xfe\0\2" * number + JPEG[2:]


def gif(frames: int, comment: bytes = b"") -> bytes:
    """Repeat the frame of a GIF; its comment stands before it."""
    picture = encoded("image/gif", Image.new("P", (8, 8), 1))
    first = picture.index(b"\x2c")
    return picture[:first] + comment + picture[first:-1] * frames + b";"


def slow_comment() -> bytes:
    """Make a GIF that takes a step of Python for each two of its bytes."""
    return gif(1, b"\x21\xfe" + b"\1a" * 12 * MEGA + b"\0")


def cpu_seconds(pid: int) -> float:
    """Tell what a process has used: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def about(pid: int, what: str) -> bytes:
    return Path(f"/proc/{pid}/{what}").read_bytes()


async def process(inputs: Inputs) -> int:
    """Tell which process decodes next."""
    await fitted(inputs, DECODED)
    return inputs.processes._idle[-1].pid


async def problem(inputs: Inputs, data: bytes, bounds: Bounds = WIDE) -> InputProblem:
    with pytest.raises(InputError) as caught:
        await fitted(inputs, data, bounds)
    return caught.value.problem


PARTS: dict[str, Callable[[int], bytes]] = {
    "scans": scans,
    "comments": comments,
    "chunks": lambda number: png(2, 2, *[chunk(b"tEXt", b"a\0b")] * number),
}


@pytest.mark.parametrize(
    ("part", "usual", "many"),
    [("scans", SCANS // 2, 5_000), ("comments", SEGMENTS // 2, MEGA), ("chunks", CHUNKS, MEGA)],
)
async def test_a_file_of_too_many_parts_is_not_decoded(
    part: str, usual: int, many: int, inputs: Inputs
) -> None:
    mime = "image/png" if part == "chunks" else "image/jpeg"
    assert is_simple(PARTS[part](usual - 5), mime)
    pid = await process(inputs)
    before = cpu_seconds(pid)
    bomb = await asyncio.to_thread(PARTS[part], many)
    assert await problem(inputs, bomb) is InputProblem.TOO_COMPLEX
    assert await process(inputs) == pid  # it was not ended over it
    assert cpu_seconds(pid) - before < 1


async def test_a_large_file_in_chunks_of_8_kb_passes() -> None:
    rows = zlib.compress(os.urandom(3_001 * 1000), 0)
    pieces = [chunk(b"IDAT", rows[at : at + 8192]) for at in range(0, len(rows), 8192)]
    assert is_simple(png(1000, 1000, *pieces * 6), "image/png")


async def test_of_900_000_frames_one_is_decoded(inputs: Inputs) -> None:
    pid = await process(inputs)
    before = cpu_seconds(pid)
    long = Bounds(WIDE.max_pixels, 100 * MEGA, WIDE.side, WIDE.size)
    ready = await fitted(inputs, gif(900_000), long)
    assert (ready.mime, ready.width) == ("image/jpeg", 8)
    assert await process(inputs) == pid
    assert cpu_seconds(pid) - before < 1


async def test_whatever_takes_more_than_its_seconds_is_cut_off(inputs: Inputs) -> None:
    pid = await process(inputs)
    # The second that is under way is its own, and there is memory for more than that.
    brief = Bounds(300 * MEGA, 30 * MEGA, WIDE.side, WIDE.size, seconds=0)
    assert await problem(inputs, slow_comment(), brief) is InputProblem.TOO_COMPLEX
    assert await process(inputs) != pid  # another one goes on
    assert not lives(pid)


async def test_whatever_takes_more_than_its_memory_is_refused(inputs: Inputs) -> None:
    flat = Image.new("RGB", (3600, 3600), "red")
    webp = encoded("image/webp", flat, lossless=True, method=0)
    narrow = Bounds(13 * MEGA, MEGA, side=2048, size=MEGA)
    assert await problem(inputs, webp, narrow) is InputProblem.TOO_COMPLEX
    pid = await process(inputs)
    tiny = Bounds(4 * MEGA, -30 * MEGA, side=2048, size=MEGA)  # less than the process alone takes
    request = {"path": str(file_of(inputs.media, (await inputs.media.put(webp)).sha256))}
    rest = {
        "work": "",
        "seconds": 4,
        "max_pixels": 50 * MEGA,
        "side": 99,
        "size": 9,
        "mask": None,
        "png": False,
        "small": False,
    }
    head, _ = await inputs.processes.ask({"memory": tiny.memory, **request, **rest})
    assert InputProblem(head["problem"])
    assert await process(inputs) == pid


async def test_49_megapixels_are_decoded_within_the_memory_one_at_a_time(inputs: Inputs) -> None:
    large = BytesIO()
    Image.new("RGBA", (7000, 7000), (1, 2, 3, 4)).save(large, "PNG", compress_level=1)
    folder = os.open(inputs.media.scratch, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)  # as if another one was being decoded
    waiting = asyncio.create_task(fitted(inputs, large.getvalue(), WIDE))
    await fitted(inputs, DECODED)
    await fitted(inputs, DECODED)
    assert not waiting.done()
    os.close(folder)
    assert (await waiting).width == 2048
    status = about(await process(inputs), "status")
    peak = next(line for line in status.splitlines() if line.startswith(b"VmHWM"))
    assert int(peak.split()[1]) << 10 < WIDE.memory
    assert LARGE < 7000 * 7000


async def test_a_process_that_dies_while_idle_is_replaced(inputs: Inputs) -> None:
    await process(inputs)
    for idle in inputs.processes._idle:
        idle.kill()
        await idle.wait()
    assert (await fitted(inputs, DECODED)).mime == "image/webp"


async def test_who_is_cancelled_ends_the_process(inputs: Inputs) -> None:
    pid = await process(inputs)
    folder = os.open(inputs.media.scratch, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    side = int(LARGE**0.5) + 1
    large = encoded("image/png", Image.new("1", (side, side)))
    kept = await inputs.media.put(large)
    waiting = asyncio.create_task(inputs.fit(kept.sha256, WIDE, "7-1"))
    while not list(inputs.media.scratch.glob("decoding-7-1")):
        await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert not lives(pid)
    os.close(folder)
    # Once more, and the third time nothing is decoded.
    note = inputs.media.scratch / "decoding-7-1"
    assert note.read_bytes() == b"."
    note.write_bytes(b"..")
    with pytest.raises(InputError) as caught:
        await inputs.fit(kept.sha256, WIDE, "7-1")
    assert caught.value.problem is InputProblem.TOO_COMPLEX
    note.write_bytes(b".")
    await inputs.fit(kept.sha256, WIDE, "7-1")
    assert not note.exists()


async def test_of_small_pictures_only_what_lasts_is_noted(inputs: Inputs) -> None:
    small, slow = await inputs.media.put(DECODED), await inputs.media.put(slow_comment())
    notes = inputs.media.scratch
    folder = notes.stat().st_mtime_ns
    await inputs.fit(small.sha256, WIDE, "7-2")
    assert notes.stat().st_mtime_ns == folder  # nothing was written there, nor deleted
    note = notes / "decoding-7-2"
    large = Bounds(300 * MEGA, 30 * MEGA, WIDE.side, WIDE.size)
    fitting = asyncio.create_task(inputs.fit(slow.sha256, large, "7-2"))
    async with patient():
        while not (note.exists() and note.read_bytes()):
            assert not fitting.done()
            await asyncio.sleep(0.01)
    assert note.read_bytes() == b"."
    fitting.cancel()
    await asyncio.wait([fitting])


async def test_the_process_knows_no_secret(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "a secret")
    await inputs.processes.close()
    environment = about(await process(inputs), "environ")
    assert b"secret" not in environment
    assert b"TOKEN" not in environment
