"""The load proof of `bench/annotate.py`, short: a server that is killed loses nothing that it has acknowledged."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

pytest.importorskip("fastapi", reason="the extra 'web' is missing: no page was tested")


def test_a_server_that_is_killed_under_load_loses_and_doubles_nothing(database_url: str | None) -> None:
    words = ["--people", "12", "--rate", "30", "--seconds", "5", "--series", "20", "--most-ms", "1e9"]
    if database_url is not None:
        words += ["--database", database_url]

    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "annotate.py", *words], capture_output=True, text=True, timeout=240
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["lost"], found["doubled"], found["unasked"], found["refused"]) == (0, 0, 0, 0)
    assert found["rows"] == found["answers"] > 50
    assert found["retries"] > 0  # the crowd did meet the server that was not there
