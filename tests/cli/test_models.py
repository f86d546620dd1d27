"""`finepick models fetch`, as people run it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

from tests.conftest import Finepick
from tests.hub_server import FakeHub, Fault, Repo, serving

CONTENT = b"made weights " * 200_000


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    repos = {
        "yzc002/FGAesQ": Repo("1" * 40, {"model.pt": CONTENT}, frozenset({"model.pt"})),
        "openai/clip-vit-base-patch16": Repo("c" * 40, {"tokenizer.json": b"{}"}),
    }
    with serving(FakeHub(repos)) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub


def test_fetch_prints_where_the_weights_lie_and_says_the_rest_on_standard_error(
    hub: FakeHub, finepick: Finepick
) -> None:
    run = finepick("models", "fetch", "fgaesq")

    assert run.code == 0
    weights = Path(run.out.strip())
    assert weights.read_bytes() == CONTENT and run.out.count("\n") == 1
    assert run.err.splitlines() == [
        "finepick: fetching model.pt from yzc002/FGAesQ (commit 111111111111, 2.5 MB)",
        "finepick: fetching tokenizer.json from openai/clip-vit-base-patch16 (commit cccccccccccc, 0.0 MB)",
    ]
    assert finepick("models", "path", "fgaesq").out == run.out
    (listed,) = [
        one for one in finepick("models", "list", "--json").document["models"] if one["name"] == "fgaesq"
    ]
    assert listed["is_here"] is True
    (check,) = [
        one for one in finepick("doctor", "--json").document["checks"] if one["name"] == "weights of fgaesq"
    ]
    assert check["works"] and str(weights) in check["detail"] and "111111111111" in check["detail"]


def test_quiet_says_nothing_and_json_is_one_document(hub: FakeHub, finepick: Finepick) -> None:
    run = finepick("models", "fetch", "fgaesq", "--quiet", "--json", "--revision", "v1")

    assert run.code == 0 and run.err == ""
    assert run.document["name"] == "fgaesq" and run.document["commit"] == "1" * 40
    assert Path(run.document["path"]).is_file()
    assert [one["name"] for one in run.document["files"]] == ["weights.pt", "tokenizer.json"]
    assert run.document["files"][0]["revision"] == "v1"


def test_without_a_network_it_is_one_line_and_soon(
    finepick: Finepick, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    begun = time.monotonic()
    run = finepick("models", "fetch", "fgaesq", "--json")

    assert run.code == 1 and time.monotonic() - begun < 8
    assert run.err.startswith("finepick: error: 127.0.0.1:") and run.err.count("\n") == 1
    assert run.document["error"]["kind"] == "fetch"


def test_offline_is_honoured(finepick: Finepick, hub: FakeHub) -> None:
    run = finepick("models", "fetch", "fgaesq", environment={"HF_HUB_OFFLINE": "1"})

    assert run.code == 1 and hub.requests == []
    assert (
        run.err == "finepick: error: HF_HUB_OFFLINE is set, so nothing is fetched; unset it and try again\n"
    )


def test_a_path_that_is_asked_for_too_early_says_how_to_fetch(finepick: Finepick) -> None:
    run = finepick("models", "path", "fgaesq", "--json")

    assert run.code == 1
    assert run.document["error"]["kind"] == "weights_not_found"
    assert run.err.strip().endswith("get them with: finepick models fetch fgaesq")
    checks = {one["name"]: one for one in finepick("doctor", "--json").document["checks"]}
    assert checks["weights of fgaesq"]["works"] is False
    assert checks["weights of fgaesq"]["remedy"] == "finepick models fetch fgaesq"


def test_doctor_tells_of_torch_and_what_it_runs_on(finepick: Finepick) -> None:
    torch = pytest.importorskip("torch")
    (check,) = [
        one for one in finepick("doctor", "--json").document["checks"] if one["name"] == "learned models"
    ]
    assert check["works"] and f"torch {torch.__version__}" in check["detail"]
    assert "bfloat16" in check["detail"] and "GPU" in check["detail"]


def test_what_is_fetched_is_no_word_of_a_model_that_comes_along(finepick: Finepick) -> None:
    assert finepick("models", "fetch", "measured").code == 2
    assert finepick("models", "fetch", "nonsense").code == 1


@pytest.mark.skipif(os.name != "posix", reason="POSIX limits")
def test_a_disk_that_takes_no_more_is_one_line_and_the_next_run_goes_on(
    hub: FakeHub, finepick: Finepick
) -> None:
    import resource

    def allow_a_megabyte() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    done = subprocess.run(
        [sys.executable, "-m", "finepick", "models", "fetch", "fgaesq", "--quiet"],
        capture_output=True,
        text=True,
        preexec_fn=allow_a_megabyte,
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "cannot be written, it is larger than this disk allows" in done.stderr

    run = finepick("models", "fetch", "fgaesq", "--quiet")
    assert Path(run.out.strip()).read_bytes() == CONTENT
    assert "bytes=1000000-" in [wanted for _, _, wanted in hub.requests]


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_an_interrupted_fetch_leaves_nothing_half_and_goes_on(hub: FakeHub, finepick: Finepick) -> None:
    import signal

    hub.faults["model.pt"] = Fault(cut=400_000)  # the client waits half a second between two tries
    process = subprocess.Popen(
        [sys.executable, "-m", "finepick", "models", "fetch", "fgaesq", "--quiet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    while not hub.bodies() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert finepick("models", "path", "fgaesq").code == 1

    hub.faults.clear()
    run = finepick("models", "fetch", "fgaesq", "--quiet")
    assert Path(run.out.strip()).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("huggingface_hub", "from finepick.cli import main; main(['models', 'fetch', 'fgaesq'])"),
        ("torch", "import finepick.scorers.fgaesq.text"),
        (
            "tokenizers",
            "import sys; from finepick.scorers.fgaesq.sentences import read_tokenizer; read_tokenizer(sys.argv[1])",
        ),
        (
            "safetensors",
            "from finepick.scorers.fgaesq.phrase_store import read_bank; read_bank('x', fingerprint='f')",
        ),
    ],
)
def test_a_missing_extra_is_told_with_the_command_that_brings_it(
    tmp_path: Path, missing: str, code: str
) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.modules[{missing!r}] = None; {code}", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "pip install 'finepick[torch]'" in done.stderr.splitlines()[-1]


def test_without_torch_doctor_says_how_to_get_it_and_the_rest_works(tmp_path: Path) -> None:
    block = "import sys; sys.modules['torch'] = sys.modules['huggingface_hub'] = None; "
    for words in (["doctor"], ["models", "list"]):
        done = subprocess.run(
            [sys.executable, "-c", f"{block} from finepick.cli import main; main({words!r})"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0
        if words == ["doctor"]:
            assert "torch is not installed" in done.stdout and "finepick[torch]" in done.stdout
