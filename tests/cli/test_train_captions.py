"""`finepick train fgaesq --captions URL`, as people run it, against a real server with faults."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import ImageFilter

pytest.importorskip("torch", reason="the extra 'torch' is not installed")
pytest.importorskip("accelerate", reason="the extra 'train' is not installed")

from finepick.cli import main
from tests.chat_server import BAD, GOOD, Asked, FakeChat, Reply, chatting, good_reply
from tests.conftest import Finepick, Run
from tests.contracts.scorer_contract import draw_scene

pytestmark = pytest.mark.slow

KEY = "sk-made-0123456789abcdef"
OWN_TEXT = "Far sharper, as somebody wrote."
SERIES = 4


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def chat() -> Iterator[FakeChat]:
    with chatting(FakeChat()) as one:
        yield one


@pytest.fixture
def finepick(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Finepick:
    """`finepick WORDS…` as people run it, but in this process: torch takes seconds to load."""

    def run(*words: str, environment: dict[str, str] | None = None) -> Run:
        capfd.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(
                warnings, "showwarning", warnings.showwarning
            )  # the command line puts its own there
            for name, value in (environment or {}).items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                main(words)
        out, err = capfd.readouterr()
        return Run(int(left.value.code or 0), out, err)

    return run


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Series of a sharp and two soft frames; the first has a text of its own, the last pair nobody won."""
    folder = tmp_path_factory.mktemp("data")
    lines = []
    for seed in range(SERIES):
        photos = []
        for number, amount in enumerate((0.0, 1.5, 4.0)):
            photos.append(f"{seed}-{number}.png")
            picture = draw_scene(120, 90, seed=seed).filter(ImageFilter.GaussianBlur(amount))
            picture.save(folder / photos[-1])
        pairs = [{"a": 0, "b": 1, "p": 0.9}, {"a": 2, "b": 0, "p": 0.2}, {"a": 1, "b": 2, "p": 0.5}]
        if seed == 0:
            pairs[0]["text"] = OWN_TEXT  # type: ignore[assignment]
        lines.append(json.dumps({"series": str(seed), "split": "train", "photos": photos, "pairs": pairs}))
    (folder / "series.jsonl").write_text("\n".join(lines) + "\n")
    return folder


ASKED = 2 * SERIES - 1
"""Two pairs of each series have a winner, and one of them a text of its own."""


def words(dataset: Path, out: Path, *more: str, url: str | None = None) -> list[str]:
    asking = [] if url is None else ["--captions", url, "--captions-model", "made"]
    return [
        *("train", "fgaesq", "--recipe", "tiny", "--fine", str(dataset), "--out", str(out), "--fp32"),
        *("--coarse-epochs", "0", "--joint-epochs", "1", "--ablate", "coarse", *asking, *more),
    ]


def kept(home: Path, name: str = "captions.jsonl") -> list[dict[str, str]]:
    path = home / "captions" / name
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def rejects(home: Path) -> list[dict[str, str]]:
    return kept(home, "captions.rejects.jsonl")


def taken(out: Path) -> list[str | None]:
    texts: list[str | None] = json.loads((out / "captions.json").read_text())["texts"]
    return texts


def failed(run: Run) -> str:
    """The one line that says what went wrong."""
    assert run.code == 1 and "Traceback" not in run.err
    (line,) = [line for line in run.err.splitlines() if line.startswith("finepick: error: ")]
    return line.removeprefix("finepick: error: ")


def test_nobody_is_asked_unless_told(
    finepick: Finepick, chat: FakeChat, dataset: Path, tmp_path: Path, own_state: Path
) -> None:
    run = finepick(*words(dataset, tmp_path / "run"), environment={"FINEPICK_CHAT_KEY": KEY})
    assert run.code == 0 and chat.asked == []
    assert not (tmp_path / "run" / "captions.json").exists() and not (own_state / "captions").exists()


