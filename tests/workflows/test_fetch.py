"""Fetching a model: whole, checked and remembered, or not at all; against a server that answers like the Hub."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("huggingface_hub")

from finepick.errors import (
    FetchError,
    FinepickError,
    OutputError,
    SettingsError,
    UnknownScorerError,
    UsageError,
    WeightsNotFoundError,
)
from finepick.scorers.fgaesq.fetched import FetchedFiles, fetched_files, fetched_folder
from finepick.settings import Settings, load_settings
from finepick.workflows.fetch import fetch_model
from finepick.workflows.models import list_models_here, weights_path
from tests.hub_server import FakeHub, Fault, Repo, serving

WEIGHTS, TOKENIZER = "yzc002/FGAesQ", "openai/clip-vit-base-patch16"
FIRST, SECOND = "1" * 40, "2" * 40
LARGE = 3_000_000


def made_bytes(seed: int, count: int = LARGE) -> bytes:
    return np.random.default_rng(seed).bytes(count)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    weights = {"README.md": b"# made", "release/model.pt": made_bytes(0)}
    clip = {
        "tokenizer.json": b'{"made": 1}',
        "vocab.json": b"{}",
        "merges.txt": b"",
        "pytorch_model.bin": b"x" * 9,
    }
    made = FakeHub(
        {WEIGHTS: Repo(FIRST, weights, frozenset({"release/model.pt"})), TOKENIZER: Repo("c" * 40, clip)}
    )
    with serving(made) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub


@pytest.fixture
def settings() -> Settings:
    return load_settings()


class Ear:
    """Hears what is told and warned of."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.warned: list[str] = []
        self.stages: list[tuple[str, int]] = []
        self.steps = 0

    def stage(self, name: str, total: int) -> None:
        self.stages.append((name, total))

    def step(self) -> None:
        self.steps += 1

    def fetch(self, settings: Settings, **options: Any) -> FetchedFiles:
        return fetch_model(
            "fgaesq", settings, progress=self, tell=self.told.append, warn=self.warned.append, **options
        )


def fetch(settings: Settings, **options: Any) -> FetchedFiles:
    return Ear().fetch(settings, **options)


def names_in(settings: Settings) -> list[str]:
    folder = fetched_folder(settings)
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def set_weights(hub: FakeHub, commit: str, *paths: str, seed: int = 1) -> None:
    files = {path: made_bytes(seed + i, 5000) for i, path in enumerate(paths)}
    hub.repos[WEIGHTS] = Repo(commit, files, frozenset(paths))


def test_weights_and_tokenizer_come_with_what_they_are_known_by(hub: FakeHub, settings: Settings) -> None:
    ear = Ear()
    here = ear.fetch(settings)
    weights = Path(here.weights)
    assert weights == Path(settings.models_folder, "fgaesq", "weights.pt")
    assert weights.read_bytes() == made_bytes(0)
    assert Path(here.tokenizer, "tokenizer.json").read_bytes() == b'{"made": 1}'
    assert here.commit == FIRST
    record = json.loads(Path(here.folder, "fetched.json").read_text())["files"]
    assert [(row["name"], row["path"], row["commit"], row["size"], row["sha256"]) for row in record] == [
        ("weights.pt", "release/model.pt", FIRST, LARGE, hashlib.sha256(made_bytes(0)).hexdigest()),
        ("tokenizer.json", "tokenizer.json", "c" * 40, 11, hashlib.sha256(b'{"made": 1}').hexdigest()),
    ]
    assert fetched_files(settings) == here
    assert [name for name in names_in(settings) if "part" in name] == []
    assert ear.stages[0] == ("fetching model.pt, MB", 2) and ear.steps == 2 and not ear.warned
    assert ear.told[0].startswith("fetching release/model.pt from yzc002/FGAesQ (commit 111111111111, 2.9 MB")


def test_only_what_is_needed_is_asked_for_and_nobody_is_told_who_asks(
    hub: FakeHub, settings: Settings
) -> None:
    fetch(settings)
    assert [path for _, path, _ in hub.requests] == [
        f"/api/models/{WEIGHTS}/revision/main",
        f"/api/models/{TOKENIZER}/revision/main",
        f"/{WEIGHTS}/resolve/{FIRST}/release/model.pt",
        f"/storage/{WEIGHTS}/release/model.pt",
        f"/{TOKENIZER}/resolve/{'c' * 40}/tokenizer.json",
        f"/storage/{TOKENIZER}/tokenizer.json",
    ]
    assert all(line["accept-encoding"] == "identity" for line in hub.headers[2:])
    assert not any("torch" in line["user-agent"] for line in hub.headers)


