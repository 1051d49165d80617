"""The program `filmroom`: which commands there are, and loading the one that is run and no other."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from filmroom import __version__

# Command -> where its function is, and its sentence in the list. Only the command that runs is imported: a search
# does not wait for the server's libraries, nor the list for anybody's.
COMMANDS = {
    "serve": ("filmroom.cli.serve:serve", "Start the service."),
    "store": ("filmroom.cli.store:store", "Send DICOM files, and folders of them, to a service."),
    "search": ("filmroom.cli.search:search", "Find studies, series or instances."),
    "retrieve": ("filmroom.cli.retrieve:retrieve", "Download a study, a series or an instance into a folder."),
    "render": ("filmroom.cli.render:render", "Save images for people, of a study, a series or an instance."),
    "delete": ("filmroom.cli.delete:delete", "Delete a study, a series or an instance."),
    "sweep": ("filmroom.cli.sweep:sweep", "Remove the files of deleted instances."),
    "samples": ("filmroom.cli.samples:samples", "Draw three DICOM files to try things with."),
    "demo": ("filmroom.cli.demo:demo", "Walk the whole tutorial against a service and check every step."),
}

HELP = """A DICOMweb service, and a client for any DICOMweb service.

Start a service with `filmroom serve`, and in a second terminal try:

    filmroom samples samples
    filmroom store samples
    filmroom search studies "PatientName=Anony*"

`filmroom COMMAND --help` says all about a command.

Exit codes: 0 all was done; 1 some of it was not; 2 the command line is not understood; 3 the service can't be
reached, or refuses; 130 ended by Ctrl-C.
"""


def load(name: str) -> Any:
    """The command of that name, ready to run."""
    module, _, function = COMMANDS[name][0].partition(":")
    alone = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    alone.command(name)(getattr(import_module(module), function))
    return typer.main.get_command(alone)


class Commands(TyperGroup):
    """Lists commands by their sentences, and loads the one that is named."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` begin with."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and load(str(name)), rest


filmroom = typer.Typer(
    cls=Commands,
    name="filmroom",
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # locals may hold patients' names and tokens
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _listed() -> None:
    """Stands in the list for a command that is loaded when it runs."""


for _name, (_, _sentence) in COMMANDS.items():
    filmroom.command(_name, help=_sentence)(_listed)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"filmroom {__version__}")
        raise typer.Exit


@filmroom.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Say the version and end."
    ),
) -> None:
    pass


def main() -> None:
    """The entry point."""
    filmroom(prog_name="filmroom")
