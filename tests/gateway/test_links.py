"""Links in a model's words: found whole or not at all, and the words keep the rest."""

from __future__ import annotations

import html
import json
import re
import string
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.catalogue.profiles import Profile
from bot.domain import Answer, Drawn, OutcomeKind, Undrawn
from bot.gateway.client import GatewayClient
from bot.gateway.links import find_links, is_link, same_picture, with_links, without_links
from bot.gateway.request import ImageRequest
from bot.media.store import MediaStore
from tests.gateway.pictures import base64, picture
from tests.support.media import file_of
from tests.support.wire import Play, Received, Server, reply

PNG = picture()

# Words that no space divides from a link behind them or before them.
GLUED = (
    "，有效期24小时",
    "。请在一小时内下载",
    "点击下载",
    "！",
    "」です",
    "をご覧ください",
    "를 보세요",
    "…",
    "🎉",
    "）",
)
BARE = {
    "alone": "{}",
    "in prose": "Here it is: {} (valid for a day).",
    "at a sentence's end": "Look at {}.",
    "with a question": "Do you like {}?!",
    "in brackets": "A cat ({}), as you wanted",
    "in angle brackets": "<{}>",
    "in quotation marks": '{{"url": "{}", "n": 1}}',
    "as code": "`{}`",
    "strong": "**{}**",
    "strong and glued": "**{}**下载",
    "in a table": "|image|{}|",
    "in Chinese brackets": "图片（{}）已生成",
    "in corners": "「{}」",
    "in BBCode": "[img]{}[/img]",
    "a Markdown link": "[download]({})",
    "a Markdown link with a title": '[download]({} "the cat")',
    "in escaped HTML": "&lt;img src=&quot;{}&quot;&gt;",
    **{f"glued: {words}": f"图片：{{}}{words}" for words in GLUED},
}
IMAGES = {
    "Markdown": "Here: ![image]({})!",
    "Markdown with a title": "![a cat]( {} 'a (grey) cat' )",
    "Markdown in angle brackets": "![](<{}>)",
    "Markdown between Chinese": "图片：![图]({})，已生成。",
    "HTML": 'See <img alt="a" src="{}" width=20/> there',
    "HTML in single quotes": "<IMG SRC='{}'>",
    "HTML without quotes": "<p><img src={} ></p>",
}

hosts = st.sampled_from(
    ["cdn.example", "a.b-c.example:8443", "xn--fiqs8s.example", "93.184.216.34"]
)
names = st.text(string.ascii_letters + string.digits + "-_~.", min_size=1, max_size=12).filter(
    lambda name: name[-1] not in ".~_" and "~~" not in name and name.strip(".")
)
segments = st.one_of(
    names, names.map(lambda name: f"f:({name})x"), names.map(lambda n: quote(f"ä {n}"))
)
paths = st.lists(segments, max_size=4).map("/".join)
queries = st.dictionaries(names, names.map(lambda name: f"{name}%2F+=:/@1"), max_size=3).map(
    lambda pairs: "&".join(f"{key}={value}" for key, value in pairs.items())
)
urls = st.builds(
    lambda scheme, host, path, query: f"{scheme}://{host}/{path}" + (f"?{query}" if query else ""),
    st.sampled_from(["http", "https", "HTTPS"]),
    hosts,
    paths,
    queries,
)
# Words around: any script, but nothing that makes another link, or more of one.
words = st.text(
    st.sampled_from(
        [*"abc XYZ\n", *"一只猫，。！", *"ねこカナ", *"кот", *"قط", *"고양이", "🐈", *"0 1"]
    ),
    max_size=20,
)


@given(
    url=urls,
    form=st.sampled_from([*BARE.values(), *IMAGES.values()]),
    before=words,
    after=words,
)
@example(url="https://a.example/x(1)?y=(2)", form="({})", before="", after="")
def test_a_link_is_found_whole_and_the_words_keep_the_rest(
    url: str, form: str, before: str, after: str
) -> None:
    text = f"{before}\n{form.format(url)}\n{after}"
    (link,) = find_links(text)
    assert link.url == url
    assert link.image is (form in IMAGES.values())
    assert url in text[link.start : link.end]
    left = without_links(text, {url})
    assert url not in left
    assert left.startswith(before.strip())
    assert left.endswith(after.strip())
    kept = without_links(text, set())
    assert url in kept
    assert kept.startswith(before.strip())
    assert kept.endswith(after.strip())
    assert [found.url for found in find_links(kept)] == [url]


