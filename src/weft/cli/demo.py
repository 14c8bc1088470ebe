"""`weft demo`: examples that come with Weft, each told from beginning to end.

Knows nothing of what examples do. Invariant: an example ends by itself, with a terminal or without.
"""

from __future__ import annotations

import sys

import click


@click.group("demo", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> int | None:
    """See Weft at work, on something small and whole: the bookshelf, where nothing else is said."""
    return int(context.invoke(bookshelf)) if context.invoked_subcommand is None else None


@command.command("bookshelf", short_help="Photos of bookshelves become books and topics.")
@click.argument("photos", metavar="[PHOTO]...", nargs=-1, type=click.Path())
@click.option("--space", type=click.Path(dir_okay=False), help="Keep the shelf in this file, and go on with it.")
@click.option("--notes", metavar="FILE", help="Tell the spell these notes first: JSON of title to text.")
@click.option("--json", "as_json", is_flag=True, help="What was found, as one JSON object.")
@click.option("--no-web", is_flag=True, help="Stay in the terminal.")
def bookshelf(photos: tuple[str, ...], space: str | None, notes: str | None, as_json: bool, no_web: bool) -> int:
    """Photos of bookshelves become books and topics; a spell on a topic compares view points; and everything follows a
    further photo.

    In a terminal it is shown in the web app, until Ctrl-C; with --json, --no-web or --notes, or where there is no
    terminal, it is told line by line, and ends.

    PHOTO is a JPEG, PNG or WebP. Without one, a shelf of your own photos stays as it is; else two shelves are rendered
    and read. With OPENAI_BASE_URL (or OPENAI_API_KEY) and WEFT_MODEL in the environment, a model finds topics and
    compares; without, rules do. Only notes are compared, as a title carries no view.
    """
    from weft.cli.bookshelf import tell

    in_page = not (as_json or no_web or notes) and sys.stdin.isatty() and sys.stdout.isatty()
    return tell(photos, space=space, notes=notes, as_json=as_json, in_page=in_page)


@command.command("mail", short_help="An assistant reads mails, ranks them and sums them up.")
@click.option("--space", type=click.Path(dir_okay=False), help="Keep the assistant in this file, and go on with it.")
@click.option("--yes", is_flag=True, help="Answer its questions with what the demonstration has.")
@click.option("--mails", "number", type=click.IntRange(min=1), help="How many mails the made-up mailbox has.")
@click.option("--json", "as_json", is_flag=True, help="What came of it, as one JSON object.")
def mail(space: str | None, yes: bool, number: int | None, as_json: bool) -> int:
    """An assistant is hired: it asks where the mails are and what you want of it, reads them batch by batch, ranks each
    with a reason, sums up each day, and does what else you wish for.

    The mails are made up, in a folder beside the space: awkward ones are among them, and some that would like to give
    it orders. End it at any moment; begun again over the same space it goes on where it was. With OPENAI_BASE_URL (or
    OPENAI_API_KEY) and WEFT_MODEL in the environment, a model reads and decides; without, rules do.
    """
    from weft.cli.mail import tell

    return tell(space=space, yes=yes, as_json=as_json, number=number)
