"""The settings' pages: whatever is chosen, their data fits and is read back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue.load import load_catalogue
from bot.catalogue.models import Catalogue
from bot.domain import Preferences, now
from bot.features.settings.pages import PAGES, TOP, SettingsPages
from bot.features.settings.scopes import ScopeKind, SettingsScope
from bot.i18n.texts import LOCALES, Texts
from bot.jobs.options import ModelOptions
from bot.tg.callbacks import Press, Verb, base36, parse

TEXTS = Texts.load()
MODELS = list(load_catalogue())
LONG = replace(MODELS[0], id="m" * 48)  # the longest that a catalogue may hold
CHOICES = ModelOptions(
    catalogue=Catalogue((*MODELS, LONG)), default=MODELS[0], max_count=10, clock=now
)
FARTHEST = -4_000_000_000_000  # no chat's id is below that
SCOPES = [SettingsScope(kind, 2**52, FARTHEST, 2**31 - 1) for kind in ScopeKind]
SCOPES += [SettingsScope(ScopeKind.ME, 2**52, 2**52)]


def book(scope: SettingsScope, chosen: Preferences, locale: str = "en") -> SettingsPages:
    levels = [chosen, *[Preferences(aspect_ratio="1:1")] * (len(scope.inherited) - 1)]
    return SettingsPages(
        TEXTS, locale, CHOICES, lambda *_: "12 s", scope, levels, [Preferences("gone-1")]
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_every_button_keeps_telegrams_limit_and_is_understood(locale: str) -> None:
    for scope in SCOPES:
        for profile in (*MODELS, LONG):
            pages = book(scope, Preferences(profile.id, prefix="ж" * 12), locale)
            for name in (TOP, *PAGES):
                text, keyboard = pages.page(name)
                assert len(text) < 4096
                for row in keyboard.inline_keyboard:
                    for button in row:
                        data = button.callback_data
                        assert isinstance(data, str)
                        assert 1 <= len(data.encode()) <= 64
                        assert parse(data) is not None
                        assert button.text


@given(st.integers(-(2**52), -1), st.sampled_from(Verb), st.text())
def test_a_press_for_a_group_comes_back(chat: int, verb: Verb, argument: str) -> None:
    data = SettingsScope(ScopeKind.GROUP, 1, chat).data(verb, argument)
    assert parse(data) == Press(verb, argument, chat)
    assert len(base36(-chat)) < 12


@given(st.sampled_from(Verb), st.text())
def test_a_press_for_a_topic_comes_back(verb: Verb, argument: str) -> None:
    data = SettingsScope(ScopeKind.TOPIC, 1, -5, 7).data(verb, argument)
    assert parse(data) == Press(verb, argument, None, here=True)


@given(st.sampled_from(SCOPES), st.sampled_from(list(PAGES.values())), st.text())
def test_only_what_is_offered_can_be_chosen(scope: SettingsScope, field: object, word: str) -> None:
    pages = book(scope, Preferences())
    for known in pages.fields():
        try:
            value = pages.read(known, word)
        except LookupError:
            continue
        assert value is None or value in pages.values(known)
    assert field is not None


def test_a_groups_own_fields_are_offered_to_groups_only() -> None:
    for scope in SCOPES:
        names = {field.page for field in book(scope, Preferences()).fields()}
        assert ({"prefix", "member", "all"} <= names) == (scope.kind is ScopeKind.GROUP)
