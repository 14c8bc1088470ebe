"""Copies of a space: a backup, whole and ready to be opened, and an export that people and other programs can read."""

from weft.copies.backup import Backup, back_up
from weft.copies.incoming import Imported, import_space
from weft.copies.outgoing import Exported, export_space

__all__ = ["Backup", "Exported", "Imported", "back_up", "export_space", "import_space"]
