"""Measuring models on drawn series: photos found, read once, judged as one series, remembered."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries, Pair
from finepick.errors import DatasetError, NothingReadableError, OutputError, UsageError
from finepick.evaluation.bootstrap import Bootstrap
from finepick.evaluation.labels import choose_benchmark
from finepick.evaluation.results import Evaluation
from finepick.scorers.catalog import load_scorer
from finepick.scorers.fgaesq.runner import Outputs
from finepick.scorers.fgaesq.scorer import FgaesqScorer
from finepick.scorers.fgaesq.tokens import Tokens
from finepick.settings import load_settings
from finepick.workflows.evaluate import (
    Contestant,
    EvaluateOptions,
    check_verdicts_path,
    choose_contestants,
    evaluate_dataset,
    split_names,
)
from finepick.workflows.library import Library
from tests.evaluation.drawn_sets import draw_set

FEW = Bootstrap(resamples=100)
Evaluate = Callable[..., Evaluation]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return draw_set(tmp_path / "set")


@pytest.fixture
def library() -> Iterator[Library]:
    with Library(load_settings()) as opened:
        yield opened


@pytest.fixture
def evaluate(library: Library) -> Evaluate:
    def run(dataset: Dataset, *models: str, **options: object) -> Evaluation:
        contestants = [Contestant(model, load_scorer(model)) for model in models or ("measured",)]
        return evaluate_dataset(
            library,
            dataset,
            contestants,
            EvaluateOptions(bootstrap=FEW, **options),  # type: ignore[arg-type]
        )

    return run


def drawn(folder: Path, **labels: object) -> Dataset:
    labels = labels or {"scores": (4.5, 3.0, 1.5)}
    names = sorted(path.name for path in folder.glob("*.png"))
    many = [
        LabelledSeries(name[:3], tuple(n for n in names if n[:3] == name[:3]), **labels)  # type: ignore[arg-type]
        for name in names[::3]
    ]
    return Dataset("drawn", str(folder), tuple(many))


def value(evaluation: Evaluation, name: str) -> float:
    measured = evaluation.metrics[name]
    assert measured is not None
    return measured.value


def test_a_scorer_that_likes_sharp_frames_orders_soft_ones_rightly(folder: Path, evaluate: Evaluate) -> None:
    found = evaluate(drawn(folder), "sharpness", "measured", "measurement:noise")

    assert (found.n_series, found.n_pairs, found.n_photos) == (4, 12, 12)
    assert [value(found, name) for name in ("pair_acc", "s_acc")] == [1.0, 1.0]
    assert value(found, "s_srcc") == pytest.approx(1.0)
    sharpness, measured, noise = found.columns
    assert sharpness.metrics["srcc"] is None
    assert measured.metrics["pair_acc"] == sharpness.metrics["pair_acc"]
    assert measured.metrics["srcc"] is not None and measured.metrics["srcc"].n == 12
    gap = noise.behind["pair_acc"]
    assert gap is not None and gap.value > 0 and gap.p_better == 1.0
    assert not sharpness.behind


def test_reasons_are_never_asked_for_where_one_number_is_enough(folder: Path, evaluate: Evaluate) -> None:
    """What the fast way says is what the slow one, through the cache of studies, says."""
    from finepick.domain import Series, SeriesKind
    from finepick.workflows.ranking import study_series

    found = evaluate(drawn(folder), "measurement:contrast").columns[0].answers.fine
    with Library(load_settings()) as library:
        scorer = load_scorer("measurement:contrast")
        for number, fine in enumerate(found):
            paths = [str(folder / f"{number:03d}-{step}.png") for step in range(3)]
            series = Series(SeriesKind.FOLDER, library.read(paths).photos)
            assert fine is not None
            assert fine.tolist() == study_series(library, series.photos, scorer).judgement.fine.tolist()


def test_what_was_judged_is_not_judged_again(
    folder: Path, evaluate: Evaluate, own_state: Path, library: Library
) -> None:
    first = evaluate(drawn(folder))
    asked: list[str] = []
    pool_asks = library.ask_all
    library.ask_all = lambda requests: pool_asks(asked.append(r.path) or r for r in requests)  # type: ignore

    second = evaluate(drawn(folder))

    assert asked == []
    assert second.metrics == first.metrics


def test_every_name_of_a_photo_is_a_photo(folder: Path, evaluate: Evaluate) -> None:
    if os.name != "posix":
        pytest.skip("links need rights on Windows")
    plain = drawn(folder).series
    for name in ("000-0.png", "000-2.png"):
        (folder / f"link-{name}").symlink_to(folder / name)
    linked = LabelledSeries(
        "linked", ("link-000-0.png", "000-1.png", "link-000-2.png"), scores=(3.0, 2.0, 1.0)
    )

    found = evaluate(Dataset("linked", str(folder), (*plain, linked)))

    assert found.n_series == 5
    assert found.n_photos == 14
    assert value(found, "pair_acc") == 1.0


def test_photos_rated_one_by_one_are_measured_by_their_coarse_scores(
    folder: Path, evaluate: Evaluate
) -> None:
    rated = tuple(
        LabelledPhoto(path.name, float(-int(path.stem[-1]))) for path in sorted(folder.glob("*.png"))
    )

    found = evaluate(Dataset("rated", str(folder), photos=rated))

    assert (found.n_series, found.n_pairs, found.n_photos) == (0, 0, 12)
    assert value(found, "srcc") > 0.5
    assert found.metrics["pair_acc"] is None and found.metrics["s_acc"] is None


def spoil(folder: Path) -> None:
    whole = (folder / "001-1.png").read_bytes()
    (folder / "001-1.png").write_bytes(whole[: len(whole) // 3])
    (folder / "002-0.png").unlink()


def test_a_photo_that_cannot_be_read_is_an_error_that_names_it(folder: Path, evaluate: Evaluate) -> None:
    spoil(folder)
    with pytest.raises(
        DatasetError, match=r"1 photo of the data set cannot be read: .*002-0\.png \(there is no"
    ) as e:
        evaluate(drawn_without_looking(folder))
    assert e.value.path == str(folder / "002-0.png")
    (folder / "002-0.png").write_bytes((folder / "000-0.png").read_bytes())

    with pytest.raises(DatasetError, match=r"001-1\.png .*--skip-unreadable"):
        evaluate(drawn_without_looking(folder))


def test_unreadable_photos_can_be_left_out_and_are_told(folder: Path, evaluate: Evaluate) -> None:
    spoil(folder)

    found = evaluate(drawn_without_looking(folder), "measured", "sharpness", skip_unreadable=True)

    assert sorted(Path(one.path).name for one in found.skipped) == ["001-1.png", "002-0.png"]
    assert (found.n_series, found.n_pairs, found.n_photos) == (4, 8, 10)
    assert value(found, "pair_acc") == 1.0


def drawn_without_looking(folder: Path) -> Dataset:
    many = tuple(
        LabelledSeries(f"{n:03d}", tuple(f"{n:03d}-{i}.png" for i in range(3)), scores=(4.5, 3.0, 1.5))
        for n in range(4)
    )
    return Dataset("drawn", str(folder), many)


def test_where_nothing_can_be_read_leaving_out_does_not_help(tmp_path: Path, evaluate: Evaluate) -> None:
    for i in range(2):
        (tmp_path / f"{i}.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    dataset = Dataset("bad", str(tmp_path), (LabelledSeries("s", ("0.jpg", "1.jpg"), ranks=(1, 2)),))

    with pytest.raises((NothingReadableError, DatasetError)):
        evaluate(dataset, skip_unreadable=True)


def test_predictions_are_measured_without_a_single_photo(tmp_path: Path, library: Library) -> None:
    path = tmp_path / "p.csv"
    path.write_text("file,score\na.jpg,2\nb.jpg,1\nelsewhere.jpg,3\n")
    dataset = Dataset("far away", "/no/such/folder", (LabelledSeries("s", ("a.jpg", "b.jpg"), ranks=(1, 2)),))

    found = evaluate_dataset(
        library, dataset, choose_contestants([], [str(path)]), EvaluateOptions(bootstrap=FEW)
    )

    assert value(found, "pair_acc") == 1.0
    assert found.columns[0].surplus == ("elsewhere.jpg",)
    assert found.columns[0].predictions == str(path)
    assert found.model.name == "p.csv"


def test_missing_predictions_are_told_before_anything_is_judged(
    folder: Path, tmp_path: Path, library: Library
) -> None:
    path = tmp_path / "p.csv"
    path.write_text("file,score\n000-0.png,2\n")

    with pytest.raises(DatasetError, match="11 photos have no prediction"):
        evaluate_dataset(library, drawn(folder), choose_contestants(["measured"], [str(path)]))
    assert library.cache.digests_of([]) == {}


def test_predictions_and_models_lose_the_same_photos(folder: Path, tmp_path: Path, library: Library) -> None:
    spoil(folder)
    path = tmp_path / "p.csv"
    rows = [f"{n:03d},{a},{b},.9" for n in range(4) for a in range(3) for b in range(a + 1, 3)]
    path.write_text("\n".join(["series,a,b,p", *rows]))

    found = evaluate_dataset(
        library,
        drawn_without_looking(folder),
        choose_contestants(["measured"], [], against=str(path)),
        EvaluateOptions(skip_unreadable=True, bootstrap=FEW),
    )

    model, file = found.columns
    assert model.metrics["pair_acc"] == file.metrics["pair_acc"]
    assert file.metrics["s_acc"] is not None and file.metrics["s_acc"].value == 1.0


def test_a_split_with_nothing_in_it_says_what_there_is(folder: Path, evaluate: Evaluate) -> None:
    with pytest.raises(
        DatasetError, match=r"drawn has no series and no photo in the split 'val'; there is test"
    ):
        evaluate(drawn(folder), splits=("val",))
    with pytest.raises(DatasetError, match="there is nothing at all"):
        evaluate(Dataset("empty", str(folder)))


def test_options_that_make_no_sense_are_wrong_usage() -> None:
    for options in ({"splits": ("tset",)}, {"splits": ()}, {"min_gap": -1.0}, {"min_gap": float("nan")}):
        with pytest.raises(UsageError):
            EvaluateOptions(**options)  # type: ignore[arg-type]
    assert split_names("val, test,val") == ("val", "test")


def test_pairs_are_written_as_csv_only_and_somewhere_that_is_there(tmp_path: Path) -> None:
    check_verdicts_path(str(tmp_path / "pairs.csv"))
    check_verdicts_path("pairs.csv")
    with pytest.raises(UsageError, match="written as CSV"):
        check_verdicts_path(str(tmp_path / "pairs.json"))
    with pytest.raises(OutputError, match="is a folder"):
        check_verdicts_path(str(tmp_path))
    with pytest.raises(OutputError, match="its folder does not exist"):
        check_verdicts_path(str(tmp_path / "no" / "pairs.csv"))


def test_contestants_are_those_that_were_named_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("file,score\na,1\n")

    chosen = choose_contestants(["sharpness", "sharpness"], [str(path)], against="measured", floor=True)

    assert [(one.name, one.role) for one in chosen[:4]] == [
        ("sharpness", "asked"),
        (str(path), "asked"),
        ("measured", "against"),
        ("measurement:sharpness", "floor"),
    ]
    assert len(chosen) == 3 + 11
    assert [one.name for one in choose_contestants([], [])] == ["builtin"]


def test_comparisons_decide_where_there_are_any(folder: Path, evaluate: Evaluate) -> None:
    turned = drawn(folder, scores=(4.5, 3.0, 1.5), pairs=(Pair(0, 1, 0.1, n=10), Pair(1, 2, 0.5)))

    found = evaluate(turned, "sharpness")

    assert found.n_pairs == 4
    assert value(found, "pair_acc") == 0.0
    assert value(found, "s_acc") == 1.0


class DetailRunner:
    """A network of one thought: score = spread of the patches. It may be pulled out after so many photos."""

    batch_size = 3
    fingerprint = "d" * 64

    def __init__(self, until: int = 1_000_000) -> None:
        self.ran, self.until = 0, until

    def run(self, tokens: Sequence[Tokens]) -> Outputs:
        if self.ran + len(tokens) > self.until:
            raise KeyboardInterrupt
        self.ran += len(tokens)
        scores = np.array([1 + float(np.std(one.patches)) for one in tokens])
        return Outputs(
            np.zeros((len(tokens), 512), np.float32), np.zeros((len(tokens), 10), np.float32), scores
        )


def test_a_network_that_was_stopped_judges_only_what_is_left(folder: Path, library: Library) -> None:
    options = EvaluateOptions(bootstrap=FEW)

    def run(runner: DetailRunner) -> Evaluation:
        scorer = FgaesqScorer(runner, name="detail")
        return evaluate_dataset(library, drawn(folder), [Contestant("detail", scorer)], options)

    stopped, resumed, again = DetailRunner(until=6), DetailRunner(), DetailRunner()
    with pytest.raises(KeyboardInterrupt):
        run(stopped)
    first, second = run(resumed), run(again)

    assert stopped.ran == 6
    assert resumed.ran == 24 - 6  # of 12 photos fine and 12 coarse
    assert again.ran == 0
    assert first.metrics == second.metrics
    assert value(first, "pair_acc") == 1.0
    assert first.metrics["srcc"] is not None


def test_the_real_sets_give_the_figures_that_are_known(evaluate: Evaluate) -> None:
    data = Path(os.environ.get("FINEPICK_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (data / "blur_jpeg" / "series.jsonl").is_file():
        pytest.skip(f"needs the labelled pictures in {data} (FINEPICK_DATA)")
    from finepick.datasets.catalog import load_dataset

    blurred = load_dataset(str(data / "blur_jpeg"))
    found = evaluate(blurred, "measurement:sharpness", splits=("val", "test"), min_gap=0.3)

    assert (found.n_series, found.n_pairs) == (6, 212)
    assert value(found, "pair_acc") == pytest.approx(0.627, abs=0.0005)  # README of that data: .627


def test_scores_of_the_bench_and_of_a_benchmark_are_the_same_pairs(folder: Path) -> None:
    benchmark = choose_benchmark(drawn(folder), ["test"], min_gap=2.0)

    assert [[(pair.a, pair.b) for pair in pairs] for pairs in benchmark.pairs] == [[(0, 2)]] * 4
    assert np.unique([pair.source for pairs in benchmark.pairs for pair in pairs]).tolist() == ["scores"]
