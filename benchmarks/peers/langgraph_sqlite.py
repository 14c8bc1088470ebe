"""LangGraph with its SQLite saver: a graph of 1,000 nodes from one input, each change one step on the same thread.

As its documentation has it for durable execution: a compiled graph with a checkpointer, a thread id, and
`durability="sync"`, the mode that has every step on the disk before the next. The saver itself switches WAL on.
"""

from __future__ import annotations

import operator
import sqlite3
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from benchmarks.case import Case
from benchmarks.peers import GROUP, NODES, UNIT


class Shelf(TypedDict):
    """One input, and what the nodes say of it: merged, since a thousand nodes write in one step."""

    told: int
    derived: Annotated[dict[str, int], operator.or_]


def cases(folder: Path) -> Iterator[Case]:
    """One case: the graph is built once, each measurement is one change."""
    database = sqlite3.connect(folder / "langgraph.sqlite", check_same_thread=False)
    builder = StateGraph(Shelf)
    for number in range(NODES):
        name = f"node{number}"
        builder.add_node(name, Named(name))
        builder.add_edge(START, name)
        builder.add_edge(name, END)
    graph = builder.compile(checkpointer=SqliteSaver(database))
    told = count(1)

    def measure() -> float:
        value = next(told)
        began = time.perf_counter()
        after = graph.invoke({"told": value}, {"configurable": {"thread_id": "shelf"}}, durability="sync")
        took = time.perf_counter() - began
        assert set(after["derived"].values()) == {value}
        assert len(after["derived"]) == NODES
        return took / NODES

    yield Case("LangGraph, SQLite saver", GROUP, UNIT, measure, rounds_max=3, close=database.close)


class Named:
    """A node that hands its input on under its own name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, state: Shelf) -> dict[str, dict[str, int]]:
        return {"derived": {self.name: state["told"]}}
