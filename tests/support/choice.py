"""A small catalogue that has one model of each kind, for tests of what can be chosen."""

from __future__ import annotations

from pathlib import Path

CATALOGUE = """
extends = false

[[model]]
id = "flash"
label = "Flash"
edit_route = "chat/completions"
max_inputs = 2
ratio_dialect = "image_config"
aspect_ratios = ["1:1", "16:9"]

[[model]]
id = "pro"
label = "Pro"
edit_route = "chat/completions"
max_inputs = 5
ratio_dialect = "image_config"
aspect_ratios = ["1:1", "9:16", "16:9"]
sizes = ["1K", "2K", "4K"]
aliases = ["banana"]

[[model]]
id = "words"
label = "Words"
route = "images/generations"

[[model]]
id = "editor"
label = "Editor"
route = "none"
edit_route = "images/edits"
max_inputs = 1

[[model]]
id = "masker"
label = "Masker"
route = "images/generations"
edit_route = "images/edits"
max_inputs = 3
mask = true

[[model]]
id = "old"
label = "Old"
retires = 2020-01-01
"""


def choice(folder: Path, default: str = "flash") -> dict[str, str]:
    """Make the settings of a bot that has this catalogue."""
    file = folder / "choice.toml"
    file.write_text(CATALOGUE)
    return {"MODELS_FILE": str(file), "DEFAULT_MODEL": default}
