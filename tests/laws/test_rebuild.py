"""The law of rebuilding: tables made again from the log are the tables that were there, row by row."""

from __future__ import annotations

import random

from hypothesis import settings
from hypothesis.stateful import rule

from tests.laws.test_results import Laws
from weft.rebuild import rebuild
from weft.store import ATTEMPT, DUE, TABLES, Key, Row, Store


def tables(store: Store) -> dict[str, dict[Key, Row]]:
    """Every row that the log determines: open attempts are of one engine's life."""
    return {table.name: dict(store.rows(table)) for table in TABLES if table is not ATTEMPT}


class Rebuilding(Laws):
    """The machine of results, whose space is rebuilt now and then."""

    @rule()
    def rebuilt(self) -> None:
        self.world.engine.commit()
        before = tables(self.world.store)

        rebuild(self.world.store, epoch=self.world.engine.epoch, types=self.world.engine.types)

        after = tables(self.world.store)
        for name, rows in before.items():
            if name == DUE.name:
                # An engine that restarted knows less of what was read before, so it may have made less due.
                assert after[name].keys() >= rows.keys()
            else:
                assert after[name] == rows, name
        self.world.crash()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.drain(random.Random(1), 1)
            self.rebuilt()
            super().teardown()


TestRebuilding = Rebuilding.TestCase
TestRebuilding.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
