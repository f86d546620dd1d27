"""`--model FILE` and `--model fgaesq`, as people run them: through the real program, on small made networks."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finepick.api import pick
from finepick.errors import WeightsError
from finepick.scorers.catalog import load_scorer
from tests.conftest import Finepick
from tests.contracts.scorer_contract import draw_burst

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")

from finepick.scorers.fgaesq.checkpoint import load_model, save_model  # noqa: E402
from finepick.scorers.fgaesq.export import export_onnx  # noqa: E402
from finepick.scorers.fgaesq.scorer import FgaesqScorer  # noqa: E402
from finepick.scorers.fgaesq.torch_runner import LateRunner, has_fast_bf16  # noqa: E402
from tests.scorers.fgaesq.small_models import released_layout, small_model  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small network in every kind of file."""
    folder = tmp_path_factory.mktemp("models")
    save_model(small_model(), str(folder / "small.safetensors"))
    export_onnx(small_model(), str(folder / "small.onnx"))
    torch.save(released_layout(), folder / "small.pt")
    return folder


@pytest.fixture
def burst(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "burst" / f"{number}.png" for number in range(4)]
    paths[0].parent.mkdir()
    for path, frame in zip(paths, draw_burst(4), strict=True):
        Image.fromarray(frame).save(path)
    return paths


