"""What the tiny recipe learns on two cores, and what each of its parts is good for.

    python bench/learning.py --runs build/learning               # all of it, resumable; hours
    python bench/learning.py --runs build/learning --only full   # the recipe alone

Learns from AGIQA-3K *train* (series and ratings) and OASIS *train*, validates on their *val*, and reports once
on *test*: AGIQA-3K's pairs whose means differ by more than .3, the order of its series and ratings across
prompts; OASIS' ratings.
Everything goes through the command line that people use. `--jobs 2` teaches two networks at once, each on one
core, which gets more out of two cores than one network on both does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("FINEPICK_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
GAP = "0.3"
DATASETS = {"agiqa3k": ("pair_acc", "s_acc", "s_srcc", "srcc"), "oasis": ("srcc",)}
"""Folder → what is measured on it."""

RUNS: dict[str, tuple[str, ...]] = {
    "full": (),
    "coarse": ("--ablate", "fine"),
    "fine": ("--ablate", "coarse"),
    "coarse then fine": ("--ablate", "coarse", "--start", "coarse"),
    "no difftoken": ("--ablate", "difftoken"),
    "no ctalign": ("--ablate", "ctalign"),
    "no rankreg": ("--ablate", "rankreg"),
}
"""Name of a run → what it is asked for beside the recipe; after --start stands the run it begins with."""


def main() -> None:
    arguments = _arguments()
    if not (DATA / "agiqa3k").is_dir():
        sys.exit(f"no pictures that people judged in {DATA}; name their folder with FINEPICK_DATA")
    names = arguments.only or list(RUNS)
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    for wave in (
        [name for name in names if "--start" not in RUNS[name]],
        [n for n in names if "--start" in RUNS[n]],
    ):
        with ThreadPoolExecutor(arguments.jobs) as pool:
            list(
                pool.map(
                    lambda one: _taught(arguments, *one), [(name, seed) for name in wave for seed in seeds]
                )
            )
    for seed in seeds:
        _report(arguments, names, seed)


def _folder(arguments: argparse.Namespace, name: str, seed: int) -> Path:
    return Path(arguments.runs) / f"{name.replace(' ', '-')}-{seed}"


def _taught(arguments: argparse.Namespace, name: str, seed: int) -> None:
    words = list(RUNS[name])
    if "--start" in words:
        place = words.index("--start") + 1
        words[place] = str(_folder(arguments, words[place], seed) / "model.safetensors")
    folder = _folder(arguments, name, seed)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "finepick", "train", "fgaesq", "--recipe", "tiny", "--out", str(folder)]
    command += [
        "--fine",
        str(DATA / "agiqa3k"),
        "--coarse",
        str(DATA / "agiqa3k"),
        "--coarse",
        str(DATA / "oasis"),
    ]
    command += ["--seed", str(seed), *words, *arguments.more]
    threads = str(max(1, (os.cpu_count() or 1) // arguments.jobs))
    with (folder / "output.txt").open("a") as output:
        subprocess.run(
            command, check=True, stderr=output, stdout=output, env={**os.environ, "OMP_NUM_THREADS": threads}
        )


def _report(arguments: argparse.Namespace, names: list[str], seed: int) -> None:
    models = [str(_folder(arguments, name, seed) / "model.safetensors") for name in names]
    for dataset, metrics in DATASETS.items():
        document = _evaluated(dataset, models, arguments.split)
        print(f"\n{dataset} {arguments.split}, seed {seed}: value [95 %]; how much better '{names[0]}' is")
        print(f"{'':22}" + "".join(f"{metric:>24}" for metric in metrics))
        columns = [document, *document["others"]]
        for name, column in zip([*names, "measured"], columns, strict=True):
            print(f"{name:22}" + "".join(f"{_shown(column['metrics'][metric]):>24}" for metric in metrics))
            if column is not document:
                print(
                    f"{'':22}" + "".join(f"{_shown(column['behind'].get(metric)):>24}" for metric in metrics)
                )
        for metric in ("pair_acc", "s_srcc"):
            if metric in metrics:
                _report_floor(document, names[0], metric)


def _evaluated(dataset: str, models: list[str], split: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "finepick", "evaluate", str(DATA / dataset), "--split", split]
    command += ["--min-gap", GAP, "--floor", "--json", "--quiet"]
    for model in (*models, "measured"):
        command += ["--model", model]
    document: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    return document


def _report_floor(document: dict[str, Any], name: str, metric: str) -> None:
    best = max(document["floor"], key=lambda one: one["metrics"][metric]["value"])
    behind = min(document["floor"], key=lambda one: one["behind"][metric]["low"])
    print(
        f"{metric}: best single measurement {best['model']['name']} {_shown(best['metrics'][metric])}; "
        f"'{name}' is better by {_shown(best['behind'][metric])}, "
        f"least surely than {behind['model']['name']}: {_shown(behind['behind'][metric])}"
    )


def _shown(value: dict[str, Any] | None) -> str:
    return "–" if value is None else f"{value['value']:+.3f} [{value['low']:+.3f} {value['high']:+.3f}]"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--runs", default="build/learning", metavar="DIR", help="where the runs lie and go on"
    )
    parser.add_argument(
        "--only", action="append", choices=list(RUNS), help="these runs; the first is compared"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from --seed on")
    parser.add_argument("--jobs", type=int, default=2, help="networks that are taught at once")
    parser.add_argument("--split", default="test", choices=("val", "test"))
    parser.add_argument("more", nargs="*", help="further words for `finepick train fgaesq`, after --")
    return parser.parse_args()


if __name__ == "__main__":
    main()
