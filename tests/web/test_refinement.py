"""The queue of what was left out, over HTTP and in a browser: the owner's alone, and kept when it says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finepick.project.records import IN
from finepick.project.refinements import METRICS, Mark, keep_refinement
from finepick.project.store import Project
from finepick.workflows.projects import add_manifest
from tests.web.conftest import Site
from tests.web.servers import ServerProcess

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def leave_out(project: Project) -> list[int]:
    """Two photos of the first series left out: one beside another, one by itself."""
    first, second, third, _ = project.series()[0].members
    marks = [
        Mark(second.id, "ssim", 0.99, 0.9, first.id, "indiscernible"),
        Mark(third.id, "darkness", 0.01, 0.02, None, "defect"),
    ]
    keep_refinement(project, METRICS, {}, marks)
    return [second.id, third.id]


def states(project: Project) -> list[str]:
    return [member.state for member in project.series()[0].members]


def test_the_queue_says_what_is_left_out_and_why(site: Site) -> None:
    second, third = leave_out(site.project)
    found = site.client.get("/api/refined", headers=site.owner).json()
    assert [(one["photo"], one["state"], one["decided"]) for one in found["photos"]] == [
        (second, "indiscernible", False),
        (third, "defect", False),
    ]
    assert found["photos"][0]["beside_name"] == "1-0.jpg" and found["photos"][1]["beside"] is None
    assert found["photos"][0]["found"] == ["structure alike (SSIM) 0.990, the limit is 0.900"]
    assert found["counts"]["in"] == 5


def test_a_decision_is_kept_and_can_be_changed(site: Site) -> None:
    second, third = leave_out(site.project)
    for photo, state in ((second, "in"), (third, "empty_shot")):
        reply = site.client.put(f"/api/refined/{photo}", json={"state": state}, headers=site.owner)
        assert reply.json() == {"photo": photo, "state": state}
    assert states(site.project) == [IN, IN, "empty_shot", IN]
    found = site.client.get("/api/refined", headers=site.owner).json()["photos"]
    assert [(one["photo"], one["decided"]) for one in found] == [(second, True), (third, True)]
    site.client.put(f"/api/refined/{third}", json={"state": "in"}, headers=site.owner)
    keep_refinement(site.project, METRICS, {}, [Mark(third, "darkness", 0.01, 0.02, None, "defect")])
    assert states(site.project) == [IN] * 4


@pytest.mark.parametrize(
    ("photo", "body", "status"),
    [
        ("1", {"state": "ugly"}, 422),
        ("1", {"state": "in", "by": "somebody"}, 422),
        ("1", {}, 422),
        ("1", [], 422),
        ("999", {"state": "in"}, 404),
        ("0", {"state": "in"}, 422),
        ("../1", {"state": "in"}, 404),
        ("9" * 40, {"state": "in"}, 422),
    ],
)
def test_nonsense_is_refused(site: Site, photo: str, body: Any, status: int) -> None:
    reply = site.client.put(f"/api/refined/{photo}", json=body, headers=site.owner)
    assert reply.status_code == status and "error" in reply.json()
    assert states(site.project) == [IN] * 4


def test_only_the_owner_sees_and_decides(site: Site) -> None:
    (photo, _), url = leave_out(site.project), "/api/refined"
    for headers, status in ((site.kim, 403), ({}, 401), ({"x-finepick-token": "wrong"}, 401)):
        assert site.client.get(url, headers=headers).status_code == status
        assert site.client.put(f"{url}/{photo}", json={"state": "in"}, headers=headers).status_code == status
    assert states(site.project)[1] == "indiscernible"


@pytest.fixture
def house(tmp_path: Path, manifest: Path, own_state: Path) -> Iterator[tuple[str, ServerProcess]]:
    folder = str(tmp_path / "served")
    with Project.create(folder, name="<b>Herons</b>") as project:
        add_manifest(project, str(manifest))
        leave_out(project)
    server = ServerProcess(folder)
    yield folder, server
    server.stop()


@pytest.mark.skipif(
    CHROMIUM is None,
    reason="the Debian package 'chromium' is missing: the queue was not looked at in a browser",
)
def test_the_queue_is_worked_through_by_keyboard(house: tuple[str, ServerProcess]) -> None:
    folder, server = house
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is missing")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{server.address}/refined#{server.said['token']}")
        page.wait_for_selector("#photo img")
        page.wait_for_selector("#beside img")
        assert page.inner_text("#reason") == "Indiscernible" and page.inner_text("#title") == "<b>Herons</b>"
        page.evaluate(  # twice, before the server can have answered
            """for (const _ of [1, 2]) document.dispatchEvent(new KeyboardEvent("keydown", { key: "k" }))"""
        )
        page.get_by_text("Defective").wait_for()
        assert not page.is_visible("#beside-figure")
        page.keyboard.press("x")
        page.get_by_text("That was the last one.").wait_for()
        page.click("#run")  # what a person decided stays, and nothing else speaks against these photos
        page.get_by_text("1 of 7 photos left out.").wait_for()
        page.click("#undo")
        page.get_by_text("0 photos back in.").wait_for()
        browser.close()
    assert complaints == []
    with Project.open(folder) as project:
        assert states(project) == [IN, IN, "defect", IN]
        by = [event.by for event in project.history() if event.kind == "state"]
        assert by == ["refine", "refine", "owner", "owner"]
