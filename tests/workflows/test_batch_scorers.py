"""Models that look at pixels, on files: through real readers and a real cache."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finepick.domain import Stage
from finepick.scorers.fgaesq.scorer import FgaesqScorer
from finepick.scorers.frames import ArrayFrames
from finepick.settings import Settings
from finepick.workflows.library import Library
from finepick.workflows.pick import PickOptions, pick_photos
from finepick.workflows.score import score_photos
from tests.contracts.scorer_contract import draw_burst
from tests.scorers.fgaesq.linear_runner import LinearRunner

ONE = PickOptions(group="one")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(str(tmp_path / "cache"), str(tmp_path / "models"), workers=2)


@pytest.fixture
def shoot(tmp_path: Path) -> list[str]:
    """Two series of 3 and 2 frames, in a folder each."""
    paths = []
    for seed, count in enumerate((3, 2)):
        folder = tmp_path / "shoot" / str(seed)
        folder.mkdir(parents=True)
        for number, frame in enumerate(draw_burst(count, seed=seed)):
            paths.append(str(folder / f"{number}.png"))
            Image.fromarray(frame).save(paths[-1])
    return paths


def test_files_are_judged_as_frames_in_memory_are(settings: Settings, shoot: list[str]) -> None:
    scorer = FgaesqScorer(LinearRunner())
    with Library(settings) as library:
        [ranking] = pick_photos(library, shoot[:3], scorer=scorer, options=ONE).series
    frames = [np.asarray(Image.open(photo.path)) for photo in ranking.photos]
    judged = scorer.judge(ArrayFrames(frames))
    assert ranking.scores is not None
    assert np.abs(ranking.scores - judged.fine).max() < 1e-6


def test_what_was_judged_is_not_judged_again(settings: Settings, shoot: list[str]) -> None:
    runner = LinearRunner(batch_size=10)
    for _ in range(2):
        with Library(settings) as library:
            result = pick_photos(
                library, shoot, scorer=FgaesqScorer(runner), options=PickOptions(group="folder")
            )
    assert [len(ranking) for ranking in result.series] == [3, 2]
    assert sum(runner.batches) == 5
    with Library(settings, fresh=True) as library:
        pick_photos(library, shoot, scorer=FgaesqScorer(runner), options=PickOptions(group="folder"))
    assert sum(runner.batches) == 10


def test_coarse_scores_are_asked_for_and_remembered(settings: Settings, shoot: list[str]) -> None:
    runner = LinearRunner()
    scorer = FgaesqScorer(runner)
    with Library(settings) as library:
        [without] = pick_photos(library, shoot[:3], scorer=scorer, options=ONE).series
        [ranking] = pick_photos(
            library, shoot[:3], scorer=scorer, options=PickOptions(group="one", coarse=True)
        ).series
        passes = sum(runner.batches)
        scored = {one.path: one.coarse for one in score_photos(library, shoot[:3], scorer).photos}
    assert without.coarse is None and ranking.coarse is not None
    assert passes == 6 and sum(runner.batches) == 6
    assert [scored[photo.path] for photo in ranking.photos] == ranking.coarse.tolist()


def test_a_frame_lost_before_it_is_judged_costs_only_itself(settings: Settings, shoot: list[str]) -> None:
    class Forgetful(Library):
        """Reads the shoot, and then the third file is gone."""

        def read(self, *arguments, **options):  # type: ignore[no-untyped-def]
            reading = super().read(*arguments, **options)
            os.remove(shoot[1])
            return reading

    with Forgetful(settings) as library:
        result = pick_photos(
            library, shoot, scorer=FgaesqScorer(LinearRunner()), options=PickOptions(group="folder")
        )
    assert [sorted(photo.path for photo in ranking.photos) for ranking in result.series] == [
        [shoot[0], shoot[2]],
        [shoot[3], shoot[4]],
    ]
    [lost] = result.skipped
    assert lost.path == shoot[1] and lost.stage is Stage.JUDGE
