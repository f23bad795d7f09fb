"""`make house`: what is counted of a package."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.house import main, read

FILES = {
    "__init__.py": '"""A package of nothing else."""\n',
    "a/one.py": '"""One."""\n\n\nclass Box:\n    def shut(self) -> None:\n        """Shut it."""\n',
    "a/service.py": '"""A rule."""\n',
    "b/one.py": '"""Another one."""\n\n\nclass Box:\n    """A box."""\n\n    shut = 1\n',
    "b/service.py": '"""Another rule."""\n\n\ndef rule() -> None:\n    return\n',
}


def test_sizes_names_and_docstrings_are_counted(tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    house = read(tmp_path / "package")
    assert (house.lines, len(house.modules), house.median) == (19, 4, 5.5)
    assert house.longest.name == "package/b/one.py"
    assert house.too_long == []
    assert house.classes_twice == {"Box": ["package/a/one.py", "package/b/one.py"]}
    assert house.files_twice == {"one": ["package/a/one.py", "package/b/one.py"]}
    assert house.docstring_share == 50


def test_the_figures_are_printed_with_the_contracts(capfd: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    printed = capfd.readouterr().out
    assert "median file" in printed
    assert "Nothing goes round in a circle KEPT" in printed
