"""Controlled edits: a photo made a little better or worse, repeatably. docs/edits.md is the guide.

>>> from finepick import edits
>>> edits.chain(frame, "tilt", [0.25, 0.5, 1.0], seed=7)      # doctest: +SKIP
"""

from finepick.edits.base import ENGINE, Edit, Effect, Family, HurtsFrom, Measure, Prepared
from finepick.edits.catalogue import EDITS, edit_names, find_edit
from finepick.edits.recipes import (
    Edited,
    Recipe,
    Step,
    chain,
    entries_of,
    follow,
    follow_all,
    recipe_of,
    scaled,
)
from finepick.edits.sheets import Row, draw_row, draw_sheet, stack_rows

__all__ = [
    "EDITS",
    "ENGINE",
    "Edit",
    "Edited",
    "Effect",
    "Family",
    "HurtsFrom",
    "Measure",
    "Prepared",
    "Recipe",
    "Row",
    "Step",
    "chain",
    "draw_row",
    "draw_sheet",
    "edit_names",
    "entries_of",
    "find_edit",
    "follow",
    "follow_all",
    "recipe_of",
    "scaled",
    "stack_rows",
]