def test_the_server_describes_pairs_that_have_a_winner_and_no_text(
    finepick: Finepick, chat: FakeChat, dataset: Path, tmp_path: Path, own_state: Path
) -> None:
    out, environment = tmp_path / "run", {"FINEPICK_CHAT_KEY": KEY}
    run = finepick(*words(dataset, out, url=chat.address), environment=environment)
    assert run.code == 0, run.err
    host = chat.address.removeprefix("http://")
    first, second = run.err.splitlines()[:2]
    assert first.startswith(f"captions from {host}: {ASKED} requests (0 are known, 0 were rejected before)")
    assert second.startswith(f"captions: {ASKED} answered, 0 rejected, in {ASKED} requests")
    assert sorted(map(str, taken(out))) == sorted([GOOD] * (SERIES - 1) + [BAD] * SERIES)
    assert len(kept(own_state)) == ASKED == len(chat.asked)
    assert {one.headers["authorization"] for one in chat.asked} == {f"Bearer {KEY}"}
    # The key is nowhere, and no photo was sent with its name or metadata.
    files = [path for folder in (out, own_state) for path in folder.rglob("*") if path.is_file()]
    assert files and not [path for path in files if KEY.encode() in path.read_bytes()]
    assert KEY not in run.err + run.out

    # The same photos in another run, and the same run again, ask nothing more.
    again = finepick(*words(dataset, tmp_path / "other", "--seed", "7", url=chat.address))
    assert again.code == 0 and f"nothing to ask: {ASKED} are known" in again.err
    chat.answer = lambda _: Reply(status=500, body=b"")
    same = finepick(*words(dataset, out, url=chat.address))
    assert same.code == 0 and f"{ASKED} of {ASKED} as this run took them before" in same.err
    assert len(chat.asked) == ASKED


def test_a_checkpoint_of_other_texts_is_not_gone_on_from(
    finepick: Finepick, chat: FakeChat, dataset: Path, tmp_path: Path
) -> None:
    plain, described = tmp_path / "plain", tmp_path / "described"
    assert finepick(*words(dataset, plain)).code == 0
    run = finepick(*words(dataset, plain, url=chat.address))
    assert run.code == 2 and "holds a run with other texts" in run.err and chat.asked == []
    assert finepick(*words(dataset, described, url=chat.address)).code == 0
    run = finepick(*words(dataset, described))
    assert run.code == 2 and "holds a run with another beginning, other options, data or texts" in run.err
    run = finepick(*words(dataset, described, "--captions-most", "3", url=chat.address))
    assert run.code == 2 and "holds a run with other texts" in run.err and len(chat.asked) == ASKED


def test_no_more_pairs_than_were_allowed_are_asked_for(
    finepick: Finepick, chat: FakeChat, dataset: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        more = ("--captions-most", "3", "--captions-at-once", "1", "--quiet")
        run = finepick(*words(dataset, tmp_path / name, *more, url=chat.address))
        assert (run.code, run.err) == (0, "")
    assert len(chat.asked) == 3 == len(taken(tmp_path / "one")) and chat.most_at_once == 1


def test_what_is_rejected_or_not_answered_is_measured_instead_and_the_run_keeps_to_that(
    finepick: Finepick, chat: FakeChat, dataset: Path, tmp_path: Path, own_state: Path
) -> None:
    troubles = {
        0: lambda: Reply("Sure! The first is sharper."),  # no JSON
        1: lambda: Reply(status=500, body=b"oops"),
        2: lambda: Reply(good_reply(chat.asked[0]).content, cut=20),  # a body that breaks off
        3: lambda: Reply(json.dumps({"text": "Photo A is the winner."})),
        4: lambda: Reply(good_reply(chat.asked[0]).content, hang_seconds=3.0),
        5: lambda: Reply(body=b'{"choices": ['),
    }
    numbers: dict[tuple[str, str], int] = {}

    def answer(asked: Asked) -> Reply:
        number = numbers.setdefault(asked.pair, len(numbers))
        return troubles[number]() if number in troubles else good_reply(asked)

    chat.answer = answer
    more = ("--captions-tries", "1", "--captions-timeout", "1")
    run = finepick(*words(dataset, tmp_path / "run", *more, url=chat.address))
    assert run.code == 0, run.err
    assert "1 answered, 2 rejected" in run.err
    assert f"warning: {ASKED - 1} pairs have no caption" in run.err and "4 had no answer" in run.err
    assert str(own_state / "captions" / "captions.rejects.jsonl") in run.err
    assert sorted(row["reason"] for row in rejects(own_state)) == [
        "it names the photos: 'Photo A'",
        "the answer is not the JSON that was asked for",
    ]
    assert sum(text is None for text in taken(tmp_path / "run")) == ASKED - 1
    # The server is well again: this run keeps to its texts, a new one asks for what had no answer.
    troubles.clear()
    sent = len(chat.asked)
    assert finepick(*words(dataset, tmp_path / "run", *more, url=chat.address)).code == 0
    assert len(chat.asked) == sent
    assert finepick(*words(dataset, tmp_path / "new", *more, url=chat.address)).code == 0
    assert len(chat.asked) == sent + 4 and len(kept(own_state)) == ASKED - 2


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            Reply(status=401, body=json.dumps({"error": {"message": f"bad key {KEY}"}}).encode()),
            "HOST cannot be asked, it answers 401: bad key …; check the key in FINEPICK_CHAT_KEY",
        ),
        (
            Reply(status=429, headers={"Retry-After": "7200"}, body=b""),
            "HOST asks to be left alone for 120 minutes; what it answered is kept, go on then",
        ),
    ],
    ids=["refused", "too busy"],
)
def test_a_server_that_cannot_be_used_ends_the_run_with_a_sentence(
    finepick: Finepick, chat: FakeChat, dataset: Path, tmp_path: Path, reply: Reply, message: str
) -> None:
    chat.answer = lambda _: reply
    run = finepick(
        *words(dataset, tmp_path / "run", "--json", url=chat.address),
        environment={"FINEPICK_CHAT_KEY": KEY},
    )
    host = chat.address.removeprefix("http://")
    assert failed(run) == message.replace("HOST", host)
    assert run.document["error"]["kind"] == "chat" and KEY not in run.err + run.out
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


