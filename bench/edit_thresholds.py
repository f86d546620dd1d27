"""From which strength on edits hurt, by human judgements: contrast, gamma, blur, JPEG.

    python bench/edit_thresholds.py [--test]

Reads the *val* parts of contrast_gamma and blur_jpeg (`--test`: the *test* parts, only to report). For every level
that people judged: the strength of our edit that comes nearest, and by how much they liked the picture less, photo by
photo. A level hurts where people like it less in every photo, by two standard errors in the mean over photos.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finepick.domain import FloatArray, Frame
from finepick.edits import find_edit
from finepick.images.reading import read_frame

DATA = Path(os.environ.get("FINEPICK_DATA", Path(__file__).parents[2] / "shared" / "data"))
STRENGTHS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Rated:
    """One photo's variants: mean, spread and number of answers by file name."""

    name: str
    answers: dict[str, tuple[float, float, int]]

    def loss(self, variant: str, source: str) -> tuple[float, float]:
        """By how much *variant* is liked less than *source*, and the standard error of that."""
        (mean, spread, n), (better, its_spread, its_n) = self.answers[variant], self.answers[source]
        return better - mean, float(np.hypot(spread / max(n, 1) ** 0.5, its_spread / max(its_n, 1) ** 0.5))


def rated(dataset: str, split: str) -> list[Rated]:
    found = []
    for row in map(json.loads, (DATA / dataset / "series.jsonl").read_text().splitlines()):
        if row["split"] == split:
            spreads = [spread or 0.0 for spread in row["score_sd"]]
            told = zip(row["photos"], row["scores"], spreads, row["n"], strict=True)
            found.append(Rated(row["series"], {name: (mean, sd, n) for name, mean, sd, n in told}))
    return found


def told(label: str, strengths: list[float], losses: list[tuple[float, float]]) -> None:
    means, errors = np.array(losses).T
    error = float(np.sqrt((errors**2).sum()) / len(errors))
    hurts = bool((means > 0).all() and means.mean() > 2 * error)
    print(
        f"{label:26} strength {'/'.join(f'{s:.2f}' for s in strengths):15} liked less by "
        f"{' '.join(f'{m:+.2f}' for m in means)}  mean {means.mean():+.2f} ± {error:.2f}  {'hurts' if hurts else '–'}"
    )


def curves(split: str) -> None:
    """The study's own formulas are those of our edits: contrast k around the mean, gamma as an exponent."""
    photos = rated("contrast_gamma", split)
    print(
        f"\ncontrast and gamma, {split}: {', '.join(photo.name for photo in photos)}; scale −3…3 against the source"
    )
    levels = [("low_contrast", k, 100, (1 - k / 100) / 0.75) for k in (75, 50)]
    levels += [("high_contrast", k, 100, (k / 100 - 1) / 2) for k in (125, 150)]
    levels += [("dark_midtones", 100, g, np.log(g / 100) / np.log(2.5)) for g in (125, 150)]
    levels += [("bright_midtones", 100, g, np.log(g / 100) / np.log(0.3)) for g in (75, 50)]
    for edit, k, g, strength in levels:
        losses = [p.loss(f"{p.name}_k{k:03d}_g{g:03d}.jpg", f"{p.name}_k100_g100.jpg") for p in photos]
        told(f"{edit} k {k} g {g}", [strength], losses)


def blur_and_jpeg(split: str) -> None:
    """Against level 5, the weakest, which raters hardly tell from perfect: there is no untouched picture."""
    photos = rated("blur_jpeg", split)
    print(f"\nblur and JPEG, {split}: {', '.join(photo.name for photo in photos)}; MOS 1…5 against level 5")
    for edit, kind in (("defocus", "blur"), ("jpeg", "compression")):
        for level in (4, 3, 2, 1):
            variants = [(f"{p.name}_{kind}_{level}.jpg", f"{p.name}_{kind}_5.jpg") for p in photos]
            losses = [photo.loss(*pair) for photo, pair in zip(photos, variants, strict=True)]
            strengths = [equal_strength(edit, frame(variant), frame(source)) for variant, source in variants]
            told(f"{edit} level {level}", strengths, losses)


def equal_strength(edit: str, variant: Frame, source: Frame) -> float:
    """The strength at which *edit* puts *source* as far from itself as *variant* is, by mean squared difference."""
    ready = find_edit(edit).prepare(source)
    distances = np.array([distance(ready.frame_at(float(s)), source) for s in STRENGTHS])
    return float(STRENGTHS[np.abs(distances - distance(variant, source)).argmin()])


def distance(a: Frame, b: Frame) -> float:
    difference: FloatArray = a.astype(np.float64) - b
    return float(np.sqrt((difference**2).mean()))


def frame(name: str) -> Frame:
    return read_frame(str(DATA / "blur_jpeg" / name), long_side=1024)


def main() -> None:
    split = "test" if "--test" in sys.argv else "val"
    curves(split)
    blur_and_jpeg(split)


if __name__ == "__main__":
    main()
