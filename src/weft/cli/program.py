"""The `weft` program: which commands there are, and what a command's end means to a shell.

Commands are imported when they are called, so that help costs nothing; what is said of them in the list stands here.
Exit codes: 0 ok, 1 something failed, 2 usage, 3 waiting for input, 4 space damaged, locked or newer, 130 interrupted.

Knows nothing of what commands do.
Invariant: an error that has a message ends in one line on standard error, which is broken to fit on a terminal alone,
and in a traceback only with WEFT_DEBUG=1.
Source: git's and ripgrep's manners in pipes; click's lazily loaded groups.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import NamedTuple

import click

INTERRUPTED = 130
USAGE = 2


class Loaded(NamedTuple):
    """A command that is imported when it is called: where it is, and its line in the list of commands."""

    module: str
    summary: str


COMMANDS: Mapping[str, Loaded] = {
    "demo": Loaded("weft.cli.demo", "See Weft at work, on something small and whole."),
    "run": Loaded("weft.cli.run", "Create or find one entity of a script's type, and print what follows."),
    "serve": Loaded("weft.cli.serve", "Serve spaces to browsers and programs."),
    "log": Loaded("weft.cli.log", "What happened in a space, in order."),
    "show": Loaded("weft.cli.show", "What a space holds, or one entity of it."),
    "why": Loaded("weft.cli.why", "Why a value is what it is."),
    "list": Loaded("weft.cli.listing", "What there is in a space, and what is due or failed."),
    "retry": Loaded("weft.cli.retry", "Have what failed tried again."),
    "runs": Loaded("weft.cli.runs", "The runs of flows that are not over, and those that failed."),
    "questions": Loaded("weft.cli.questions", "What runs have asked, and nobody has answered."),
    "answer": Loaded("weft.cli.answer", "Answer a question that a run has asked."),
    "forget": Loaded("weft.cli.forget", "Take an entity or a blob out of a space for good."),
    "pin": Loaded("weft.cli.pin", "Keep definitions in force, whatever other code comes."),
    "secret": Loaded("weft.cli.secret", "Keep passwords and keys, outside every space."),
    "user": Loaded("weft.cli.user", "Say who may use a server, and what they may do."),
    "token": Loaded("weft.cli.token", "Let programs use a server for a user."),
    "backup": Loaded("weft.cli.backup", "Copy a space, also while a program computes it."),
    "export": Loaded("weft.cli.export", "Write a space as lines of JSON, with its blobs."),
    "import": Loaded("weft.cli.importing", "Make a space from an export, every byte of it checked."),
    "fork": Loaded("weft.cli.forking", "Have a space go another way, from a position of its past."),
    "plan": Loaded("weft.cli.plan", "What would be computed now, and what that takes."),
    "diff": Loaded("weft.cli.diff", "What differs between two positions of a space."),
    "doctor": Loaded("weft.cli.doctor", "What is installed and ready; what is wrong with a space."),
    "fake-model": Loaded("weft.cli.fake_model", "Serve a made-up language model on this machine."),
}


class ReaderGone(Exception):
    """Nobody reads what is written any more. A broken pipe itself would not come through click, which exits with 1."""


class LazyGroup(click.Group):
    """A group whose commands are in modules of their own, imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they are of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name].module).command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. Raises `ReaderGone`."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as why:
            raise ReaderGone from why

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A command by its name; what was mistyped is answered with what it is near to."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from weft.spelling import nearest

            ctx.fail(f"There is no command {args[0]!r}: {nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, loaded.summary) for name, loaded in COMMANDS.items()])


def _print_version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"weft {version('weft')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def program() -> None:
    """Weft keeps a graph of computed values up to date while people, programs and services change its inputs."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the program."""
    sys.exit(run(lambda: program.main(args=arguments, prog_name="weft", standalone_mode=False)))


def run(act: Callable[[], object]) -> int:
    """What a command's end means: the exit code, with anything that went wrong said on standard error."""
    try:
        found = act()
        sys.stdout.flush()
        return found if isinstance(found, int) else 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as asked:
        _say(asked.format_message())
        return USAGE
    except click.UsageError as wrong:
        _debug()
        path = wrong.ctx.command_path if wrong.ctx is not None else "weft"
        _say_error(f"{_line(wrong.format_message())} See `{path} --help`.")
        return USAGE
    except click.ClickException as wrong:
        _say_error(_line(wrong.format_message()))
        return wrong.exit_code
    except (BrokenPipeError, ReaderGone):
        _forget_output()
        return 0
    except Exception as why:  # noqa: BLE001  the last place where it can be put into words
        _debug()
        return _failed(why)


def _failed(why: Exception) -> int:
    from weft.errors import WeftError, text_of

    if isinstance(why, WeftError):
        from weft.cli.hints import for_people

        _say_error(for_people(_line(text_of(why))))
        return why.exit_code
    _say_error(f"{type(why).__name__}: {_line(text_of(why))} (WEFT_DEBUG=1 shows where)")
    return 1


def _debug() -> None:
    if os.environ.get("WEFT_DEBUG") == "1":
        import traceback

        traceback.print_exc()


def _line(text: str) -> str:
    return " ".join(text.split())


def _say_error(text: str) -> None:
    """One line; on a terminal broken between words, as what else is said there."""
    from weft.cli import terminal

    lines = [f"error: {text}"]
    if sys.stderr.isatty():
        lines = [*terminal.wrapped(lines[0], terminal.width(), hanging="  ")]
    for line in lines:
        _say(line)


def _say(text: str) -> None:
    from weft.cli import terminal

    try:
        terminal.note(text)
    except BrokenPipeError:
        _forget_output()


def _forget_output() -> None:
    """Nobody reads any more: let what Python flushes at its end go nowhere, instead of failing there again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError):
            continue
