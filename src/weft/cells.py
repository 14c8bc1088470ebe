"""Which cell folds what is told of a node, by the node's kind.

Knows nothing of how any of them folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from weft.reduce import Cell, CellSpec, CounterCell, EntriesCell, FieldCell, FoldCell, ItemsCell, TextCell
from weft.store import Key, Row
from weft.told_runs import RunsCell

_CELLS: dict[str, Callable[[CellSpec], Cell]] = {
    "field": FieldCell, "ref": FieldCell, "counter": CounterCell, "text": TextCell,
    "items": ItemsCell, "entries": EntriesCell, "fold": FoldCell, "flow": RunsCell,
}  # fmt: skip


def make_cell(spec: CellSpec | None, rows: Iterable[tuple[Key, Row]] = ()) -> Cell:
    """A cell of the kind, new or as these rows of a told node say."""
    assert spec is not None, "what is computed has no cell"
    cell = _CELLS[spec.kind](spec)
    cell.load((str(key[-1]), row[0]) for key, row in rows if isinstance(row[0], bytes))
    return cell
