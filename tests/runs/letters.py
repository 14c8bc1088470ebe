"""Letters, whose runs are kept beside the tests as they were: `python -m tests.runs.letters` keeps those of today, with
those of an assistant. Do so where the old ones cannot go on, and only where nobody has such runs under way."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.until import until
from weft import Effect, Entity, Field, Run, derive, field, items, on
from weft.copies import export_space
from weft.drivers.show import ShowDriver
from weft.examples.mail.app import Assistant
from weft.examples.mail.letters import letters as mails
from weft.examples.mail.letters import write_maildir
from weft.examples.mail.reading import LocalMailboxes, Mailboxes
from weft.examples.mail.types import Where, Wishes
from weft.testing.virtual_time import VirtualTime

WAIT_S = 30.0
DAY = timedelta(days=1)
KEPT = Path(__file__).with_name("kept_runs")


@dataclass(frozen=True)
class Confirm:
    yes: bool


@dataclass(frozen=True)
class Send(Effect[str]):
    text: str


class Post:
    effects = (Send,)

    async def carry_out(self, effect: Send, key: str) -> str:
        return f"sent {effect.text}"


def shout(text: str) -> str:
    return text.upper()


def length(text: str) -> int:
    return len(text)


class Letter(Entity):
    """A letter, which is written, signed and sent; `sleeps` is what its flow does in today's code."""

    text: Field[str] = field(default="hello")
    log = items(str)
    length = derive(length, text)

    @on(Entity.created)
    async def write(self, run: Run) -> str:
        self.log.add("written")
        loud = await run.call(shout, self.text)
        await run.sleep(DAY)
        self.text = loud
        if not (await run.ask("sign", Confirm, about=self.text)).yes:
            raise ValueError("nobody signs it")
        for part in await run.gather(run.call(shout, "a"), run.call(shout, "b")):
            self.log.add(part)
        return f"{await run.perform(Send(self.text))}, {await self.length}"


def live(path: Path) -> None:
    """Four letters: one that was sent, one that nobody signs, one that waits to be signed, and one that sleeps."""
    time = VirtualTime()
    with time.open(str(path), types=[Letter], drivers=[Post()]) as space:
        signed, unsigned, _ = [space.create(Letter, text=text) for text in ("one", "two", "three")]
        time.advance(space, DAY)
        for letter, yes in ((signed, True), (unsigned, False)):
            (question,) = [one for one in space.questions() if one.entity == letter.id]
            space.answer(question, Confirm(yes))
        assert signed.write.wait(WAIT_S) == "sent ONE, 3"
        space.create(Letter, text="four")
        time.rest(space)
        assert sorted(run.stands for run in space.runs()) == ["failed", "goes on", "goes on"]


def assist(path: Path) -> None:
    """An assistant who has done all there was to do, and one who waits for what is wanted. In the folder that it is."""
    write_maildir(path.with_name("mails"), mails(1, 3))
    time = VirtualTime()
    services: dict[type, object] = {Mailboxes: LocalMailboxes()}
    shows = ShowDriver(lambda title, text: None)
    with time.open(path.name, types=[Assistant], services=services, drivers=[shows]) as space:
        first, second = space.create(Assistant, owner="you"), space.create(Assistant, owner="who")
        time.rest(space)
        for question in space.questions():
            space.answer(question, Where("maildir", "mails"))
        time.rest(space)
        (question,) = [one for one in space.questions() if one.entity == first.id]
        space.answer(question, Wishes(also="find the roof"))
        until(lambda: first.imported)
        time.rest(space)
        assert [run.entity for run in space.runs()] == [second.id]


def keep() -> None:
    """Write what is kept anew."""
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # so that nothing of this machine is in what is told
        for name, made in (("letters", live), ("assistant", assist)):
            made(Path(folder) / f"{name}.weft")
            (KEPT / f"{name}.ndjson").unlink(missing_ok=True)
            export_space(f"{name}.weft", str(KEPT / f"{name}.ndjson"))
        os.chdir("/")


if __name__ == "__main__":
    from tests.runs import letters as imported  # its operations are named by where they are imported from

    imported.keep()
