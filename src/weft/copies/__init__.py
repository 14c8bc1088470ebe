"""Copies of a space: a backup, whole and ready to be opened; an export that people and other programs can read; and a
fork, which goes its own way from some position on."""

from weft.copies.backup import Backup, back_up
from weft.copies.fork import Forked, fork_space
from weft.copies.incoming import Imported, import_space
from weft.copies.outgoing import Exported, export_space

__all__ = ["Backup", "Exported", "Forked", "Imported", "back_up", "export_space", "fork_space", "import_space"]
