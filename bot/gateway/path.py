"""A path: where in an event's JSON the next byte stands, told by the brackets and keys before it."""

from __future__ import annotations

_LIST = b"["
_NAMES = {b"delta": "delta", b"message": "message"}


class Path:
    """Follows the brackets and keys of events; `position` is that of a choice in its list.

    What stands in strings is to be kept from it.
    """

    def __init__(self) -> None:
        self.position = -1
        self._keys: list[bytes] = []  # of what is open: an object's key, or the mark of a list

    def copy(self) -> Path:
        """Give one that stands at the same place."""
        path = Path()
        path.position, path._keys = self.position, self._keys.copy()
        return path

    @property
    def choice(self) -> bool:
        """Whether it is right inside of a choice."""
        return self._choice(self._keys)

    @property
    def numbered(self) -> bool:
        """Whether the number of a choice comes next."""
        return self._keys[-1:] == [b"index"] and self.choice

    @property
    def said(self) -> str | None:
        """Whose content comes next: `delta` or `message`, of a choice; None if nobody's."""
        if self._keys[-1:] == [b"content"] and self._choice(self._keys[:-1]):
            return _NAMES.get(self._keys[-2])
        return None

    def open(self, bracket: bytes) -> None:
        """Go into an object or a list."""
        if bracket == _LIST:
            self._keys.append(_LIST)
            return
        self._keys.append(b"")
        if self.choice:
            self.position += 1

    def close(self) -> None:
        """Go out of it."""
        if self._keys:
            self._keys.pop()
        self.value()

    def key(self, name: bytes) -> None:
        """Pass a key."""
        if self._keys and self._keys[-1] != _LIST:
            self._keys[-1] = name
        if name == b"choices":
            self.position = -1

    def value(self) -> None:
        """Pass a value: its key is the key of nothing any more."""
        if self._keys and self._keys[-1] != _LIST:
            self._keys[-1] = b""

    def reset(self) -> None:
        """Begin the next event."""
        self._keys.clear()
        self.position = -1

    @staticmethod
    def _choice(keys: list[bytes]) -> bool:
        return keys[-3:-1] == [b"choices", _LIST] and len(keys) <= 3 + (keys[0] == _LIST)
