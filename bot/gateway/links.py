r"""Links in the words of a model: found whole, in Markdown, HTML and prose of any script, and left out.

What stands between brackets or quotation marks, or in a tag, ends there. A bare link ends as
GitHub's do (https://github.github.com/gfm/#autolinks-extension-), and where words go on that no
space divides from it: at full-width punctuation and at Chinese, Japanese, Korean or Thai.
Addresses are read as they were meant: without Markdown's and JSON's `\_` and `\/`, HTML's `&amp;`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from bot.gateway.json import CUT

_LONGEST = 8000  # characters of an address; signed ones have up to 2000
_MOST = 500  # links of a text
_SURE = 200  # characters; a path without a dot is shorter

_EXTENSION = r"\.(?:png|jpe?g|jfif|webp|gif|avif|heic|heif|bmp|tiff?|svg)"
_LETTERS = (  # of scripts with spaces between words, without their punctuation
    r"\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u037d\u037f-\u0386\u0388-\u0588\u058a-\u060b\u060d-\u061a"
    r"\u0620-\u06d3\u06d5-\u0963\u0966-\u0dff\u0f00-\u0fff\u10a0-\u10ff\u1200-\u135f\u1e00-\u1fff"
)
_JOINED = (  # of scripts without; Korean has spaces, but none before its particles
    r"\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30fa"
    r"\u30fc-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Hostile texts are read too, in the event loop: no pattern may look at a character more often
# than a few times. So repetitions are possessive, and end where another match could begin.
_SAFE = rf"A-Za-z0-9\-._:/?#@!$+=%{_LETTERS}"
_ESCAPE = r"\\(?:[!#$%&()*+,\-./:;=?@\[\]_~]|u0026)"
_QUOTE = r"&(?:quot|apos|lt|gt|nbsp|#0*3[49]|#[xX]0*2[27]);"  # of HTML that is itself escaped
_NEXT = r"[,;](?i:https?):"  # the next of a list without spaces
_ATOM = rf"(?:[{_SAFE}]++|(?!\*\*|~~|{_QUOTE}|{_NEXT})[*~&,;]|{_ESCAPE})"
_GROUP = rf"\((?:{_ATOM}|\((?:{_ATOM})*+\))*+\)|\[\w{{0,40}}+\](?=[=\[&%])"
# Such letters belong to an address where they begin a part of it and lead to a picture's name.
_JOINED_NAME = (
    rf"(?<=[/\-_=.+&?%])[{_JOINED}][{_JOINED}A-Za-z0-9\-._/%]{{0,200}}?"
    rf"{_EXTENSION}(?![A-Za-z0-9])"
)
_SCHEME = r"(?i:https?):(?:\\?/){2}"
_BARE = rf"(?P<bare>{_SCHEME}(?:{_ATOM}|{_GROUP}|{_JOINED_NAME})++)"
_PATH = (  # of the gateway's own host
    r"(?<![\w./\\~<>=&?-])(?<![A-Za-z]:)"
    r"(?P<path>/(?![/*])[A-Za-z0-9\-._/%+@~]++(?:\?[A-Za-z0-9\-._~/?@!$&+,;=%:]*+)?)"
)
_WHOLE = rf"{_SCHEME}(?:[{_SAFE}{_JOINED},;*~&(){{}}|^]++|{_ESCAPE}|\[\w{{0,40}}+\])++"
_ALT = r"\[[^\[\]\n]{0,300}+\]"
_INNER = r"(?:[^\s()<>\[\]\\\ue000]++|\\[^\s]|\[[^\s()<>\[\]\\]{0,200}+\](?!\())"
_DEST = rf"(?:{_INNER}|\((?:{_INNER}|\((?:{_INNER})*+\))*+\))++"
_TITLE = r"(?:\"[^\"\n]{0,300}+\"|'[^'\n]{0,300}+'|\([^()\n]{0,300}+\))\s{0,8}+(?=\))"


def _target(name: str) -> str:
    """Write the pattern of Markdown's `(address "title")`, in groups that begin with `name`."""
    return (
        rf"\(\s{{0,8}}+(?:<(?P<{name}_angle>[^<>\n\ue000]++)>|(?P<{name}>{_DEST}))"
        rf"(?P<{name}_rest>\s{{1,8}}+{_TITLE}|[^()\[\n\ue000]{{0,300}}+)\)"
    )


