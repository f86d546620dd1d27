"""A short version of `bench/red_build.py`, with a quarter of the slots: is the server kept busy?"""

from __future__ import annotations

import pytest
from bench.red_build import measured


@pytest.mark.slow
def test_a_server_is_kept_busy() -> None:
    rate, count, _ = measured(slots=8, latency=0.2, seconds=4, repeats=3)

    assert count >= 100
    assert rate >= 0.9 * 8 / 0.2
