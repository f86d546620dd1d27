"""Pictures of one prompt compared with it, by a model that reads sentences: values, reasons, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")

import finepick  # noqa: E402
from finepick.errors import ScorerError, UsageError  # noqa: E402
from finepick.project.refinements import findings_of, refinements  # noqa: E402
from finepick.scorers.base import TextScorer  # noqa: E402
from finepick.scorers.fgaesq.fetched import RECORD, FetchedFile, FetchedFiles  # noqa: E402
from finepick.scorers.fgaesq.sentences import read_tokenizer  # noqa: E402
from finepick.scorers.fgaesq.text import SentenceEncoder, TextTower  # noqa: E402
from finepick.scorers.frames import ArrayFrames  # noqa: E402
from tests.clip_tokenizer import vocabulary, write_parts  # noqa: E402
from tests.conftest import Finepick, save_photo, scene  # noqa: E402
from tests.scorers.fgaesq.small_models import released_layout  # noqa: E402
from tests.scorers.fgaesq.test_text import tensors, tiny_state  # noqa: E402

TEXTS = ("a sharper light", "the other moth")
TOWER = tensors(tiny_state(words=len(vocabulary())))


@pytest.fixture
def fetched(own_state: Path) -> Path:
    """A small network with a small text tower where fetched weights lie, and the tokenizer beside."""
    folder = write_parts(own_state / "models" / "fgaesq")
    weights = released_layout(text=False) | {f"clip_model.{name}": value for name, value in TOWER.items()}
    torch.save(weights, folder / "weights.pt")
    files = [
        FetchedFile(name, "made/up", name, "main", "0" * 40, (folder / name).stat().st_size, "0" * 64, "")
        for name in ("weights.pt", "vocab.json", "merges.txt")
    ]
    (folder / RECORD).write_text(FetchedFiles(str(folder), tuple(files)).to_json())
    return folder


def frames(count: int = 4) -> list[np.ndarray]:
    return [np.asarray(scene(seed, (240, 160))) for seed in range(count)]


def test_likeness_is_the_cosine_of_a_photo_alone_and_a_sentence(fetched: Path) -> None:
    scorer = finepick.load_scorer("fgaesq", device="cpu")
    assert isinstance(scorer, TextScorer)
    encoder = SentenceEncoder(TextTower(TOWER), read_tokenizer(str(fetched)))
    sentences = encoder.encode(TEXTS)

    found = scorer.likeness(ArrayFrames(frames()), TEXTS)

    assert found.shape == (4, 2) and np.abs(found).max() <= 1
    for row, frame in zip(found, frames(), strict=True):
        embedding = scorer.judge(ArrayFrames([frame])).embeddings[0]
        lengths = np.linalg.norm(embedding) * np.linalg.norm(sentences, axis=1)
        assert row == pytest.approx(sentences @ embedding / lengths, abs=1e-4)


def test_neither_the_other_photos_nor_their_order_matter(fetched: Path) -> None:
    scorer = finepick.load_scorer("fgaesq", device="cpu")
    assert isinstance(scorer, TextScorer)
    everybody = scorer.likeness(ArrayFrames(frames()), TEXTS)

    turned = scorer.likeness(ArrayFrames(frames()[::-1]), TEXTS[::-1])
    fewer = scorer.likeness(ArrayFrames(frames(2)), TEXTS[:1])

    assert turned[::-1, ::-1] == pytest.approx(everybody, abs=1e-4)
    assert fewer[:, 0] == pytest.approx(everybody[:2, 0], abs=1e-4)


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """Four pictures of one prompt, one that is cut off, and a series without a prompt."""
    folder = tmp_path / "generated"
    names = [f"{number}.png" for number in range(5)]
    for number, name in enumerate(names):
        save_photo(scene(number, (240, 160)), folder / name)
    (folder / names[4]).write_bytes((folder / names[4]).read_bytes()[:3000])
    others = [f"plain {number}.png" for number in range(2)]
    for number, name in enumerate(others):
        save_photo(scene(7, (240 + number, 160)), folder / name)
    rows = [
        {"series": "cats", "photos": names, "prompt": TEXTS[0], "ranks": [1, 2, 3, 4, 5]},
        {"series": "plain", "photos": others, "ranks": [1, 2]},
    ]
    (folder / "series.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_pictures_unlike_their_prompt_are_left_out_with_value_threshold_and_reason(
    fetched: Path, generated: Path, tmp_path: Path
) -> None:
    scorer = finepick.load_scorer("fgaesq", device="cpu")
    assert isinstance(scorer, TextScorer)
    alike = scorer.likeness(ArrayFrames(frames()), TEXTS[:1])[:, 0]
    limit = float(np.sort(alike)[1:3].mean())

    run = finepick.refine(
        tmp_path / "p", sources=generated, model="fgaesq", thresholds={"prompt_likeness": limit}
    )

    with finepick.open_project(tmp_path / "p") as project:
        names = {member.id: member for series in project.series() for member in series.members}
        marks = [mark for mark in findings_of(project, run.run.id) if mark.measure == "prompt likeness"]
        [settings] = [one.settings for one in refinements(project)]
    assert [names[mark.member].name for mark in marks] == [f"{number}.png" for number in range(4)]
    assert [mark.value for mark in marks] == pytest.approx(alike, abs=1e-3)
    assert all(mark.threshold == limit for mark in marks)
    assert [mark.reason for mark in marks] == ["dissimilar" if value < limit else None for value in alike]
    assert run.counts["dissimilar"] == 2 and run.counts["defect"] == 1
    assert settings["model"]["name"] == "fgaesq"


def test_a_model_without_words_is_refused_before_anything_is_marked(
    generated: Path, tmp_path: Path, finepick: Finepick
) -> None:
    run = finepick("refine", tmp_path / "p", "--from", generated, "--model", "measured")

    assert run.code == 2 and "'measured' does not read sentences" in run.err and "--model fgaesq" in run.err
    runs = finepick("refine", tmp_path / "p", "--runs", "--json")
    assert runs.document["runs"] == []


def test_weights_without_a_text_tower_say_how_to_get_one(generated: Path, tmp_path: Path) -> None:
    torch.save(released_layout(text=False), tmp_path / "bare.pt")
    with pytest.raises(ScorerError, match=r"cannot read sentences here.*models fetch fgaesq"):
        finepick.refine(tmp_path / "p", sources=generated, model=str(tmp_path / "bare.pt"))


def test_from_python_thresholds_have_names_and_a_project_may_be_open(generated: Path, tmp_path: Path) -> None:
    with finepick.open_project(tmp_path / "p", sources=generated) as project:
        page = tmp_path / "page.html"
        found = finepick.refine(project, thresholds={"least_side": 200}, page=page)
        assert found.counts["defect"] == 7 and found.too_short == ("cats", "plain")
        assert "plain 1.png" in page.read_text()
        with pytest.raises(UsageError, match="there is no threshold 'smallest'"):
            finepick.refine(project, thresholds={"smallest": 1})
        with pytest.raises(UsageError, match="which model"):
            finepick.refine(project, check="http://127.0.0.1:1/v1")
        assert len(refinements(project)) == 1
