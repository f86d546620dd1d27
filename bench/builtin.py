"""The model in the wheel on people's judgements, scene by scene, and what it costs a photo.

    python bench/builtin.py [--split val,test] [--model NAME|FILE] …

Prints for every set in ../shared/data the pair accuracy with the gap of its README, series in which the best was found
and called, calibration (expected calibration error in ten bins), and the rank correlation of coarse scores; then the
milliseconds of one core that a photo of 12 megapixels costs beyond decoding. Comparisons with intervals:
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
    given = arguments.parse_args()
    with Library(load_settings()) as library:
        for model in given.model or ["builtin", "measured"]:
            scorer = load_scorer(model)
            for name in given.sets.split(","):
                for split in given.split.split(","):
                    print(
                        json.dumps(
                            {
                                "model": model,
                                "set": name,
                                "split": split,
                                **judged(library, scorer, name, split),
                            }
                        )
                    )
    print(json.dumps({"ms a photo": round(cost(), 1)}))


def judged(library: Library, scorer: Scorer, name: str, split: str) -> dict[str, object]:
    dataset = load_dataset(str(DATA / name))
    rated = [photo for photo in dataset.photos if photo.split == split]
    if rated:
        photos = read(library, [str(DATA / name / photo.file) for photo in rated], scorer)
        coarse = scorer.coarse(photos)
        return {
            "photos": len(rated),
            "srcc": None
            if coarse is None
            else round(float(spearmanr(coarse, [one.score for one in rated]).statistic), 3),
        }
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
    return {
        "series": len(series),
        "pairs": total,
        "pair_acc": round(right / total, 3),
        "best found": round(best / len(series), 3),
        "called": round(called / len(series), 3),
        "right when called": round(well / called, 3) if called else None,
        "ece": round(calibration_error(np.array(said), np.array(held)), 3),
        **({"scenes": scenes} if len(series) < 10 else {}),
    }


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


def calibration_error(said: FloatArray, held: FloatArray) -> float:
    """Expected calibration error of how sure the favourite is (Guo et al., ICML 2017, equation 3)."""
    sure, right = np.maximum(said, 1 - said), np.where(said >= 0.5, held, 1 - held)
    bins = np.minimum(((sure - 0.5) * 2 * BINS).astype(int), BINS - 1)
    gaps = [
        abs(sure[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean()
        for one in np.unique(bins)
    ]
    return float(np.sum(gaps))


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
