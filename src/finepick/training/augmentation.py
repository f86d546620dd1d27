"""Photos the other way round: what is as beautiful mirrored as it was. No torch: readers run this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from finepick.domain import Frame
from finepick.scorers.base import View
from finepick.scorers.fgaesq.series import Plan, view_tokens


def flipped_view(plan: Plan, photo: int) -> View:
    """What is to be asked for *photo* mirrored, its fine blocks with it."""
    view = plan.view(photo)
    return View(photo, view.long_side, f"{__name__}:view_flipped", view.arguments)


def view_flipped(
    frame: Frame, *, rows: int, columns: int, fine: Sequence[int], tokens: int
) -> dict[str, NDArray[Any]]:
    """`view_tokens` of the frame and the fine blocks mirrored left to right."""
    mirrored = [columns * (number // columns) + columns - 1 - number % columns for number in fine]
    return view_tokens(frame[:, ::-1].copy(), rows=rows, columns=columns, fine=mirrored, tokens=tokens)
