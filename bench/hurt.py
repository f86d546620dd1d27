"""Photos that edits have hurt ever more: does the model put the untouched one first, and all four in order?

    python bench/hurt.py [--photos 24] [--model NAME|FILE] …

Single photos of ../shared/data/unlabelled_series, which nothing was taught with; every edit of the catalogue that hurts
and leaves everything in its place, at three strengths past its threshold. A line an edit: share of photos whose
untouched version was found, and share whose four came in order.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from PIL import Image

from finepick.scorers.base import Scorer
from finepick.scorers.catalog import load_scorer
from finepick.scorers.frames import ArrayFrames
from finepick.training.builtin.edited import hurting_edits

DATA = Path(os.environ.get("FINEPICK_DATA", Path(__file__).parents[2] / "shared" / "data"))
PLACES = (0.15, 0.5, 0.9)
SHOWN = (2, 0, 3, 1)
"""The order that versions are given in, so that places tell nothing."""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--photos", type=int, default=24)
    arguments.add_argument("--model", action="append")
    given = arguments.parse_args()
    scorers = [load_scorer(name) for name in given.model or ["builtin", "measured", "sharpness"]]
    paths = sorted((DATA / "unlabelled_series").glob("single_*.jpg"))
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in paths[:: len(paths) // given.photos]]
    print(f"{len(pictures)} photos".ljust(28), *(scorer.info.name.ljust(14) for scorer in scorers))
    totals = np.zeros((len(scorers), 2))
    for edit in hurting_edits():
        assert edit.hurts_from is not None
        low = edit.hurts_from.strength
        found = np.zeros((len(scorers), 2))
        for number, picture in enumerate(pictures):
            chain = edit.prepare(picture, seed=number)
            versions = [picture, *(chain.frame_at(low + (1 - low) * place) for place in PLACES)]
            frames = [versions[place] for place in SHOWN]
            found += [order_of(scorer, frames) for scorer in scorers]
        found /= len(pictures)
        totals += found
        print(
            edit.name.ljust(28), *(f"{best:.2f} {whole:.2f}".ljust(14) for best, whole in found), flush=True
        )
    print(
        "mean".ljust(28),
        *(f"{best:.2f} {whole:.2f}".ljust(14) for best, whole in totals / len(hurting_edits())),
    )


def order_of(scorer: Scorer, frames: list[np.ndarray]) -> tuple[bool, bool]:
    """Whether the untouched version came first, and whether all did in order."""
    order = [SHOWN[place] for place in np.argsort(-scorer.judge(ArrayFrames(frames)).fine, kind="stable")]
    return order[0] == 0, order == sorted(order)


if __name__ == "__main__":
    main()
