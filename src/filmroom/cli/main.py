"""The program `filmroom`: which commands there are, and loading the one that is run and no other."""

import errno
import os
import re
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from filmroom import __version__
from filmroom.cli.exits import INTERRUPTED
from filmroom.cli.loading import uncollected

# Command -> where its function is, and its sentence in the list. Only the command that runs is imported: a search
# does not wait for the server's libraries, nor the list for anybody's.
COMMANDS = {
    "serve": ("filmroom.cli.serve:serve", "Start the service."),
    "store": ("filmroom.cli.store:store", "Send DICOM files, and folders of them, to a service."),
    "search": ("filmroom.cli.search:search", "Find patients, studies, series or instances."),
    "retrieve": ("filmroom.cli.retrieve:retrieve", "Download a study, a series or an instance into a folder."),
    "render": ("filmroom.cli.render:render", "Save images for people, of a study, a series or an instance."),
    "changes": ("filmroom.cli.changes:changes", "Show what was stored, replaced and deleted, and follow it."),
    "delete": ("filmroom.cli.delete:delete", "Delete a study, a series or an instance."),
    "tags": ("filmroom.cli.tags:tags", "Make attributes searchable that are not by themselves."),
    "update": ("filmroom.cli.update:update", "Change attributes of what is stored."),
    "partitions": ("filmroom.cli.partitions:partitions", "List the data partitions of a service."),
    "operations": ("filmroom.cli.operations:operations", "List long operations, wait for one, or end it."),
    "webhooks": ("filmroom.cli.webhooks:webhooks", "Show how far webhooks are, try one, or tell it again."),
    "import": ("filmroom.cli.imports:import_from", "Store the DICOM files of a folder, where the data lies."),
    "export": ("filmroom.cli.exports:export", "Copy stored files into a folder, where the data lies."),
    "sweep": ("filmroom.cli.sweep:sweep", "Remove the files of deleted instances."),
    "check": ("filmroom.cli.check:check", "Check that what is stored is sound."),
    "rebuild": ("filmroom.cli.rebuild:rebuild", "Make the index anew from the stored files."),
    "worker": ("filmroom.cli.worker:worker", "Do the long operations of a service, apart from it."),
    "migrate": ("filmroom.cli.migrate:migrate", "Bring the index to the schema of this version."),
    "token": ("filmroom.cli.token:token", "Make tokens that the service wants, list and revoke them."),
    "share": ("filmroom.cli.share:share", "Make a link that opens one study to whoever has it."),
    "doctor": ("filmroom.cli.doctor:doctor", "Look at how a service is set up, and say what to do."),
    "audit": ("filmroom.cli.audit:audit", "Show who did what, and verify the audit trail."),
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
    with uncollected():
        loaded = import_module(module)
    alone.command(name, cls=Command)(getattr(loaded, function))
    return typer.main.get_command(alone)


# What is wrong with an option, in the library's words, and in ours.
PLAIN = (
    (re.compile(r"Input should be a valid integer.*", re.DOTALL), "it must be a whole number"),
    (re.compile(r"Input should be a valid number.*", re.DOTALL), "it must be a number"),
    (re.compile(r"Input should be less than or equal to (.+)"), r"it must be at most \1"),
    (re.compile(r"Input should be greater than or equal to (.+)"), r"it must be at least \1"),
    (re.compile(r"Input should be (.+)"), r"it must be \1"),
    (re.compile(r"Value error, "), ""),
)


class Command(TyperCommand):
    """A command that says in plain words what is wrong with its options, and what the defaults are."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for parameter in self.params:
            if isinstance(default := getattr(parameter, "show_default", None), str):  # shown in parentheses otherwise
                parameter.help = f"{parameter.help} [default: {default}]"  # type: ignore[attr-defined]
                parameter.show_default = False  # type: ignore[attr-defined]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the options from `args`."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            for pattern, plain in PLAIN:
                error.message = pattern.sub(plain, error.message)
            raise


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
    code: object = 1
    try:
        filmroom(prog_name="filmroom")
    except SystemExit as end:
        code = end.code
    except OSError as error:
        if not _is_of_output(error):
            raise
        _give_up_output(error)
    try:
        sys.stdout.flush()
    except OSError as error:
        code = 1
        _give_up_output(error)
    if code == INTERRUPTED:
        os._exit(INTERRUPTED)  # requests that were given up may wait for their answers for a long time
    sys.exit(code)  # type: ignore[arg-type]


def _is_of_output(error: OSError) -> bool:
    """Whether writing failed: commands say themselves what is wrong with the files that they name."""
    return error.filename is None and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}


def _give_up_output(error: OSError) -> None:
    """Say so in one line; what is still in the buffer goes nowhere, or Python would try again at the end."""
    typer.echo(f"filmroom: the output can't be written: {error.strerror}", err=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