def test_asking_what_is_here_asks_no_server(hub: FakeHub, settings: Settings) -> None:
    list_models_here(settings)
    fetched_files(settings)
    with pytest.raises(WeightsNotFoundError):
        weights_path("fgaesq", settings)
    assert hub.requests == []


def test_before_and_after_the_path_is_told(hub: FakeHub, settings: Settings) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"not on this disk .*finepick models fetch fgaesq"):
        weights_path("fgaesq", settings)
    listed = {one.name: one for one in list_models_here(settings)}
    assert not listed["fgaesq"].is_here and listed["builtin"].is_here and listed["builtin"].is_default
    here = fetch(settings)
    assert weights_path("fgaesq", settings) == here.weights
    assert {one.name: one.is_here for one in list_models_here(settings)}["fgaesq"]


def test_weights_that_were_cut_on_disk_are_not_there(hub: FakeHub, settings: Settings) -> None:
    here = fetch(settings)
    Path(here.weights).write_bytes(made_bytes(0)[:-1])
    assert fetched_files(settings) is None
    with pytest.raises(WeightsNotFoundError, match="not whole any more"):
        weights_path("fgaesq", settings)


def test_a_second_fetch_sends_nothing_again(hub: FakeHub, settings: Settings) -> None:
    fetch(settings)
    sent = hub.bodies()
    ear = Ear()
    ear.fetch(settings)
    assert hub.bodies() == sent
    assert ear.told == ["weights.pt is here already", "tokenizer.json is here already"] and not ear.warned


def test_a_file_that_changed_on_the_hub_is_announced_and_replaced(hub: FakeHub, settings: Settings) -> None:
    fetch(settings)
    set_weights(hub, SECOND, "release/model.pt")
    ear = Ear()
    here = ear.fetch(settings)
    assert ear.warned == [
        "release/model.pt of yzc002/FGAesQ is changed since it was fetched "
        "(commit 111111111111, now 222222222222); it is fetched anew"
    ]
    assert Path(here.weights).read_bytes() == made_bytes(1, 5000) and here.commit == SECOND


def test_a_new_commit_with_the_same_files_sends_nothing_and_is_remembered(
    hub: FakeHub, settings: Settings
) -> None:
    fetch(settings)
    hub.repos[WEIGHTS].commit = SECOND
    sent = hub.bodies()
    ear = Ear()
    assert ear.fetch(settings).commit == SECOND and hub.bodies() == sent and not ear.warned


@pytest.mark.parametrize("spoil", ["changed", "gone"])
def test_a_file_that_was_spoilt_on_this_disk_is_announced_and_mended(
    hub: FakeHub, settings: Settings, spoil: str
) -> None:
    here = fetch(settings)
    if spoil == "gone":
        os.unlink(here.weights)
    else:
        Path(here.weights).write_bytes(made_bytes(7))
    ear = Ear()
    ear.fetch(settings)
    said = {"changed": "it was changed on this disk", "gone": "is gone"}[spoil]
    assert len(ear.warned) == 1 and said in ear.warned[0] and here.weights in ear.warned[0]
    assert Path(here.weights).read_bytes() == made_bytes(0)


def test_a_spoilt_record_is_as_good_as_none(hub: FakeHub, settings: Settings) -> None:
    here = fetch(settings)
    record = Path(here.folder, "fetched.json")
    good = record.read_text()
    for spoilt in (
        "",
        "[]",
        "{",
        '{"files": []}',
        '{"files": [1, 2]}',
        good.replace("weights.pt", "../../x"),
    ):
        record.write_text(spoilt)
        assert fetched_files(settings) is None
    fetch(settings)
    assert record.read_text() == good