_LINKS = re.compile(
    rf"\[\s{{0,8}}+!{_ALT}\ ?{_target('inner')}\s{{0,8}}+\]{_target('outer')}"
    rf"|(?P<mark>!?){_ALT}\ ?{_target('markdown')}"
    r"|<(?P<tag>(?i:img|a))\b(?P<attributes>[^<>\ue000]++)>"
    rf"|<(?P<angle>{_SCHEME}[^<>\s\ue000]++)>"
    rf"|(?P<quote>[\"'`])(?P<quoted>{_WHOLE})(?P=quote)"
    rf"|{_BARE}|{_PATH}"
)
_ATTRIBUTE = re.compile(
    r"(?<![\w-])(?i:src|href)\s{0,8}+=\s{0,8}+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'<>]++))"
)
# Where models believe that they have a disk.
_LOCAL = ("/mnt/", "/tmp/", "/home/", "/root/", "/Users/")  # noqa: S108 - nothing is written there
_NAMESPACES = "http://www.w3.org/"  # of SVG and the like: names, not places
_ENDING = ".,;:!?"
_EMPHASIS = "*_~"
_WRAPPERS = frozenset({"()", "[]", "<>", '""', "''", "``", "**", "__", "~~", "||"}) | {
    "\uff08\uff09",  # full-width parentheses
    "\u3010\u3011",
    "\u300c\u300d",
    "\u201c\u201d",
}
_EMPTY_ANCHOR = re.compile(r"(?i:<a\b)([^<>]*+)>\s*+</(?i:a)>")
_EMPTY_LABEL = re.compile(rf"(?<!!)\[\s{{0,8}}+\]{_target('markdown')}")
_IMAGE = re.compile(rf"!{_ALT}\ ?{_target('markdown')}")
_UNESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_AMPERSAND = re.compile(r"\\u0026|&(?:amp;|#0*38;|#[xX]0*26;)+")
_ABSOLUTE = re.compile(r"(?i:https?)://[^\s/?#][^\n]*+")
_RELATIVE = re.compile(r"(?![^/?#:]*+:)(?!/9j/)[^\s\\<>\"]++")  # /9j/ is how base64 of JPEG begins
_FOREIGN = re.compile(r"(?!(?i:data):)[A-Za-z][A-Za-z0-9+.-]{1,20}+:")  # a scheme
_PICTURE = re.compile(rf"(?i:{_EXTENSION})(?:[?#]|$)")


@dataclass(frozen=True, slots=True)
class Link:
    """A link from `start` to `end` of a text, with all that makes it one.

    `url` may be relative. `image` tells that its place says that it is an image, `outer` where the
    image itself leads to when it is pressed.
    """

    start: int
    end: int
    url: str
    image: bool = False
    outer: str = ""


def find_links(text: str) -> Iterator[Link]:
    """Find the first links of a text, in order."""
    for match in islice(_LINKS.finditer(text), _MOST):
        link = _markdown(match) or _tag(match) or _bare(match)
        if link and len(link.url) <= _LONGEST and not link.url.startswith(_NAMESPACES):
            yield link


def clean(address: str) -> str:
    """Undo what Markdown, JSON and HTML do to an address."""
    return _UNESCAPED.sub(r"\1", _AMPERSAND.sub("&", address)).strip()


def is_link(url: str, *, bare: bool = False) -> bool:
    """Whether an address can be fetched; a relative one must look like a path or a picture's name.

    A `bare` one has nothing around it that says that it is an address, so it begins like a path.
    """
    if len(url) > _LONGEST or url.startswith(_LOCAL):
        return False
    if _ABSOLUTE.fullmatch(url):
        return True
    path = url.startswith(("/", "./", "../")) if bare else "/" in url
    short = len(url) < _SURE or "." in url[:_SURE]  # else it is base64
    return (names_picture(url) or (path and short)) and bool(_RELATIVE.fullmatch(url))


def names_picture(url: str) -> bool:
    """Whether an address ends like a picture's file."""
    return bool(_PICTURE.search(url))


