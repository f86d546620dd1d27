"""Renders an example shoot: some ninety photos of noise and geometry, with EXIF, the same for the same seed.

python examples/render_shoot.py build/demo/shoot
python examples/render_shoot.py build/demo/shoot --only sunsets,heron --size 4000x3000
python examples/render_shoot.py build/bench/bulk --bulk 1000 --size 4000x3000
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from shoot import bulk, session
from shoot.shot import Brief


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    brief = Brief(seed=options.seed, size=options.size, count=options.count)
    started = time.perf_counter()
    if options.bulk:
        written = bulk.render_bulk(
            options.folder, brief, photos=options.bulk, workers=options.workers, truth=options.truth
        )
    else:
        written = session.render_shoot(
            options.folder, brief, only=options.only, workers=options.workers, truth=options.truth
        )
    if not options.quiet:
        print(f"{written} files in {options.folder} ({time.perf_counter() - started:.1f} s)", file=sys.stderr)
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="render_shoot.py", description="Render an example shoot; the same seed gives the same files."
    )
    parser.add_argument("folder", type=Path, help="where the photos go; made if it is not there")
    parser.add_argument("--seed", type=_natural, default=0, help="another number, another shoot (default: 0)")
    parser.add_argument(
        "--size", type=_size, default=(1600, 1200), metavar="WxH", help="pixels (default: 1600x1200)"
    )
    parser.add_argument(
        "--count", type=_positive, default=50, metavar="N", help="how many sunsets (default: 50)"
    )
    parser.add_argument(
        "--only",
        type=_scenes,
        default=session.SCENES,
        metavar="A,B",
        help=f"some of: {', '.join(session.SCENES)}",
    )
    parser.add_argument(
        "--workers",
        type=_natural,
        default=2,
        metavar="N",
        help="processes; changes nothing but the time (default: 2)",
    )
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="write what was put into each series as JSON lines"
    )
    parser.add_argument(
        "--bulk", type=_natural, default=0, metavar="N", help="instead, write N photos of many scenes, fast"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    return parser.parse_args(arguments)


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def _positive(text: str) -> int:
    value = _natural(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1600x1200") from None
    if not (32 <= width <= 16000 and 32 <= height <= 16000):
        raise argparse.ArgumentTypeError("each side must lie between 32 and 16000 pixels")
    return width, height


def _scenes(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in session.SCENES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(unknown)}; there are {', '.join(session.SCENES)}"
        )
    return names


if __name__ == "__main__":
    sys.exit(main())
