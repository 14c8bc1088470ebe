"""The graph of the web app with a thousand nodes: how long it takes to load beyond a page without any, and how smoothly
it is dragged.

`python -m benchmarks.graph_page [--rounds N] [--nodes N]`. Needs Chromium and playwright. Empty and full are loaded in
turns, from the address until the graph is drawn; of frames the 95th percentile is told, dragged and zoomed, as many
times the frame of a page on which nothing is.
"""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

import uvicorn

import weft
from weft import Entity, Field, Ref, Space, derive, field, ref
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.app import make_app
from weft.server.bounds import Settings
from weft.server.gate import gate_of
from weft.server.live import Live
from weft.server.login import LINK, login_routes
from weft.server.page import page_routes
from weft.server.serve import address_of, listening
from weft.server.transports import live_routes

LOAD_S_MAX = 1.0
FRAME_S_MAX = 0.1
CHROMIUM = os.environ.get("WEFT_CHROMIUM", "/usr/bin/chromium")
_FRAMES = """async (count) => {
  const canvas = document.querySelector("canvas");
  const box = canvas.getBoundingClientRect();
  const say = (name, x, y) => canvas.dispatchEvent(new PointerEvent(name, {
    pointerId: 1, clientX: box.x + x, clientY: box.y + y, bubbles: true }));
  canvas.setPointerCapture = () => {};
  const frames = [];
  say("pointerdown", 200, 200);
  let last = await new Promise(requestAnimationFrame);
  for (let at = 1; at <= count; at += 1) {
    say("pointermove", 200 + 6 * (at % 90), 200 + 4 * (at % 70));
    if (at % 30 === 0) canvas.dispatchEvent(new WheelEvent("wheel", {
      deltaY: at % 60 ? -120 : 120, clientX: box.x + 300, clientY: box.y + 300, bubbles: true, cancelable: true }));
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  say("pointerup", 300, 300);
  return frames;
}"""
_BARE = """async (count) => {
  const frames = [];
  let last = await new Promise(requestAnimationFrame);
  for (let at = 0; at < count; at += 1) {
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def total(left: int, right: int) -> int:
    """Both together."""
    return left + right


class Hub(Entity):
    """Three nodes that others read."""

    name: Field[str] = field()
    base: Field[int] = field(default=1)
    doubled = derive(double, base)


class Cell(Entity):
    """Ten nodes, of which two read its hub."""

    name: Field[str] = field()
    number: Field[int] = field(default=1)
    hub: Ref[Hub] = ref()
    left = derive(double, number)
    right = derive(double, left)
    read = derive(double, hub.at(Hub.doubled))
    sum = derive(total, left, right)
    all = derive(total, sum, read)
    more = derive(double, all)
    most = derive(total, more, right)


CELLS = 3
NODES_OF_A_HUB = 3 + CELLS * 10


def fill(space: Space, nodes: int) -> int:
    """Make so many nodes, or a few more, all computed; gives how many there are."""
    hubs = -(-nodes // NODES_OF_A_HUB)
    with space.edit():
        for number in range(hubs):
            hub = space.create(Hub, name=f"Hub {number}", base=number)
            for cell in range(CELLS):
                space.create(Cell, name=f"Cell {number}.{cell}", number=cell, hub=hub)
    for one in space.find(Cell):
        one.most.wait(timeout_s=60)
    return hubs * NODES_OF_A_HUB


@contextmanager
def served(spaces: dict[str, Space]) -> Iterator[tuple[str, str]]:
    """The address of a server of these, and the link that lets one browser in."""
    with Accounts() as accounts, listening("127.0.0.1", 0) as listens:
        accounts.users.add("ann", Hidden("correct horse battery staple"))
        live = Live(spaces, accounts)
        routes = [*page_routes(), *login_routes(accounts), *live_routes(live, may_come=gate_of(()).may_come)]
        app = make_app(spaces, accounts, Settings(calls_per_s=1e6, calls_burst=1e6), routes, held=[live])
        config = uvicorn.Config(
            app, log_level="error", ws="websockets-sansio", lifespan="on", timeout_graceful_shutdown=2
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listens],))
        thread.start()
        try:
            address = address_of("127.0.0.1", listens)
            yield address, f"{address}{LINK}?key={accounts.logins.make_link('ann').reveal()}"
        finally:
            server.should_exit = True
            thread.join()


def load_s(context: Any, address: str) -> float:
    """From the address to a graph that is drawn, as the browser's own clock has it."""
    page = context.new_page()
    page.goto(address, wait_until="commit")
    taken = page.evaluate(
        """async () => {
          const isReady = () => document.querySelector("canvas")?.dataset.drawn
            || document.querySelector(".graph .quiet");
          while (!isReady()) await new Promise((done) => setTimeout(done, 2));
          return performance.now();
        }"""
    )
    page.close()
    return float(taken) / 1000


def frames_s(page: Any, script: str, count: int) -> float:
    """The 95th percentile of frames."""
    taken: list[float] = page.evaluate(script, count)
    return quantiles(taken, n=20)[-1] / 1000


def main() -> None:
    """Measure, and print."""
    from playwright.sync_api import sync_playwright

    said = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    said.add_argument("--rounds", type=int, default=7)
    said.add_argument("--nodes", type=int, default=1000)
    given = said.parse_args()
    with weft.open(types=[Hub, Cell]) as empty, weft.open(types=[Hub, Cell]) as full, sync_playwright() as playwright:
        nodes = fill(full, given.nodes)
        with served({"empty": empty, "full": full}) as (address, link):
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            context.new_page().goto(link)
            loads: dict[str, list[float]] = {"empty": [], "full": []}
            for _ in range(given.rounds + 1):
                for name, found in loads.items():
                    found.append(load_s(context, f"{address}/#/{name}/graph?as=drawing"))
            page = context.new_page()
            page.goto(f"{address}/#/full/graph?as=drawing")
            page.locator("canvas[data-drawn]").wait_for()
            bare, dragged = frames_s(page, _BARE, 240), frames_s(page, _FRAMES, 240)
            browser.close()
    first, second = (median(found[1:]) for found in loads.values())
    print(f"{nodes} nodes, {given.rounds} loads each in turns, median")
    _told(
        "load beyond the empty page",
        second - first,
        LOAD_S_MAX,
        f"{second / first:.2f} × the empty page's {first:.2f} s",
    )
    _told(
        "frame while dragged, 95th percentile", dragged, FRAME_S_MAX, f"{dragged / bare:.2f} × a frame of a still page"
    )


def _told(name: str, taken_s: float, most_s: float, beside: str) -> None:
    print(f"{name}: {taken_s * 1000:.0f} ms ({beside}), {taken_s / most_s:.2f} × its limit of {most_s * 1000:.0f} ms")
    if taken_s > most_s:
        print(f"over its limit: {name}")


if __name__ == "__main__":
    main()
