"""What the heads are linear in, of many photos: cells of two looks, averaged, and texture."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from finepick.scorers.builtin.eye import shown
from finepick.training.builtin.export import Looks, cell_features
from finepick.training.builtin.network import Student

Floats = NDArray[np.float32]


class Features:
    """What *student* and the eye's texture say of a photo, (d,): averaged cells of the close look, of the whole, and
    the texture, as `heads.Reading.of` takes them apart."""

    def __init__(self, student: Student) -> None:
        self._looks = Looks(student.float().cpu().folded()).eval()
        self._looks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        widths = student.shape.widths
        self.channels = student.shape.hints[-1] + 2 * (widths[1] + widths[2])
        """A cell's features."""

    @torch.no_grad()
    def of(self, picture: Image.Image) -> Floats:
        view, counted = shown(picture)
        pixels = torch.from_numpy(view.copy()).permute(2, 0, 1)[None]
        looks = self._looks((pixels.float() / 255).contiguous(memory_format=torch.channels_last))
        cells = [cell_features(one).mean(dim=(0, 2, 3)).numpy() for one in looks]
        return np.concatenate([*cells, counted])
