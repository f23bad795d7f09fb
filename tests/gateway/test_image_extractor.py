"""The extractor: the same pictures and remainder however the bytes were split, in flat memory."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote

import pybase64
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.gateway.image_extractor import PLACEHOLDER, ImageExtractor
from tests.gateway.pictures import base64, picture

PNG, JPEG, WEBP = picture("PNG"), picture("JPEG"), picture("WEBP")
HEADS = [PNG[:60], JPEG[:60], WEBP[:60]]


def extract(data: bytes, cuts: list[int] | None = None) -> tuple[str, list[bytes]]:
    """Extract from `data`, split at `cuts`; gives the remainder and the pictures."""
    extractor = ImageExtractor(limit=1 << 20, indices=iter(range(16)))
    pictures: dict[int, bytes] = {}
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    pieces = [piece for start, end in pairwise(edges) for piece in extractor.feed(data[start:end])]
    for piece in [*pieces, *extractor.finish()]:
        pictures[piece.index] = pictures.get(piece.index, b"") + piece.data
    assert sorted(pictures) == list(range(len(pictures)))
    return extractor.remainder.decode("utf-8", "replace"), list(pictures.values())


def wrapped(text: str, width: int = 76, end: str = "\n") -> str:
    return end.join(text[at : at + width] for at in range(0, len(text), width))


def in_json(url: str) -> bytes:
    return json.dumps({"url": url, "then": "text"}).encode()


def in_json_again(text: str) -> str:
    """Write a string as JSON in a string of JSON does, PHP's slashes included."""
    return json.dumps(text)[1:-1].replace("/", "\\/").replace("=", "\\u003d")


ESCAPES: dict[str, Callable[[str], str]] = {
    "none": str,
    "slashes": lambda text: text.replace("/", "\\/"),
    "once": lambda text: text.replace("+", "\\u002B").replace("/", "\\u002f"),
    "twice": lambda text: json.dumps(in_json_again(text))[1:-1],
    "percent": lambda text: quote(text, safe=""),
    "percent, small": lambda text: re.sub(
        "%..", lambda code: code[0].lower(), quote(text, safe="")
    ),
}


@given(
    data=st.binary(max_size=600).map(PNG[:60].__add__),
    way=st.sampled_from(sorted(ESCAPES)),
    head=st.sampled_from(["", "data:image/png;base64,", "data:image/png;base64%2C"]),
    width=st.sampled_from([0, 76]),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=6),
)
def test_base64_that_was_escaped_on_its_way_is_the_same_picture(
    data: bytes, way: str, head: str, width: int, cuts: list[int]
) -> None:
    text = base64(data)
    if width and way in {"none", "twice"}:
        text = wrapped(text, width) if way == "twice" else wrapped(text, width, "\\n")
    document = f'{{"url":"{head}{ESCAPES[way](text)}","then":"text"}}'.encode()
    remainder, pictures = extract(document, cuts)
    assert pictures == [data]
    assert json.loads(remainder)["then"] == "text"


@pytest.mark.parametrize("data", [PNG, JPEG, WEBP], ids=["png", "jpeg", "webp"])
@pytest.mark.parametrize(
    ("head", "write"),
    [
        ("data:image/png;base64,", base64),
        ("data:image/png;BASE64,", base64),
        ("data:;base64,", base64),
        ("", base64),
        ("data:image/png;base64,", lambda data: base64(data).rstrip("=")),
        ("", lambda data: base64(data).translate(str.maketrans("+/", "-_"))),
        ("data:image/png;base64,", lambda data: wrapped(base64(data))),
        ("data:image/png;base64, ", lambda data: wrapped(base64(data), 64, "\r\n")),
        ("\n", lambda data: wrapped(base64(data).rstrip("="), 76) + "\n"),
        ("data:image/png;base64,", lambda data: wrapped(base64(data), 333)),
    ],
    ids=[
        "data url",
        "upper case",
        "no mime",
        "raw",
        "unpadded",
        "raw and url-safe",
        "wrapped",
        "wrapped at 64 with spaces",
        "raw, wrapped, unpadded",
        "wrapped wide",
    ],
)
def test_every_way_to_write_base64_is_the_same_picture(
    data: bytes,
    head: str,
    write: object,
) -> None:
    assert callable(write)
    document = in_json(head + write(data))
    remainder, pictures = extract(document)
    assert pictures == [data]
    assert json.loads(remainder)["then"] == "text"
    assert PLACEHOLDER.search(json.loads(remainder)["url"])
    assert extract(document, list(range(len(document)))) == (remainder, pictures)


@pytest.mark.parametrize("escape", [r"\/", r"\u002F", r"\u002f"])
def test_escaped_slashes_and_signs_are_the_same_picture(escape: str) -> None:
    text = base64(JPEG).replace("/", escape).replace("+", r"\u002B").replace("=", r"\u003d")
    for url in (text, "data:image\\/jpeg;base64," + text):
        document = b'{"url": "' + url.encode() + b'"}'
        assert extract(document)[1] == [JPEG]
        assert extract(document, list(range(len(document)))) == extract(document)


