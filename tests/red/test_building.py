"""A data set from photos to Parquet: with our own models, with a server of known taste, with people."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from finepick.chat.client import ChatError
from finepick.datasets.judged_edits import read_judged_edits
from finepick.datasets.manifest import read_manifest
from finepick.edits import follow, recipe_of
from finepick.edits.pictures import encoded
from finepick.errors import StoreError, UsageError
from finepick.images.reading import read_frame
from finepick.project.records import NewAnswer, Outcome, Role
from finepick.project.store import Project
from finepick.red.records import Label, Why
from finepick.red.store import RedProject
from finepick.settings import load_settings
from finepick.workflows.library import Library
from finepick.workflows.red.building import Built, build, built_items, request_of
from tests.chat_server import Asked, PlainChat, Reply
from tests.red.made import TastefulJudge, photos_in, taste_of, tastes_of, thought_json


def run(folder: Path, photos: Path | None = None, **changes: Any) -> Built:
    """A run of `build` as the command line does it, at a small size."""
    told = {"long_side": 192, "edits": 6, "steps": 2} | changes
    with RedProject.create(str(folder)) as project, Library(load_settings()) as library:
        request = request_of(project, told)
        return build(project, library, request, [] if photos is None else [str(photos)])


def judged_by(
    chat: PlainChat, folder: Path, photos: Path, judge: TastefulJudge | None = None, **changes: Any
) -> Built:
    """A run whose edits a server judges by its taste."""
    run(folder, photos, until="edits", **changes)
    with RedProject.open(str(folder)) as project:
        tastes = tastes_of(project)
    judge = judge or TastefulJudge({})
    judge.tastes = tastes
    chat.answer = judge
    return run(folder, judges=(f"made@{chat.address}",), at_once=8, **changes)


def rows(folder: Path) -> list[Any]:
    return [
        row for path in sorted((folder / "dataset").glob("*.parquet")) for row in read_judged_edits(str(path))
    ]


def test_our_own_model_judges_and_all_that_is_promised_is_there(tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "photos", 3, (480, 320))
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in photos.iterdir()}

    built = run(tmp_path / "set", photos, long_side=480)

    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in photos.iterdir()} == before
    counts = built.counts
    assert counts["sources"] == 3 and counts["edits"] == 36 and counts["open"] == 0
    assert counts["kept"] + sum(built.rejects.values()) == counts["edits"] and counts["kept"] >= 10
    kept = rows(tmp_path / "set")
    assert len(kept) == counts["kept"] == built.left.pairs["train"]
    assert {one.split for one in read_manifest(str(tmp_path / "set")).series} == {"train"}
    for row in kept:
        assert -1 <= row.difference <= 1 and row.agreement == 1.0 and row.answers == 2
        assert row.thought and row.thought_of_source and row.text and row.thought_kind == "template"
        source, edited = (Image.open(io.BytesIO(one)) for one in (row.source, row.edited))
        assert max(source.size) == 480 and edited.format == source.format == "JPEG"
    rejects = [json.loads(line) for line in (tmp_path / "set/dataset/rejects.jsonl").read_text().splitlines()]
    assert Counter(one["why"] for one in rejects) == Counter(
        {why.value: n for why, n in built.rejects.items()}
    )
    card = (tmp_path / "set/dataset/README.md").read_text("utf-8")
    assert "path: train.parquet" in card and f"| pairs | {len(kept)}" in card
    for name in ("stages.svg", "differences.svg"):
        assert (tmp_path / "set/dataset" / name).read_text("utf-8").startswith("<svg")


def test_a_row_s_recipe_makes_its_picture_again(tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "photos", 1, (480, 320))
    run(tmp_path / "set", photos, long_side=480)
    frame = read_frame(str(next(photos.iterdir())), long_side=480)

    for row in rows(tmp_path / "set"):
        assert encoded(follow(frame, recipe_of(json.loads(row.recipe))).frame, 95) == row.edited


def test_strong_blur_loses_and_the_same_request_again_does_nothing_new(tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "photos", 3, (480, 320))
    first = run(tmp_path / "set", photos, long_side=480, words=("defocus",), edits=1)
    found = {
        path: path.read_bytes() for path in (tmp_path / "set").rglob("*") if path.suffix in (".jpg", ".jsonl")
    }
    assert all(row.difference < 0 for row in rows(tmp_path / "set")) and first.counts["kept"] == 6

    again = run(tmp_path / "set", photos, long_side=480)

    assert again.counts == first.counts
    assert {path: path.read_bytes() for path in found} == found


def test_the_manifest_is_a_data_set_with_texts(tmp_path: Path) -> None:
    built = run(tmp_path / "set", photos_in(tmp_path / "photos", 2, (480, 320)), long_side=480, split="val")

    dataset = read_manifest(str(tmp_path / "set"))
    pairs = [(one, pair) for one in dataset.series for pair in one.pairs]
    assert not dataset.remarks and len(pairs) == built.counts["kept"]
    assert {one.split for one in dataset.series} == {"val"} and (
        tmp_path / "set/dataset/validation.parquet"
    ).exists()
    by_thought = {row.thought: row for row in rows(tmp_path / "set")}
    assert {round(2 * pair.p - 1, 4) for _, pair in pairs} == {
        round(row.difference, 4) for row in by_thought.values()
    }
    assert all(
        pair.b == 0 and pair.text and (tmp_path / "set" / one.photos[pair.a]).is_file() for one, pair in pairs
    )


@pytest.mark.slow
def test_a_judge_with_noise_and_a_bias_gives_right_signs_and_no_bias(chat: PlainChat, tmp_path: Path) -> None:
    judge = TastefulJudge({}, noise=0.2, bias=0.25)
    photos = photos_in(tmp_path / "photos", 20, (200, 140))

    judged_by(chat, tmp_path / "set", photos, judge, edits=8)

    says_first = sum(better == "A" for _, better in judge.said) / len(judge.said)
    right = sum((gain > 0) == (better == "A") for gain, better in judge.said if gain) / len(judge.said)
    assert says_first > 0.58 and right < 0.75  # the judge is as bad as it should be
    kept = [(row, taste_of(row.family, row.strength)) for row in rows(tmp_path / "set")]
    signs = sum((row.difference > 0) == (taste > 0) for row, taste in kept) / len(kept)
    orders = Counter(one["order"] for row, _ in kept for one in json.loads(row.verdicts))
    won = sum(row.difference > 0 for row, _ in kept), sum(taste > 0 for _, taste in kept)
    assert set(orders.values()) == {3 * len(kept)}  # each order counts as much as the other
    assert len(kept) >= 100
    assert signs >= 0.97, signs
    assert abs(won[0] - won[1]) <= 0.03 * len(kept)  # neither the first nor the edit is favoured


def test_edits_that_cannot_be_kept_any_more_are_asked_about_no_further(
    chat: PlainChat, tmp_path: Path
) -> None:
    judge = TastefulJudge({}, bias=1.0)  # always says "A"

    built = judged_by(chat, tmp_path / "set", photos_in(tmp_path / "photos", 3), judge)

    assert built.rejects[Why.TURNED_ROUND] == built.counts["edits made"] and built.counts["kept"] == 0
    # Of six, two turns suffice to see it; what was under way when the third began (eight at once) is asked, too.
    assert 4 * built.counts["edits made"] <= len(judge.said) <= 4 * built.counts["edits made"] + 8


def test_a_model_writes_the_words_and_its_faults_are_rejected(chat: PlainChat, tmp_path: Path) -> None:
    run(tmp_path / "set", photos_in(tmp_path / "photos", 3), until="edits")
    with RedProject.open(str(tmp_path / "set")) as project:
        judge = TastefulJudge(tastes_of(project))
    told: list[str] = []

    def reply(asked: Asked) -> Reply:
        if '"first_short"' not in asked.words:
            return judge(asked)
        told.append(asked.words)
        if len(told) == 1:
            return Reply(judge(asked).content.replace("Crisper", "The original is crisper"))
        if len(told) == 2:
            return Reply(thought_json(winner_is_first="the first is" not in asked.words))
        return judge(asked)

    chat.answer = reply
    built = run(tmp_path / "set", judges=(f"made@{chat.address}",), repeats=1, at_once=1)

    assert built.rejects[Why.LEAK] == 1 and built.rejects[Why.CONTRADICTION] == 1
    kept = rows(tmp_path / "set")
    assert len(kept) == built.counts["labelled"] - 2 >= 8
    assert {row.thought_kind for row in kept} == {"model"}
    for row in kept:
        assert row.thought.startswith("Crisper" if row.difference > 0 else "Softer")


LYING = [
    Reply("<html>busy</html>"),
    Reply('{"better": "A", "strength": 2}{"better": "B", "strength": 2}'),
    Reply('{"better": "A", "strength": 9}'),
    Reply(message={"refusal": "I cannot judge people"}, content=""),
    Reply('{"better": "A", "strength": 2}' + " " * (2 << 20)),
]


def test_faults_of_a_server_are_waited_for_or_kept_as_none_and_never_made_up(
    chat: PlainChat, tmp_path: Path
) -> None:
    run(tmp_path / "set", photos_in(tmp_path / "photos", 2), until="edits")
    with RedProject.open(str(tmp_path / "set")) as project:
        judge = TastefulJudge(tastes_of(project))
    seen: Counter[str] = Counter()
    passing = [
        Reply(status=429, headers={"Retry-After": "0.2"}, body=b"{}"),
        Reply(status=500, body=b"{}"),
        Reply(body=b'{"choices": ['),
        Reply("x", cut=30),
        Reply("x", hang_seconds=1.5),
    ]

    def reply(asked: Asked) -> Reply:
        if '"first_short"' in asked.words:
            return judge(asked)
        key = hashlib.sha256(b"".join(sorted(asked.pictures))).hexdigest()
        if key not in lying and len(lying) < len(LYING):
            lying[key] = LYING[len(lying)]
        if key in lying:
            return lying[key]
        seen["all"] += 1
        return passing.pop() if passing and seen["all"] % 2 else judge(asked)

    lying: dict[str, Reply] = {}
    chat.answer = reply
    built = run(
        tmp_path / "set", judges=(f"made@{chat.address}",), repeats=1, at_once=2, tries=2, timeout_seconds=0.6
    )
    again = run(tmp_path / "set", timeout_seconds=5.0)

    assert not passing and built.troubles  # the huge answer has no end, so it may come another time
    assert again.rejects[Why.UNANSWERED] == len(LYING) - 1
    with RedProject.open(str(tmp_path / "set")) as project, Library(load_settings()) as library:
        items = built_items(project, library)
    labelled = [item for item in items if isinstance(item.label, Label)]
    assert all(
        item.label.edit_is_better == (taste_of(item.edit.family, item.edit.strength) > 0)  # type: ignore[union-attr]
        for item in labelled
    )
    assert len(labelled) + again.rejects[Why.UNANSWERED] + 1 == again.counts["edits made"]


def test_a_server_that_refuses_the_key_ends_the_run_and_keeps_what_it_answered(
    chat: PlainChat, tmp_path: Path
) -> None:
    run(tmp_path / "set", photos_in(tmp_path / "photos", 2), until="edits")
    with RedProject.open(str(tmp_path / "set")) as project:
        judge = TastefulJudge(tastes_of(project))
    chat.answer = lambda asked: judge(asked) if len(chat.asked) <= 5 else Reply(status=401, body=b"{}")

    with pytest.raises(ChatError, match=r"check the key in FINEPICK_CHAT_KEY"):
        run(tmp_path / "set", judges=(f"made@{chat.address}",), at_once=1)

    with RedProject.open(str(tmp_path / "set")) as project:
        assert sum(len(answers) for _, answers in project.answers()) == 5


def test_no_more_is_asked_than_may_be_and_the_rest_the_next_time(chat: PlainChat, tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "photos", 2)
    built = judged_by(chat, tmp_path / "set", photos, repeats=1, most=10)
    assert built.is_exhausted and len(chat.asked) == 10 and built.counts["open"] > 0

    prices = {"price_in": 10.0, "price_out": 20.0}  # each answer is counted as 700 and 20 tokens: .0074
    dear = run(tmp_path / "set", budget=0.0074 * 10 + 0.05, **prices)
    assert dear.is_exhausted and 10 < len(chat.asked) <= 17 and dear.money <= 0.0074 * 10 + 0.05

    rest = run(tmp_path / "set", budget=100.0)
    assert not rest.is_exhausted and rest.counts["open"] == 0


def test_before_anything_is_asked_it_is_told_what_it_may_cost(chat: PlainChat, tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "photos", 2)
    told: list[str] = []
    with RedProject.create(str(tmp_path / "set")) as project, Library(load_settings()) as library:
        changes = {"judges": (f"made@{chat.address}",), "price_in": 1.0, "long_side": 192, "edits": 3}
        request = request_of(project, changes)
        built = build(project, library, request, [str(photos)], tell=told.append, only_estimate=True)

    made = built.counts["edits made"]
    assert chat.asked == [] and built.left is None
    assert (
        told == [told[0]]
        and f"questions to made {6 * made:,}; {7 * made:,} requests to 127.0.0.1:" in told[0]
    )
    assert "at these prices" in told[0] and "512 pixels long" in told[0]


def test_pictures_go_out_small_and_without_names(chat: PlainChat, tmp_path: Path) -> None:
    judged_by(
        chat, tmp_path / "set", photos_in(tmp_path / "photos", 1, (1400, 900)), repeats=1, long_side=1024
    )

    assert all(max(Image.open(io.BytesIO(one)).size) <= 512 for asked in chat.asked for one in asked.pictures)
    assert not any("photo" in json.dumps(asked.document).replace("photograph", "") for asked in chat.asked)


def test_people_judge_through_an_annotation_project(tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "photos", 1, (480, 320))
    built = run(tmp_path / "set", photos, judges=("people",), edits=3, long_side=480)
    made = built.counts["edits made"]
    assert built.waiting == made and built.counts["open"] == made and built.counts["kept"] == 0

    with Project.open(str(tmp_path / "set/people")) as people:
        series = people.series()
        assert not any("source" in member.name for one in series for member in one.members)
        kim, lee = (people.person(name, role=Role.ELSEWHERE).id for name in ("Kim", "Lee"))
        for number, one in enumerate(series):
            source, edit = one.members
            outcomes = {0: Outcome.BAD, 1: Outcome.TIE}.get(number, Outcome.FIRST)
            for person, left in ((kim, source.id), (lee, edit.id)):
                people.record(
                    [NewAnswer(f"{person}-{number}", person, one.id, source.id, edit.id, outcomes, left=left)]
                )

    again = run(tmp_path / "set", edits=3, long_side=480)

    assert again.rejects[Why.INCOMPARABLE] == 1 and again.rejects[Why.SIMILAR] == 1
    assert again.counts["labelled"] == made - 2 and again.counts["open"] == 0
    with RedProject.open(str(tmp_path / "set")) as project, Library(load_settings()) as library:
        labels = [item.label for item in built_items(project, library) if isinstance(item.label, Label)]
    assert labels == [Label(pytest.approx(-2 / 3), 1.0, 2)] * (made - 2)


def test_sources_that_cannot_be_used_are_kept_with_their_reason(tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "photos", 1)
    (photos / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 not whole")
    Image.new("RGB", (60, 40), (90, 120, 30)).save(photos / "tiny.png")
    Image.new("RGB", (300, 200), (90, 120, 30)).save(photos / "plain.png")

    built = run(tmp_path / "set", photos)

    assert built.rejects[Why.UNREADABLE] == 1 and built.rejects[Why.TOO_SMALL] == 1
    assert built.rejects[Why.UNCHANGED] > 0  # of a plain wall hardly any edit changes anything
    assert built.counts["sources"] == 4 and built.counts["sources used"] == 2


def test_more_photos_and_other_judges_join_and_other_pictures_do_not(tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "photos", 1)
    first = run(tmp_path / "set", photos, edits=2)
    with pytest.raises(UsageError, match=r"made with long side 192; choose another folder"):
        run(tmp_path / "set", photos, long_side=256)

    more = run(tmp_path / "set", photos_in(tmp_path / "photos", 2), edits=2, judges=("measured", "sharpness"))

    assert more.counts["sources"] == 2 and more.counts["edits"] == 2 * first.counts["edits"]


def test_two_runs_at_once_do_not_pay_twice(tmp_path: Path) -> None:
    run(tmp_path / "set", photos_in(tmp_path / "photos", 1), edits=1)
    with (
        RedProject.open(str(tmp_path / "set")) as project,
        project.alone(),
        pytest.raises(StoreError, match=r"another run is building"),
    ):
        run(tmp_path / "set")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"judges": ()}, r"nobody judges"),
        ({"judges": ("measured", "measured")}, r"named twice"),
        ({"judges": ("http://localhost:8000",)}, r"as MODEL@http"),
        ({"judges": ("m@http://user:pw@localhost",)}, r"holds no name or password"),
        ({"budget": 3.0}, r"needs prices"),
        ({"until": "dawn"}, r"--until is one of sources, edits, judges, thoughts"),
        ({"split": "dev"}, r"--split is one of"),
        ({"words": ("defocuss",)}, r"neither a family"),
        ({"writer": "poet"}, r"--writer is 'template' or MODEL@URL"),
        ({"editors": ("paint=x",)}, r"--editor takes KIND=FOLDER"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run(tmp_path / "set", photos_in(tmp_path / "photos", 1), **changes)
