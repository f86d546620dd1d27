"""`finepick train red`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import typer

from finepick.cli.options import Json, Quiet, Workers

_SHOWN = ("loss", "reward", "reward_std", "kl", "mean_token_accuracy", "completions/mean_length")


def red(
    pairs: Annotated[
        list[str],
        typer.Argument(
            metavar="DATASET…", help="What 'red build' or 'edit --pairs' made, or any data set of series."
        ),
    ],
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="The run's folder; it goes on from there.")
    ],
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="tiny|24gb|h200|8gpu", help="For which machine.")
    ] = "tiny",
    model: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="DIR", help="The multimodal model to begin with, in a folder of this disk."
        ),
    ] = None,
    stages: Annotated[
        str, typer.Option("--stages", metavar="NAMES", help="Some of see, rate, agree.")
    ] = "see,rate,agree",
    scale: Annotated[
        list[str] | None,
        typer.Option(
            "--scale", metavar="DATASET", help="Rated photos to fit the scale 1 to 10 on (train and val)."
        ),
    ] = None,
    lora_rank: Annotated[
        int | None, typer.Option("--lora-rank", min=0, help="Of the adapters; 0 = teach the whole model.")
    ] = None,
    answers: Annotated[
        int | None, typer.Option("--answers", min=2, help="To each photo in the stage 'agree'.")
    ] = None,
    pairs_at_once: Annotated[
        int | None, typer.Option("--pairs-at-once", min=1, help="A step and device, in the stage 'agree'.")
    ] = None,
    portion: Annotated[
        int | None, typer.Option("--portion", min=1, help="Sequences that go through the model at once.")
    ] = None,
    see_epochs: Annotated[float | None, typer.Option("--see-epochs", min=0.0)] = None,
    rate_epochs: Annotated[float | None, typer.Option("--rate-epochs", min=0.0)] = None,
    agree_passes: Annotated[int | None, typer.Option("--agree-passes", min=1)] = None,
    most_tokens: Annotated[int | None, typer.Option("--most-tokens", min=8, help="Of an answer.")] = None,
    checkpoint_steps: Annotated[int | None, typer.Option("--checkpoint-steps", min=1)] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0)] = None,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Teach RED-Aes: see the difference, rate one photo, stay consistent; by what edits did, never by scores.

    A run that was stopped, however, goes on where it was when the same command is given again.
    """
    from finepick.cli.printing import ProgressBar, print_json, printable, say, warn
    from finepick.exports.documents import document, to_json
    from finepick.settings import load_settings
    from finepick.workflows.library import Library
    from finepick.workflows.train import training_processes
    from finepick.workflows.train_red import RedRequest, train_red

    given = {
        "lora_rank": lora_rank,
        "answers": answers,
        "pairs_at_once": pairs_at_once,
        "portion": portion,
        "see_epochs": see_epochs,
        "rate_epochs": rate_epochs,
        "agree_passes": agree_passes,
        "most_tokens": most_tokens,
        "checkpoint_steps": checkpoint_steps,
        "seed": seed,
    }
    request = RedRequest(
        pairs=tuple(pairs),
        folder=out,
        recipe=recipe,
        model=model,
        stages=tuple(name.strip() for name in stages.split(",") if name.strip()),
        scale=tuple(scale or ()),
        options={name: value for name, value in given.items() if value is not None},
    )

    with training_processes() as processes:
        is_silent = quiet or json or not processes.is_main
        settings = load_settings(workers=workers)
        settings = replace(settings, workers=max(1, settings.workers // processes.here))
        with (
            ProgressBar(quiet=is_silent) as shown,
            Library(settings, progress=shown, warn=warn) as library,
        ):

            def on_log(row: Mapping[str, float | int | str]) -> None:
                told = [f"{name} {row[name]:.4f}" for name in _SHOWN if name in row]
                if told and not is_silent:
                    say(f"{row['stage']:>6} {row['step']:>6} of {row['steps']}   {'   '.join(told)}")

            taught = train_red(library, request, on_log=on_log, processes=processes)
        if not processes.is_main:
            return
        if json:
            print_json(to_json(document(folder=out, path=taught.model, fingerprint=taught.fingerprint)))
        else:
            typer.echo(printable(taught.model))
