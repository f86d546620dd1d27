"""How busy `red build` keeps a server: questions a second against what its slots allow.

    python bench/red_build.py [--slots 32] [--latency .2] [--seconds 15] [--repeats 3]

A stand-in server in a process of its own answers every question after *latency*, *slots* at a time; what it allows is
slots / latency. Sources are drawn, edits made first and not counted; what is counted is the stage of the judges:
reading and shrinking pictures, asking, checking, keeping every answer on the disk. Fails below 90 %. Both sides share
the machine: what each of them took of it is printed as well.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("no_proxy", "127.0.0.1")

import numpy as np
from PIL import Image

from finepick.red.store import RedProject
from finepick.settings import load_settings
from finepick.workflows.library import Library
from finepick.workflows.red.building import build, request_of

LEAST_SHARE = 0.9
ANSWER = '{"reasons": {"focus": "softer"}, "better": "A", "strength": 2}'


def serve(slots: int, latency: float, pipe: Connection) -> None:
    """The stand-in: a real server with so many slots; then the times at which it was asked."""
    import threading

    from tests.chat_server import Asked, FakeChat, Reply, chatting

    class Counting(FakeChat):
        """Looks at nothing: it is not what is measured."""

        def enter(self, path: str, headers: dict[str, str], body: bytes) -> Asked:
            asked = Asked(b"", b"", True, 1, time.monotonic(), {}, headers, path)
            self.asked.append(asked)
            return asked

        def leave(self) -> None:
            """Nothing to count down."""

    room = threading.Semaphore(slots)

    def answer(asked: Asked) -> Reply:
        with room:
            time.sleep(latency)
        return Reply(ANSWER)

    with chatting(Counting(answer=answer)) as chat:
        pipe.send(chat.address)
        pipe.recv()
        pipe.send([asked.at for asked in chat.asked])


def drawn_photos(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        coarse = np.random.default_rng(number).integers(0, 256, (24, 36, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((768, 512), Image.Resampling.BICUBIC).save(folder / f"{number}.png")


def measured(slots: int, latency: float, seconds: float, repeats: int) -> tuple[float, int, float]:
    """Questions a second while the server was busy, how many there were, CPU seconds that asking them took."""
    wanted = int(seconds * slots / latency)
    each = 2 * repeats * 8 * 2  # edits a photo, strengths of each
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(slots, latency, theirs))
    server.start()
    try:
        address = ours.recv()
        with tempfile.TemporaryDirectory() as where:
            photos = Path(where) / "photos"
            drawn_photos(photos, -(-wanted // each))
            with RedProject.create(str(Path(where) / "set")) as project, Library(load_settings()) as library:
                made = request_of(project, {"edits": 8, "steps": 2, "until": "edits"})
                build(project, library, made, [str(photos)])
                changes = {
                    "judges": (f"made@{address}",), "repeats": repeats, "at_once": slots, "until": "judges",
                    "least_agreement": 0.51,
                }  # fmt: skip
                begun = time.process_time()
                build(project, library, request_of(project, changes), [])
                own = time.process_time() - begun
        ours.send("done")
        times = sorted(ours.recv())
    finally:
        server.terminate()
        server.join()
    return len(times) / (times[-1] - times[0] + latency), len(times), own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    rate, count, own = measured(asked.slots, asked.latency, asked.seconds, asked.repeats)
    allowed = asked.slots / asked.latency
    print(
        f"{count:,} questions, {rate:.1f} a second; {asked.slots} slots allow {allowed:.0f}: {rate / allowed:.1%}"
    )
    print(f"asking took {1000 * own / count:.2f} ms of one core a question")
    if rate < LEAST_SHARE * allowed:
        sys.exit(f"less than {LEAST_SHARE:.0%}")


if __name__ == "__main__":
    main()
