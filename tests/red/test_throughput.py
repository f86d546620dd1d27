"""A short version of `bench/red_build.py`, with a slower server, so that other work on the machine matters less."""

from __future__ import annotations

import pytest
from bench.red_build import measured


@pytest.mark.slow
def test_a_server_is_kept_busy() -> None:
    rate, count, _ = measured(slots=8, latency=1.0, seconds=11, repeats=3)

    assert count >= 80
    assert rate >= 0.9 * 8 / 1.0
