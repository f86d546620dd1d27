"""The Python names, as the README shows them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

import finepick
from tests.conftest import scene


def test_pick_gives_rankings_with_a_best_photo_and_reasons(shoot: Path) -> None:
    result = finepick.pick(shoot)

    burst = next(ranking for ranking in result.series if ranking.kind == "burst")
    assert burst.best is not None
    assert Path(burst.best.path).name == "burst_2.jpg"
    assert burst.p_best is not None and burst.p_best.sum() == pytest.approx(1)
    winner, loser = burst.order[0], burst.order[-1]
    assert burst.probability(winner, loser) > 0.5
    assert burst.probability(winner, loser) + burst.probability(loser, winner) == pytest.approx(1)
    assert burst.reasons(winner, loser)
    assert {Path(one.path).name for one in result.skipped} == {"zero.jpg", "words.jpg", "cut.jpg"}


def test_rank_takes_paths_of_any_kind(shoot: Path) -> None:
    ranking = finepick.rank(
        [shoot / "burst_0.jpg", str(shoot / "burst_2.jpg"), os.fspath(shoot / "burst_4.jpg")]
    )

    assert Path(ranking.photos[ranking.order[0]].path).name == "burst_2.jpg"


def test_best_of_takes_pictures_arrays_and_paths(shoot: Path) -> None:
    sharp = scene(7)
    soft, softer = sharp.filter(ImageFilter.GaussianBlur(1)), sharp.filter(ImageFilter.GaussianBlur(3))

    assert finepick.best_of([soft, sharp, softer]) == [1]
    assert finepick.best_of([np.asarray(softer), np.asarray(soft), np.asarray(sharp)], k=3) == [2, 1, 0]
    assert finepick.best_of([shoot / "burst_4.jpg", shoot / "burst_2.jpg"]) == [1]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ([], ValueError),
        ([np.zeros((4, 4))], ValueError),
        ([np.zeros((0, 4, 3), np.uint8)], ValueError),
        ([None], TypeError),
    ],
)
def test_best_of_refuses_what_is_no_picture(wrong: list[object], error: type[Exception]) -> None:
    with pytest.raises(error):
        finepick.best_of(wrong)  # type: ignore[arg-type]


def test_compare_and_score_work_from_python(shoot: Path) -> None:
    verdict = finepick.compare(shoot / "burst_2.jpg", shoot / "burst_4.jpg")
    scores = finepick.score([shoot / "burst_2.jpg"])

    assert verdict.winner == "a"
    assert len(scores.photos) == 1
    assert scores.photos[0].coarse is None or 1 <= scores.photos[0].coarse <= 10


def test_a_plain_script_needs_no_main_guard(shoot: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import finepick\nprint(len(finepick.pick({str(shoot)!r}).series))\n")

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1


def test_errors_carry_what_and_where(tmp_path: Path) -> None:
    with pytest.raises(finepick.FinepickError) as caught:
        finepick.pick(tmp_path / "nowhere")

    assert caught.value.kind == "path_not_found"
    assert caught.value.path == str(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(caught.value)


def test_pictures_in_memory_and_on_disk_are_judged_alike(tmp_path: Path) -> None:
    pictures = [scene(8), scene(8).filter(ImageFilter.GaussianBlur(2)), scene(8).point(lambda v: v // 3)]
    for i, picture in enumerate(pictures):
        picture.save(tmp_path / f"{i}.png")

    ranking = finepick.rank([tmp_path / f"{i}.png" for i in range(3)])

    assert finepick.best_of(pictures, k=3) == list(ranking.order)
    assert finepick.best_of([Image.open(tmp_path / f"{i}.png") for i in range(3)], k=3) == list(ranking.order)


def test_rank_answers_in_the_order_it_was_asked_in(shoot: Path) -> None:
    asked = [shoot / f"burst_{i}.jpg" for i in (4, 2, 0, 3)]

    ranking = finepick.rank(asked)

    assert [Path(photo.path) for photo in ranking.photos] == asked
    assert ranking.order[0] == 1
    assert ranking.scores is not None and int(ranking.scores.argmax()) == 1
    assert ranking.p_best is not None and int(ranking.p_best.argmax()) == 1
    assert ranking.probability(1, 0) > 0.5 > ranking.probability(0, 1)
    assert all(reason.versus == str(asked[0]) for reason in ranking.reasons(1, 0))
    with pytest.raises(IndexError):
        ranking.reasons(0, 4)


def test_rank_says_which_photo_it_could_not_read(shoot: Path) -> None:
    with pytest.raises(finepick.FinepickError) as caught:
        finepick.rank([shoot / "burst_2.jpg", shoot / "cut.jpg"])

    assert caught.value.path == str(shoot / "cut.jpg")


def test_best_of_takes_a_generator_but_no_single_path_and_no_k_of_nothing(shoot: Path) -> None:
    assert finepick.best_of(scene(7).filter(ImageFilter.GaussianBlur(radius)) for radius in (2, 0.0, 1)) == [
        1
    ]
    with pytest.raises(TypeError, match="several pictures"):
        finepick.best_of(str(shoot))
    with pytest.raises(ValueError, match="at least one"):
        finepick.best_of([scene(7)], k=0)