def test_prose_behind_an_unpadded_picture_stays_prose() -> None:
    data = PNG[: len(PNG) // 3 * 3]
    remainder, pictures = extract(in_json(f"data:image/png;base64,{base64(data)}\nHere is the cat"))
    assert pictures == [data]
    assert json.loads(remainder)["url"].endswith("\nHere is the cat")


@pytest.mark.parametrize(
    "text",
    [
        "base64, is a way of writing",
        "data:text/plain;base64,aGVsbG8=",
        "/9j/ is how a JPEG starts",
        "iVBORw0KGgo= is how a PNG starts",
        "A cat",
    ],
)
def test_what_is_no_picture_passes_unchanged(text: str) -> None:
    assert extract(in_json(text)) == (in_json(text).decode(), [])


def test_long_base64_that_is_no_picture_is_read_but_not_kept() -> None:
    remainder, pictures = extract(
        in_json(f"[media](data:audio/wav;base64,{base64(b'RIFFxxxxWAVE' * 99)})")
    )
    assert pictures == []
    assert json.loads(remainder)["url"] == "[media](data:audio/wav;base64,\ue000x\ue001)"


def test_pictures_past_the_limit_are_read_but_not_kept() -> None:
    extractor = ImageExtractor(limit=1000, indices=iter(range(1)))
    document = json.dumps([base64(PNG), base64(JPEG)]).encode()
    assert b"".join(piece.data for piece in [*extractor.feed(document), *extractor.finish()]) == PNG
    assert json.loads(extractor.remainder) == ["\ue0000\ue001", "\ue000x\ue001"]


def test_past_its_limit_no_more_is_taken() -> None:
    extractor = ImageExtractor(limit=1000, indices=iter(range(1)))
    for _ in range(9):
        assert extractor.feed(b"x" * 2000) == []
    assert extractor.is_full
    assert 1000 < extractor.size < 3000


@pytest.mark.parametrize(
    "word",
    [
        "Donaudampfschifffahrtsgesellschaft",
        "supercalifragilisticexpialidocious",
        "honorificabilitudinitatibus",
        "donau-dampfschifffahrts-gesellschafts-kapitaen",
        "GenerativeLanguageModelPictures",
        "a/path/to/a/picture/of-2024/named",
        "image_of_the_cat_2024_final",
        "-----------------------------",
    ],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n", " ", "\r\n"])
def test_a_long_word_behind_an_unwrapped_picture_stays_a_word(word: str, gap: str) -> None:
    for size in (len(PNG) // 3 * 3, len(PNG) // 3 * 3 - 2):
        url = f"data:image/png;base64,{base64(PNG[:size]).rstrip('=')}"
        document = in_json(f"{url}{gap}{word} is long")
        remainder, pictures = extract(document)
        assert pictures == [PNG[:size]]
        assert json.loads(remainder)["url"].endswith(f"{gap}{word} is long")
        assert extract(document, list(range(len(document)))) == (remainder, pictures)


@pytest.mark.parametrize("width", [64, 76, 128, 129, 333, 1000])
def test_base64_wrapped_at_any_width_is_one_picture(width: int) -> None:
    data = PNG * 3 + b"\x00" * 500 + JPEG
    for end in ("\n", "\r\n"):
        assert extract(in_json("data:;base64," + wrapped(base64(data), width, end)))[1] == [data]


SIGNATURE = base64(bytes(range(256)) * 200)


@pytest.mark.parametrize("write", [str, lambda text: text.replace("/", r"\/")], ids=["", "escaped"])
@pytest.mark.parametrize("behind", ["", " and words", "\\", "\n", "\u00e9", ",", "!"])
def test_a_long_signature_that_is_no_picture_is_read_but_not_kept(
    write: Callable[[str], str], behind: str
) -> None:
    text = json.dumps({"a": SIGNATURE + behind, "b": base64(PNG), "c": "text"})
    document = write(text).encode()
    remainder, pictures = extract(document)
    assert pictures == [PNG]
    assert json.loads(remainder) == {
        "a": f"\ue000x\ue001{behind}",
        "b": "\ue0000\ue001",
        "c": "text",
    }
    for step in (1, 7, 64, 4096, 16_383):
        assert extract(document, list(range(0, len(document), step))) == (remainder, pictures)


def test_strings_that_are_short_or_no_base64_stay() -> None:
    document = json.dumps(
        ["A" * 16_000, "A cat. " * 10_000, "\u6587" * 20_000, SIGNATURE[:9]]
    ).encode()
    assert extract(document) == (document.decode(), [])
    assert extract(document, list(range(0, len(document), 99))) == (document.decode(), [])


def test_any_amount_of_signatures_fits_beside_a_picture() -> None:
    extractor = ImageExtractor(limit=40_000, indices=iter(range(4)))
    pieces = [
        piece for _ in range(200) for piece in extractor.feed(b'["%s"],' % SIGNATURE.encode())
    ]
    pieces += [*extractor.feed(in_json(base64(PNG))), *extractor.finish()]
    assert b"".join(piece.data for piece in pieces) == PNG
    assert extractor.size < 4000


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from(
            [
                *(
                    b"A" * 5000,
                    b"A" * 16_383,
                    b"A" * 16_384,
                    b"A" * 20_000,
                    b'"',
                    b'"',
                    b"\\",
                    b" ",
                ),
                *(rb"\/", rb"\u002b", rb"\u003D", rb"\u00e9", b"base64,", b"=", b"b", b"/9j/"),
                *(base64(PNG[:120]).encode(), b'"' + b"A" * 16_380, rb"\u002", rb"\n", b"\\\\"),
            ]
        ),
        max_size=12,
    ),
    cuts=st.lists(st.integers(0, 1 << 18), max_size=12),
    step=st.sampled_from([0, 13, 1000]),
)
@example(parts=[b'"', b"A" * 20_000, rb"\u002", b"base64,"], cuts=[], step=1)
def test_long_strings_split_anywhere_give_the_same(
    parts: list[bytes], cuts: list[int], step: int
) -> None:
    data = b"".join(parts)
    assert extract(data, cuts + list(range(0, len(data), step) if step else [])) == extract(data)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\ue000\ue001"))
bodies = st.builds(lambda head, tail: head + tail, st.sampled_from(HEADS), st.binary(max_size=2000))


@st.composite
def urls(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """Draw what stands before a picture's base64, the base64, and the picture."""
    data = draw(bodies)
    text = base64(data)
    if draw(st.booleans()):
        text = text.rstrip("=")
    if draw(st.booleans()):
        text = text.translate(str.maketrans("+/", "-_"))
    if draw(st.booleans()):
        text = wrapped(text, draw(st.integers(16, 128)))
    return draw(st.sampled_from(["", "data:image/png;base64,", "data:;Base64,"])), text, data


@st.composite
def documents(draw: st.DrawFn) -> tuple[bytes, list[object], list[bytes]]:
    """Draw any JSON with pictures anywhere in it, its expected remainder, its pictures in order."""
    pictures: list[bytes] = []

    def leaf() -> tuple[object, object]:
        if draw(st.booleans()):
            head, text, data = draw(urls())
            place = f"\ue000{len(pictures)}\ue001"
            pictures.append(data)
            if head and draw(st.booleans()):
                before, after = f"{draw(texts)}![image]({head}", f") {draw(texts)}"
                return before + text + after, before + place + after
            return head + text, head + place
        plain = draw(texts | st.integers() | st.none())
        return plain, plain

    leaves = draw(st.lists(st.builds(leaf), max_size=4))
    whole: list[object] = [{"key": value} for value, _ in leaves]
    remainder: list[object] = [{"key": value} for _, value in leaves]
    text = json.dumps(whole, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        text = text.replace("/", "\\/")
    return text.encode(), remainder, pictures


@given(document=documents(), cuts=st.lists(st.integers(0, 1 << 16), max_size=12))
def test_any_json_split_anywhere_gives_what_parsing_it_whole_gives(
    document: tuple[bytes, list[object], list[bytes]], cuts: list[int]
) -> None:
    data, expected, pictures = document
    remainder, found = extract(data, cuts)
    assert found == pictures
    assert json.loads(remainder) == expected


alphabet = st.sampled_from(
    [
        *(b'"', b"base64,", b"iVBORw0KGgo", b"/9j/", b"\\", b"/", b"u002", b"F", b"=", b" ", b"\n"),
        *(base64(PNG[:120]).encode(), base64(JPEG[:98]).rstrip("=").encode(), b"A" * 130, b"-_"),
    ]
)


@given(
    data=st.binary(max_size=5000) | st.lists(alphabet | st.binary(max_size=4)).map(b"".join),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=12),
)
@example(data=b'"\\n' * 9 + b"iVBORw0KGgo", cuts=[5])
@example(data=b"base64," + b"QUJD\n" * 2000, cuts=[4095, 4096, 4097])
def test_any_bytes_split_anywhere_give_the_same(data: bytes, cuts: list[int]) -> None:
    assert extract(data, cuts) == extract(data)


def test_memory_stays_flat_over_200_mb() -> None:
    text = base64(PNG[:48] + bytes(range(256)) * 1024)
    chunk = text[: 256 * 1024].encode()
    extractor = ImageExtractor(limit=1000, indices=iter(range(4)))
    total = sum(len(piece.data) for piece in extractor.feed(b'{"a": "' + chunk[:64]))
    tracemalloc.start()
    try:
        for _ in range(800):
            total += sum(len(piece.data) for piece in extractor.feed(chunk))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    total += sum(len(piece.data) for piece in [*extractor.feed(b'"}'), *extractor.finish()])
    assert total == (800 * len(chunk) + 64) * 3 // 4
    assert peak < 4 << 20
    assert json.loads(extractor.remainder) == {"a": "\ue0000\ue001"}


def test_decoding_is_exact_for_every_length() -> None:
    for length in range(60, 70):
        data = PNG[:length]
        for text in (base64(data), base64(data).rstrip("=")):
            assert extract(in_json(text), list(range(200)))[1] == [data]
            assert pybase64.b64decode(base64(data)) == data
