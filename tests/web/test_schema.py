"""Requests made up from the API's own description: none ends in anything that the description does not say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from finepick.project.store import Project
from finepick.workflows.projects import add_manifest
from tests.web.servers import ServerProcess

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is missing: the API was not fuzzed")

EXAMPLES = 12
OPERATIONS = (
    "GET /api/me", "POST /api/pairs", "POST /api/answers", "GET /api/photos/{photo}/{size}", "GET /api/project",
    "POST /api/invitations", "POST /api/invitations/{number}/revoke", "PUT /api/plan", "POST /api/gold",
    "POST /api/votes", "GET /api/calibration", "GET /api/export/{name}", "GET /api/refined",
    "PUT /api/refined/{photo}", "GET /api/refinement", "POST /api/refinement", "DELETE /api/refinement",
    "POST /api/refinement/{run}/undo",
)  # fmt: skip
FURTHER_RULES = ("POST /api/votes", "POST /api/invitations")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, manifest: Path) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("fuzzed") / "project"
    with Project.create(str(folder)) as project:
        add_manifest(project, str(manifest))
    running = ServerProcess(folder)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def operations(server: ServerProcess) -> dict:
    import requests

    document = requests.get(f"{server.address}/api/openapi.json", timeout=20).json()
    schema = schemathesis.openapi.from_dict(document)
    found = [entry.ok() for entry in schema.get_all_operations()]
    return {f"{one.method.upper()} {one.path}": one for one in found}


def test_every_address_is_described(operations: dict) -> None:
    assert set(operations) == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_made_up_requests_are_answered_as_described(
    operations: dict, server: ServerProcess, name: str
) -> None:
    # what makes a file a file of votes, or letters a name, is more than a description can say
    refusing = [schemathesis.checks.positive_data_acceptance] if name in FURTHER_RULES else []
    owner = {"x-finepick-token": server.said["token"]}

    # without shrinking, so that the time stays bounded; what fails is shown as it was made
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operations[name].as_strategy())
    def run(case) -> None:
        response = case.call_and_validate(
            base_url=server.address, headers=owner, timeout=30, excluded_checks=refusing
        )
        assert response.status_code < 500

    run()