@pytest.mark.parametrize("revision", ["v1", FIRST])
def test_the_revision_can_be_pinned(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, revision: str) -> None:
    monkeypatch.setenv("FINEPICK_FGAESQ_REVISION", revision)
    here = fetch(load_settings())
    assert here.files[0].revision == revision and here.commit == FIRST
    assert hub.requests[0][1].endswith(f"/revision/{revision}")
    fetch(load_settings(), revision="main")
    assert f"/api/models/{WEIGHTS}/revision/main" in [path for _, path, _ in hub.requests]


def test_of_several_files_of_weights_one_must_be_named(hub: FakeHub, settings: Settings) -> None:
    set_weights(hub, FIRST, "a.pt", "b.safetensors", "notes.txt")
    with pytest.raises(
        FetchError, match=r"several files of weights; name one with --file: a\.pt, b\.safetensors$"
    ):
        fetch(settings)
    with pytest.raises(FetchError, match=r"no file of weights called 'c\.pt'; it has a\.pt, b\.safetensors$"):
        fetch(settings, file="c.pt")
    assert names_in(settings) == []
    here = fetch(settings, file="b.safetensors")
    assert here.weights.endswith("weights.safetensors")
    assert fetch(settings) == here, "the choice is remembered"


def test_another_file_of_weights_takes_the_place_of_the_first(hub: FakeHub, settings: Settings) -> None:
    set_weights(hub, FIRST, "a.pt", "b.safetensors")
    fetch(settings, file="a.pt")
    ear = Ear()
    ear.fetch(settings, file="b.safetensors")
    assert "weights.pt" not in names_in(settings) and "weights.safetensors" in names_in(settings)
    assert len(ear.warned) == 1 and "not a.pt, which was fetched before" in ear.warned[0]


def test_a_repository_without_weights_is_told_with_what_it_has(hub: FakeHub, settings: Settings) -> None:
    hub.repos[WEIGHTS] = Repo(FIRST, {"README.md": b"later", "model.bin": b"0"})
    with pytest.raises(FetchError, match=r"no file of weights .*; it has README\.md, model\.bin$"):
        fetch(settings)


def test_without_the_one_tokenizer_file_both_parts_come(hub: FakeHub, settings: Settings) -> None:
    del hub.repos[TOKENIZER].files["tokenizer.json"]
    here = fetch(settings)
    assert [os.path.basename(path) for path in here.tokenizer_files] == ["vocab.json", "merges.txt"]
    assert Path(here.tokenizer, "merges.txt").read_bytes() == b""
    del hub.repos[TOKENIZER].files["merges.txt"]
    with pytest.raises(FetchError, match="has no tokenizer files"):
        fetch(settings)


def test_a_download_that_breaks_off_is_taken_up_where_it_ended(hub: FakeHub, settings: Settings) -> None:
    hub.faults["release/model.pt"] = Fault(cut=1_000_000, times=2)
    ear = Ear()
    here = ear.fetch(settings)
    assert Path(here.weights).read_bytes() == made_bytes(0) and ear.steps == 2
    ranges = [wanted for _, path, wanted in hub.requests if path.startswith(f"/storage/{WEIGHTS}")]
    assert ranges == ["", "bytes=1000000-", "bytes=2000000-"]


def test_a_later_command_goes_on_where_the_first_gave_up(hub: FakeHub, settings: Settings) -> None:
    hub.faults["release/model.pt"] = Fault(cut=100_000)
    with pytest.raises(FetchError, match=r"broke off in the middle of release/model\.pt; 0\.5 MB are kept"):
        fetch(settings)
    assert fetched_files(settings) is None and "weights.pt" not in names_in(settings)
    hub.faults.clear()
    hub.requests.clear()
    assert Path(fetch(settings).weights).read_bytes() == made_bytes(0)
    assert [wanted for _, path, wanted in hub.requests if path.startswith(f"/storage/{WEIGHTS}")] == [
        "bytes=500000-"
    ]


def test_what_is_left_of_another_version_is_not_gone_on_with(hub: FakeHub, settings: Settings) -> None:
    hub.faults["release/model.pt"] = Fault(cut=1000, times=5)
    with pytest.raises(FetchError):
        fetch(settings)
    set_weights(hub, SECOND, "release/model.pt")
    here = fetch(settings)
    assert Path(here.weights).read_bytes() == made_bytes(1, 5000)
    assert not [name for name in names_in(settings) if name.endswith(".part")]


