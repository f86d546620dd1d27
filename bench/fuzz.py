"""Reads thousands of damaged pictures and counts what comes of it.

    python bench/fuzz.py --count 5000 --seed 0

Each is small, of any format, and hurt on purpose: bits flipped, cut off, lengths and headers changed, pieces
of other files put in. Allowed is a frame or an ImageError. It fails on any other exception, on a warning, on
a read of more than ten seconds, on a death of the process, on another file's digest or size, and where an
untouched picture no longer gives the frame that it gave before.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "images"))

from picture_files import small_pictures  # noqa: E402

LONG_SIDE = 2000
SLOW_SECONDS = 10.0
WATCHDOG_SECONDS = 60.0
MEMORY_BYTES = 6 << 30
CONTROL_EVERY = 50


@dataclass(frozen=True, slots=True)
class Case:
    """One file to read; `mutation` is "none" for an untouched one."""

    index: int
    name: str
    mutation: str
    data: bytes


def cases(count: int, seed: int, start: int = 0) -> Iterator[Case]:
    """Case *start* and those after it; each depends on *seed* and its own index only."""
    pictures = list(small_pictures(seed).items())
    for index in range(start, count):
        generator = np.random.default_rng([seed, index])
        name, data = pictures[index % len(pictures)]
        if index % CONTROL_EVERY == 0:
            yield Case(index, name, "none", data)
            continue
        other = pictures[int(generator.integers(len(pictures)))][1]
        mutation, damaged = mutate(data, other, generator)
        yield Case(index, name, mutation, damaged)


def mutate(data: bytes, other: bytes, generator: np.random.Generator) -> tuple[str, bytes]:
    """One to three kinds of damage, one upon the other; their names and the result."""
    names = []
    for _ in range(1 + int(generator.integers(3) == 0) + int(generator.integers(6) == 0)):
        name = str(generator.choice(list(_MUTATIONS)))
        data = _MUTATIONS[name](data, other, generator) or b"\0"
        names.append(name)
    return "+".join(names), data


def _flip_bits(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    out = np.frombuffer(data, np.uint8).copy()
    places = generator.integers(len(out), size=int(generator.integers(1, 20)))
    out[places] ^= (1 << generator.integers(8, size=len(places))).astype(np.uint8)
    return out.tobytes()


def _cut(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    return data[: int(generator.integers(1, len(data) + 1))]


def _splice(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    begin, end = sorted(int(place) for place in generator.integers(len(other) + 1, size=2))
    place = int(generator.integers(len(data) + 1))
    skipped = int(generator.integers(0, 64)) if generator.integers(2) else 0
    return data[:place] + other[begin:end] + data[place + skipped :]


def _drop(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    place = int(generator.integers(len(data)))
    return data[:place] + data[place + int(generator.integers(1, 200)) :]


def _repeat(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    begin = int(generator.integers(len(data)))
    piece = data[begin : begin + int(generator.integers(1, 400))]
    return data[:begin] + piece * int(generator.integers(2, 30)) + data[begin:]


_EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def _edit_number(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """Puts an awkward number, of two or four bytes and either order, where one may stand."""
    code = str(generator.choice(["<H", ">H", "<I", ">I"]))
    size = struct.calcsize(code)
    if len(data) <= size:
        return data
    value = int(generator.choice(_EDGES)) & (256**size - 1)
    reach = len(data) - size if generator.integers(3) == 0 else min(400, len(data) - size)
    place = int(generator.integers(reach))
    return data[:place] + struct.pack(code, value) + data[place + size :]


def _edit_header(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    out = bytearray(data)
    for _ in range(int(generator.integers(1, 6))):
        out[int(generator.integers(min(96, len(out))))] = int(generator.integers(256))
    return bytes(out)


def _zero(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    place = int(generator.integers(len(data)))
    length = int(generator.integers(1, len(data) - place + 1))
    return data[:place] + bytes(length) + data[place + length :]


_MUTATIONS = {
    "bits": _flip_bits,
    "cut": _cut,
    "splice": _splice,
    "drop": _drop,
    "repeat": _repeat,
    "number": _edit_number,
    "header": _edit_header,
    "zeros": _zero,
}


def run(count: int, seed: int, start: int) -> None:
    """Reads cases in this process; one line of JSON each on stdout."""
    from finepick.errors import ImageError
    from finepick.images.reading import read_photo

    faulthandler.enable()
    warnings.simplefilter("error")  # a warning would end on somebody's screen
    _limit_memory()
    frames: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(count, seed, start):
            path = os.path.join(folder, case.name)
            with open(path, "wb") as file:
                file.write(case.data)
            print(json.dumps({"begin": case.index}), flush=True)
            faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
            began = time.perf_counter()
            try:
                photo = read_photo(path, long_side=LONG_SIDE)
            except ImageError as error:
                outcome, detail = error.kind, error.reason
            except Exception as error:  # noqa: BLE001 -- this is what we are looking for
                outcome, detail = "FAILED", f"{type(error).__name__}: {error}"
            else:
                outcome, detail = "ok", _fault(case, photo, frames)
                outcome = "FAILED" if detail else outcome
            seconds = time.perf_counter() - began
            faulthandler.cancel_dump_traceback_later()
            if seconds > SLOW_SECONDS:
                outcome, detail = "FAILED", f"took {seconds:.1f} s"
            print(json.dumps({"end": case.index, "outcome": outcome, "detail": detail, "seconds": seconds}))


def _fault(case: Case, photo: object, frames: dict[str, str]) -> str:
    """What is wrong with a photo that could be read; empty if nothing is."""
    from finepick.images.reading import ReadPhoto

    assert isinstance(photo, ReadPhoto)
    frame = photo.frame
    if photo.digest != hashlib.sha256(case.data).hexdigest():
        return "another file's digest"
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.flags.c_contiguous:
        return f"not a frame: {frame.dtype} {frame.shape}"
    if max(frame.shape[:2]) > LONG_SIDE:
        return f"too large a frame: {frame.shape}"
    whole = (photo.metadata.height, photo.metadata.width)
    if max(whole) <= LONG_SIDE and frame.shape[:2] != whole and photo.metadata.format != "raw":
        return f"a frame of {frame.shape[:2]} from a picture of {whole}"
    if case.mutation == "none":
        digest = hashlib.sha256(frame.tobytes()).hexdigest()
        if frames.setdefault(case.name, digest) != digest:
            return "another frame than before"
    return ""


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="begin with this case")
    parser.add_argument("--keep", metavar="FOLDER", help="write the files that failed here")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run(options.count, options.seed, options.start)
        return 0
    return _supervise(options)


def _supervise(options: argparse.Namespace) -> int:
    """Runs the cases in a child, a new one after each death, and prints what came out."""
    results: dict[int, dict[str, object]] = {}
    begun = options.start
    while begun < options.count:
        command = [
            sys.executable,
            __file__,
            "--child",
            "--count",
            str(options.count),
            "--seed",
            str(options.seed),
        ]
        command += ["--start", str(begun)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        output, errors = child.communicate()
        current = begun
        for line in output.splitlines():
            message = json.loads(line)
            current = message.get("begin", current)
            if "end" in message:
                results[message["end"]] = message
        if child.returncode == 0:
            noise = Counter(errors.strip().splitlines()).most_common(10)
            print("".join(f"stderr, {times} times: {line}\n" for line, times in noise), end="")
            break
        tail = " | ".join(errors.strip().splitlines()[-12:])
        results[current] = {"outcome": "DIED", "detail": f"exit {child.returncode}: {tail}", "seconds": 0.0}
        begun = current + 1
    return _report(options, results)


def _report(options: argparse.Namespace, results: dict[int, dict[str, object]]) -> int:
    by_name: dict[str, Counter[str]] = {}
    outcomes = sorted({str(result["outcome"]) for result in results.values()})
    bad = 0
    for case in cases(options.count, options.seed, options.start):
        result = results.get(case.index, {"outcome": "MISSING", "detail": "", "seconds": 0.0})
        outcome = str(result["outcome"])
        by_name.setdefault(case.name, Counter())[outcome] += 1
        if outcome.isupper():
            bad += 1
            print(f"{outcome} case {case.index} {case.name} [{case.mutation}]: {result['detail']}")
            if options.keep:
                os.makedirs(options.keep, exist_ok=True)
                with open(os.path.join(options.keep, f"{case.index}-{case.name}"), "wb") as file:
                    file.write(case.data)
    print(f"{'':16}" + "".join(f"{outcome:>20}" for outcome in outcomes))
    for name, counts in sorted(by_name.items()):
        print(f"{name:16}" + "".join(f"{counts[outcome]:20}" for outcome in outcomes))
    total: Counter[str] = sum(by_name.values(), Counter())
    print(f"{'all':16}" + "".join(f"{total[outcome]:20}" for outcome in outcomes))
    slowest = max((float(str(result["seconds"])) for result in results.values()), default=0.0)
    print(f"{len(results)} read, slowest {slowest:.2f} s, {bad} bad")
    return 1 if bad or len(results) < options.count - options.start else 0


if __name__ == "__main__":
    sys.exit(main())
