"""What tests of building need: no proxy, short waits, one reader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finepick.chat import client as client_module
from tests.chat_server import PlainChat, chatting


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_FIRST_WAIT", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("FINEPICK_WORKERS", "1")


@pytest.fixture
def chat() -> Iterator[PlainChat]:
    with chatting(PlainChat()) as one:
        yield one
