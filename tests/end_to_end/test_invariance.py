"""Same bytes in the same series: the same judgement, whatever the names, the order, the folder, the threads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ImageFilter

from finepick.domain import Ranking
from finepick.scorers.catalog import load_scorer
from finepick.settings import load_settings
from finepick.workflows.library import Library
from finepick.workflows.pick import PickOptions, pick_photos
from tests.conftest import save_photo, scene

COUNT = 5
MODELS = ("sharpness", "measured", "measurement:entropy")

names = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_characters="/\\\0.", exclude_categories=("Cc", "Cs")),
        min_size=1,
        max_size=12,
    ),
    min_size=COUNT,
    max_size=COUNT,
    unique_by=str.casefold,
)


@dataclass
class World:
    """Photos by their number, a place to put copies of them, and a library for each number of workers."""

    photos: list[Path]
    room: Path
    libraries: dict[int, Library]
    used: int = 0

    def folder(self) -> Path:
        self.used += 1
        path = self.room / f"folder {self.used}"
        path.mkdir()
        return path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    room = tmp_path_factory.mktemp("room")
    base = scene(5, (400, 300))
    photos = []
    for i in range(COUNT):
        moved = base.crop((4 * i, 2 * i, 360 + 4 * i, 270 + 2 * i))
        photos.append(
            save_photo(moved.filter(ImageFilter.GaussianBlur(0.4 * i)), room / "source" / f"{i}.jpg")
        )
    plain = load_settings({"FINEPICK_HOME": str(room / "home")})
    libraries = {
        workers: Library(
            replace(plain, workers=workers, cache_folder=str(room / f"cache{workers}")), fresh=True
        )
        for workers in (1, 3)
    }
    yield World(photos, room, libraries)
    for library in libraries.values():
        library.__exit__(None, None, None)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    names=names,
    order=st.permutations(range(COUNT)),
    workers=st.sampled_from([1, 3]),
    model=st.sampled_from(MODELS),
)
def test_names_order_folder_and_workers_do_not_matter(
    world: World, names: list[str], order: list[int], workers: int, model: str
) -> None:
    plain = _judged(world, [str(path) for path in world.photos], 1, model)
    folder = world.folder()
    copies = []
    for number in order:
        copies.append(str(folder / f"{names[number]}.jpg"))
        shutil.copyfile(world.photos[number], copies[-1])

    changed = _judged(world, copies, workers, model)

    assert changed.keys() == plain.keys()
    for digest, (score, coarse, p_best) in plain.items():
        assert changed[digest] == pytest.approx((score, coarse, p_best), abs=1e-6)


def _judged(
    world: World, paths: list[str], workers: int, model: str
) -> dict[str, tuple[float, float, float]]:
    result = pick_photos(
        world.libraries[workers], paths, scorer=load_scorer(model), options=PickOptions(group="one")
    )
    [ranking] = result.series
    return {photo.digest: _numbers(ranking, i) for i, photo in enumerate(ranking.photos)}


def _numbers(ranking: Ranking, i: int) -> tuple[float, float, float]:
    assert ranking.scores is not None and ranking.p_best is not None
    coarse = 0.0 if ranking.coarse is None else float(ranking.coarse[i])
    return float(ranking.scores[i]), coarse, float(ranking.p_best[i])


def test_copies_of_one_photo_tie_and_go_by_path(world: World) -> None:
    folder = world.folder()
    paths = [str(folder / name) for name in ("b.jpg", "a.jpg", "c.jpg")]
    for path in paths:
        shutil.copyfile(world.photos[0], path)

    [ranking] = pick_photos(world.libraries[1], paths, options=PickOptions(group="one")).series

    assert ranking.scores is not None and ranking.p_best is not None
    assert ranking.scores == pytest.approx([ranking.scores[0]] * 3, abs=1e-9)
    assert ranking.p_best == pytest.approx([1 / 3] * 3)
    assert ranking.too_close
    assert [Path(ranking.photos[i].path).name for i in ranking.order] == ["a.jpg", "b.jpg", "c.jpg"]
