"""The page about edits says what is so: its table is the catalogue, its example runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from finepick.edits import EDITS
from tests.conftest import ROOT, save_photo, scene

PAGE = (ROOT / "docs" / "edits.md").read_text(encoding="utf-8")


def test_the_table_is_the_catalogue() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines()
        if line.startswith("| `")
    ]

    assert rows == [
        [
            f"`{edit.name}`",
            edit.family.value,
            edit.about,
            "–" if edit.hurts_from is None else f"{edit.hurts_from.strength:.2f}",
            "judges" if edit.hurts_from is None else "measured" if edit.hurts_from.measured else "assumed",
        ]
        for edit in EDITS
    ]


def test_the_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_photo(scene(3), tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    exec(compile(example, "docs/edits.md", "exec"), {})

    told = capsys.readouterr().out
    assert "tilts the horizon 4.0°" in told and "defocus 0.35 measured" in told
    assert (tmp_path / "sheet.png").exists()
