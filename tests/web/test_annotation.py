"""The annotation over HTTP: pairs out, answers in, photos by id."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finepick.project.records import Kind, Outcome
from finepick.project.store import Project
from finepick.settings import Settings
from finepick.workflows.projects import add_manifest
from tests.conftest import save_photo
from tests.web.conftest import Site, open_site


def answer(pair: dict[str, int], number: int = 1, choice: str = "left", **more) -> dict:
    return {"id": f"answer-{number:04d}", **pair, "choice": choice, **more}


def test_a_person_answers_their_whole_round_and_is_told_that_it_is_over(site: Site) -> None:
    number = 0
    while pairs := site.pairs(site.kim):
        for pair in pairs:
            number += 1
            body = {"answers": [answer(pair, number)]}
            kept = site.client.post("/api/answers", json=body, headers=site.kim).json()
            assert kept == {"kept": [f"answer-{number:04d}"], "refused": []}

    progress = site.client.get("/api/me", headers=site.kim).json()["progress"]
    assert progress == {"answered": 9, "total": 9, "series_done": 2, "series": 2}  # 4·3/2 + 3·2/2 pairs
    assert len(site.project.answers()) == 9


def test_everything_a_person_says_is_kept(site: Site) -> None:
    [pair] = site.pairs(site.kim, 1)
    said = answer(pair, 1, "right", chips=["sharpness", "moment", "sharpness"], sentence="  <b>the eyes</b> ",
                  seconds=3.25, answered_at=1_764_000_000_000)  # fmt: skip

    site.client.post("/api/answers", json={"answers": [said]}, headers=site.kim)

    [row] = site.project.answers()
    assert (row.left, row.chips, row.sentence) == (pair["left"], ("sharpness", "moment"), "<b>the eyes</b>")
    assert (row.seconds, row.answered_at, row.kind) == (3.25, 1_764_000_000_000, Kind.NEW)
    assert row.outcome is (Outcome.FIRST if pair["right"] < pair["left"] else Outcome.SECOND)
    [recent] = site.client.get("/api/me", headers=site.kim).json()["recent"]
    assert recent == {
        "id": "answer-0001", **pair, "choice": "right", "chips": ["sharpness", "moment"], "sentence": "<b>the eyes</b>",
    }  # fmt: skip


def test_an_answer_that_is_sent_again_is_one_answer(site: Site) -> None:
    [pair] = site.pairs(site.kim, 1)
    body = {"answers": [answer(pair), answer(pair)]}

    for _ in range(3):
        kept = site.client.post("/api/answers", json=body, headers=site.kim).json()["kept"]
        assert set(kept) == {"answer-0001"}

    assert len(site.project.answers()) == 1


def test_one_bad_answer_in_a_queue_does_not_hold_up_the_others(site: Site) -> None:
    good, *_ = site.pairs(site.kim, 2)
    bad = {**good, "left": 999_999}

    said = site.client.post(
        "/api/answers", json={"answers": [answer(bad, 1), answer(good, 2)]}, headers=site.kim
    )

    assert said.json() == {
        "kept": ["answer-0002"],
        "refused": [{"id": "answer-0001", "reason": "there is no such pair in this project"}],
    }


def test_two_people_may_answer_one_pair_at_once(site: Site, invite: Callable[[str], dict[str, str]]) -> None:
    lee = invite("Lee")
    [pair] = site.pairs(site.kim, 1)

    for headers in (site.kim, lee):
        site.client.post("/api/answers", json={"answers": [answer(pair)]}, headers=headers)

    assert len({row.annotator for row in site.project.answers()}) == 2


def test_a_photo_comes_upright_in_srgb_and_small_or_large(
    tmp_path: Path, settings: Settings, manifest: Path
) -> None:
    picture = Image.new("RGB", (2600, 1300), (200, 30, 30))
    picture.paste((30, 30, 200), (0, 0, 1300, 1300))  # the left half is blue
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise: the left half becomes the upper half
    folder = tmp_path / "turned"
    folder.mkdir()
    picture.save(folder / "a.jpg", exif=exif, quality=95)
    picture.save(folder / "b.png")
    (folder / "series.jsonl").write_text('{"series": "s", "photos": ["a.jpg", "b.png"], "ranks": [1, 2]}\n')
    with Project.create(str(tmp_path / "other")) as project:
        add_manifest(project, str(folder))
        for site in open_site(project, settings):
            [pair] = site.pairs(site.kim, 1)
            first = min(pair["left"], pair["right"])
            for size, long_side in (("small", 480), ("screen", 2048), ("full", 2600)):
                reply = site.client.get(f"/api/photos/{first}/{size}", headers=site.kim)
                shown = Image.open(io.BytesIO(reply.content))

                assert reply.headers["content-type"] == "image/jpeg" and shown.format == "JPEG"
                assert shown.size == (long_side // 2, long_side)
                middle = np.asarray(shown)[:, shown.width // 2]
                assert middle[10, 2] > 150 > middle[-10, 2]
                assert not shown.getexif()


def test_photos_that_moved_or_changed_are_said_and_never_shown(
    site: Site, manifest: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(manifest, copy)
    with Project.create(str(tmp_path / "second")) as project:
        add_manifest(project, str(copy))
        one, other, *_ = project.series()[0].members
        os.rename(copy / one.name, copy / "elsewhere.jpg")
        save_photo(Image.new("RGB", (60, 40)), copy / other.name)
        from finepick.settings import load_settings

        for again in open_site(project, load_settings()):
            gone = again.client.get(f"/api/photos/{one.id}/small", headers=again.kim)
            changed = again.client.get(f"/api/photos/{other.id}/small", headers=again.kim)
            assert (gone.status_code, gone.json()["error"]["message"]) == (
                409,
                "the photo is no longer where it was",
            )
            assert changed.status_code == 409 and "changed" in changed.json()["error"]["message"]
            assert str(copy) not in gone.text + changed.text
            overview = again.client.get("/api/project", headers=again.owner).json()
            assert [trouble["name"] for trouble in overview["troubles"]] == [one.name, other.name]
            os.rename(copy / "elsewhere.jpg", copy / one.name)
            assert again.client.get(f"/api/photos/{one.id}/small", headers=again.kim).status_code == 200


def test_the_owner_invites_and_revokes(site: Site) -> None:
    invitation = site.client.post(
        "/api/invitations", json={"name": "Lee <script>"}, headers=site.owner
    ).json()
    lee = {"x-finepick-token": invitation["token"]}

    assert site.client.get("/api/me", headers=lee).json()["person"] == {
        "name": "Lee <script>",
        "role": "annotator",
    }
    assert site.client.post(f"/api/invitations/{invitation['id']}/revoke", headers=site.owner).json() == {
        "done": True
    }
    assert site.client.get("/api/me", headers=lee).status_code == 401


def test_the_owner_sees_how_everybody_is_doing(site: Site, invite: Callable[[str], dict[str, str]]) -> None:
    lee = invite("Lee")
    pairs = site.pairs(site.kim, 6)
    for headers, choice in ((site.kim, "left"), (lee, "left")):
        body = {"answers": [answer(pair, i, choice, seconds=2.0) for i, pair in enumerate(pairs)]}
        site.client.post("/api/answers", json=body, headers=headers)

    overview = site.client.get("/api/project", headers=site.owner).json()

    people = {one["name"]: one for one in overview["people"]}
    assert people["Kim"]["with_others"] == {"right": 6, "count": 6}
    assert people["Lee"]["left_chosen"] == {"right": 6, "count": 6}
    assert people["Lee"]["seconds"] == 2.0 and people["owner"]["answers"] == 0
    assert sum(series["answers"] for series in overview["series"]) == 12


def test_only_the_owner_may_see_or_change_the_project(site: Site) -> None:
    for method, path, body in (
        ("get", "/api/project", None), ("post", "/api/invitations", {"name": "Me"}),
        ("post", "/api/invitations/1/revoke", None), ("post", "/api/gold", None),
        ("put", "/api/plan", {"policy": "random", "votes": 1}), ("post", "/api/votes", None),
    ):  # fmt: skip
        for headers, status in ((site.kim, 403), ({}, 401), ({"x-finepick-token": "wrong"}, 401)):
            kwargs = {"json": body} if body else {"content": b"x"} if path == "/api/votes" else {}
            assert getattr(site.client, method)(path, headers=headers, **kwargs).status_code == status, path


def test_a_changed_plan_is_asked_from_then_on(site: Site) -> None:
    plan = {"policy": "random", "votes": 5, "question": "Schöner?", "chips": False}

    assert site.client.put("/api/plan", json=plan, headers=site.owner).json() == {"done": True}

    assert site.project.plan.question == "Schöner?"


def test_the_owners_answers_become_gold(site: Site) -> None:
    [pair, other] = site.pairs(site.owner, 2)
    body = {"answers": [answer(pair, 1), answer(other, 2, "tie")]}
    site.client.post("/api/answers", json=body, headers=site.owner)

    site.client.post("/api/gold", headers=site.owner)

    [gold] = site.project.gold()
    assert {gold.first, gold.second} == {pair["left"], pair["right"]}


def test_votes_come_in_over_http(site: Site) -> None:
    content = b"series,a,b,winner,annotator\nheron,1-0.jpg,1-1.jpg,a,Ann\nheron,1-1.jpg,1-0.jpg,tie,Ben\n"

    first = site.client.post("/api/votes", content=content, headers=site.owner).json()
    again = site.client.post("/api/votes", content=content, headers=site.owner).json()
    broken = site.client.post("/api/votes", content=b"x,y\n1,2\n", headers=site.owner)

    assert (first["votes"], first["photos"], again["votes"], again["known_votes"]) == (2, 0, 0, 2)
    assert broken.status_code == 422 and "tmp" not in broken.text
    assert "the file, line 1" in broken.json()["error"]["message"]


def test_every_page_and_module_is_there_and_asks_for_nothing_from_outside(site: Site) -> None:
    for path in ("/", "/project"):
        page = site.client.get(path)
        assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
        for found in re.findall(r'(?:src|href)="([^"#]+)"', page.text):
            assert found.startswith(("/", "data:")), found
            if found.startswith("/pages/"):
                assert site.client.get(found).status_code == 200, found
    assert site.client.get("/pages/annotate.html").status_code == 404


def test_the_documents_are_json_that_a_strict_reader_takes(site: Site) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    json.loads(site.client.get("/api/project", headers=site.owner).text, parse_constant=refuse)


@pytest.mark.parametrize("size", ["small", "screen", "full"])
def test_a_photo_that_is_not_of_the_project_is_not_found(site: Site, size: str) -> None:
    assert site.client.get(f"/api/photos/99999/{size}", headers=site.kim).status_code == 404