def test_a_server_that_always_breaks_off_is_given_up_soon(hub: FakeHub, settings: Settings) -> None:
    hub.faults["release/model.pt"] = Fault(cut=200_000, ignores_range=True)
    begun = time.monotonic()
    with pytest.raises(FetchError, match="broke off"):
        fetch(settings)
    assert time.monotonic() - begun < 5
    assert len([1 for _, path, _ in hub.requests if path.startswith("/storage/")]) == 2


def test_a_server_that_cannot_go_on_sends_all_again(hub: FakeHub, settings: Settings) -> None:
    hub.faults["release/model.pt"] = Fault(cut=200_000, times=1, ignores_range=True)
    assert Path(fetch(settings).weights).read_bytes() == made_bytes(0)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(wrong_bytes=made_bytes(9)), "instead of " + hashlib.sha256(made_bytes(0)).hexdigest()),
        (Fault(wrong_bytes=made_bytes(0) + b"more"), "bytes instead of 3000000"),
        (Fault(wrong_bytes=made_bytes(0)[:-5]), "with 2999995 bytes instead of 3000000"),
        (Fault(wrong_bytes=b""), "with 0 bytes instead of 3000000"),
    ],
    ids=["other bytes", "too many", "too few", "none"],
)
def test_what_is_not_as_the_hub_says_is_thrown_away(
    hub: FakeHub, settings: Settings, fault: Fault, said: str
) -> None:
    hub.faults["release/model.pt"] = fault
    with pytest.raises(FetchError, match=f"{said}; nothing of it was kept"):
        fetch(settings)
    assert names_in(settings) in ([], [".fetching.lock"]) and fetched_files(settings) is None


def test_a_server_that_does_not_stop_sending_is_cut_off(hub: FakeHub, settings: Settings) -> None:
    hub.faults["release/model.pt"] = Fault(wrong_bytes=bytes(60_000_000))
    ear = Ear()
    with pytest.raises(FetchError, match="nothing of it was kept"):
        ear.fetch(settings)
    assert ear.steps < 10


def test_a_small_file_is_checked_by_what_git_knows_of_it(hub: FakeHub, settings: Settings) -> None:
    hub.faults["tokenizer.json"] = Fault(wrong_bytes=b'{"made": 2}')
    with pytest.raises(FetchError, match=r"tokenizer\.json came from .* as git blob instead of"):
        fetch(settings)
    assert fetched_files(settings) is None and "weights.pt" not in names_in(settings)


def test_a_failure_leaves_what_was_there(hub: FakeHub, settings: Settings) -> None:
    here = fetch(settings)
    set_weights(hub, SECOND, "release/model.pt")
    hub.faults["release/model.pt"] = Fault(wrong_bytes=b"x" * 5000)
    with pytest.raises(FetchError):
        fetch(settings)
    assert fetched_files(settings) == here and Path(here.weights).read_bytes() == made_bytes(0)


def test_a_hub_that_tells_no_digests_is_believed_by_size(hub: FakeHub, settings: Settings) -> None:
    hub.tells_digests = False
    fetch(settings)
    sent = len(hub.bodies())
    ear = Ear()
    ear.fetch(settings)
    assert len(hub.bodies()) == 2 * sent and not ear.warned, "nothing to tell by: it is fetched again"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "needs an account"),
        (403, "needs an account"),
        (404, "does not exist there"),
        (429, "wait a while"),
        (500, "in trouble; try again later"),
        (503, "in trouble; try again later"),
        (418, "check HF_ENDPOINT"),
    ],
)
@pytest.mark.parametrize("stage", ["listing", "file"])
def test_refusals_are_told_with_what_to_do(
    hub: FakeHub, settings: Settings, status: int, said: str, stage: str
) -> None:
    if stage == "listing":
        hub.api_status = status
    else:
        hub.faults["release/model.pt"] = Fault(status=status)
    begun = time.monotonic()
    with pytest.raises(FetchError, match=rf"it answers {status}\): .*{said}") as caught:
        fetch(settings)
    assert time.monotonic() - begun < 3 and "\n" not in caught.value.message
    assert "FGAesQ" in caught.value.message and fetched_files(settings) is None