@given(url=urls, form=st.sampled_from([*BARE.values(), *IMAGES.values()]))
def test_what_markdown_html_and_json_do_to_an_address_is_undone(url: str, form: str) -> None:
    ways = (
        html.escape(url, quote=False),
        html.escape(html.escape(url, quote=False)),
        url.replace("_", "\\_"),
        url.replace("/", "\\/").replace("&", "\\u0026"),
        url.replace("&", "&#38;"),
    )
    for way in ways:
        assert [link.url for link in find_links(form.format(way))] == [url]


@given(
    st.lists(urls, min_size=1, max_size=5, unique=True),
    st.sampled_from([" ", "\n", "、", "，", " | "]),
)
def test_several_links_are_told_apart(several: list[str], between: str) -> None:
    text = between.join(several)
    assert [link.url for link in find_links(text)] == several
    for url in several:
        rest = without_links(text, {url})
        assert [link.url for link in find_links(rest)] == [one for one in several if one != url]


PIECES_OF_ANY = [*"ab/:.()[]<>!\\\"'`&*_~ \n，猫", "http://", "![", "](", "<img src=", "&amp;"]


@given(st.lists(st.sampled_from(PIECES_OF_ANY), max_size=60).map("".join))
def test_any_text_is_read_and_nothing_but_links_leaves_it(text: str) -> None:
    links = list(find_links(text))
    assert all(one.end <= other.start for one, other in pairwise(links))
    assert all(is_link(link.url) for link in links)
    # Of a link without a label the address is left, whatever it leads to.
    unlabelled = re.search(r"\[\s*\]\(", text)
    assert links or unlabelled or without_links(text, {"http://a"}) == text.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a/图片/猫.png", ["https://a/图片/猫.png"]),
        ("https://a/图片/猫.png下载", ["https://a/图片/猫.png"]),
        ("https://a/p/下载图片", ["https://a/p/"]),
        ("https://a/1.png(原图)", ["https://a/1.png"]),
        ("https://a/w/Cat_(b)_(c).png).", ["https://a/w/Cat_(b)_(c).png"]),
        ("https://a/x[0]=1", ["https://a/x[0]=1"]),
        ("https://a/1.png,https://a/2;3,4.png;http://b", ["https://a/1.png", "https://a/2;3,4.png", "http://b"]),
        ("_https://a/p_", ["https://a/p"]),
        ("https://a/p_ b_", ["https://a/p_"]),
        ("https://ru/картинка.png, да", ["https://ru/картинка.png"]),
        ("![x](https://a/my cat.png)", ["https://a/my cat.png"]),
        ("![x](https://a/猫（1）.png)", ["https://a/猫（1）.png"]),
        ("![x](/p/cat.png) ![y](p/dog.png) ![z](//cdn/x.png)", ["/p/cat.png", "p/dog.png", "//cdn/x.png"]),
        ("图片：/p/cat.png。 and/or 1/2.png, a/b.png", ["/p/cat.png"]),
        ("[a](/p/cat.png) <img src='/p/c?d=1'>", ["/p/cat.png", "/p/c?d=1"]),
        ("![x](sandbox:/mnt/data/a.png) [y](sandbox:/mnt/b.png)", []),
        ("![x](image upload err) ![y](upload_failed) ![](N.A.)", []),
        ("![x](" + "iVBORw0KGgo/" * 40 + ")", []),
        ("https:// http://, ftp://a/b", []),
        ("Saved to /mnt/data/fox.png: ![fox](/mnt/data/fox.png)", []),
        ('<svg xmlns="http://www.w3.org/2000/svg">', []),
    ],
)  # fmt: skip
def test_what_is_a_link(text: str, expected: list[str]) -> None:
    assert [link.url for link in find_links(text)] == expected


