"""The published pairwise recipe, written down step by step, as what ours is measured against.

    python bench/fgaesq_literal.py PHOTO PHOTO…     # scores, and where the time goes; weights made by a rule

Every unordered pair: both files decoded in full, brought to one size, compared block by block in Python, cut into
tokens one by one, and both photos through a plain fp32 network, one after the other. A photo's score is the mean
over its pairs. Neither slower than that on purpose, nor faster by anything that Finepick does.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # for the literal network and the weights by rule, which the tests use, too

TOKENS, FINE_BLOCKS, BLOCK, PATCH, GRID = 512, 14, 32, 16, 14
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)

Planes = Any  # a torch tensor (3, height, width)


@dataclass
class Stopwatch:
    """Seconds by part of the work."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - begun


@dataclass(frozen=True)
class LiteralTokens:
    """One photo, without the class token; and what was drawn: fine blocks, and kept tokens from 0 = class token
    (None where all were)."""

    patches: Any
    marks: Any
    positions: Any
    fine_blocks: tuple[int, ...]
    kept: tuple[int, ...] | None


def rank_series_literally(
    paths: Sequence[str],
    state: Mapping[str, NDArray[np.float32]],
    *,
    seed: int = 0,
    stopwatch: Stopwatch | None = None,
) -> NDArray[np.float64]:
    """Scores (n,) of the photos at *paths*, at least two of them, with the weights *state* by released names."""
    from tests.scorers.fgaesq.literal_network import LiteralNetwork

    watch, drawing = stopwatch or Stopwatch(), random.Random(seed)
    network, grid = LiteralNetwork(state), _position_grid(state)
    scores: list[list[float]] = [[] for _ in paths]
    for i, j in combinations(range(len(paths)), 2):
        with watch.timing("decoding"):
            photos = decode(paths[i]), decode(paths[j])
        tokens = literal_tokens(*photos, grid, drawing, watch)
        with watch.timing("network"):
            for number, one in zip((i, j), tokens, strict=True):
                scores[number].append(network.judge(one.patches, one.marks, one.positions)[2])
    return np.array([np.mean(of_photo) for of_photo in scores])


def decode(path: str) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def literal_tokens(
    a: Image.Image, b: Image.Image, grid: Any, drawing: random.Random, watch: Stopwatch
) -> tuple[LiteralTokens, LiteralTokens]:
    """Both photos of a pair; *grid* (1, 768, 14, 14) is the learned grid of positions."""
    with watch.timing("alignment"):
        a, b = aligned(a, b, drawing.choice(("width", "height")))
        planes = [whole_blocks(levels(picture), BLOCK) for picture in (a, b)]
    with watch.timing("importance"):
        known = importance(*planes)
    with watch.timing("tokens"):
        first, second = (
            photo_tokens(whole_blocks(normalised(picture), BLOCK), known, grid, drawing) for picture in (a, b)
        )
    return first, second


# One size -----------------------------------------------------------------------------------------------


def aligned(a: Image.Image, b: Image.Image, equal: str) -> tuple[Image.Image, Image.Image]:
    a, b = same_side(a, b, equal), same_side(b, a, equal)
    sizes = [enlarged_size(picture) for picture in (a, b)]
    growth = [
        max(size[0] / picture.width, size[1] / picture.height)
        for size, picture in zip(sizes, (a, b), strict=True)
    ]
    if abs(growth[0] - growth[1]) > 0.01:
        sizes = [(int(picture.width * max(growth)), int(picture.height * max(growth))) for picture in (a, b)]
    first, second = (
        picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
        for picture, size in zip((a, b), sizes, strict=True)
    )
    return first, second


def same_side(picture: Image.Image, other: Image.Image, equal: str) -> Image.Image:
    """*picture*, as wide (or high) as *other* where that is more."""
    if equal == "width" and picture.width < other.width:
        size = other.width, int(picture.height * other.width / picture.width)
    elif equal == "height" and picture.height < other.height:
        size = int(picture.width * other.height / picture.height), other.height
    else:
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS)


def enlarged_size(picture: Image.Image) -> tuple[int, int]:
    patches = math.ceil(picture.width / PATCH) * math.ceil(picture.height / PATCH)
    if patches > TOKENS:
        return picture.size
    factor = max(math.sqrt(1.2 * TOKENS / patches), 384 / min(picture.size))
    return int(picture.width * factor), int(picture.height * factor)


def levels(picture: Image.Image) -> Planes:
    import torch

    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255


def normalised(picture: Image.Image) -> Planes:
    import torch

    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    return (levels(picture) - mean) / deviation


def whole_blocks(planes: Planes, side: int) -> Planes:
    """Cropped or padded, whichever changes less by the release's reckoning."""
    import torch

    height, width = planes.shape[1:]
    surplus, missing = (height % side, width % side), (-height % side, -width % side)
    if (surplus[0] or 1) * (surplus[1] or 1) < (missing[0] or 1) * (missing[1] or 1):
        return planes[:, : height - surplus[0], : width - surplus[1]]
    return torch.nn.functional.pad(planes, (0, missing[1], 0, missing[0]))


