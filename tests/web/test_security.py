"""Hostile requests are refused before they reach anything."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from finepick.errors import UsageError
from finepick.settings import Settings
from tests.web.conftest import OWNER, Site


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example:8017", "127.0.0.1:9999", "localhost.:8017", "", "127.0.0.1"],
)
def test_a_foreign_host_is_refused(site: Site, host: str) -> None:
    for path in ("/", "/api/me", "/pages/annotate.js"):
        reply = site.client.get(path, headers={**site.kim, "host": host})
        assert reply.status_code == 421 and reply.json()["error"]["kind"] == "foreign_host"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:8018", "file://"])
def test_a_post_from_another_site_is_refused_even_with_the_right_token(site: Site, origin: str) -> None:
    reply = site.client.post("/api/pairs", json={}, headers={**site.kim, "origin": origin})

    assert reply.status_code == 403 and reply.json()["error"]["kind"] == "cross_site"


def test_what_a_browser_calls_cross_site_is_refused_for_reading_too(site: Site) -> None:
    for site_word in ("cross-site", "same-site"):
        reply = site.client.get("/api/me", headers={**site.kim, "sec-fetch-site": site_word})
        assert reply.status_code == 403
    page = site.client.get(
        "/", headers={"sec-fetch-site": "cross-site"}
    )  # a link in a mail may lead to the page
    assert page.status_code == 200


def test_requests_of_the_page_itself_are_taken(site: Site) -> None:
    own = {"origin": "http://127.0.0.1:8017", "sec-fetch-site": "same-origin"}

    assert site.client.post("/api/pairs", json={}, headers={**site.kim, **own}).status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", OWNER + "x", OWNER[:-1], "é" * 20, "x" * 500])
def test_a_wrong_token_opens_nothing(site: Site, token: str) -> None:
    headers = {"x-finepick-token": token.encode()}

    for method, path in (("get", "/api/me"), ("post", "/api/pairs"), ("get", "/api/photos/1/small")):
        kwargs = {"json": {}} if method == "post" else {}
        reply = getattr(site.client, method)(path, headers=headers, **kwargs)
        assert reply.status_code in (401, 422)
        assert token not in reply.text or not token


@pytest.mark.parametrize(
    "path",
    [
        "/pages/../../../../etc/passwd", "/pages/..%2f..%2fapp.py", "/pages/%2e%2e/app.py", "/pages//etc/passwd",
        "/pages/annotate.js%00.html", "/api/photos/..%2f..%2fetc%2fpasswd/small", "/api/photos/1/../../../etc/passwd",
        "/api/photos/1/huge", "/api/photos/-1/small", "/api/photos/1e3/small", "/api/photos/99999999999999999999/small",
        "/\\etc\\passwd", "/docs", "/redoc", "/.git/config",
    ],
)  # fmt: skip
def test_no_path_leads_anywhere_else(site: Site, path: str) -> None:
    reply = site.client.get(path, headers=site.owner)

    assert reply.status_code in (404, 422), path
    assert "root:" not in reply.text and "import" not in reply.text


def test_ten_megabytes_are_refused_with_and_without_a_length(site: Site) -> None:
    body = b'{"answers": "' + b"x" * (10 << 20) + b'"}'

    for path in ("/api/answers", "/api/votes"):
        whole = site.client.post(path, content=body, headers=site.owner)
        in_parts = site.client.post(
            path, content=iter([body[: 5 << 20], body[5 << 20 :]]), headers=site.owner
        )
        lying = site.client.post(path, content=body, headers={**site.owner, "content-length": "nonsense"})
        assert [whole.status_code, in_parts.status_code, lying.status_code] == [413, 413, 413]


def test_thousands_of_ids_are_refused(site: Site) -> None:
    held = [[1, 2]] * 5000
    answers = [{"id": f"answer-{i}", "series": 1, "left": 1, "right": 2, "choice": "tie"} for i in range(101)]

    assert site.client.post("/api/pairs", json={"held": held}, headers=site.kim).status_code == 422
    assert site.client.post("/api/answers", json={"answers": answers}, headers=site.kim).status_code == 422
    assert site.project.answers() == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "short"}, {"id": "../../etc/passwd"}, {"id": "x" * 65}, {"series": 0}, {"series": 2**80}, {"left": "1"},
        {"left": 1.5}, {"choice": "LEFT"}, {"chips": ["nonsense"]}, {"chips": ["sharpness"] * 100},
        {"sentence": "x" * 501}, {"sentence": "a\x00b"}, {"sentence": ["x"]}, {"seconds": -1}, {"seconds": 1e300},
        {"answered_at": -1}, {"replaces": "no"}, {"more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_an_answer_that_is_not_as_it_should_be_is_refused_and_not_repeated(site: Site, wrong: dict) -> None:
    good = {"id": "answer-0001", "series": 1, "left": 1, "right": 2, "choice": "tie"}

    reply = site.client.post("/api/answers", json={"answers": [good | wrong]}, headers=site.kim)

    assert reply.status_code == 422
    assert site.project.answers() == ()


def test_half_a_surrogate_and_broken_json_are_refused(site: Site) -> None:
    for body in (
        b'{"answers": [{"id": "answer-0001", "sentence": "\\ud800"',
        b"\xff\xfe",
        b"",
        b"[" * 100_000,
    ):
        reply = site.client.post(
            "/api/answers", content=body, headers={**site.kim, "content-type": "application/json"}
        )
        assert reply.status_code in (400, 422)
    good = {"id": "answer-0001", "series": 1, "left": 1, "right": 2, "choice": "tie", "sentence": "\ud800"}
    sentence = json.dumps({"answers": [good]}).encode()
    reply = site.client.post(
        "/api/answers", content=sentence, headers={**site.kim, "content-type": "application/json"}
    )
    assert reply.status_code in (400, 422)


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x00b", "x" * 101, "owner", " OWNER "])
def test_a_name_that_is_none_is_refused(site: Site, name: str) -> None:
    assert site.client.post("/api/invitations", json={"name": name}, headers=site.owner).status_code == 422


def test_markup_in_names_stays_data(site: Site) -> None:
    name = "<img src=x onerror=alert(1)>"

    site.client.post("/api/invitations", json={"name": name}, headers=site.owner)

    reply = site.client.get("/api/project", headers=site.owner)
    assert reply.headers["content-type"] == "application/json"
    assert name in [person["name"] for person in reply.json()["people"]]


def test_every_answer_carries_the_rules_for_pages(site: Site) -> None:
    for path, headers in (("/", {}), ("/api/me", site.kim), ("/nothing", {}), ("/api/me", {"host": "evil"})):
        reply = site.client.get(path, headers=headers)
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in reply.headers


def test_no_document_names_a_place_on_the_disk_to_an_annotator(site: Site, manifest: Path) -> None:
    replies = [
        site.client.get("/api/me", headers=site.kim),
        site.client.post("/api/pairs", json={}, headers=site.kim),
    ]

    for reply in replies:
        assert str(manifest) not in reply.text and ".jpg" not in reply.text


def test_a_wider_binding_needs_a_password(site: Site) -> None:
    from finepick.web.app import Binding

    Binding().check()
    Binding("0.0.0.0", password="long enough").check()
    with pytest.raises(
        UsageError, match="lets other machines in; set a password in FINEPICK_PASSWORD as well"
    ):
        Binding("0.0.0.0").check()
    with pytest.raises(UsageError, match="at least 8 characters"):
        Binding("0.0.0.0", password="short").check()


def test_behind_a_password_nothing_is_shown_without_it(
    project, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.testclient import TestClient

    from finepick.batch.pool import ReaderPool
    from finepick.web import security
    from finepick.web.app import create_app

    monkeypatch.setattr(security, "WRONG_PASSWORD_SECONDS", 0.0)
    door = security.Door(None, frozenset({"studio.local"}), "open sesame é")
    right = base64.b64encode("anybody:open sesame é".encode()).decode()
    wrong = base64.b64encode(b"anybody:open sesame").decode()
    with (
        ReaderPool.of(settings) as pool,
        TestClient(
            create_app(project, settings, door=door, owner_token=OWNER, pool=pool),
            base_url="http://192.168.1.5:8017",
        ) as client,
    ):
        for path in ("/", "/api/me", "/pages/annotate.js"):
            for header in ({}, {"authorization": f"Basic {wrong}"}, {"authorization": "Basic ???"}):
                reply = client.get(path, headers={**header, "x-finepick-token": OWNER})
                assert reply.status_code == 401 and reply.headers["www-authenticate"].startswith("Basic")
        inside = {"authorization": f"Basic {right}"}
        assert client.get("/", headers=inside).status_code == 200
        assert client.get("/api/me", headers=inside).status_code == 401  # the password alone is nobody's link
        assert client.get("/api/me", headers={**inside, "x-finepick-token": OWNER}).status_code == 200
        assert client.get("/", headers={**inside, "host": "studio.local:8017"}).status_code == 200
        assert client.get("/", headers={**inside, "host": "evil.example:8017"}).status_code == 421


def test_the_files_of_a_project_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    from finepick.project.store import DATABASE_FILE, Project

    with Project.create(str(tmp_path / "project")):
        mode = os.stat(tmp_path / "project" / DATABASE_FILE).st_mode

    assert mode & 0o077 == 0