@pytest.fixture
def without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs find no torch, as where the extra was not installed."""
    (tmp_path / "blocked" / "torch").mkdir(parents=True)
    (tmp_path / "blocked" / "torch" / "__init__.py").write_text("raise ImportError('not installed')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "blocked"))


def scores(document: dict) -> dict[str, float]:  # type: ignore[type-arg]
    return {photo["path"]: photo["score"] for one in document["series"] for photo in one["photos"]}


def test_a_network_ranks_a_folder(finepick: Finepick, models: Path, burst: list[Path]) -> None:
    run = finepick(
        "pick", burst[0].parent, "--group", "one", "--model", models / "small.safetensors", "--json"
    )
    assert (run.code, run.err) == (0, "")
    [series] = run.document["series"]
    assert run.document["model"]["name"] == "fgaesq"
    assert sum(photo["p_best"] for photo in series["photos"]) == pytest.approx(1)
    assert all(1 <= photo["score"] <= 10 and photo["coarse"] is None for photo in series["photos"])


def test_coarse_asks_for_a_second_pass_that_score_gives_too(
    finepick: Finepick, models: Path, burst: list[Path]
) -> None:
    model = ("--model", models / "small.safetensors", "--json")
    [series] = finepick("rank", *burst, "--coarse", *model).document["series"]
    alone = {photo["path"]: photo["coarse"] for photo in finepick("score", *burst, *model).document["photos"]}
    assert {photo["path"]: photo["coarse"] for photo in series["photos"]} == alone
    assert all(1 <= score <= 10 for score in alone.values())


def test_the_exported_network_says_the_same_without_torch(
    finepick: Finepick, models: Path, burst: list[Path], without_torch: None
) -> None:
    exported = finepick("rank", *burst, "--fresh", "--model", models / "small.onnx", "--json")
    assert (exported.code, exported.err) == (0, "")
    refused = finepick("rank", *burst, "--model", models / "small.safetensors")
    assert refused.code == 1
    assert refused.err.startswith("finepick: error: ") and "pip install 'finepick[torch]'" in refused.err
    from finepick.scorers.fgaesq.loading import load_fgaesq
    from finepick.scorers.frames import ArrayFrames

    frames = ArrayFrames([np.asarray(Image.open(path)) for path in burst])
    here = load_fgaesq(str(models / "small.safetensors"), "cpu", "series").judge(frames).fine
    assert [scores(exported.document)[str(path)] for path in burst] == pytest.approx(here, abs=0.05)


def test_every_kind_of_file_holds_the_same_model(finepick: Finepick, models: Path, burst: list[Path]) -> None:
    prints = {
        finepick("rank", *burst, "--model", models / name, "--json").document["model"]["fingerprint"]
        for name in ("small.safetensors", "small.onnx", "small.pt")
    }
    assert len(prints) == 1


@pytest.mark.skipif(not has_fast_bf16(torch.device("cpu")), reason="this processor does not multiply bf16")
def test_a_model_that_bf16_would_change_is_told_of_in_one_line(
    finepick: Finepick, burst: list[Path], tmp_path: Path
) -> None:
    strict = tmp_path / "strict.safetensors"
    save_model(small_model(temperature=0.01), str(strict))
    run = finepick("rank", *burst[:2], "--model", strict, "--json")
    assert run.code == 0
    assert run.err.startswith(
        f"finepick: warning: {strict} runs in fp32, which is slower: bf16 was tried and "
    )
    assert run.err.count("\n") == 1


def test_what_was_judged_before_needs_no_network(models: Path, burst: list[Path], own_state: Path) -> None:
    first, second = (LateRunner(load_model(str(models / "small.pt"))) for _ in range(2))
    judged = pick(burst, model=FgaesqScorer(first), group="one", coarse=True)
    again = pick(burst, model=FgaesqScorer(second), group="one", coarse=True)
    assert first.is_ready and not second.is_ready
    assert list(judged.series[0].scores) == list(again.series[0].scores)
    assert list(judged.series[0].coarse) == list(again.series[0].coarse)


def test_the_published_pairing_is_another_way_to_judge(
    finepick: Finepick, models: Path, burst: list[Path]
) -> None:
    words = ("rank", *burst, "--model", models / "small.pt", "--json")
    series, published = finepick(*words).document, finepick(*words, "--pairing", "published").document
    assert series["model"]["fingerprint"] != published["model"]["fingerprint"]
    assert scores(series) != scores(published)
    again = finepick(*words, "--pairing", "published", "--fresh").document
    assert scores(again) == scores(published)


def test_a_photo_alone_can_be_scored_as_the_release_does(
    finepick: Finepick, models: Path, burst: list[Path]
) -> None:
    words = ("score", *burst, "--model", models / "small.pt", "--json")
    ours, published = (finepick(*words, *more).document for more in ((), ("--pairing", "published")))
    assert ours["model"]["fingerprint"] != published["model"]["fingerprint"]
    theirs = [photo["coarse"] for photo in published["photos"]]
    assert theirs != [photo["coarse"] for photo in ours["photos"]]
    assert len(theirs) == len(burst) and all(1 <= score <= 10 for score in theirs)


def test_odd_photos_get_a_verdict_and_spoilt_ones_are_skipped(
    finepick: Finepick, models: Path, burst: list[Path]
) -> None:
    folder = burst[0].parent
    rng = np.random.default_rng(0)
    Image.new("RGB", (1, 1), (200, 10, 10)).save(folder / "dot.png")
    Image.fromarray(rng.integers(0, 256, (50, 20_000, 3), dtype=np.uint8)).save(folder / "strip.jpg")
    Image.fromarray(rng.integers(0, 256, (400, 150), dtype=np.uint8)).save(folder / "grey.png")
    (folder / "2b.png").write_bytes(burst[2].read_bytes()[:900])
    run = finepick("pick", folder, "--group", "one", "--model", models / "small.safetensors", "--json")
    assert run.code == 0
    [series] = run.document["series"]
    names = {Path(photo["path"]).name for photo in series["photos"]}
    assert names == {"0.png", "1.png", "2.png", "3.png", "dot.png", "strip.jpg", "grey.png"}
    assert [Path(one["path"]).name for one in run.document["skipped"]] == ["2b.png"]


def test_copies_of_one_photo_are_too_close_to_call(
    finepick: Finepick, models: Path, burst: list[Path]
) -> None:
    copies = [burst[0], burst[0].with_name("copy.png"), burst[0].with_name("another.png")]
    for copy in copies[1:]:
        copy.write_bytes(burst[0].read_bytes())
    [series] = finepick("rank", *copies, "--model", models / "small.onnx", "--json").document["series"]
    assert series["too_close"] and len({photo["score"] for photo in series["photos"]}) == 1


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


def test_files_that_hold_no_such_model_are_refused_by_name(
    finepick: Finepick, models: Path, burst: list[Path], tmp_path: Path
) -> None:
    marker = tmp_path / "it ran"
    whole = {name: (models / name).read_bytes() for name in ("small.pt", "small.onnx", "small.safetensors")}
    files = {
        "cut.pt": whole["small.pt"][:5000],
        "cut.onnx": whole["small.onnx"][:5000],
        "cut.safetensors": whole["small.safetensors"][:5000],
        "empty.pt": b"",
        "bomb.pt": pickle.dumps({"proj": Bomb(marker)}),
        "words.onnx": b"not a model at all, only words " * 10,
        "swapped.onnx": whole["small.pt"],
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    torch.save({"fc.weight": torch.zeros(3, 3)}, tmp_path / "other.pt")
    for name in (*files, "other.pt", "nowhere.pt"):
        with pytest.raises(WeightsError) as caught:
            load_scorer(str(tmp_path / name))
        assert name in str(caught.value) and caught.value.path == str(tmp_path / name)
    for name in ("bomb.pt", "cut.onnx"):
        run = finepick("rank", *burst, "--model", tmp_path / name)
        assert run.code == 1, name
        assert run.err.startswith("finepick: error: ") and run.err.count("\n") == 1, run.err
        assert name in run.err and "Traceback" not in run.err
    assert not marker.exists()


def test_weights_that_were_never_fetched_are_asked_for(finepick: Finepick, burst: list[Path]) -> None:
    run = finepick("rank", *burst, "--model", "fgaesq", "--json")
    assert run.code == 1
    assert run.document["error"]["kind"] == "weights_not_found"
    assert "finepick models fetch fgaesq" in run.document["error"]["message"]


@pytest.mark.parametrize(
    "words",
    [
        ("--model", "measured", "--pairing", "published"),
        ("--device", "abacus"),
        ("--pairing", "both"),
    ],
)
def test_wrong_words_end_in_two(finepick: Finepick, burst: list[Path], words: tuple[str, ...]) -> None:
    run = finepick("rank", *burst, *words)
    assert run.code == 2 and run.err.startswith("finepick: error: ")


def test_a_device_that_is_not_there_is_an_error(finepick: Finepick, models: Path, burst: list[Path]) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    run = finepick("rank", *burst, "--model", models / "small.pt", "--device", "cuda")
    assert run.code == 1 and "--device cpu" in run.err


def test_a_model_is_exported_and_what_is_no_model_is_not(
    finepick: Finepick, models: Path, burst: list[Path], tmp_path: Path
) -> None:
    for ending in ("onnx", "safetensors"):
        out = tmp_path / f"mine.{ending}"
        assert finepick("models", "export", models / "small.pt", out).code == 0
        assert finepick("rank", *burst[:2], "--model", out).code == 0
    assert finepick("models", "export", "measured", tmp_path / "x.onnx").code == 2
    assert finepick("models", "export", models / "small.pt", tmp_path / "x.txt").code == 2
    assert finepick("models", "export", models / "small.pt", models / "small.pt").code == 2
    nowhere = finepick("models", "export", tmp_path / "nowhere.pt", tmp_path / "mine.onnx")
    assert nowhere.code == 1 and "there is no file" in nowhere.err
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["mine.onnx", "mine.safetensors"]
