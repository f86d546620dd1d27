"""What every scorer promises; a scorer's own test inherits this and gives one fixture."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from finepick.scorers.base import Judgement, Scorer, best_probabilities
from finepick.scorers.frames import ArrayFrames


def draw_scene(width: int = 240, height: int = 160, *, seed: int = 0) -> Image.Image:
    """A sky, hills, a house and some speckles: something to register, with detail in places."""
    rng = np.random.default_rng(seed)
    sky = np.linspace([120, 160, 220], [235, 205, 170], height)[:, None, :].repeat(width, axis=1)
    picture = Image.fromarray(sky.astype(np.uint8))
    brush = ImageDraw.Draw(picture)
    for _ in range(6):
        x, top = rng.uniform(0, width), rng.uniform(0.45, 0.75) * height
        shade = tuple(int(v) for v in rng.integers(40, 140, 3))
        brush.polygon([(x - width / 4, height), (x, top), (x + width / 4, height)], fill=shade)
    for _ in range(260):
        x, y = rng.uniform(0, width), rng.uniform(0.5, 1) * height
        size = rng.uniform(1, 5)
        brush.ellipse([x, y, x + size, y + size], fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    brush.rectangle([width * 0.6, height * 0.5, width * 0.75, height * 0.8], fill=(180, 60, 50))
    brush.line([width * 0.55, height * 0.5, width * 0.8, height * 0.5], fill=(30, 20, 20), width=3)
    return picture


def draw_burst(count: int = 4, *, seed: int = 0, width: int = 240, height: int = 160) -> list[np.ndarray]:
    """Frames of one scene, each shifted a little; the first is sharp, the others ever less so."""
    scene = draw_scene(width + 20, height + 20, seed=seed)
    rng = np.random.default_rng(seed + 1)
    frames = []
    for number in range(count):
        left, top = (int(v) for v in rng.integers(0, 20, 2))
        frame = scene.crop((left, top, left + width, top + height))
        frames.append(np.asarray(frame.filter(ImageFilter.GaussianBlur(0.7 * number))))
    return frames


class ScorerContract:
    """Inherit, and give a fixture `scorer`."""

    @pytest.fixture
    def scorer(self) -> Scorer:
        raise NotImplementedError

    @pytest.fixture
    def how_to_load(self, scorer: Scorer) -> str:
        """Python that gives the same scorer in another process, with `load_scorer` at hand."""
        return f"load_scorer({scorer.info.name!r})"

    @pytest.fixture
    def burst(self) -> list[np.ndarray]:
        return draw_burst(4)

    def test_every_frame_gets_one_finite_score(self, scorer: Scorer, burst: list[np.ndarray]) -> None:
        judgement = scorer.judge(ArrayFrames(burst))
        assert judgement.fine.shape == (4,) and np.isfinite(judgement.fine).all()
        assert judgement.preference.shape == (4, 4)
        if judgement.coarse is not None:
            assert judgement.coarse.shape == (4,)
            assert (judgement.coarse >= 1).all() and (judgement.coarse <= 10).all()

    def test_a_preference_and_its_mirror_image_sum_to_one(
        self, scorer: Scorer, burst: list[np.ndarray]
    ) -> None:
        preference = scorer.judge(ArrayFrames(burst)).preference
        assert np.abs(preference + preference.T - 1).max() <= 1e-12
        assert (np.diag(preference) == 0.5).all()
        assert best_probabilities(preference).sum() == pytest.approx(1)

    def test_scores_and_preferences_agree(self, scorer: Scorer, burst: list[np.ndarray]) -> None:
        judgement = scorer.judge(ArrayFrames(burst))
        higher = judgement.fine[:, None] > judgement.fine[None, :]
        assert (judgement.preference[higher] >= 0.5).all()

    def test_judging_again_gives_the_same(self, scorer: Scorer, burst: list[np.ndarray]) -> None:
        assert_same(scorer.judge(ArrayFrames(burst)), scorer.judge(ArrayFrames(burst)))

    def test_permuting_frames_permutes_the_judgement(self, scorer: Scorer, burst: list[np.ndarray]) -> None:
        first = scorer.judge(ArrayFrames(burst))
        for permutation in ([3, 2, 1, 0], [1, 3, 0, 2]):
            other = scorer.judge(ArrayFrames([burst[i] for i in permutation]))
            assert_same(permuted(first, permutation), other)

    def test_frames_of_the_same_bytes_tie(self, scorer: Scorer, burst: list[np.ndarray]) -> None:
        judgement = scorer.judge(ArrayFrames([burst[0], burst[1], burst[0].copy()]))
        assert judgement.fine[0] == judgement.fine[2]
        assert judgement.preference[0, 2] == 0.5
        assert judgement.too_close == (judgement.fine[0] > judgement.fine[1] or judgement.too_close)

    def test_a_series_of_equal_frames_is_too_close_to_call(
        self, scorer: Scorer, burst: list[np.ndarray]
    ) -> None:
        judgement = scorer.judge(ArrayFrames([burst[0].copy() for _ in range(3)]))
        assert judgement.too_close
        assert (judgement.preference == 0.5).all()

    def test_a_single_frame_is_its_own_best(self, scorer: Scorer, burst: list[np.ndarray]) -> None:
        judgement = scorer.judge(ArrayFrames(burst[:1]))
        assert np.isfinite(judgement.fine).all() and judgement.preference.tolist() == [[0.5]]
        assert not judgement.too_close

    def test_frames_of_any_size_and_shape_are_judged(self, scorer: Scorer) -> None:
        rng = np.random.default_rng(3)
        shapes = [(240, 360), (360, 240), (1, 1), (7, 200), (90, 90)]
        frames = [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]
        frames.append(np.zeros((50, 50, 3), np.uint8))
        judgement = scorer.judge(ArrayFrames(frames))
        assert np.isfinite(judgement.fine).all() and np.isfinite(judgement.preference).all()

    def test_inputs_and_the_global_random_state_stay_untouched(
        self, scorer: Scorer, burst: list[np.ndarray]
    ) -> None:
        before = [frame.copy() for frame in burst]
        np.random.seed(1)  # noqa: NPY002
        state = np.random.get_state()[1].copy()  # noqa: NPY002
        scorer.judge(ArrayFrames(burst))
        assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
        assert all((a == b).all() for a, b in zip(before, burst, strict=True))

    def test_read_only_frames_will_do(self, scorer: Scorer, burst: list[np.ndarray]) -> None:
        frames = [frame.copy() for frame in burst]
        for frame in frames:
            frame.flags.writeable = False
        assert_same(scorer.judge(ArrayFrames(burst)), scorer.judge(ArrayFrames(frames)))

    def test_coarse_depends_on_the_photo_alone(self, scorer: Scorer, burst: list[np.ndarray]) -> None:
        frames = ArrayFrames(burst)
        together = scorer.coarse(frames)
        singles = [scorer.coarse(ArrayFrames([frame])) for frame in burst]
        if together is None:
            assert singles == [None] * 4
            return
        alone = [one[0] for one in singles]  # type: ignore[index]
        assert np.abs(together - np.array(alone)).max() <= 1e-9

    def test_the_number_of_threads_does_not_matter(
        self, scorer: Scorer, how_to_load: str, burst: list[np.ndarray]
    ) -> None:
        code = (
            "import sys, numpy as np\n"
            f"sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
            "from scorer_contract import draw_burst\n"
            "from finepick.scorers.catalog import load_scorer\n"
            "from finepick.scorers.frames import ArrayFrames\n"
            f"judged = {how_to_load}.judge(ArrayFrames(draw_burst(4)))\n"
            "print(' '.join(repr(float(v)) for v in judged.fine))\n"
        )
        here = scorer.judge(ArrayFrames(burst)).fine
        for threads in ("1", "4"):
            environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
            environment["PYTHONPATH"] = os.pathsep.join(sys.path)
            ran = subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
            )
            there = np.array([float(word) for word in ran.stdout.split()])
            assert np.abs(here - there).max() <= 1e-6

    def test_the_fingerprint_is_a_digest_and_stays(self, scorer: Scorer) -> None:
        assert len(scorer.info.fingerprint) == 64 and int(scorer.info.fingerprint, 16) >= 0
        assert scorer.info == scorer.info


def permuted(judgement: Judgement, permutation: list[int]) -> Judgement:
    return Judgement(
        fine=judgement.fine[permutation],
        coarse=None if judgement.coarse is None else judgement.coarse[permutation],
        preference=judgement.preference[np.ix_(permutation, permutation)],
        too_close=judgement.too_close,
        difference=None
        if judgement.difference is None
        else tuple(judgement.difference[i] for i in permutation),
    )


def assert_same(one: Judgement, other: Judgement) -> None:
    assert np.abs(one.fine - other.fine).max() <= 1e-6
    assert np.abs(one.preference - other.preference).max() <= 1e-6
    assert one.too_close == other.too_close
    assert (one.coarse is None) == (other.coarse is None)
    if one.coarse is not None and other.coarse is not None:
        assert np.abs(one.coarse - other.coarse).max() <= 1e-6
    assert (one.difference is None) == (other.difference is None)
    if one.difference is not None and other.difference is not None:
        for a, b in zip(one.difference, other.difference, strict=True):
            assert np.abs(a - b).max() <= 1e-6
