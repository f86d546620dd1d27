"""Annotation under load, with a real server process that is killed and started again in the middle.

    python bench/annotate.py                                  # 200 people, 100 answers a second, two minutes
    python bench/annotate.py --people 20 --rate 40 --seconds 6
    python bench/annotate.py --database postgresql://postgres@/name?host=/run/postgresql

Every person asks for pairs and answers them, over a connection of their own, at times drawn so that the whole crowd
gives so many answers a second. An answer whose receipt did not come is sent again until it does, as the page does.
In the end the rows are compared with the receipts: no acknowledged answer may be missing, none may be there twice.
Times are those of requests, from the moment they were due (not from when a busy client got round to sending them);
requests that met the killed server count until the restarted one has answered them, and are given apart, too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finepick.project.records import NewPhoto, NewSeries, Plan
from finepick.project.store import Project

CATCHING_UP_SECONDS = 5.0


@dataclass
class Crowd:
    """What the people have seen: receipts by person and id, and how long requests took, by when they were due."""

    receipts: set[tuple[str, str]] = field(default_factory=set)
    sent: set[tuple[str, str]] = field(default_factory=set)
    answer_times: list[tuple[float, float]] = field(default_factory=list)
    pair_times: list[tuple[float, float]] = field(default_factory=list)
    retries: int = 0
    refused: int = 0


class Connection:
    """HTTP/1.1 over one kept-open socket; as little as a client can be, since it shares the two cores."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        """Status and document. Raises OSError or EOFError where there is no server."""
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\nx-finepick-token: {self._token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        )
        try:
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            assert self._reader is not None
            self._writer.write(head.encode() + content)
            lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            reply = await self._reader.readexactly(int(headers["content-length"]))
            return int(lines[0].split()[1]), json.loads(reply)
        except (OSError, EOFError):
            self.close()
            raise

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


def start_server(folder: str, port: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "finepick", "annotate", folder, "--json", "--no-browser", "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if not process.stdout.readline():
        raise SystemExit("the server did not start")
    return process


def make_project(folder: str, database: str | None, people: int, series: int, photos: int) -> list[str]:
    """A project of *series* (without files: photos are not part of this) and a link for everybody."""
    with Project.create(folder, database=database) as project:
        project.add_series(
            NewSeries(
                f"series {s}",
                tuple(NewPhoto(f"{i}.jpg", f"/photos/{s}/{i}.jpg", f"{s}-{i}") for i in range(photos)),
            )
            for s in range(series)
        )
        project.change_plan(Plan(votes=1000))
        return [project.invite(f"person {i}")[1] for i in range(people)]


async def one_person(
    number: int, port: int, token: str, crowd: Crowd, chance: random.Random, rate: float, until: float
) -> None:
    connection = Connection(port, token)
    held: list[dict[str, int]] = []
    due = time.monotonic() + chance.random() / rate
    while due < until:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        begun = due
        if len(held) <= 2:
            wanted = {"count": 4, "held": [[pair["left"], pair["right"]] for pair in held]}
            _, said = await until_answered(connection, "/api/pairs", wanted, crowd)
            crowd.pair_times.append((begun, time.monotonic() - begun))
            held += said["pairs"]
            begun = time.monotonic()
        if not held:
            break
        answer = {"id": uuid.uuid4().hex, **held.pop(0), "choice": chance.choice(["left", "right", "tie"])}
        crowd.sent.add((token, answer["id"]))
        status, said = await until_answered(connection, "/api/answers", {"answers": [answer]}, crowd)
        crowd.answer_times.append((begun, time.monotonic() - begun))
        crowd.refused += status != 200 or bool(said["refused"])
        crowd.receipts.update((token, each) for each in said.get("kept", ()))
        due += chance.expovariate(rate)
    connection.close()


async def until_answered(connection: Connection, path: str, body: object, crowd: Crowd) -> tuple[int, Any]:
    while True:
        try:
            return await connection.post(path, body)
        except (OSError, EOFError):
            crowd.retries += 1
            await asyncio.sleep(0.3)


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Processor time of the server so far, without its readers; NaN where the system does not tell."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Restart:
    """A server that was killed at `killed` and was back at `back`; `answered` and `cpu` of the first one."""

    process: subprocess.Popen[str]
    killed: float
    back: float
    answered: int
    cpu: float


async def kill_and_restart(
    process: subprocess.Popen[str], folder: str, port: int, after: float, crowd: Crowd
) -> Restart:
    before = cpu_seconds(process)
    await asyncio.sleep(after)
    answered, cpu = len(crowd.receipts), cpu_seconds(process) - before
    killed = time.monotonic()
    process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(process.wait)
    again = await asyncio.to_thread(start_server, folder, port)
    return Restart(again, killed, time.monotonic(), answered, cpu)


async def run(folder: str, port: int, tokens: list[str], arguments: argparse.Namespace) -> dict[str, Any]:
    crowd, chance = Crowd(), random.Random(arguments.seed)
    process = start_server(folder, port)
    try:
        begun = time.monotonic()
        restart = asyncio.create_task(kill_and_restart(process, folder, port, arguments.seconds / 2, crowd))
        await asyncio.gather(
            *(
                one_person(
                    number, port, token, crowd, random.Random(chance.random()), arguments.rate / len(tokens),
                    begun + arguments.seconds,
                )
                for number, token in enumerate(tokens)
            )
        )  # fmt: skip
        seconds = time.monotonic() - begun
        found = await restart
        process = found.process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    return report(crowd, seconds, found)


def report(crowd: Crowd, seconds: float, restart: Restart) -> dict[str, Any]:
    def beside(times: list[tuple[float, float]]) -> list[float]:
        """Those that were due well away from the time without a server, and from the catching up after it."""
        return [
            took for due, took in times if not restart.killed - 1 < due < restart.back + CATCHING_UP_SECONDS
        ]

    return {
        "answers": len(crowd.answer_times),
        "answers_per_second": round(len(crowd.answer_times) / seconds, 1),
        "retries": crowd.retries,
        "refused": crowd.refused,
        "without_a_server_seconds": round(restart.back - restart.killed, 2),
        "server_cpu_ms_an_answer": round(1000 * restart.cpu / max(1, restart.answered), 2),
        "answer_ms": quantiles(beside(crowd.answer_times)),
        "pairs_ms": quantiles(beside(crowd.pair_times)),
        "answer_ms_with_the_kill": quantiles([took for _, took in crowd.answer_times]),
        "_receipts": crowd.receipts,
        "_sent": crowd.sent,
    }


def quantiles(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    ordered = sorted(seconds)
    return {
        f"p{int(share * 1000) / 10:g}": round(
            1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1
        )
        for share in (0.5, 0.9, 0.99, 1.0)
    }


def compare_with_rows(folder: str, tokens: list[str], found: dict[str, Any]) -> dict[str, int]:
    """The rows against the receipts: all there, none twice, none that nobody sent."""
    with Project.open(folder) as project:
        token_of = {project.annotator_of(token).id: token for token in tokens}  # type: ignore[union-attr]
        rows = [(token_of[row.annotator], row.client_id) for row in project.answers()]
    receipts, sent = found.pop("_receipts"), found.pop("_sent")
    return {
        "rows": len(rows),
        "lost": len(receipts - set(rows)),
        "doubled": len(rows) - len(set(rows)),
        "unasked": len(set(rows) - sent),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(words: list[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--rate", type=float, default=100.0, help="answers a second, of all together")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--series", type=int, default=400)
    parser.add_argument("--photos", type=int, default=10, help="a series")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", help="URL of an empty PostgreSQL database; SQLite unless told")
    parser.add_argument("--most-ms", type=float, default=150.0, help="what p99 of an answer may be")
    arguments = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="finepick-bench-") as home:
        os.environ["FINEPICK_HOME"] = str(Path(home) / "home")
        folder = str(Path(home) / "project")
        tokens = make_project(
            folder, arguments.database, arguments.people, arguments.series, arguments.photos
        )
        found = asyncio.run(run(folder, free_port(), tokens, arguments))
        found |= compare_with_rows(folder, tokens, found)
    print(json.dumps(found, indent=1))
    if found["lost"] or found["doubled"] or found["unasked"] or found["refused"]:
        sys.exit("answers were lost, doubled or refused")
    if found["answer_ms"].get("p99", 0) > arguments.most_ms:
        sys.exit(f"p99 is over {arguments.most_ms:g} ms")
    return found


if __name__ == "__main__":
    main()