def test_a_thumbnail_leads_to_its_picture() -> None:
    text = "[![t](https://a/1.png)](https://a/full/1.png) x"
    (link,) = find_links(text)
    assert (link.url, link.outer, link.image) == ("https://a/1.png", "https://a/full/1.png", True)
    assert without_links(text, {link.url}) == "https://a/full/1.png x"
    assert without_links(text, {link.url, link.outer}) == "x"
    assert without_links(
        "<a href='https://a/1'><img src='https://a/2'></a> x", {"https://a/2"}
    ) == ("https://a/1 x")


def test_one_file_of_one_host_is_one_picture() -> None:
    assert same_picture("https://a/cdn/1.png", "https://A/cdn/download/1.png?dl=1")
    assert not same_picture("https://a/1.png", "https://b/1.png")
    assert not same_picture("https://a/1.png", "https://a/terms")
    assert not same_picture("https://a/", "https://a/?x=1")
    assert not same_picture("https://[a/1.png", "https://a/1.png")


@given(st.lists(urls, min_size=1, max_size=3, unique=True), words, st.integers(500, 2000))
def test_links_stay_whole_where_words_are_cut(several: list[str], said: str, limit: int) -> None:
    text = f"{said * 200} {several[0]} {said}"
    cut = with_links(text, several, limit)
    assert all(url in cut for url in several)
    assert len(cut) <= max(limit, sum(len(url) + 1 for url in several))


