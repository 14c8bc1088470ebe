"""The process runner: calls in child processes of our own, one call at a time in each.

For functions that take long in Python itself, that may crash, or that must be stopped when their time is up: a worker
can be killed, a thread cannot. Workers are started as they are needed, kept, and replaced when they die. A worker that
dies, however it does, breaks the one call that it ran.

Knows nothing of what user code does; each worker's own thread here speaks with it, and waits.
Invariant: a worker is killed only while it runs the call that is to end, or when the runner is closed.
Source: Erlang's ports and supervisors; celery's prefork pool, with data in place of pickles.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from weft.blob import Blob
from weft.call import AttemptId, Call, Reporter
from weft.content import Cid, Plain
from weft.errors import Undecodable, WeftError
from weft.runners.alarm import Alarm, Clock, ThreadAlarm
from weft.runners.child import Child, NoInterpreter, begin, refuse_within_worker
from weft.runners.execution import Execution
from weft.runners.frames import FrameTooLarge, read_frame, write_frame
from weft.runners.line import Line
from weft.runners.order import Address, BadArgument, address_of, greeting, order_of
from weft.runners.shelf import Parcel, send_blob
from weft.spent import parse_spent

WORKER = "weft.runners.worker"
STARTUP_S_MAX = 60.0
EXIT_GRACE_S = 2.0

logger = logging.getLogger("weft.runners")


class WorkerDied(WeftError):
    """{operation} was not done: its worker process {pid} {how}. What it printed is on standard error."""

    operation: str
    pid: int
    how: str


@dataclass(slots=True, eq=False)
class _Job:
    execution: Execution
    address: Address
    child: Child | None = field(default=None)
    """The worker that runs it now."""
    has_begun: bool = False
    """Whether a worker has come to it."""


class ProcessRunner:
    """Runs calls in up to `size` worker processes."""

    name = "process"

    def __init__(self, size: int = 2, *, clock: Clock = time.perf_counter, alarm: Alarm | None = None) -> None:
        self._clock = clock
        self._alarm: Alarm = alarm or ThreadAlarm()
        self._line: Line[_Job] = Line(size, name="weft-process", work=self._work)
        self._children: set[Child] = set()

    def worker_pids(self) -> tuple[int, ...]:
        """The process ids of the workers there are now."""
        with self._line.changed:
            return tuple(child.pid for child in self._children)

    def start(self, call: Call, report: Reporter, /) -> None:
        """Queue the call; its timeout begins when a worker that has started takes it. What a worker could not find is
        refused here."""
        execution = Execution(call, report, clock=self._clock)
        try:
            refuse_within_worker()
            job = _Job(execution, address_of(call))
        except WeftError as error:
            execution.fail(error, retry=False)
            return
        except Exception as error:  # noqa: BLE001 - a service's recipe is user code
            execution.fail(error, retry=True)
            return
        if not self._line.put(call, job):
            execution.close(self.name)

    def cancel(self, id: AttemptId, /) -> None:
        """Have the call reported as cancelled; the worker that runs it is killed."""
        self._alarm.after(0.0, lambda: self._give_up(id, Execution.cancel))

    def close(self) -> None:
        """Report all that waits or runs as broken, and end the workers; returns when they have ended."""
        with self._line.changed:
            left = self._line.close()
            for job in left:
                if job.child is not None:
                    job.child.kill()
        self._alarm.close()
        for job in left:
            job.execution.close(self.name)
        self._line.join(STARTUP_S_MAX)

    def _give_up(self, id: AttemptId, tell: Callable[[Execution], None]) -> None:
        with self._line.changed:
            job = self._line.drop(id)  # one that a thread took which has no worker yet is dropped there
            if job is None:
                return
            if job.child is not None:
                job.child.kill()
        tell(job.execution)

    def _work(self) -> None:
        child = None
        while (job := self._line.take()) is not None:
            child = self._serve(job, child)
        if child is not None:
            self._retire(child)

    def _serve(self, job: _Job, child: Child | None) -> Child | None:
        """Run one call, with this thread's worker or a new one. Returns the worker if it can be used again."""
        if child is not None and not child.is_running():
            self._retire(child)
            child = None
        if child is None:
            return self._serve_anew(job)
        if not self._assign(job, child):
            return child
        is_well = self._converse(job, child, is_new=False)
        if is_well or job.has_begun or job.execution.is_done or not self._assign(job, None):
            return self._leave(job, child, is_well=is_well)
        # It died between two calls. Nothing of this call was run, so that is not the call's failure.
        self._retire(child)
        return self._serve_anew(job)

    def _serve_anew(self, job: _Job) -> Child | None:
        try:
            child = self._begin()
        except NoInterpreter as error:
            if self._release(job):
                job.execution.fail(error, retry=False)
            return None
        is_well = self._assign(job, child) and self._converse(job, child, is_new=True)
        return self._leave(job, child, is_well=is_well)

    def _leave(self, job: _Job, child: Child, *, is_well: bool) -> Child | None:
        """Be done with a call: end the worker if it is of no more use, and with it the call if it has no outcome."""
        is_ours = self._release(job)
        if is_well and child.is_running():
            return child
        how = self._retire(child)
        if is_ours:
            operation = job.execution.call.operation.name
            job.execution.fail(WorkerDied(operation=operation, pid=child.pid, how=how), retry=True)
        return None

    def _begin(self) -> Child:
        child = begin(WORKER)
        with self._line.changed:
            self._children.add(child)
        return child

    def _assign(self, job: _Job, child: Child | None) -> bool:
        """Make `child` the one that is killed to end the job; False if somebody has ended the job meanwhile."""
        with self._line.changed:
            is_open = job.execution.call.id in self._line.open
            if is_open:
                job.child = child
            return is_open

    def _release(self, job: _Job) -> bool:
        """Take the job off the books; False if somebody else has, who then also tells its outcome."""
        with self._line.changed:
            job.child = None
            return self._line.open.pop(job.execution.call.id, None) is not None

    def _retire(self, child: Child) -> str:
        how = child.end(grace_s=EXIT_GRACE_S)
        with self._line.changed:
            self._children.discard(child)
        return how

    def _converse(self, job: _Job, child: Child, *, is_new: bool) -> bool:
        """Send the call and listen until its outcome. Returns whether the worker is still of use."""
        execution = job.execution
        try:
            if is_new:
                self._greet(child)
            order, blobs = order_of(execution.call, job.address)
            write_frame(child.sink, order)
            call_off = self._set_timeout(execution)
            try:
                execution.begin()
                return self._listen(job, child, blobs)
            finally:
                call_off()
        except (BadArgument, FrameTooLarge) as error:
            execution.fail(error, retry=False)
            return True
        except OSError:
            return False  # nobody reads the pipe any more: how the worker ended is told when it is retired
        except Exception as error:
            logger.exception("%s could not be handed to its worker", execution.call.operation.name)
            execution.fail(error, retry=True)
            return False

    def _greet(self, child: Child) -> None:
        call_off = self._alarm.after(STARTUP_S_MAX, child.kill)
        try:
            write_frame(child.sink, greeting(child.directory))
            read_frame(child.source)
        finally:
            call_off()

    def _set_timeout(self, execution: Execution) -> Callable[[], None]:
        id, timeout_s = execution.call.id, execution.call.timeout_s
        if timeout_s is None:
            return lambda: None
        return self._alarm.after(timeout_s, lambda: self._give_up(id, Execution.time_out))

    def _listen(self, job: _Job, child: Child, blobs: Mapping[Cid, Blob]) -> bool:
        execution = job.execution
        parcels: list[Parcel] = []
        while (said := read_frame(child.source)) is not None:
            match said["say"]:
                case "began":
                    job.has_begun = True
                case "partial":
                    execution.partial(cast("int", said["index"]), cast("bytes", said["encoded"]))
                case "finished":
                    _take_spent(execution, said["spent"])
                    execution.finish(cast("bytes", said["encoded"]), tuple(each.blob() for each in parcels))
                    return True
                case "broke":
                    _take_spent(execution, said["spent"])
                    kind, message, where = (cast("str", said[each]) for each in ("kind", "message", "where"))
                    execution.fail_as(kind, message, where, retry=bool(said["retry"]))
                    return True
                case "made":
                    parcels.append(Parcel(Cid(cast("bytes", said["blob"])), cast("str", said["media_type"])))
                case "content":
                    parcels[-1].add(cast("bytes", said["content"]))
                case "want":
                    wanted = Cid(cast("bytes", said["blob"]))
                    send_blob(child.sink, wanted, blobs.get(wanted))
                case other:
                    raise Undecodable(where="a worker's message", wanted="a report", why=f"it says {other!r}")
        return False


def _take_spent(execution: Execution, said: Plain) -> None:
    """What the services said in the worker, where nobody else hears it."""
    spent = parse_spent(said)
    if spent is not None and execution.meter is not None:
        execution.meter.add(spent)
