"""Refinement started over HTTP: it tells where it is, stops, is undone, and is the owner's alone."""

from __future__ import annotations

import time
from typing import Any

import pytest

from finepick.project.records import IN
from finepick.project.refinements import refinements
from finepick.refinement.thresholds import Thresholds
from finepick.settings import Settings
from finepick.web.refining import RefinementRun, RunState
from tests.web.conftest import Site

URL = "/api/refinement"


def until_over(site: Site, seconds: float = 60) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = site.client.get(URL, headers=site.owner).json()
        if found["state"] != "running":
            return found
        time.sleep(0.05)
    raise TimeoutError("the run does not end")


def states(site: Site) -> list[str]:
    return [member.state for series in site.project.series() for member in series.members]


def test_a_run_is_started_asked_after_and_taken_back(site: Site) -> None:
    before = site.client.get(URL, headers=site.owner).json()
    assert (before["state"], before["runs"], before["thresholds"]) == ("idle", [], Thresholds().as_dict())

    started = site.client.post(URL, json={"thresholds": {"least_side": 500}}, headers=site.owner)
    found = until_over(site)

    assert started.status_code == 202
    assert (found["state"], found["counts"]["defect"], found["skipped"]) == ("done", 7, 0)
    assert states(site) == ["defect"] * 7
    [run] = found["runs"]
    assert (run["by"], run["undone"]) == ("refine", False)
    assert refinements(site.project)[0].settings["least_side"] == 500
    undone = site.client.post(f"{URL}/{run['run']}/undo", headers=site.owner)
    assert undone.json() == {"run": run["run"], "taken_back": 7} and states(site) == [IN] * 7
    assert site.client.post(f"{URL}/{run['run']}/undo", headers=site.owner).status_code == 404
    assert site.client.get(URL, headers=site.owner).json()["runs"][0]["undone"]


def test_the_queue_and_the_desk_know_of_it_at_once(site: Site) -> None:
    site.client.post(URL, json={"thresholds": {"least_side": 500}}, headers=site.owner)
    until_over(site)

    queue = site.client.get("/api/refined", headers=site.owner).json()
    assert queue["counts"]["defect"] == len(queue["photos"]) == 7


def test_a_run_that_is_stopped_changes_nothing_and_another_may_begin(site: Site) -> None:
    site.client.post(URL, json={"thresholds": {"least_side": 500}}, headers=site.owner)
    second = site.client.post(URL, json={}, headers=site.owner)
    site.client.delete(URL, headers=site.owner)
    found = until_over(site)

    assert second.status_code == 409 and "under way" in second.json()["error"]["message"]
    assert (found["state"], found["runs"]) == ("cancelled", [])
    assert states(site) == [IN] * 7
    assert site.client.post(URL, json={}, headers=site.owner).status_code == 202
    assert until_over(site)["state"] == "done"


def test_what_a_run_cannot_do_is_told(site: Site) -> None:
    """The weights are not on this disk: the tests have a home of their own."""
    site.client.post(URL, json={"model": "fgaesq"}, headers=site.owner)
    found = until_over(site)

    assert found["state"] == "failed" and "finepick models fetch fgaesq" in found["error"]
    assert found["runs"] == [] and states(site) == [IN] * 7


def test_progress_is_that_of_the_photos(site: Site, settings: Settings) -> None:
    seen: list[tuple[str, int, int]] = []

    class Watched(RefinementRun):
        def step(self) -> None:
            super().step()
            so_far = self.so_far
            seen.append((so_far.stage, so_far.done, so_far.total))

    run = Watched(site.project, settings)
    assert run.start(Thresholds(), None)
    run._thread.join()  # type: ignore[union-attr]

    assert run.so_far.state is RunState.DONE
    assert [one for one in seen if one[0] == "reading photos"] == [
        ("reading photos", n, 7) for n in range(1, 8)
    ]
    assert [one for one in seen if one[0] == "refining series"] == [("refining series", n, 2) for n in (1, 2)]


@pytest.mark.parametrize(
    "body",
    [
        {"thresholds": {"smallest": 1}},
        {"thresholds": {"least_side": "many"}},
        {"thresholds": {"least_side": 1e300}},
        {"thresholds": []},
        {"model": "measured"},
        {"model": "/etc/passwd"},
        {"check": "http://evil.example"},
        [],
    ],
)
def test_nonsense_is_refused(site: Site, body: Any) -> None:
    reply = site.client.post(URL, json=body, headers=site.owner)

    assert reply.status_code == 422 and "error" in reply.json()
    assert site.client.get(URL, headers=site.owner).json()["state"] == "idle"


def test_only_the_owner_may(site: Site) -> None:
    for headers, status in ((site.kim, 403), ({}, 401), ({"x-finepick-token": "wrong"}, 401)):
        assert site.client.get(URL, headers=headers).status_code == status
        assert site.client.post(URL, json={}, headers=headers).status_code == status
        assert site.client.delete(URL, headers=headers).status_code == status
        assert site.client.post(f"{URL}/1/undo", headers=headers).status_code == status
    foreign = {**site.owner, "origin": "http://evil.example"}
    assert site.client.post(URL, json={}, headers=foreign).status_code == 403
    assert site.client.get(URL, headers=site.owner).json()["state"] == "idle"


def test_gold_ranks_and_the_plot_leave_and_come_over_http(site: Site) -> None:
    votes = "series,a,b,winner\nheron,1-0.jpg,1-1.jpg,a\nheron,1-1.jpg,1-2.jpg,a\n"
    plain = site.client.post(
        "/api/votes", content=votes, headers={**site.owner, "content-type": "application/octet-stream"}
    )
    gold = site.client.post(
        "/api/votes?gold=true",
        content=votes,
        headers={**site.owner, "content-type": "application/octet-stream"},
    )
    assert (plain.json()["votes"], gold.json()["votes"], gold.json()["gold"]) == (2, 0, 2)
    assert len(site.project.gold()) == 2
    ranks = site.client.get("/api/export/ranks.csv", headers=site.owner)
    assert ranks.text.splitlines()[0] == "series,rank,photo,score,error,answers"
    assert "heron,1,1-0.jpg" in ranks.text
    plot = site.client.get("/api/export/calibration.svg", headers=site.owner)
    assert plot.headers["content-type"].startswith("image/svg+xml") and "<svg" in plot.text