def squares(planes: Planes, side: int) -> list[Planes]:
    _, height, width = planes.shape
    return [
        planes[:, top : top + side, left : left + side]
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


# Importance ---------------------------------------------------------------------------------------------


def importance(a: Planes, b: Planes) -> list[float]:
    """1 − SSIM of the blocks that lie in the rows both have, paired in raster order."""
    rows = min(a.shape[1], b.shape[1])
    pairs = zip(squares(a[:, :rows], BLOCK), squares(b[:, :rows], BLOCK), strict=False)
    return [min(1.0, max(0.0, 1.0 - block_similarity(x.numpy(), y.numpy()))) for x, y in pairs]


def block_similarity(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.mean([plane_similarity(x, y) for x, y in zip(a, b, strict=True)]))


def plane_similarity(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    """SSIM (Wang et al. 2004) with scikit-image's defaults: 7 × 7 uniform window, sample covariance."""
    mean_x, mean_y = uniform_filter(x, size=7), uniform_filter(y, size=7)
    sample = 49 / 48
    variance_x = sample * (uniform_filter(x * x, size=7) - mean_x * mean_x)
    variance_y = sample * (uniform_filter(y * y, size=7) - mean_y * mean_y)
    covariance = sample * (uniform_filter(x * y, size=7) - mean_x * mean_y)
    above = (2 * mean_x * mean_y + 0.01**2) * (2 * covariance + 0.03**2)
    below = (mean_x**2 + mean_y**2 + 0.01**2) * (variance_x + variance_y + 0.03**2)
    return float((above / below)[3:-3, 3:-3].mean(dtype=np.float64))


# Tokens -------------------------------------------------------------------------------------------------


def photo_tokens(planes: Planes, known: Sequence[float], grid: Any, drawing: random.Random) -> LiteralTokens:
    import torch

    blocks = squares(planes, BLOCK)
    rows, columns = planes.shape[1] // BLOCK, planes.shape[2] // BLOCK
    values = [*known[: len(blocks)], *(drawing.random() for _ in range(len(blocks) - len(known)))]
    candidates = sorted(range(len(blocks)), key=values.__getitem__, reverse=True)[: len(blocks) // 2]
    fine = drawing.sample(candidates, FINE_BLOCKS)
    is_fine = torch.zeros(rows, columns, dtype=torch.bool)
    is_fine.view(-1)[fine] = True
    coarse_patches = [shrunk(block) for number, block in enumerate(blocks) if number not in fine]
    fine_patches = [patch for number in sorted(fine) for patch in squares(blocks[number], PATCH)]
    patches = torch.stack(coarse_patches + fine_patches)
    marks = torch.tensor([0] * len(coarse_patches) + [1] * len(fine_patches))
    # Fine positions in raster order of the picture, as the release has them.
    fine_cells = is_fine.repeat_interleave(2, 0).repeat_interleave(2, 1)
    positions = torch.cat(
        [interpolated(grid, rows, columns)[~is_fine], interpolated(grid, 2 * rows, 2 * columns)[fine_cells]]
    )
    surplus = len(patches) + 1 - TOKENS
    if surplus <= 0:
        return padded(patches, marks, positions, fine)
    droppable = [number for number in range(len(patches)) if number not in fine]
    dropped = set(drawing.sample(droppable, surplus))
    kept = [number for number in range(len(patches)) if number not in dropped]
    chosen = patches[kept], marks[kept], positions[kept]
    return LiteralTokens(*chosen, tuple(fine), (0, *(number + 1 for number in kept)))


def shrunk(block: Planes) -> Planes:
    import torch

    return torch.nn.functional.interpolate(block[None], size=(PATCH, PATCH), mode="bicubic")[0]


def interpolated(grid: Any, rows: int, columns: int) -> Any:
    """The learned positions of (rows, columns) cells, (rows, columns, 768)."""
    import torch

    factors = (rows + 0.1) / GRID, (columns + 0.1) / GRID
    resized = torch.nn.functional.interpolate(grid, scale_factor=factors, mode="bicubic", align_corners=False)
    return resized[0].permute(1, 2, 0)


def padded(patches: Any, marks: Any, positions: Any, fine: Sequence[int]) -> LiteralTokens:
    import torch

    missing = TOKENS - 1 - len(patches)
    return LiteralTokens(
        torch.cat([patches, torch.zeros(missing, 3, PATCH, PATCH)]),
        torch.cat([marks, torch.full((missing,), 9)]),
        torch.cat([positions, torch.zeros(missing, positions.shape[1])]),
        tuple(fine),
        None,
    )


def _position_grid(state: Mapping[str, NDArray[np.float32]]) -> Any:
    import torch

    learned = np.array(state["clip_model.visual.positional_embedding"][1:])
    return torch.from_numpy(learned).reshape(1, GRID, GRID, -1).permute(0, 3, 1, 2)


def main() -> None:
    from tests.scorers.fgaesq.literal_network import network_state

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if len(options.photos) < 2:
        parser.error("give at least two photos: the recipe compares pairs")
    watch = Stopwatch()
    scores = rank_series_literally(options.photos, network_state(), seed=options.seed, stopwatch=watch)
    for score, path in sorted(zip(scores, options.photos, strict=True), reverse=True):
        print(f"{score:8.4f}  {path}")
    pairs = math.comb(len(options.photos), 2)
    for part, seconds in watch.seconds.items():
        print(f"{part:<12}{1000 * seconds / pairs:9.1f} ms a pair")


if __name__ == "__main__":
    main()
