"""What the student is shown: parts of allowed photos at every scale, mixed and changed, as many as are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from finepick.domain import Frame

CANVAS = 448
"""The long side of the photos that are learned from; in memory each is squeezed into a square of this side."""


class Canvases:
    """Photos in memory, squeezed square, at full and at half size; `aspects` are their widths over heights."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.aspects = torch.tensor([frame.shape[1] / frame.shape[0] for frame in frames])
        squares = [
            np.asarray(Image.fromarray(frame).resize((CANVAS, CANVAS), Image.Resampling.BICUBIC))
            for frame in frames
        ]
        self._full = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()
        self._half = _halved(self._full).to(torch.uint8)

    def __len__(self) -> int:
        return len(self._full)

    def parts(self, count: int, side: int, chance: torch.Generator) -> Tensor:
        """*count* parts of photos drawn with replacement, (count, 3, side, side) in 0…1; half of them mirrored.

        A part covers from a twelfth of the photo to all of it (one in six does), in a
        shape of 3:4 to 4:3.
        """

        def uniform(low: float, high: float) -> Tensor:
            return torch.rand(count, generator=chance) * (high - low) + low

        photos = torch.randint(len(self), (count,), generator=chance)
        share = torch.exp(uniform(float(np.log(1 / 12)), 0.5)).clamp(max=1).sqrt()
        stretch = torch.exp(uniform(-0.29, 0.29)) / self.aspects[photos]
        wide = (share * stretch.sqrt()).clamp(max=1)
        high = (share / stretch.sqrt()).clamp(max=1)
        left, top = uniform(0, 1) * (1 - wide), uniform(0, 1) * (1 - high)
        flip = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
        boxes = torch.zeros(count, 2, 3)
        boxes[:, 0, 0], boxes[:, 0, 2] = wide * flip, 2 * left + wide - 1
        boxes[:, 1, 1], boxes[:, 1, 2] = high, 2 * top + high - 1
        grid = functional.affine_grid(boxes, [count, 3, side, side], align_corners=False)
        near = (torch.maximum(wide, high) * CANVAS / side) < 1.4
        parts = torch.empty(count, 3, side, side)
        for source, chosen in ((self._full, near), (self._half, ~near)):
            if bool(chosen.any()):
                pictures = source[photos[chosen]].float() / 255
                parts[chosen] = functional.grid_sample(
                    pictures, grid[chosen], padding_mode="reflection", align_corners=False
                )
        return parts.clamp_(0, 1)


def _halved(pictures: Tensor) -> Tensor:
    return torch.cat([functional.avg_pool2d(part.float(), 2).round_() for part in torch.split(pictures, 64)])


def changed(parts: Tensor, chance: torch.Generator) -> Tensor:
    """Half of *parts* in other light and colours, a fifth mixed with another part (Zhang et al., mixup, ICLR 2018):
    for a student that shall agree with its teacher everywhere, not only on photos."""
    count = len(parts)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(count, *(shape or (1, 1, 1)), generator=chance)
        return drawn * (high - low) + low

    touched = uniform(0, 1) < 0.5
    gain = torch.exp(uniform(-0.35, 0.35)) * torch.exp(uniform(-0.15, 0.15, 3, 1, 1))
    other = parts.clamp(1e-3, 1) ** torch.exp(uniform(-0.45, 0.45))
    grey = other.mean(dim=1, keepdim=True)
    other = grey + (other - grey) * uniform(0.2, 1.7)
    middle = other.mean(dim=(1, 2, 3), keepdim=True)
    other = (middle + (other - middle) * uniform(0.5, 1.5)) * gain
    parts = torch.where(touched, other, parts)
    weight = torch.where(uniform(0, 1) < 0.2, uniform(0.0, 0.5), torch.zeros_like(gain[:, :1]))
    return (parts * (1 - weight) + parts.flip(0) * weight).clamp_(0, 1)
