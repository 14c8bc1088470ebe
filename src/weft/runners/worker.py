"""The worker process: runs one call after another, as its parent orders over a pipe.

Run as `python -m weft.runners.worker`, by a process runner only. The main thread runs user code, since some libraries
insist on it; another one reads the pipe, so that a worker whose parent is gone ends at once, whatever it is doing.

Knows nothing of the space: it has the call, and asks for the content of blobs.
Invariant: the pipe carries frames and nothing else, whatever user code prints.
Source: Erlang's ports; multiprocessing's spawned children, minus pickle.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable
from typing import IO, cast

from weft.blob import Blob
from weft.call import AttemptId, Broke, Finished, Partial, Report
from weft.content import Plain
from weft.errors import WeftError
from weft.failure import message_of, where_of
from weft.runners.child import end_here, enter_worker, remove_directory, take_pipes
from weft.runners.execution import Execution, run_here
from weft.runners.frames import CHUNK_BYTES, Message, read_frame, write_frame
from weft.runners.order import Bench
from weft.runners.shelf import Shelf
from weft.spent import Spent


class Worker:
    """One worker's two threads and what they share."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source = source
        self._sink = sink
        self._writing = threading.Lock()
        self._orders: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        # Each counted by one thread, so that neither can undo what the other saw.
        self._received = 0
        self._done = 0

    def run(self) -> None:
        """Serve until the parent closes the pipe."""
        hello = read_frame(self._source)
        if hello is None:
            return
        enter_worker(cast("list[str]", hello["path"]), cast("str | None", hello["python_path"]))
        directory = cast("str", hello["directory"])
        shelf = Shelf(directory, self._say)
        bench = Bench(shelf.open)
        threading.Thread(target=self._read, args=(shelf, directory), name="weft-worker-pipe", daemon=True).start()
        self._say({"say": "ready"})
        while (order := self._orders.get()) is not None:
            self._carry_out(order, bench)
            self._done += 1
            shelf.trim()

    def _read(self, shelf: Shelf, directory: str) -> None:
        try:
            while (message := read_frame(self._source)) is not None:
                if message["do"] == "blob":
                    shelf.receive(message)
                else:
                    self._received += 1
                    self._orders.put(message)
        finally:
            remove_directory(directory)  # a parent that was killed cannot
            if self._received > self._done:
                end_here()
            self._orders.put(None)

    def _carry_out(self, order: Message, bench: Bench) -> None:
        self._say({"say": "began"})
        try:
            call = bench.call_of(order)
        except BaseException as error:  # noqa: BLE001 - also SystemExit of a module that is imported
            # Of ours: the wrong code, or an argument of another shape, which a second try meets again. Of the user's:
            # importing a module, making a service.
            retry = not isinstance(error, WeftError)
            self._report(Broke(_id_of(order), type(error).__name__, message_of(error), where_of(error), retry, 0.0))
        else:
            run_here(Execution(call, self._report))

    def _report(self, report: Report) -> None:
        if isinstance(report, Finished) and report.blobs:
            try:
                self._send(report.blobs)
            except WeftError as error:
                report = Broke(report.id, type(error).__name__, message_of(error), "", True, report.took_s)
        self._say(_message_of(report))

    def _send(self, blobs: Iterable[Blob]) -> None:
        """Ahead of the value, the content of the blobs in it. Raises `BlobChanged` and its like."""
        for blob in blobs:
            self._say({"say": "made", "blob": blob.id, "media_type": blob.media_type})
            for chunk in blob.chunks(CHUNK_BYTES):
                self._say({"say": "content", "content": chunk})

    def _say(self, message: Message) -> None:
        with self._writing:
            try:
                write_frame(self._sink, message)
            except OSError:
                end_here()


def main() -> None:
    """Be a worker."""
    Worker(*take_pipes()).run()


def _id_of(order: Message) -> AttemptId:
    epoch, number = cast("list[int]", order["id"])
    return AttemptId(epoch, number)


def _message_of(report: Report) -> Message:
    match report:
        case Partial():
            return {"say": "partial", "index": report.index, "encoded": report.encoded}
        case Finished():
            return {"say": "finished", "encoded": report.encoded, "spent": _plain(report.spent)}
        case Broke():
            words: Message = {"kind": report.kind, "message": report.message, "where": report.where}
            return {"say": "broke", "retry": report.retry, "spent": _plain(report.spent), **words}


def _plain(spent: Spent | None) -> Plain:
    return spent.plain() if spent is not None else None


if __name__ == "__main__":
    main()
