"""`enliven`: one command a file; this one knows their names and turns errors into exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from enliven.apps.cli import (
    animate,
    credentials,
    databank,
    demo,
    detect,
    doctor,
    evaluate,
    export,
    head,
    learn,
    motion,
    train,
    verify,
)
from enliven.errors import EnlivenError

_STOPPED = "enliven: stopped; unfinished files were removed."
INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT."""

app = typer.Typer(
    name="enliven",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Bring a still photo of a face to life, led by the face of a driving video. "
    "Every result is marked as made; use it only with people's consent.",
)
app.command()(animate.animate)
app.command()(demo.demo)
app.command()(learn.learn)
app.add_typer(head.app, name="head")
app.add_typer(motion.app, name="motion")
app.add_typer(databank.app, name="databank")
app.command()(train.train)
app.command()(export.export)
app.command()(evaluate.evaluate)
app.command()(verify.verify)
app.command()(detect.detect)
app.add_typer(credentials.app, name="credentials")
app.command()(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        from enliven import __version__

        typer.echo(f"enliven {__version__}")
        raise typer.Exit


@app.callback()
def enliven(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """The options that stand before every command."""


def main() -> None:
    """Run a command; errors that we foresee become one sentence and an exit code."""
    try:
        app()
    except EnlivenError as error:
        print(f"enliven: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print(_STOPPED, file=sys.stderr)
        sys.exit(INTERRUPTED)
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED and _comes_of_ctrl_c(leaving):
            print(_STOPPED, file=sys.stderr)
        raise


def _comes_of_ctrl_c(error: BaseException | None) -> bool:
    """Typer makes an exit of Ctrl-C, without a word."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
