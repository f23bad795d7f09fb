"""Vector pictures: told by their words, kept without what runs or loads anything."""

from __future__ import annotations

from functools import partial
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import InputError, InputProblem
from bot.media.svg import MAX_BYTES, may_begin
from bot.media.svg import sanitize as limited

sanitize = partial(limited, max_pixels=100_000_000)

NAMESPACE = "http://www.w3.org/2000/svg"
HARMLESS = (
    f'<svg xmlns="{NAMESPACE}" width="40" height="20px" viewBox="0 0 4 2">'
    '<defs><linearGradient id="g"></linearGradient></defs>'
    '<rect fill="url(#g)" width="4" height="2"></rect><use href="#g"></use><text>A &lt; B</text></svg>'
)
HOSTILE = (
    "<script>alert(1)</script>",
    '<rect onload="alert(1)"/>',
    "<foreignObject><body onload='alert(1)'/></foreignObject>",
    '<a href="javascript:alert(1)"><text>x</text></a>',
    '<image href="https://example.org/alert.png"/>',
    '<image href="data:image/svg+xml;base64,alert"/>',
    "<style>@import 'alert.css';</style>",
    "<style>@im<b/>port 'alert.css';</style>",
    "<style>rect { fill: url(https://example.org/alert) }</style>",
    '<rect style="fill: u\\72l(alert)"/>',
    "<rect fill=\"url( '//alert' )\"/>",
    '<set attributeName="href" to="alert"/>',
    '<set attributeName="onclick" to="alert(1)"/>',
    '<x:script xmlns:x="http://www.w3.org/2000/svg">alert(1)</x:script>',
    "<!-- alert --><?xml-stylesheet href='alert.css'?>",
)


def test_a_harmless_drawing_stays_what_it_is() -> None:
    drawing = sanitize(HARMLESS.encode())
    assert (drawing.data.decode(), drawing.width, drawing.height) == (HARMLESS, 40, 20)


@pytest.mark.parametrize("part", HOSTILE)
def test_what_runs_or_loads_is_left_out(part: str) -> None:
    drawing = sanitize(f'<svg xmlns="{NAMESPACE}">{part}<path d="M0 0"/></svg>'.encode())
    assert b"alert" not in drawing.data
    assert [one.tag for one in ET.fromstring(drawing.data)][-1] == f"{{{NAMESPACE}}}path"  # noqa: S314 - our own copy


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>',
        '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
        '<!DOCTYPE svg [<!ENTITY % a "b"> %a;]><svg/>',
        "<html><svg/></html>",
        "<svg><rect></svg>",
        "<svg",
        '<?xml version="1.0" encoding="no such"?><svg/>',
        "",
    ],
)
def test_what_is_no_drawing_or_declares_entities_is_refused(document: str) -> None:
    with pytest.raises(InputError):
        sanitize(document.encode())


def test_a_huge_drawing_is_not_read() -> None:
    with pytest.raises(InputError) as refused:
        sanitize(b"<svg>" + b" " * MAX_BYTES + b"</svg>")
    assert refused.value.problem is InputProblem.TOO_MANY_BYTES


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="64" height="32"', (64, 32)),
        ('width="100%" height="100%" viewBox="0 0 24 12"', (24, 12)),
        ('viewBox="0,0,.4,0"', (1, 1)),
        ('width="1e9" height="2em"', (300, 150)),
        ("", (300, 150)),
    ],
)
def test_the_size_is_what_the_drawing_names(attributes: str, size: tuple[int, int]) -> None:
    drawing = sanitize(f"<svg {attributes}/>".encode())
    assert (drawing.width, drawing.height) == size
    assert ET.fromstring(drawing.data).tag == f"{{{NAMESPACE}}}svg"  # noqa: S314 - our own copy


@pytest.mark.parametrize("head", [b"<svg>", b"\xef\xbb\xbf\n<?xml version", b"<!-- a --><svg"])
def test_a_drawing_is_told_by_its_beginning(head: bytes) -> None:
    assert may_begin(head)
    assert not may_begin(b"<html>" + head)


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"<svg>{text}</svg>".encode())
)
def test_any_bytes_are_a_drawing_or_refused(data: bytes) -> None:
    try:
        copy = sanitize(data)
    except InputError:
        return
    assert sanitize(copy.data) == copy


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=50))
def test_words_are_kept_as_they_are(words: str) -> None:
    root = ET.Element("svg", {"viewBox": "0 0 3 4"})
    ET.SubElement(root, "text").text = words
    copy = ET.fromstring(sanitize(ET.tostring(root, "utf-8")).data)  # noqa: S314 - our own copy
    assert (copy[0].text or "") == words