SIZE = 500_000
PIECES = [
    "[", "![", "![](", "](", "![a](", "[](<", "![](<http://a", "[](http://a", "(", "[](data:", "<img",
    "<a ", "http://a(", "http://a(b", "http://a[b", "(http://a((", "/a", "/a.png ", '"http://a', "`",
    "https://a/猫", '<img src="', "[![a](b)]", "[![a](", "![a](b(c", "**", "&amp;", "http://a&amp;",
    "\\_", "http://a\\_", "猫", "http://a/猫-", "<http://", '[a](b "', "https://a/-猫", "a.png",
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_hostile_words_are_read_as_quickly_as_others(piece: str) -> None:
    for text in (piece * (SIZE // len(piece)), "http://a/" + piece * (SIZE // len(piece))):
        assert len(list(find_links(text))) <= 500
        assert len(without_links(text, {"x"})) <= len(text)


async def ask(gateway: GatewayClient, profile: Profile) -> Answer:
    return await gateway.generate(ImageRequest("A cat", profile))


def said(content: str) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


# What the gateway answers, where its picture is, and what then stands beside the picture.
ANSWERS: dict[str, tuple[object, str, str]] = {
    "a Chinese comma behind it": ("图片已生成：{}/p/cat.png，有效期24小时。", "/p/cat.png", "图片已生成：，有效期24小时。"),
    "a Chinese full stop": ("图片：{}/p/cat.png。请在一小时内下载", "/p/cat.png", "图片：。请在一小时内下载"),
    "words glued behind it": ("{}/p/cat.png点击下载", "/p/cat.png", "点击下载"),
    "escaped underscores": ("![image]({}/p/my\\_cat\\_1.png)", "/p/my_cat_1.png", ""),
    "an image tag": ('<img src="{}/p/cat.png?e=1&amp;s=2" alt="cat"/>', "/p/cat.png?e=1&s=2", ""),
    "parentheses": ("![i]({}/p/f:format(jpeg):q(90)/cat.png)", "/p/f:format(jpeg):q(90)/cat.png", ""),
    "a path in Markdown": ("Here it is: ![image](/p/cat.png)", "/p/cat.png", "Here it is:"),
    "a path in words": ("图片：/p/cat.png。", "/p/cat.png", "图片：。"),
    "a path in a tag": ("<img src='/p/cat'>", "/p/cat", ""),
    "a path in data": ([{"url": "/p/cat.png"}], "/p/cat.png", ""),
    "a name in data": ([{"url": "p/cat.png"}], "/p/cat.png", ""),
    "HTML's ampersand in data": ([{"url": "{}/p?a=1&amp;b=2"}], "/p?a=1&b=2", ""),
    "words in data": ([{"url": "![image]({}/p/cat.png)"}], "/p/cat.png", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
async def test_a_linked_picture_comes_with_one_call(
    case: str, server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    content, path, caption = ANSWERS[case]
    if isinstance(content, str):
        body = said(content.replace("{}", server.origin))
    else:
        body = json.dumps({"created": 1, "data": content}).replace("{}", server.origin).encode()
    server.plan(reply(PNG), path)
    server.plan(reply(body))
    outcome = (await ask(gateway, profile)).outcome
    assert isinstance(outcome, Drawn), outcome
    assert [file_of(media, one.sha256).read_bytes() for one in outcome.pictures] == [PNG]
    assert outcome.text == caption
    assert len(server.requests) == 2


GONE = "{}/gone.png"
UNFETCHED: dict[str, tuple[object, str]] = {
    "a bare link": (f"Voilà: {GONE}, for a day", f"Voilà: {GONE}, for a day"),
    "a Markdown image": (f"Voilà ![cat]({GONE})", f"Voilà {GONE}"),
    "a path": ("Voilà ![cat](/gone.png)", "Voilà /gone.png"),
    "a link in data": ([{"url": GONE}], GONE),
    "a path in data": ([{"url": "/gone.png"}], "/gone.png"),
    "an address that is none": ("![a](https://xn--/a.png)", "https://xn--/a.png"),
    "a label too long": (f"https://{'a' * 64}.com/a.png", f"https://{'a' * 64}.com/a.png"),
    "a signature": (f"![a]({GONE}?s={'aB3/' * 100})", f"{GONE}?s={'aB3/' * 100}"),
}


@pytest.mark.parametrize("case", UNFETCHED)
async def test_a_link_that_brings_nothing_stays_in_the_words_and_is_no_mere_text(
    case: str, server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    content, words = UNFETCHED[case]
    text = content if isinstance(content, str) else ""
    body = json.dumps({"data": content}).encode() if not text else said(text)
    for path in ("/gone.png", f"/gone.png?s={'aB3/' * 100}"):
        server.plan(reply(b"", 404), path)
    server.plan(reply(body.replace(b"{}", server.origin.encode())))
    outcome = (await ask(gateway, profile)).outcome
    assert outcome == Undrawn(OutcomeKind.NOT_FETCHED, words.replace("{}", server.origin))


async def test_a_link_of_which_nothing_came_stays_beside_the_picture_that_did(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    server.plan(reply(PNG), "/1.png")
    server.plan(reply(b"", 404), "/2.png")
    content = "One ![a]({0}/1.png)\nTwo ![b]({0}/2.png)\n[terms]({0}/terms) [save]({0}/1.png?dl=1)"
    server.plan(reply(said(content.format(server.origin))))
    outcome = (await ask(gateway, profile)).outcome
    assert isinstance(outcome, Drawn)
    assert outcome.text == f"One \nTwo {server.origin}/2.png\n[terms]({server.origin}/terms)"


async def test_a_picture_that_a_link_repeats_does_not_wait_for_it(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    data = [{"b64_json": base64(PNG), "url": f"{server.origin}/nowhere"}]
    server.plan(reply(json.dumps({"data": data}).encode()))
    outcome = (await ask(gateway, profile)).outcome
    assert isinstance(outcome, Drawn)
    assert len(server.requests) == 1


async def test_the_link_of_a_picture_that_is_not_there_yet_brings_it(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    async def play(request: Received, writer: object) -> None:
        tries = sum("/p/cat" in one.line for one in server.requests)
        answer: Play = reply(PNG) if tries > 2 else reply(b"file not exist", 404)
        await answer(request, writer)  # type: ignore[arg-type]

    server.plan(play, "/p/cat.png")
    server.plan(reply(said(f"![a]({server.origin}/p/cat.png)")))
    assert isinstance((await ask(gateway, profile)).outcome, Drawn)
    assert len(server.requests) == 4