def test_an_unknown_revision_is_told_by_name(hub: FakeHub, settings: Settings) -> None:
    with pytest.raises(FetchError, match=r"yzc002/FGAesQ at revision 'nowhere' .*does not exist there"):
        fetch(settings, revision="nowhere")


@pytest.mark.parametrize(
    "body", [b"<html>log in</html>", b"", b"[]", b"{}", b'{"id": "x"}', b'{"id": "x", "siblings": [{}]}']
)
def test_a_login_page_is_not_taken_for_the_hub(hub: FakeHub, settings: Settings, body: bytes) -> None:
    hub.api_status, hub.api_body = 200, body or b" "
    with pytest.raises(FetchError, match="not as the Hugging Face Hub does"):
        fetch(settings)


def test_without_a_server_there_is_one_sentence_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    begun = time.monotonic()
    with pytest.raises(
        FetchError, match=rf"127\.0\.0\.1:{port} cannot be reached .*check the connection"
    ) as caught:
        fetch(settings)
    assert time.monotonic() - begun < 5 and "\n" not in caught.value.message
    assert names_in(settings) == []


def test_a_server_that_never_answers_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finepick.workflows.hub.ASK_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        begun = time.monotonic()
        with pytest.raises(FetchError, match="cannot be reached"):
            fetch(settings)
        assert time.monotonic() - begun < 4


@pytest.mark.parametrize("endpoint", ["huggingface.co", "ftp://x", "http://", "http://a b", "http://x:99999"])
def test_an_endpoint_that_is_no_address_is_a_setting_to_mend(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(SettingsError, match="HF_ENDPOINT is"):
        fetch(settings)


def test_offline_means_offline(hub: FakeHub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FetchError, match="HF_HUB_OFFLINE is set"):
        fetch(settings)
    assert hub.requests == []


def test_a_disk_without_room_is_told_before_anything_is_sent(hub: FakeHub, settings: Settings) -> None:
    hub.changed_sizes["release/model.pt"] = 10**17
    with pytest.raises(OutputError, match=r"needs .* MB more, and the disk has .* make room"):
        fetch(settings)
    assert hub.bodies() == []


def test_a_folder_that_cannot_be_made_is_told(hub: FakeHub, settings: Settings) -> None:
    Path(settings.models_folder).parent.mkdir(parents=True, exist_ok=True)
    Path(settings.models_folder).write_text("a file where a folder should be")
    with pytest.raises(OutputError, match="choose another"):
        fetch(settings)
    assert hub.bodies() == []


def test_two_at_once_do_not_write_one_file(hub: FakeHub, settings: Settings) -> None:
    from filelock import FileLock

    os.makedirs(fetched_folder(settings))
    with (
        FileLock(os.path.join(fetched_folder(settings), ".fetching.lock")),
        pytest.raises(OutputError, match="another finepick is fetching"),
    ):
        fetch(settings)
    fetch(settings)


def test_many_at_once_leave_one_whole_model(hub: FakeHub, settings: Settings) -> None:
    outcomes: list[object] = []

    def attempt() -> None:
        try:
            outcomes.append(fetch(settings))
        except FinepickError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    here = fetched_files(settings)
    assert here is not None and here in outcomes and Path(here.weights).read_bytes() == made_bytes(0)


@pytest.mark.parametrize(("name", "error"), [("measured", UsageError), ("nonsense", UnknownScorerError)])
def test_only_what_is_fetched_can_be_fetched(
    hub: FakeHub, settings: Settings, name: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        fetch_model(name, settings)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["dir/..\\..\\evil.pt", "line\nbreak?#%2e.PT", "-é 日本.pt", "CON.pt"])
def test_names_of_any_kind_come_under_a_name_of_our_own(hub: FakeHub, settings: Settings, name: str) -> None:
    set_weights(hub, FIRST, name)
    here = fetch(settings)
    assert here.weights == os.path.join(settings.models_folder, "fgaesq", "weights.pt")
    assert Path(here.weights).read_bytes() == made_bytes(1, 5000)
    assert fetch(settings) == here


def test_a_name_that_leads_elsewhere_brings_nothing(hub: FakeHub, settings: Settings) -> None:
    set_weights(hub, FIRST, "../../../evil.pt")
    with pytest.raises(FetchError):
        fetch(settings)
    assert names_in(settings) in ([], [".fetching.lock"])
