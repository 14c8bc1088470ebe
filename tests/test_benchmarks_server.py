"""The benchmarks of the live server, with few connections: each does what it says. (What it takes is not asked.)"""

from __future__ import annotations

import pytest

from benchmarks.bench_server import KINDS, MISSED, Bench

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"), connections=8, messages=6)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_each_server_sends_all_its_messages_to_all_connections(bench: Bench, kind: str) -> None:
    with bench.serving(kind) as measured:
        bench.connect(measured)
        came = measured.tell(bench.messages, 50.0)

    assert (came["least"] > 0, came["lost"]) == (True, 0)
    assert came["least"] == came["most"] == bench.messages


@pytest.mark.parametrize("kind", KINDS[:2])
def test_whoever_comes_back_gets_every_event_once(bench: Bench, kind: str) -> None:
    assert bench.reconnect_s(kind) > 0  # which looks at what they got
    assert sum(text.count('"position"') for text in bench._missed if '"deltas"' in text) == MISSED + 1
