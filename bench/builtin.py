"""The model in the wheel on people's judgements, scene by scene, and what it costs a photo.

    python bench/builtin.py [--split val,test] [--model NAME|FILE] … [--plot FILE.svg]

Prints for every set in ../shared/data the pair accuracy with the gap of its README, series in which the best was found
and called, calibration (expected calibration error in ten bins), and the rank correlation of coarse scores; then the
milliseconds of one core that a photo of 12 megapixels costs beyond decoding. *--plot*: how often the favourite of a
pair was right, by how sure the first model was. Comparisons with intervals:
`finepick evaluate SET --min-gap GAP --model builtin --against measured --floor`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.stats import spearmanr

from finepick.datasets.catalog import load_dataset
from finepick.domain import FloatArray
from finepick.scorers.base import Judgement, Scorer, glance_of
from finepick.scorers.builtin import eye
from finepick.scorers.catalog import load_scorer
from finepick.settings import load_settings
from finepick.workflows.library import Library, SeriesFrames

DATA = Path(os.environ.get("FINEPICK_DATA", Path(__file__).parents[2] / "shared" / "data"))
SETS = {"agiqa3k": 0.3, "contrast_gamma": 0.5, "blur_jpeg": 0.3, "oasis": 0.0}
BINS = 10


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--split", default="val")
    arguments.add_argument("--model", action="append")
    arguments.add_argument("--sets", default=",".join(SETS))
    arguments.add_argument("--plot", metavar="FILE.svg")
    given = arguments.parse_args()
    pairs: dict[str, tuple[FloatArray, FloatArray]] = {}
    with Library(load_settings()) as library:
        for model in given.model or ["builtin", "measured"]:
            scorer = load_scorer(model)
            for name in given.sets.split(","):
                for split in given.split.split(","):
                    found, *sure = judged(library, scorer, name, split)
                    print(json.dumps({"model": model, "set": name, "split": split, **found}), flush=True)
                    if sure[0].size:
                        pairs.setdefault(f"{name}, {split}", (sure[0], sure[1]))
    if given.plot:
        draw_reliability(pairs, given.plot)
    print(json.dumps({"ms a photo": round(cost(), 1)}))


def judged(
    library: Library, scorer: Scorer, name: str, split: str
) -> tuple[dict[str, object], FloatArray, FloatArray]:
    """Figures; of every pair how sure its favourite was, and whether that was right."""
    dataset = load_dataset(str(DATA / name))
    rated = [photo for photo in dataset.photos if photo.split == split]
    if rated:
        photos = read(library, [str(DATA / name / photo.file) for photo in rated], scorer)
        coarse = scorer.coarse(photos)
        return (
            {
                "photos": len(rated),
                "srcc": None
                if coarse is None
                else round(float(spearmanr(coarse, [one.score for one in rated]).statistic), 3),
            },
            np.empty(0),
            np.empty(0),
        )
    right, total, best, called, well = 0, 0, 0, 0, 0
    said: list[float] = []
    held: list[float] = []
    scenes = {}
    series = [one for one in dataset.series if one.split == split]
    for one in series:
        judgement = scorer.judge(read(library, [str(DATA / name / file) for file in one.photos], scorer))
        values = np.asarray(one.scores)
        hits, pairs = agreed(judgement, values, SETS[name], said, held)
        scenes[one.series] = round(hits / max(pairs, 1), 3)
        right, total = right + hits, total + pairs
        top = int(judgement.fine.argmax())
        best += values[top] == values.max()
        if not judgement.too_close:
            called += 1
            well += values[top] >= values.max() - SETS[name]
    sure, well_said = favourites(np.array(said), np.array(held))
    return (
        {
            "series": len(series),
            "pairs": total,
            "pair_acc": round(right / total, 3),
            "best found": round(best / len(series), 3),
            "called": round(called / len(series), 3),
            "right when called": round(well / called, 3) if called else None,
            "ece": round(
                sum(weight * abs(mean - share) for mean, share, weight in binned(sure, well_said)), 3
            ),
            **({"scenes": scenes} if len(series) < 10 else {}),
        },
        sure,
        well_said,
    )


def read(library: Library, paths: list[str], scorer: Scorer) -> SeriesFrames:
    reading = library.read(paths, glance=glance_of(scorer))
    found = {photo.path: photo for photo in reading.photos}
    return SeriesFrames(library, [found[path] for path in paths])


def agreed(
    judgement: Judgement, values: FloatArray, gap: float, said: list[float], held: list[float]
) -> tuple[int, int]:
    """Pairs whose order is right, and pairs; probabilities and outcomes go to *said* and *held*."""
    hits = pairs = 0
    for a in range(len(values)):
        for b in range(a + 1, len(values)):
            if abs(values[a] - values[b]) > gap:
                won = values[a] > values[b]
                hits += (
                    (judgement.fine[a] > judgement.fine[b])
                    if won
                    else (judgement.fine[b] > judgement.fine[a])
                )
                pairs += 1
                said.append(float(judgement.preference[a, b]))
                held.append(float(won))
    return int(hits), pairs


def favourites(said: FloatArray, held: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How sure the favourite of each pair is, ½…1, and whether it was right."""
    return np.maximum(said, 1 - said), np.where(said >= 0.5, held, 1 - held)


def binned(sure: FloatArray, right: FloatArray) -> list[tuple[float, float, float]]:
    """Of BINS bins that are not empty: mean sureness, share that was right, share of all pairs.

    The expected calibration error (Guo et al., ICML 2017, equation 3) is the mean gap between the first two.
    """
    bins = np.minimum(((sure - 0.5) * 2 * BINS).astype(int), BINS - 1)
    within = [bins == one for one in np.unique(bins)]
    return [(float(sure[one].mean()), float(right[one].mean()), float(one.mean())) for one in within]


def draw_reliability(pairs: dict[str, tuple[FloatArray, FloatArray]], path: str) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(pairs), figsize=(2.6 * len(pairs), 2.9), sharey=True, squeeze=False)
    for axis, (name, (sure, right)) in zip(axes[0], pairs.items(), strict=True):
        rows = np.array(binned(sure, right))
        axis.plot([0.5, 1], [0.5, 1], color="#999", linewidth=1)
        axis.scatter(
            rows[:, 0], rows[:, 1], s=12 + 500 * rows[:, 2], color="#2864b0", alpha=0.75, linewidth=0
        )
        axis.set(title=name, xlim=(0.48, 1.02), ylim=(0.2, 1.04), xlabel="said")
        axis.title.set_fontsize(9)
    axes[0][0].set_ylabel("was right")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def cost() -> float:
    """Milliseconds of one core for a glance at a photo as the readers decode it, the best of nine."""
    photo = sorted((DATA / "photos").glob("*.jpg"))[0]
    picture = Image.open(photo).convert("RGB").resize((2000, 1500))
    times = []
    for _ in range(9):
        start = time.thread_time()
        eye.look(picture)
        times.append(time.thread_time() - start)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
