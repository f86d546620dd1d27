"""A project with drawn photos, and its application behind a client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from finepick.project.records import Plan, Role
from finepick.project.store import Project
from finepick.settings import Settings, load_settings
from finepick.workflows.projects import add_manifest
from tests.conftest import save_photo, scene

OWNER = "owner-token-of-the-tests"
ADDRESS = "http://127.0.0.1:8017"


@dataclass
class Site:
    """An application under test: the client speaks for a person once `headers` are given."""

    client: Any
    project: Project
    owner: dict[str, str]
    kim: dict[str, str]

    def pairs(self, headers: dict[str, str], count: int = 4) -> list[dict[str, int]]:
        return list(self.client.post("/api/pairs", json={"count": count}, headers=headers).json()["pairs"])


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two series of drawn photos, one of them on its side, as a series manifest without labels."""
    folder = tmp_path_factory.mktemp("manifest")
    for number, count in ((1, 4), (2, 3)):
        picture = scene(number, (700, 460))
        for i in range(count):
            save_photo(picture.crop((i * 12, i * 6, i * 12 + 600, i * 6 + 400)), folder / f"{number}-{i}.jpg")
    heron = {
        "series": "heron",
        "photos": [f"1-{i}.jpg" for i in range(4)],
        "ranks": [1, 2, 3, 4],
        "labels": "model",
    }
    boats = {
        "series": "boats",
        "photos": [f"2-{i}.jpg" for i in range(3)],
        "ranks": [1, 2, 3],
        "labels": "model",
    }
    (folder / "series.jsonl").write_text(f"{json.dumps(heron)}\n{json.dumps(boats)}\n")
    return folder


@pytest.fixture
def project(tmp_path: Path, manifest: Path) -> Iterator[Project]:
    with Project.create(str(tmp_path / "project")) as new:
        add_manifest(new, str(manifest))
        new.change_plan(Plan(votes=2, gold_share=0, repeat_share=0))
        yield new


@pytest.fixture
def settings(own_state: Path) -> Settings:
    return load_settings()


@pytest.fixture
def site(project: Project, settings: Settings) -> Iterator[Site]:
    yield from open_site(project, settings)


def open_site(project: Project, settings: Settings) -> Iterator[Site]:
    pytest.importorskip("fastapi", reason="the extra 'web' is missing: no page was tested")
    from starlette.testclient import TestClient

    from finepick.batch.pool import ReaderPool
    from finepick.web.app import create_app
    from finepick.web.security import Door

    door = Door.on_loopback(8017)
    with ReaderPool.of(settings) as pool:
        app = create_app(project, settings, door=door, owner_token=OWNER, pool=pool)
        _, token = project.invite("Kim")
        with TestClient(app, base_url=ADDRESS) as client:
            yield Site(client, project, {"x-finepick-token": OWNER}, {"x-finepick-token": token})


@pytest.fixture
def invite(project: Project) -> Callable[[str], dict[str, str]]:
    return lambda name: {"x-finepick-token": project.invite(name, role=Role.ANNOTATOR)[1]}
