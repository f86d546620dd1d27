"""Made weights: the released checkpoint in full size, written once a session, and small networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.released_weights import write_released_checkpoint


@pytest.fixture(scope="session")
def released_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A full-size file in the released layout, 600 MB, by rule. Do not write to it."""
    pytest.importorskip("torch", reason="the extra 'torch' is not installed")
    return write_released_checkpoint(tmp_path_factory.mktemp("released") / "FGAesQ.pt")
