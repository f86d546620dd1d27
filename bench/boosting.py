"""Trees on measurements instead of a network: how far gradient boosting gets on AGIQA-3K's *train* and *val*.

    python bench/boosting.py

Readings of `measured` and texture counted by hand, each less its mean over the series, and people's means less theirs
(Friedman 2001, as scikit-learn has it). Settings are chosen by five folds of *train*; *val* is printed beside them.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.ensemble import HistGradientBoostingRegressor

from finepick.datasets.catalog import load_dataset
from finepick.differences.leaning import lean_of_series
from finepick.differences.places import lay_cells
from finepick.domain import FloatArray
from finepick.scorers import measured
from finepick.scorers.builtin.texture import texture
from finepick.scorers.overlay import Overlay
from finepick.settings import load_settings
from finepick.workflows.library import Library, SeriesFrames

DATA = Path(os.environ.get("FINEPICK_DATA", Path(__file__).parents[2] / "shared" / "data"))
GAP = 0.3
FOLDS = 5

Known = tuple[FloatArray, FloatArray]
"""Of one series: rows (n, d), and people's means (n,), both less their mean."""


def main() -> None:
    with Library(load_settings()) as library:
        splits = {split: known(library, split) for split in ("train", "val")}
    readings = len(measured.READINGS)
    for name, columns in (
        ("measurements", np.s_[:readings]),
        ("texture", np.s_[readings:]),
        ("both", np.s_[:]),
    ):
        train, val = (
            [(rows[:, columns], values) for rows, values in splits[split]] for split in ("train", "val")
        )
        tried = []
        for leaves, rate, rounds in itertools.product((4, 8, 16), (0.03, 0.1), (100, 300)):
            settings = {"max_leaf_nodes": leaves, "learning_rate": rate, "max_iter": rounds}
            folds = [train[fold::FOLDS] for fold in range(FOLDS)]
            scores = [
                right(
                    fitted([one for k, rest in enumerate(folds) if k != fold for one in rest], settings),
                    folds[fold],
                )
                for fold in range(FOLDS)
            ]
            tried.append((float(np.mean([score[0] for score in scores])), settings))
        by_folds, settings = max(tried, key=lambda one: one[0])
        pairs, best = right(fitted(train, settings), val)
        print(
            f"{name}: {by_folds:.3f} by folds of train, val {pairs:.3f} of pairs, best found {best:.3f}",
            settings,
        )


def known(library: Library, split: str) -> list[Known]:
    dataset = load_dataset(str(DATA / "agiqa3k"))
    found = []
    for one in dataset.series:
        if one.split != split:
            continue
        paths = [str(DATA / "agiqa3k" / file) for file in one.photos]
        photos = {photo.path: photo for photo in library.read(paths).photos}
        overlay = Overlay.of(SeriesFrames(library, [photos[path] for path in paths]))
        places = lay_cells(overlay.features, overlay.alignment, overlay.maps)
        leaning = lean_of_series(overlay.features, overlay.alignment)
        read = measured.read_series(overlay.features, places, leaning)[overlay.place]
        counted = np.stack([texture(Image.open(path).convert("RGB")) for path in paths])
        rows, values = np.hstack([read, counted]), np.asarray(one.scores)
        found.append((rows - rows.mean(axis=0), values - values.mean()))
    return found


def fitted(train: list[Known], settings: dict[str, float]) -> HistGradientBoostingRegressor:
    rows, values = (np.concatenate(some) for some in zip(*train, strict=True))
    return HistGradientBoostingRegressor(random_state=0, max_features=0.3, **settings).fit(rows, values)


def right(model: HistGradientBoostingRegressor, series: list[Known]) -> tuple[float, float]:
    """Pair accuracy, and the share of series whose best was found."""
    agreed = total = best = 0
    for rows, values in series:
        said = model.predict(rows)
        clear = np.subtract.outer(values, values) > GAP
        agreed += int((clear & (np.subtract.outer(said, said) > 0)).sum())
        total += int(clear.sum())
        best += int(values[said.argmax()] == values.max())
    return agreed / total, best / len(series)


if __name__ == "__main__":
    main()