def without_links(text: str, urls: Collection[str]) -> str:
    """Take links out of a text, with all that made them ones: they became pictures.

    Of an image that is still there its address is left.
    """
    kept, at, anchors = [""], 0, 0
    for link in find_links(text):
        left = "" if link.url in urls else link.url if link.image else None
        if link.outer and link.outer not in urls:
            left = f"{left} {link.outer}".strip()
        if left is None:
            continue
        before, end = text[at : link.start], link.end
        while not left and f"{before[-1:]}{text[end : end + 1]}" in _WRAPPERS:
            before, end = before[:-1], end + 1
        anchors += not left and text.startswith(("<a", "<A"), link.start)
        kept += [before, left]
        at = end
    rest = "".join([*kept, text[at:]])
    rest = rest.replace("</a>", "", anchors) if anchors else rest
    rest = _EMPTY_ANCHOR.sub(lambda anchor: _address(anchor[1]), rest)
    return _EMPTY_LABEL.sub(lambda label: _addressed(label, "markdown"), rest).strip()


def with_links(text: str, urls: Collection[str], limit: int) -> str:
    """Cut a text to so many characters, and leave or append these links whole if they fit."""
    words = without_links(text, ())  # of images their addresses
    room = limit - sum(len(url) + 1 for url in urls)
    if len(words) > limit or (_missing(words, urls) and len(words) > room):
        words = words[: max(0, room)].rpartition(" ")[0]
    return "\n".join(filter(None, [words, *_missing(words, urls)]))


def _missing(text: str, urls: Collection[str]) -> list[str]:
    there = {url for link in find_links(text) for url in (link.url, link.outer)}
    return [url for url in urls if url not in there]


def without_images(text: str, *, linked: bool) -> str:
    """Take Markdown's images out of a text; those that lead somewhere only where `linked`."""

    def replaced(image: re.Match[str]) -> str:
        url = _addressed(image, "markdown")
        leads = is_link(url) or _FOREIGN.match(url)
        return image.group() if leads and not linked else ""

    return _IMAGE.sub(replaced, text)


def _markdown(match: re.Match[str]) -> Link | None:
    start, end = match.span()
    if match["mark"] is not None:
        url, image = _addressed(match, "markdown"), bool(match["mark"])
        return Link(start, end, url, image) if is_link(url) else None
    url, outer = _addressed(match, "inner"), _addressed(match, "outer")
    return Link(start, end, url, image=True, outer=outer) if is_link(url) else None


def _addressed(match: re.Match[str], name: str) -> str:
    """Read an address with its spaces, where what follows it is no title and no other address."""
    if (url := match[f"{name}_angle"]) is None:
        url, rest = match[name] or "", (match[f"{name}_rest"] or "").rstrip()
        if rest and rest.lstrip()[0] not in "\"'(=":
            url = url + rest if "://" in url and "://" not in rest else url if "://" in url else ""
    return clean(url)


def _tag(match: re.Match[str]) -> Link | None:
    if match["tag"] is None:
        return None
    image = match["tag"].lower() == "img"
    url = _address(match["attributes"])
    return Link(*match.span(), url, image) if is_link(url) else None


def _address(attributes: str) -> str:
    found = _ATTRIBUTE.search(attributes)
    return clean(next(filter(None, found.groups()), "")) if found else ""


def _bare(match: re.Match[str]) -> Link | None:
    start, end = match.span()
    if whole := match["angle"] or match["quoted"]:
        return Link(start, end, clean(whole))
    found = match["bare"] or match["path"]
    if found is None or match.string.startswith(CUT, end):  # half a link leads nowhere
        return None
    before, size = match.string[start - 1 : start], 0
    while size != len(found):
        size = len(found)
        found = found.rstrip(_ENDING)
        found = found.rstrip(before) if before and before in _EMPHASIS else found
    url = clean(found)
    fits = is_link(url) if match["bare"] else names_picture(url) and is_link(url)
    return Link(start, start + size, url) if fits else None


def same_picture(url: str, other: str) -> bool:
    """Whether two addresses are of one file of one host: the picture, and its download, say."""
    try:
        one, another = urlsplit(url), urlsplit(other)
    except ValueError:
        return False
    names = {parts.path.rpartition("/")[2] for parts in (one, another)}
    return one.netloc.lower() == another.netloc.lower() and len(names) == 1 and names != {""}
