"""Advice: why a wish is not drawn as it was meant, and what there is instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.options import Problem

if TYPE_CHECKING:
    from bot.i18n.texts import Texts
    from bot.options import Inability, Misfit


def misfit_text(texts: Texts, locale: str, misfit: Misfit) -> str:
    """Tell which flag cannot be obeyed, and name what can be written."""
    known = ", ".join(misfit.known)
    none = not known and misfit.problem in (Problem.RATIO, Problem.SIZE)
    key = f"misfit.{misfit.problem}_none" if none else f"misfit.{misfit.problem}"
    return texts(locale, key, known=known, model=misfit.model)


def inability_text(texts: Texts, locale: str, inability: Inability) -> str:
    """Tell what the chosen model cannot do, and ask which other one shall draw, if there is one."""
    then = texts(locale, "offer.which" if inability.others else "offer.nobody")
    return "\n\n".join(filter(None, (lack_text(texts, locale, inability), then)))


def lack_text(texts: Texts, locale: str, inability: Inability) -> str:
    """Tell what the chosen model cannot do; nothing where that is over."""
    profile = inability.profile
    if inability.lack is None:
        return ""
    return texts(
        locale,
        f"unable.{inability.lack}",
        model=profile.label,
        n=profile.max_inputs,
        limit=profile.max_inputs,
    )
