"""How `builtin` is taught, part by part: edits, lessons, losses, heads, blends; each against an oracle of its own."""

from __future__ import annotations

import itertools
import math
import os
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
from finepick.training.builtin.distil import CHECKPOINT, Settings, distil  # noqa: E402
from finepick.training.builtin.edited import EDITED, SIDE, edited_frames, edited_parts, hurting_edits  # noqa: E402
from finepick.training.builtin.export import exported  # noqa: E402
from finepick.training.builtin.features import Features  # noqa: E402
from finepick.training.builtin.heads import PENALTIES, Examples, Heads, Reading, agreement, fit, ridge  # noqa: E402
from finepick.training.builtin.lessons import GROUP, VIEW_SIDE, Lessons  # noqa: E402
from finepick.training.builtin.losses import Usual, hint_loss, percept_distances, percept_loss, view_loss  # noqa: E402
from finepick.training.builtin.muon import Muon, orthogonal  # noqa: E402
from finepick.training.builtin.network import Shape, Student  # noqa: E402
from finepick.training.builtin.teacher import HINT_LAYERS, PERCEPT_LAYERS, damage, distances  # noqa: E402
from finepick.training.builtin.views import Canvases, changed  # noqa: E402


class Colours:
    """A teacher whose maps are the colours of its picture, averaged: what it says can be checked by hand."""

    def maps(self, pictures: np.ndarray, layers: tuple[int, ...]) -> list[np.ndarray]:
        made = []
        for layer in layers:
            place = int(np.searchsorted(HINT_LAYERS, layer))  # a layer is like the next one that hints
            cell, channels = 4 * 2**place, Shape().hints[place]
            count, _, side, _ = pictures.shape
            cells = pictures.reshape(count, 3, side // cell, cell, side // cell, cell).mean(axis=(3, 5)) / 255
            made.append(np.repeat(cells, channels // 3 + 1, axis=1)[:, :channels].astype(np.float32))
        return made


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return [draw_burst(1, seed=seed, width=448, height=320)[0] for seed in range(3)]


@pytest.fixture
def lessons(frames: list[np.ndarray]) -> Lessons:
    groups = np.stack([edited_parts(frame, [0, place]) for place, frame in enumerate(frames)])
    return Lessons(Canvases(frames), groups, Colours(), singles=6, grouped=2)  # type: ignore[arg-type]


# --- edits ---


def test_edited_parts_are_a_pure_function_of_frame_and_seed(frames: list[np.ndarray]) -> None:
    before = frames[0].copy()
    first, again, other = (edited_parts(frames[0], seed) for seed in ([1, 2], [1, 2], [1, 3]))
    assert first.shape == (1 + EDITED, SIDE, SIDE, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.array_equal(frames[0], before)


def test_what_moves_the_picture_is_no_edit_here() -> None:
    assert not {"tilt", "perspective", "subject_cut"} & {edit.name for edit in hurting_edits()}


def test_whole_frames_are_hurt_and_share_a_size(frames: list[np.ndarray]) -> None:
    for seed in range(6):
        made = edited_frames(frames[1], [seed])
        assert made.dtype == np.uint8 and len(made) == 1 + EDITED
        if made[0].shape == frames[1].shape:
            assert np.array_equal(made[0], frames[1])
    assert np.array_equal(edited_frames(frames[1], [3]), edited_frames(frames[1], [3]))


def test_damage_is_the_mean_over_the_whole_and_two_corners() -> None:
    """With a teacher that sees colours only: red and green are at right angles."""

    class Flat:
        def maps(self, pictures: np.ndarray, layers: tuple[int, ...]) -> list[np.ndarray]:
            return [pictures.mean(axis=(2, 3), keepdims=True, dtype=np.float32) for _ in layers]

    frames = np.stack([np.full((260, 300, 3), colour, np.uint8) for colour in ([200, 0, 0], [0, 200, 0])])
    layers = len(PERCEPT_LAYERS)
    assert damage(frames, Flat())[0] == 0  # type: ignore[arg-type]
    assert damage(frames, Flat())[1] == pytest.approx(math.log1p(2 * 2 * layers), rel=1e-3)  # type: ignore[arg-type]
    assert damage(frames[:, :100], Flat()).shape == (2,)  # type: ignore[arg-type] # too small for corners


def test_distances_are_none_for_the_same_symmetric_and_grow() -> None:
    chance = np.random.default_rng(0)
    source, noise = chance.random((1, 8, 5, 5)), chance.random((1, 8, 5, 5))
    maps = np.concatenate([source, source, source + 0.1 * noise, source + 0.5 * noise]).astype(np.float32)
    [found] = distances([maps, maps], 4)
    assert found[0, 1] == 0 and 0 < found[0, 2] < found[0, 3] and np.allclose(found, found.T)
    length = lambda cells: cells / (np.linalg.norm(cells, axis=1, keepdims=True) + 1e-3)  # noqa: E731
    by_hand = ((length(maps[2:3]) - length(maps[3:])) ** 2).sum(axis=1).mean()
    assert found[2, 3] == pytest.approx(math.log1p(2 * 2 * by_hand), rel=1e-5)
    both = distances([np.concatenate([maps, maps[::-1]])], 4)
    assert both.shape == (2, 4, 4) and np.allclose(both[1], both[0][::-1, ::-1])


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
    lesson = lessons.lesson(3)
    assert lesson.views.shape == (6 + 2 * GROUP, 3, VIEW_SIDE, VIEW_SIDE)
    told = lesson.hints[-1].mean(dim=(2, 3))[:, [0, 400, 1000]]
    assert torch.allclose(told, lesson.views.mean(dim=(2, 3)), atol=1e-3)
    assert [hint.shape[1:] for hint in lesson.hints] == [
        (channels, VIEW_SIDE // cell, VIEW_SIDE // cell)
        for channels, cell in zip(Shape().hints, (4, 8, 16, 32), strict=True)
    ]
    assert lesson.apart.shape == (2, GROUP, GROUP)
    assert (lesson.apart.diagonal(dim1=1, dim2=2) == 0).all() and float(lesson.apart.max()) > 0


def test_lessons_hang_on_nothing_but_their_number(lessons: Lessons) -> None:
    coming = lessons.from_number(5)
    for number in (5, 6, 7):
        one, again = next(coming), lessons.lesson(number)
        assert torch.equal(one.views, again.views) and torch.equal(one.apart, again.apart)
    coming.close()
    assert not torch.equal(lessons.lesson(5).views, lessons.lesson(6).views)


# --- losses ---


def test_losses_vanish_where_student_and_teacher_agree_and_are_one_where_it_says_the_mean() -> None:
    maps = torch.randn(64, 5, 4, 4, generator=torch.Generator().manual_seed(0)) * 3
    usual = Usual.of([maps, maps])
    assert float(hint_loss([maps, maps], [maps, maps], usual, (1.0, 2.0))) == 0
    assert float(view_loss(maps, maps, usual)) == 0
    mean = usual.means[0][None, :, None, None].expand_as(maps)
    assert float(hint_loss([mean, mean], [maps, maps], usual, (0.5, 0.5))) == pytest.approx(1.0, abs=0.02)
    assert float(view_loss(mean, maps, usual)) == pytest.approx(1.0, abs=0.02)


def test_percepts_are_as_far_apart_as_their_squared_distance_says() -> None:
    percept = torch.randn(6, 4, 2, 3, generator=torch.Generator().manual_seed(1))
    found = percept_distances(percept, 3)
    by_hand = math.log1p(2 * float(((percept[3] - percept[5]) ** 2).sum(dim=0).mean()))
    assert found.shape == (2, 3, 3) and float(found[1, 0, 2]) == pytest.approx(by_hand, rel=1e-5)
    assert float(percept_loss(percept, found)) == 0
    assert float(percept_loss(percept, found + 0.5)) == pytest.approx(0.25)


# --- the network ---


def test_what_a_stage_is_told_takes_the_place_of_what_was_seen() -> None:
    torch.manual_seed(1)
    student = Student().eval()
    views = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        seen = student(views)
        again = student(torch.rand(2, 3, 64, 64), (None, None, seen.hints[2]))
    assert torch.equal(again.hints[3], seen.hints[3])
    assert not torch.equal(again.hints[2], seen.hints[2])


def test_the_folded_network_sees_the_same() -> None:
    torch.manual_seed(2)
    student = Student().eval()
    student.begin_at([torch.rand(channels) for channels in Shape().hints])
    views = torch.rand(2, 3, 96, 64)
    with torch.no_grad():
        seen, folded = student(views), student.folded()(views)
    for name in ("embedding", "percept"):
        assert torch.allclose(getattr(seen, name), getattr(folded, name), atol=1e-4)
    count = lambda net: sum(weight.numel() for weight in net.parameters())  # noqa: E731
    assert count(student.folded()) < count(student)


def test_orthogonal_turns_every_direction_alike_and_keeps_where_they_point() -> None:
    matrix = torch.randn(12, 40, generator=torch.Generator().manual_seed(0))
    for one in (matrix, matrix.T):
        values = torch.linalg.svdvals(orthogonal(one))
        assert float(values.min()) > 0.6 and float(values.max()) < 1.3
        u, _, v = torch.linalg.svd(one, full_matrices=False)
        assert float((orthogonal(one) * (u @ v)).sum()) > 0.85 * 12  # as the nearest orthogonal matrix


def test_muon_finds_the_least_squares_of_a_convolution() -> None:
    torch.manual_seed(0)
    inputs, truth = torch.randn(16, 3, 8, 8), torch.nn.Conv2d(3, 5, 3, bias=False)
    layer = torch.nn.Conv2d(3, 5, 3, bias=False)
    optimiser = Muon(layer.parameters(), 0.02, decay=0.0)
    for step in range(200):
        optimiser.param_groups[0]["lr"] = 0.02 * (1 - step / 200)
        layer.zero_grad()
        torch.autograd.backward((layer(inputs) - truth(inputs).detach()).pow(2).mean())
        optimiser.step()
    assert torch.allclose(layer.weight, truth.weight, atol=0.02)


# --- the loop ---


@pytest.mark.parametrize("half", [False, True])
def test_the_student_learns_what_the_teacher_says(lessons: Lessons, tmp_path: Path, half: bool) -> None:
    told: list[dict[str, float]] = []
    settings = Settings(steps=16, warm_up=2)
    distil(lessons, settings, str(tmp_path), report=lambda _, losses: told.append(losses), every=8, half=half)
    assert told[-1]["hints"] < 0.8 * told[0]["hints"]


def test_the_rate_rises_stays_and_falls_and_stages_are_weaned() -> None:
    settings = Settings(steps=1000, warm_up=10, rate=1.0, apart=0.1, weaning=0.2)
    rates = [settings.rate_at(step) for step in range(1000)]
    assert rates[0] == 0.1 and rates[10] == rates[600] == 1.0 and rates[-1] == pytest.approx(0.003)
    assert all(later <= sooner for sooner, later in itertools.pairwise(rates[10:]))
    told = [settings.told_at(step) for step in (0, 99, 101, 200, 301, 999)]
    assert told == pytest.approx([1, 1, 0.7, 0.35, 0, 0], abs=0.01)


def test_a_run_that_was_stopped_ends_in_the_same_weights(lessons: Lessons, tmp_path: Path) -> None:
    steps: list[int] = []

    class StoppedError(Exception):
        pass

    def run(folder: str, until: int = 99, **changes: float) -> list[torch.Tensor]:
        def report(step: int, losses: dict[str, float]) -> None:
            steps.append(step)
            if step >= until:
                raise StoppedError

        settings = Settings(**{"steps": 6, **changes})  # type: ignore[arg-type]
        os.makedirs(tmp_path / folder, exist_ok=True)
        student = distil(lessons, settings, str(tmp_path / folder), report=report, every=2)
        return list(student.state_dict().values())

    whole = run("whole")
    with pytest.raises(StoppedError):
        run("parts", until=4)
    again = run("parts")
    assert steps == [2, 4, 6, 2, 4, 6]
    assert all(torch.equal(one, other) for one, other in zip(whole, again, strict=True))
    with pytest.raises(WeightsError, match="other settings"):
        run("parts", rate=1.0)
    (tmp_path / "parts" / CHECKPOINT).write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="is damaged"):
        run("parts")


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
    assert noise.by_folds < 0.62 and clear.by_folds > 0.6 and clear.on_others is None
    single = fit(rows, Examples(rows[:, 0] * 5 + 3, [np.arange(120)], []))
    assert rows @ single.weights + single.intercept == pytest.approx(rows[:, 0] * 5 + 3, abs=6)


def test_others_choose_the_penalty_where_there_are_any() -> None:
    """Features that know their own photos by heart beside one that is true everywhere: folds trust the former."""
    chance = np.random.default_rng(4)
    groups = np.split(np.arange(200), 40)
    values, other_values = chance.normal(size=200), chance.normal(size=200)
    known, unknown = (chance.normal(size=(200, 400)) for _ in range(2))
    known += 0.3 * values[:, None]
    rows = np.hstack([known, (values + chance.normal(size=200))[:, None]])
    others = np.hstack([unknown, (other_values + chance.normal(size=200))[:, None]])
    alone = fit(rows, Examples(values, groups, []))
    told = fit(rows, Examples(values, groups, []), (others, Examples(other_values, groups, [])))
    scores = [
        agreement(others @ ridge(rows, values, groups, penalty), Examples(other_values, groups, []))
        for penalty in PENALTIES
    ]
    assert told.on_others == max(scores) and told.penalty == PENALTIES[int(np.argmax(scores))]
    assert alone.by_folds > 0.9 and told.on_others < 0.8


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
        close, whole, last = np.split(
            chance.normal(size=count) / 50, [features.channels, 2 * features.channels]
        )
        return Reading(close, whole, last, 0.25)

    heads = Heads(reading(), reading(), reading())
    eye = Eye(exported(student, heads, {"blends": "{}", "made by": "a test"}))
    assert eye.facts["made by"] == "a test"
    picture = Image.fromarray(frames[0])
    read = eye.look(picture)["readings"]
    row = features.of(picture)
    assert np.array_equal(row[-COUNT:], texture(picture))
    for place, one in enumerate((heads.quality, heads.beauty, heads.soundness)):
        wanted = row @ np.concatenate([one.close, one.whole, one.texture]) + one.intercept
        assert read[place] == pytest.approx(wanted, rel=5e-3, abs=5e-3)  # weights are kept in half precision
    with pytest.raises(WeightsError, match="not written by"):
        Eye(exported(student, heads, {}))
    with pytest.raises(WeightsError, match="no network"):
        Eye(b"nonsense")
