"""`finepick train`: teach a network on pictures that people judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from finepick.cli.options import Json, Quiet, Workers
from finepick.cli.train_builtin import builtin
from finepick.cli.train_red import red

if TYPE_CHECKING:
    from finepick.workflows.captions import CaptionRequest

Row = dict[str, float | int | str]

_CAPTIONS = "Captions (a key comes from FINEPICK_CHAT_KEY)"

app = typer.Typer(
    help="Teach a network on pictures that people judged.",
    epilog="Example:  finepick train fgaesq --fine DIR --coarse DIR --recipe tiny --out run1",
    no_args_is_help=True,
)


@app.callback()
def train() -> None:
    """Teach a network on pictures that people judged."""


@app.command(
    "fgaesq", epilog="Example:  finepick train fgaesq --fine DIR --coarse DIR --recipe tiny --out run1"
)
def fgaesq(
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="The run's folder; it goes on from there.")
    ],
    fine: Annotated[
        list[str] | None, typer.Option("--fine", metavar="DATASET", help="Series to learn the order of.")
    ] = None,
    coarse: Annotated[
        list[str] | None, typer.Option("--coarse", metavar="DATASET", help="Rated photos to learn from.")
    ] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="published|tiny", help="CLIP ViT-B/16, or one for two cores.")
    ] = "published",
    clip: Annotated[
        str | None, typer.Option("--clip", metavar="FILE", help="CLIP's weights to begin with.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--start", metavar="FILE", help="A model to begin with: another run's, or the released one."
        ),
    ] = None,
    ablate: Annotated[
        str,
        typer.Option(
            "--ablate", metavar="NAMES", help="Leave out difftoken, ctalign, rankreg, coarse or fine."
        ),
    ] = "",
    rank_loss: Annotated[
        str,
        typer.Option("--rank-loss", metavar="pairs|list|margin|fidelity", help="What teaches the order."),
    ] = "pairs",
    captions: Annotated[
        str | None,
        typer.Option(
            "--captions",
            metavar="URL",
            help="Let this OpenAI-compatible server describe pairs without a text; their photos are sent to it.",
            rich_help_panel=_CAPTIONS,
        ),
    ] = None,
    captions_model: Annotated[
        str | None,
        typer.Option("--captions-model", metavar="NAME", help="Its model.", rich_help_panel=_CAPTIONS),
    ] = None,
    captions_most: Annotated[
        int | None,
        typer.Option(
            "--captions-most",
            min=0,
            help="Pairs to ask for, drawn among all; all unless told.",
            rich_help_panel=_CAPTIONS,
        ),
    ] = None,
    captions_at_once: Annotated[
        int | None,
        typer.Option(
            "--captions-at-once",
            min=1,
            max=256,
            help="Requests under way at the same time; 8 unless told.",
            rich_help_panel=_CAPTIONS,
        ),
    ] = None,
    captions_tries: Annotated[
        int | None,
        typer.Option(
            "--captions-tries", min=1, help="For one pair; 6 unless told.", rich_help_panel=_CAPTIONS
        ),
    ] = None,
    captions_timeout: Annotated[
        float | None,
        typer.Option(
            "--captions-timeout",
            metavar="SECONDS",
            min=0.01,
            help="How long an answer may take; 120 unless told.",
            rich_help_panel=_CAPTIONS,
        ),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", min=0.0)] = None,
    coarse_epochs: Annotated[int | None, typer.Option("--coarse-epochs", min=0)] = None,
    joint_epochs: Annotated[int | None, typer.Option("--joint-epochs", min=0)] = None,
    portion: Annotated[
        int | None, typer.Option("--portion", min=1, help="Photos that go through the network at once.")
    ] = None,
    crop: Annotated[
        int | None,
        typer.Option(
            "--crop", min=0, help="Learn from parts, up to so many 32-px blocks smaller; 0 = whole photos."
        ),
    ] = None,
    token_drop: Annotated[
        float | None,
        typer.Option(
            "--token-drop",
            metavar="SHARE",
            min=0.0,
            max=0.99,
            help="Leave this share of every photo's tokens out of each look.",
        ),
    ] = None,
    align_weight: Annotated[
        float | None,
        typer.Option("--align-weight", min=0.0, help="λ, what drawing towards sentences counts."),
    ] = None,
    patience: Annotated[
        int | None, typer.Option("--patience", min=0, help="Joint epochs without progress before it stops.")
    ] = None,
    bf16: Annotated[
        bool | None, typer.Option("--bf16/--fp32", help="bf16: where the device has it in hardware.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0)] = None,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Teach FGAesQ: rated photos first, then series and rated photos by turns.

    A run that was stopped, however, goes on where it was when the same command is given again.
    """
    from finepick.cli.printing import ProgressBar, print_json, printable, warn
    from finepick.exports.documents import document, to_json
    from finepick.settings import load_settings
    from finepick.workflows.library import Library
    from finepick.workflows.train import TrainRequest, train_fgaesq, training_processes

    given = {
        "learning_rate": learning_rate,
        "coarse_epochs": coarse_epochs,
        "joint_epochs": joint_epochs,
        "portion": portion,
        "crop": crop,
        "token_drop": token_drop,
        "patience": patience,
        "bf16": bf16,
        "seed": seed,
    }
    request = TrainRequest(
        fine=tuple(fine or ()),
        coarse=tuple(coarse or ()),
        folder=out,
        recipe=recipe,
        clip=clip,
        start=start,
        ablate=tuple(name.strip() for name in ablate.split(",") if name.strip()),
        rank_loss=rank_loss,
        align_weight=align_weight,
        captions=_caption_request(
            captions,
            captions_model,
            most=captions_most,
            at_once=captions_at_once,
            tries=captions_tries,
            timeout_seconds=captions_timeout,
        ),
        options={name: value for name, value in given.items() if value is not None},
    )
    with training_processes() as processes:
        is_silent = quiet or json or not processes.is_main
        table = _Table(quiet=is_silent)
        settings = load_settings(workers=workers)
        settings = replace(settings, workers=max(1, settings.workers // processes.here))
        with (
            ProgressBar(quiet=is_silent) as shown,
            Library(settings, progress=shown, warn=warn) as library,
        ):

            def on_step(row: Row) -> None:
                if not table.has_begun:
                    shown.stage("learning", int(row["steps"]) - int(row["step"]) + 1)
                table.has_begun = True
                shown.step()

            model = train_fgaesq(
                library, request, on_step=on_step, on_epoch=table.show, processes=processes, tell=table.tell
            )
        if not processes.is_main:
            return
        if json:
            print_json(to_json(document(folder=out, fingerprint=model.fingerprint, log=table.rows)))
        else:
            typer.echo(printable(out))


app.command("builtin", epilog="Example:  finepick train builtin --data DIR --out run1")(builtin)
app.command("red", epilog="Example:  finepick train red edits/ --recipe tiny --out run1")(red)


def _caption_request(url: str | None, model: str | None, **given: float | None) -> CaptionRequest | None:
    from finepick.errors import UsageError
    from finepick.workflows.captions import CaptionRequest

    options = {name: value for name, value in given.items() if value is not None}
    if url is not None:
        return CaptionRequest(url, model or "", **options)  # type: ignore[arg-type]
    if model is not None or options:
        raise UsageError("whom to ask for captions? name the server with --captions URL")
    return None


class _Table:
    """A line an epoch on standard error, headed anew when its columns change."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._columns: list[str] = []
        self.has_begun = False
        self.rows: list[Row] = []

    def tell(self, line: str) -> None:
        """A line between those of the table."""
        from finepick.cli.printing import printable, say

        if not self._quiet:
            say(printable(line))

    def show(self, rows: list[Row]) -> None:
        from finepick.cli.printing import say

        self.rows = rows
        if self._quiet:
            return
        row = rows[-1]
        if list(row) != self._columns:
            self._columns = list(row)
            say("  ".join(f"{name:>12}" for name in self._columns))
        say("  ".join(f"{_shown(row[name]):>12}" for name in self._columns))


def _shown(value: float | int | str) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
