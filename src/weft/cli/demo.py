"""`weft demo`: examples that come with Weft, each told from beginning to end.

Knows nothing of what examples do. Invariant: an example ends by itself, with a terminal or without.
"""

from __future__ import annotations

import click


@click.group("demo")
def command() -> None:
    """See Weft at work, on something small and whole."""


@command.command("bookshelf", short_help="Photos of bookshelves become books and topics.")
@click.argument("photos", metavar="[PHOTO]...", nargs=-1, type=click.Path())
@click.option("--space", type=click.Path(dir_okay=False), help="Keep the shelf in this file, and go on with it.")
@click.option("--notes", metavar="FILE", help="Tell the spell these notes first: JSON of title to text.")
@click.option("--json", "as_json", is_flag=True, help="What was found, as one JSON object.")
@click.option("--no-web", is_flag=True, help="Stay in the terminal (as it does in any case, for now).")
def bookshelf(photos: tuple[str, ...], space: str | None, notes: str | None, as_json: bool, no_web: bool) -> int:
    """Photos of bookshelves become books and topics; a spell on a topic compares view points; and everything follows a
    further photo.

    PHOTO is a JPEG, PNG or WebP. Without one, a shelf of your own photos stays as it is; else two shelves are rendered
    and read. With OPENAI_BASE_URL (or OPENAI_API_KEY) and WEFT_MODEL in the environment, a model finds topics and
    compares; without, rules do. Only notes are compared, as a title carries no view.
    """
    from weft.cli.bookshelf import tell

    return tell(photos, space=space, notes=notes, as_json=as_json)
