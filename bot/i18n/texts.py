"""The texts that users see, by locale and symbolic key, from gettext's `.po` files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Self

import structlog
from babel import Locale

LOCALES = (
    *("en", "zh_Hans", "zh_Hant", "ru", "uk", "es", "pt_BR", "fr", "de", "it"),
    *("tr", "ar", "fa", "hi", "id", "vi", "ja", "ko"),
)
RIGHT_TO_LEFT = frozenset({"ar", "fa"})
# Where Telegram's tag says a script or a place by which Chinese is written in the long form.
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})
_REGIONAL = {"zh": "zh_Hans", "pt": "pt_BR"}
_DIRECTORY = Path(__file__).with_name("locales")
# What a file says, once a text of several lines stands in one; `msgid_plural` repeats the key.
_STATEMENT = re.compile(r"^(#,|msgid|msgstr(?:\[\d\])?) (.*)$", re.MULTILINE)
_PLURAL = re.compile(r"plural=(.*);")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Language:
    """One language: the text of each key, or its plural forms, and which of them `n` things take."""

    texts: Mapping[str, tuple[str, ...]]
    plural: Callable[[int], int]

    def template(self, key: str, n: object) -> str | None:
        """Find the text of a key, the one for `n` where it has plurals; None if there is none."""
        forms = self.texts.get(key)
        if forms is None or len(forms) == 1:
            return forms and forms[0]
        return forms[self.plural(n if isinstance(n, int) else 1)]


@dataclass(frozen=True, slots=True)
class Texts:
    """Every text in every locale: call it with a locale, a key and the key's placeholders."""

    languages: Mapping[str, Language]

    @classmethod
    def load(cls) -> Self:
        return cls({locale: _read(locale) for locale in LOCALES})

    def __call__(self, locale: str, key: str, **args: object) -> str:
        """Give the text of `key`, its plural chosen by the argument `n`.

        A placeholder's value is put in as it is and never formatted again. What is missing
        falls back to English, then to the key, and is logged: a text never stops an answer.
        """
        for candidate in dict.fromkeys((locale, "en")):
            language = self.languages.get(candidate)
            template = language.template(key, args.get("n")) if language else None
            if template is None:
                _log.error("text_missing", locale=candidate, key=key)
                continue
            try:
                return template.format(**args)
            except (KeyError, IndexError, ValueError, AttributeError) as exc:
                _log.error("text_broken", locale=candidate, key=key, error=repr(exc))
        return key


def pick(language_code: str | None) -> str:
    """Choose the locale for Telegram's `language_code`, an IETF tag such as `zh-hans`.

    https://core.telegram.org/bots/api#user
    """
    language, *rest = (language_code or "").replace("_", "-").lower().split("-")
    if language == "zh" and _TRADITIONAL & set(rest):
        return "zh_Hant"
    locale = _REGIONAL.get(language, language)
    return locale if locale in LOCALES else "en"


@cache
def _read(locale: str) -> Language:
    path = _DIRECTORY / locale / "LC_MESSAGES" / "bot.po"
    return parse(path.read_text(encoding="utf-8"))


def parse(po: str) -> Language:
    """Parse a `.po` file of ours; what is fuzzy or empty is left out, so that English is shown.

    Babel takes four times as long at every start; the tests read the same files with it.
    """
    texts: dict[str, tuple[str, ...]] = {}
    key, fuzzy, skipped = "", False, False
    for kind, value in _STATEMENT.findall(po.replace('"\n"', "")):
        match kind:
            case "#,":
                fuzzy = "fuzzy" in value
            case "msgid":
                key, skipped, fuzzy = json.loads(value), fuzzy, False
            case _ if not skipped:
                texts[key] = (*texts.get(key, ()), json.loads(value))
    plural = _PLURAL.search(texts.pop("")[0])
    filled = {key: forms for key, forms in texts.items() if all(forms)}
    return Language(filled, c2py(plural[1] if plural else "0"))


def own_name(locale: str) -> str:
    """Name a language as those call it who speak it."""
    name = Locale.parse(locale).get_display_name()
    return name[:1].upper() + name[1:] if name else locale
