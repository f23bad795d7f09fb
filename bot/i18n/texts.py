"""The texts that users see, by locale and symbolic key, from gettext catalogues."""

from __future__ import annotations

from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Self

import structlog
from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCALES = (
    "en",
    "zh_Hans",
    "zh_Hant",
    "ru",
    "uk",
    "es",
    "pt_BR",
    "fr",
    "de",
    "it",
    "tr",
    "ar",
    "fa",
    "hi",
    "id",
    "vi",
    "ja",
    "ko",
)
RIGHT_TO_LEFT = frozenset({"ar", "fa"})
# Where Telegram's tag says a script or a place by which Chinese is written in the long form.
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})
_REGIONAL = {"zh": "zh_Hans", "pt": "pt_BR"}
_DIRECTORY = Path(__file__).with_name("locales")
_log = structlog.get_logger(__name__)


class Texts:
    """Every text in every locale: call it with a locale, a key and the key's placeholders."""

    def __init__(self, translations: Mapping[str, GNUTranslations]) -> None:
        self._translations = translations

    @classmethod
    def load(cls) -> Self:
        """Read the shipped catalogues; there is no compile step and no binary file."""
        return cls({locale: _read(locale) for locale in LOCALES})

    def __call__(self, locale: str, key: str, **args: object) -> str:
        """Give the text of `key`, its plural chosen by the argument `n`.

        A placeholder's value is put in as it is and never formatted again. What is missing
        falls back to English, then to the key, and is logged: a text never stops an answer.
        """
        for candidate in dict.fromkeys((locale, "en")):
            template = self._template(candidate, key, args.get("n"))
            if template is None:
                _log.error("text_missing", locale=candidate, key=key)
                continue
            try:
                return template.format(**args)
            except (KeyError, IndexError, ValueError, AttributeError) as exc:
                _log.error("text_broken", locale=candidate, key=key, error=repr(exc))
        return key

    def _template(self, locale: str, key: str, n: object) -> str | None:
        translations = self._translations.get(locale)
        if translations is None:
            return None
        found = translations.ngettext(key, key, n) if isinstance(n, int) else key
        # A key without plurals may have an `n` among its placeholders too.
        found = translations.gettext(key) if found == key else found
        return None if found == key else found


def pick(language_code: str | None) -> str:
    """Choose the locale for Telegram's `language_code`, an IETF tag such as `zh-hans`.

    https://core.telegram.org/bots/api#user
    """
    language, *rest = (language_code or "").replace("_", "-").lower().split("-")
    if language == "zh" and _TRADITIONAL & set(rest):
        return "zh_Hant"
    locale = _REGIONAL.get(language, language)
    return locale if locale in LOCALES else "en"


def _read(locale: str) -> GNUTranslations:
    path = _DIRECTORY / locale / "LC_MESSAGES" / "bot.po"
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=locale, abort_invalid=True))
    compiled.seek(0)
    return GNUTranslations(compiled)


def own_name(locale: str) -> str:
    """Name a language as those call it who speak it."""
    name = Locale.parse(locale).get_display_name()
    return name[:1].upper() + name[1:] if name else locale