@pytest.mark.parametrize("is_there", [True, False], ids=["fails", "is not there"])
def test_a_server_that_never_answers_is_told(
    finepick: Finepick, dataset: Path, tmp_path: Path, is_there: bool
) -> None:
    """Fewer pairs than failures in a row end the work: none at all answered is the server's fault as well."""
    more = ("--captions-tries", "1")
    with chatting(FakeChat(lambda _: Reply(status=500, body=b"out of order"))) as chat:
        if is_there:
            run = finepick(*words(dataset, tmp_path / "run", *more, url=chat.address))
    if not is_there:
        run = finepick(*words(dataset, tmp_path / "run", *more, url=chat.address))
    reason = "it answers 500: out of order" if is_there else "no answer: "
    assert reason in failed(run) and not (tmp_path / "run" / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--captions", "localhost:8000", "--captions-model", "m"], "is no address of a server"),
        (["--captions", "http://localhost:8000"], "say which model is to be asked"),
        (["--captions-model", "m"], "name the server with --captions URL"),
        (
            ["--captions", "http://h", "--captions-model", "m", "--ablate", "ctalign"],
            "captions are for ctalign",
        ),
    ],
)
def test_words_that_do_not_fit_are_told_before_anything_is_read(
    finepick: Finepick, tmp_path: Path, more: list[str], message: str
) -> None:
    run = finepick(*words(tmp_path / "nothing", tmp_path / "run", *more))
    assert run.code == 2 and message in run.err and "Traceback" not in run.err


def start(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "finepick", *words], stderr=subprocess.PIPE)


def wait_for_answers(home: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while len(kept(home)) < count:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 on this system")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_stopped_while_it_asks_it_goes_on_and_loses_only_what_was_under_way(
    finepick: Finepick, chat: FakeChat, dataset: Path, tmp_path: Path, own_state: Path, how: str
) -> None:
    hanging: list[Asked] = []

    def answer(asked: Asked) -> Reply:
        if len({one.pair for one in chat.asked}) <= 3:
            return good_reply(asked)
        hanging.append(asked)
        return Reply(good_reply(asked).content, hang_seconds=30.0)

    chat.answer = answer
    command = words(dataset, tmp_path / "run", "--captions-at-once", "2", url=chat.address)
    with start(command) as process:
        wait_for_answers(own_state, 3, process)
        while len(hanging) < 2:
            time.sleep(0.01)
        began = time.monotonic()
        os.kill(process.pid, getattr(signal, how))
        code = process.wait(timeout=20)
        assert time.monotonic() - began < 10  # a server that hangs keeps nobody from leaving
        said = process.stderr.read().decode() if process.stderr else ""
    assert code == (-signal.SIGKILL if how == "SIGKILL" else 130) and "Traceback" not in said
    assert len(kept(own_state)) == 3 and not (tmp_path / "run" / "captions.json").exists()
    chat.answer = good_reply
    assert finepick(*command).code == 0
    twice = [pair for pair, count in chat.times().items() if count > 1]
    assert len(chat.times()) == ASKED == len(kept(own_state)) and len(twice) == 2


def test_of_two_processes_one_asks_and_both_learn_from_the_answers(
    chat: FakeChat, dataset: Path, tmp_path: Path, own_state: Path
) -> None:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "finepick"]
    out = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, *launcher, *words(dataset, out, "--portion", "6", url=chat.address)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert set(chat.times().values()) == {1} and len(chat.asked) == ASKED == len(kept(own_state))
    assert done.stderr.count("captions from ") == 1 and (out / "model.safetensors").exists()
    alone = subprocess.run(
        [sys.executable, "-m", "finepick", *words(dataset, out, "--portion", "6", url=chat.address)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert alone.returncode == 0, alone.stderr  # the same texts: the run is known as finished
    assert len(chat.asked) == ASKED
