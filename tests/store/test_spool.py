"""What a run keeps for itself comes back as it was, or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from finepick.store.spool import Spool


def test_blobs_come_back_whole_in_any_order(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    blobs = {f"photo {i}": bytes([i]) * (1000 * i + 1) for i in range(20)}
    for key, blob in blobs.items():
        spool.put(key, blob)
    assert {key: spool.get(key) for key in reversed(blobs)} == blobs
    assert all(key in spool for key in blobs)
    spool.close()


def test_what_was_never_kept_is_not_there(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    assert "photo" not in spool and spool.get("photo") is None
    spool.put("photo", b"one")
    spool.put("photo", b"another")
    assert spool.get("photo") == b"another"
    spool.close()
    spool.close()
    assert "photo" not in spool


def test_a_folder_that_is_not_there_loses_blobs_and_nothing_else(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "gone"))
    spool.put("photo", b"one")
    assert "photo" not in spool and spool.get("photo") is None
    spool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the size of files")
def test_a_full_disk_loses_what_does_not_fit_and_keeps_the_rest(tmp_path: Path) -> None:
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    spool = Spool(str(tmp_path))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        spool.put("fits", b"a" * 600)
        spool.put("does not", b"b" * 600)
        spool.put("fits again", b"c" * 300)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert spool.get("fits") == b"a" * 600 and spool.get("fits again") == b"c" * 300
    assert "does not" not in spool
    spool.close()


def test_nothing_stays_on_the_disk(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    spool.put("photo", b"one")
    if sys.platform != "win32":
        assert list(tmp_path.iterdir()) == []
    spool.close()
    assert list(tmp_path.iterdir()) == []
