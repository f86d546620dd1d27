"""How `builtin` is taught, part by part: edits, lessons, losses, heads, blends; each against an oracle of its own."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression, Ridge

from finepick.errors import WeightsError
from finepick.scorers.builtin.eye import Eye
from finepick.scorers.builtin.texture import COUNT, texture
from tests.contracts.scorer_contract import draw_burst

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from finepick.training.builtin.blending import fit_temperature, fit_weights, pairs_of  # noqa: E402
from finepick.training.builtin.damage import EDITED, SIDE, edited_frames, edited_parts, hurting_edits  # noqa: E402
from finepick.training.builtin.distil import CHECKPOINT, Settings, distil  # noqa: E402
from finepick.training.builtin.export import exported  # noqa: E402
from finepick.training.builtin.features import Features  # noqa: E402
from finepick.training.builtin.heads import Examples, Heads, Reading, fit, ridge  # noqa: E402
from finepick.training.builtin.lessons import GROUP, VIEW_SIDE, Lessons  # noqa: E402
from finepick.training.builtin.losses import Scales, embedding_losses, order_loss  # noqa: E402
from finepick.training.builtin.network import Student  # noqa: E402
from finepick.training.builtin.teacher import damage_of  # noqa: E402
from finepick.training.builtin.views import Canvases, changed  # noqa: E402


class Colours:
    """A teacher whose maps are the colours of its picture, averaged: what it says can be checked by hand."""

    layers = 30

    def step(self, layer: int) -> float:
        return 1 / 100

    def maps(self, pictures: np.ndarray, layers: tuple[int, ...]) -> list[np.ndarray]:
        count, _, side, _ = pictures.shape
        cells = pictures.reshape(count, 3, 7, side // 7, 7, side // 7).mean(axis=(3, 5), dtype=np.float32)
        return [np.repeat(cells / 255, 1024 // 3 + 1, axis=1)[:, :1024] for _ in layers]


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return [draw_burst(1, seed=seed, width=448, height=320)[0] for seed in range(3)]


@pytest.fixture
def lessons(frames: list[np.ndarray]) -> Lessons:
    groups = np.stack([edited_parts(frame, [0, place]) for place, frame in enumerate(frames)])
    return Lessons(Canvases(frames), groups, Colours(), singles=6, grouped=2, kept=4, first=2)  # type: ignore[arg-type]


# --- edits ---


def test_edited_parts_are_a_pure_function_of_frame_and_seed(frames: list[np.ndarray]) -> None:
    before = frames[0].copy()
    first, again, other = (edited_parts(frames[0], seed) for seed in ([1, 2], [1, 2], [1, 3]))
    assert first.shape == (1 + EDITED, SIDE, SIDE, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.array_equal(frames[0], before)


def test_what_moves_the_picture_is_no_edit_here() -> None:
    assert not {"tilt", "perspective", "subject_cut"} & {edit.name for edit in hurting_edits()}


def test_edited_frames_begin_with_the_frame_and_share_a_size(frames: list[np.ndarray]) -> None:
    for seed in range(6):
        made = edited_frames(frames[1], [seed])
        assert len({one.shape for one in made}) == 1 and len(made) == 1 + EDITED
        if made[0].shape == frames[1].shape:
            assert np.array_equal(made[0], frames[1])


def test_damage_is_none_for_the_same_and_grows_with_distance() -> None:
    chance = np.random.default_rng(0)
    source, noise = chance.random((1, 8, 5, 5)), chance.random((1, 8, 5, 5))
    maps = np.concatenate([source, source, source + 0.1 * noise, source + 0.5 * noise]).astype(np.float32)
    [found] = damage_of([maps, maps], 4)
    assert found[0] == found[1] == 0 and 0 < found[2] < found[3]
    length = lambda cells: cells / (np.linalg.norm(cells, axis=1, keepdims=True) + 1e-3)  # noqa: E731
    by_hand = ((length(maps[2:3]) - length(maps[:1])) ** 2).sum(axis=1).mean()
    assert found[2] == pytest.approx(math.log1p(2 * 2 * by_hand), rel=1e-5)


# --- views and lessons ---


def test_parts_are_parts_of_the_photos(frames: list[np.ndarray]) -> None:
    flat = [np.full((320, 448, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255))]
    parts = Canvases(flat).parts(40, 64, torch.Generator().manual_seed(0))
    colours = {tuple(part.mean(dim=(1, 2)).round().tolist()) for part in parts}
    assert colours == {(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)}
    again = Canvases(frames).parts(9, 96, torch.Generator().manual_seed(3))
    assert torch.equal(again, Canvases(frames).parts(9, 96, torch.Generator().manual_seed(3)))
    mixed = changed(again, torch.Generator().manual_seed(1))
    assert mixed.shape == again.shape and float(mixed.min()) >= 0 and float(mixed.max()) <= 1


def test_a_lesson_is_what_the_teacher_says_of_its_views(lessons: Lessons) -> None:
    lesson, mirrored = lessons.next()
    views, maps = lesson.shown(mirrored=mirrored)
    assert views.shape == (6 + 2 * GROUP, 3, VIEW_SIDE, VIEW_SIDE)
    told = maps.mean(dim=(2, 3))[:, [0, 400, 1000]]
    assert torch.allclose(told, views.mean(dim=(2, 3)), atol=0.02)  # a step is a hundredth
    assert lesson.damage.shape == (2, GROUP) and (lesson.damage[:, 0] == 0).all()


def test_mirrored_lessons_are_mirrored_on_both_sides(lessons: Lessons) -> None:
    lesson, _ = lessons.next()
    (views, maps), (mirrored, their_maps) = (lesson.shown(mirrored=one) for one in (False, True))
    assert torch.equal(views.flip(3), mirrored) and torch.equal(maps.flip(3), their_maps)


# --- losses ---


def test_losses_vanish_where_student_and_teacher_agree_and_are_one_where_it_says_the_mean() -> None:
    maps = torch.randn(64, 5, 4, 4, generator=torch.Generator().manual_seed(0)) * 3
    scales = Scales.of(maps, torch.eye(5)[:2])
    assert all(float(loss) == 0 for loss in embedding_losses(maps, maps, scales).values())
    mean = maps.mean(dim=(0, 2, 3), keepdim=True).expand_as(maps)
    for loss in embedding_losses(mean, maps, scales).values():
        assert float(loss) == pytest.approx(1.0, abs=0.02)


def test_the_order_of_damage_costs_what_cross_entropy_says() -> None:
    said, wanted = torch.tensor([[0.0, 2.0]]), torch.tensor([[0.0, 0.3]])
    target, p = 1 / (1 + math.exp(0.3 / 0.15)), 1 / (1 + math.exp(2.0))
    by_hand = -(target * math.log(p) + (1 - target) * math.log(1 - p))
    assert float(order_loss(said, wanted, 0.15)) == pytest.approx(by_hand, rel=1e-5)


# --- the loop ---


@pytest.mark.parametrize("half", [False, True])
def test_the_student_learns_what_the_teacher_says(lessons: Lessons, tmp_path: Path, half: bool) -> None:
    told: list[dict[str, float]] = []
    directions = np.eye(1024, dtype=np.float32)[:2]
    settings = Settings(steps=12, warm_up=2)
    distil(
        lessons,
        directions,
        settings,
        str(tmp_path),
        report=lambda _, losses: told.append(losses),
        every=8,
        half=half,
    )
    assert told[-1]["views"] < 0.8 * told[0]["views"]


def test_a_run_goes_on_and_is_refused_where_it_is_another(lessons: Lessons, tmp_path: Path) -> None:
    steps: list[int] = []
    directions = np.eye(1024, dtype=np.float32)[:1]

    def run(**changes: float) -> Student:
        settings = Settings(**{"steps": 4, **changes})  # type: ignore[arg-type]
        return distil(
            lessons, directions, settings, str(tmp_path), report=lambda n, _: steps.append(n), every=2
        )

    first = run()
    again = run()
    assert steps == [2, 4]
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True)
    )
    run(steps=6)
    assert steps == [2, 4, 6]
    with pytest.raises(WeightsError, match="other settings"):
        run(rate=1.0)
    (tmp_path / CHECKPOINT).write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="is damaged"):
        run()


# --- heads and blends ---


def test_ridge_is_sklearns() -> None:
    chance = np.random.default_rng(0)
    rows, values = chance.normal(size=(40, 60)) * chance.uniform(0.5, 3, 60), chance.normal(size=40)
    spread = rows.std(axis=0) + 1e-3
    theirs = Ridge(alpha=7.0, fit_intercept=True).fit(rows / spread, values).coef_ / spread
    assert ridge(rows, values, [np.arange(40)], 7.0) == pytest.approx(theirs, abs=1e-8)


def test_a_fit_says_nothing_of_a_group_that_it_learned_from_it() -> None:
    """With values that are noise, what was not seen cannot be told; with values in the features, it can."""
    chance = np.random.default_rng(1)
    rows = chance.normal(size=(120, 200))
    groups = np.split(np.arange(120), 20)
    noise = fit(rows, Examples(chance.normal(size=120), groups, []))
    clear = fit(rows, Examples(rows[:, 0] * 5, groups, []))
    assert noise.score < 0.62 and clear.score > 0.6
    single = fit(rows, Examples(rows[:, 0] * 5 + 3, [np.arange(120)], []))
    assert rows @ single.weights + single.intercept == pytest.approx(rows[:, 0] * 5 + 3, abs=6)


def test_weights_are_those_of_logistic_regression() -> None:
    chance = np.random.default_rng(2)
    series = [(chance.normal(size=(6, 3)), chance.normal(size=6)) for _ in range(30)]
    series = [(rows, rows @ [1.0, -0.5, 0.0] + 0.3 * noise) for rows, noise in series]
    pairs = pairs_of(series, temperature=1e-9)  # hard
    ours = fit_weights(pairs, penalty=1e-9, nonnegative=False)
    theirs = (
        LogisticRegression(C=1e9, fit_intercept=False).fit(pairs.differences, pairs.wanted > 0.5).coef_[0]
    )
    assert ours == pytest.approx(theirs, rel=2e-2, abs=2e-2)
    assert (fit_weights(pairs, penalty=1e-3, nonnegative=True) >= 0).all()
    with pytest.raises(ValueError, match="differ"):
        pairs_of([(np.zeros((2, 3)), np.zeros(2))], temperature=1.0)


def test_the_temperature_is_found_again() -> None:
    chance = np.random.default_rng(3)
    gaps = chance.normal(size=20_000) * 2
    outcomes = (chance.random(20_000) < 1 / (1 + np.exp(-gaps / 1.7))).astype(float)
    assert fit_temperature(gaps, outcomes, np.full(20_000, 1 / 20_000)) == pytest.approx(1.7, rel=0.05)


# --- what is written ---


def test_the_exported_network_reads_what_torch_reads(frames: list[np.ndarray]) -> None:
    torch.manual_seed(0)
    student = Student().eval()
    features = Features(student)
    chance = np.random.default_rng(0)
    count = 2 * features.channels + COUNT

    def reading() -> Reading:
        middle, whole, last = np.split(
            chance.normal(size=count) / 50, [features.channels, 2 * features.channels]
        )
        return Reading(middle, whole, last, 0.25)

    heads = Heads(reading(), reading())
    eye = Eye(exported(student, heads, {"blends": "{}", "made by": "a test"}))
    assert eye.facts["made by"] == "a test"
    picture = Image.fromarray(frames[0])
    read = eye.look(picture)["readings"]
    row = features.of(picture)
    assert np.array_equal(row[-COUNT:], texture(picture))
    for place, one in enumerate((heads.quality, heads.beauty)):
        wanted = row @ np.concatenate([one.middle, one.whole, one.texture]) + one.intercept
        assert read[place] == pytest.approx(wanted, rel=5e-3, abs=5e-3)  # weights are kept in half precision
    with pytest.raises(WeightsError, match="not written by"):
        Eye(exported(student, heads, {}))
    with pytest.raises(WeightsError, match="no network"):
        Eye(b"nonsense")
