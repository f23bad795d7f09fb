"""The catalogue itself: all models in their order, and the ways to find one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from bot.catalogue.profiles import MAIN, GatewayProfile, Profile
from bot.config import ConfigError


class Catalogue:
    """All models, in the order in which users see them, and the gateways that they are at."""

    def __init__(
        self, profiles: tuple[Profile, ...], gateways: tuple[GatewayProfile, ...] = ()
    ) -> None:
        self._profiles = {profile.id: profile for profile in profiles}
        self._offered: tuple[date, tuple[Profile, ...]] = date.min, ()
        self._gateways = {MAIN: GatewayProfile(MAIN)} | {known.name: known for known in gateways}
        # The last wins: an id is nobody else's alias or label.
        self._words = {profile.label.casefold(): profile for profile in reversed(profiles)}
        self._words |= {
            word.casefold(): profile for profile in profiles for word in profile.aliases
        }
        self._words |= {profile.id.casefold(): profile for profile in profiles}

    def get(self, model_id: str) -> Profile | None:
        return self._profiles.get(model_id)

    def find(self, word: str) -> Profile | None:
        """Find the model that a person means: by id, alias or label, or by how one of them begins.

        Upper and lower case are the same. A beginning that several offered models share is nobody.
        """
        wanted = " ".join(word.split()).casefold()
        if not wanted or wanted in self._words:
            return self._words.get(wanted)
        matches = {
            profile.id
            for known, profile in self._words.items()
            if known.startswith(wanted) and not profile.hidden
        }
        return self._profiles[matches.pop()] if len(matches) == 1 else None

    def label(self, model_id: str) -> str:
        """What people know a model by; its id where it has left the catalogue."""
        profile = self.get(model_id)
        return profile.label if profile else model_id

    @property
    def gateways(self) -> Mapping[str, GatewayProfile]:
        return {profile.gateway: self._gateways[profile.gateway] for profile in self}

    @property
    def declared(self) -> tuple[GatewayProfile, ...]:
        """All gateways that the files declare, also those that no model is at."""
        return tuple(self._gateways.values())

    def fallbacks(self, profile: Profile, today: date | None = None) -> list[Profile]:
        """List whom to ask when `profile` cannot be had: nearest first, none twice, not itself.

        Who is hidden is left out, and who has retired by `today`; their own stand-ins are not.
        """
        chain = [profile]
        for current in chain:  # which grows meanwhile
            for name in current.fallbacks:
                if (named := self._profiles[name]) not in chain:
                    chain.append(named)
        day = today or date.min
        return [known for known in chain[1:] if known.offered(day)]

    def offered(self, day: date) -> tuple[Profile, ...]:
        """The models that users are shown on a day."""
        if self._offered[0] != day:
            self._offered = day, tuple(known for known in self if known.offered(day))
        return self._offered[1]

    def __iter__(self) -> Iterator[Profile]:
        return iter(self._profiles.values())

    def __len__(self) -> int:
        return len(self._profiles)


def default_model(catalogue: Catalogue, word: str) -> Profile:
    """Find the default model by id, alias or label, no beginning of them.

    ConfigError names the setting and what there is.
    """
    profile = catalogue.find(word)
    wanted = word.casefold()
    if profile is None or wanted not in map(
        str.casefold, (*profile.aliases, profile.id, profile.label)
    ):
        known = ", ".join(known.id for known in catalogue if not known.hidden)
        raise ConfigError(f"DEFAULT_MODEL is not in the catalogue; there are: {known}")
    if profile.route is None:
        raise ConfigError(f"DEFAULT_MODEL {profile.id} draws nothing from words alone")
    return profile


def successor(catalogue: Catalogue, profile: Profile, today: date) -> Profile | None:
    """Name who draws from words in the place of a model that is no longer offered, if there is one."""
    heirs = (*catalogue.fallbacks(profile, today), *catalogue)
    return next((known for known in heirs if known.offered(today) and known.takes(0)), None)
