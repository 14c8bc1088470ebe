"""What calls spend: told by services, carried to the result's record, and read by `why` and `plan`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.laws.test_rebuild import tables
from tests.reactive.runs import Runs
from weft import Entity, Field, Space, derive, field, op
from weft.call import Finished
from weft.content import Plain, decode, encode
from weft.definition import compile_type
from weft.plan.plan import Plan, plan
from weft.rebuild import rebuild
from weft.services.completion import Completion, OpenAICompletion, _Heard
from weft.services.embedding import OpenAIEmbedding
from weft.services.endpoint import Endpoint, Patience
from weft.services.fake_model import FakeModel
from weft.spent import COUNT_MAX, MONEY_MAX, Meter, Prices, Spent, metered, parse_spent, spend, spend_unknown, summed
from weft.store import entries_of
from weft.stores.sqlite import SqliteStore

PRICES = Prices("0.15", "0.60", "USD")


async def answered(question: str, *, model: Completion) -> str:
    return await model.text(question)


async def streamed(question: str, *, model: Completion) -> AsyncIterator[str]:
    async for text in model.stream(question):
        yield text


class Meeting(Entity):
    question: Field[str] = field(default="what was said")
    answer = derive(answered, question)
    stream = derive(streamed, question)


@pytest.fixture
def fake() -> Iterator[FakeModel]:
    server = FakeModel()
    with server:
        yield server


def model(fake: FakeModel, *, prices: Prices | None = PRICES, **settings: Plain) -> OpenAICompletion:
    return OpenAICompletion(Endpoint(fake.url, patience=Patience(retries=0)), "fake-model", settings, prices=prices)


def opened(fake: FakeModel, *, prices: Prices | None = PRICES, **settings: Plain) -> Space:
    return weft.open(types=[Meeting], services={Completion: model(fake, prices=prices, **settings)})


def spent_of(service: OpenAICompletion | OpenAIEmbedding, *questions: str) -> Spent | None:
    """What some questions spend, as whoever runs a call counts it."""

    async def ask() -> None:
        if isinstance(service, OpenAIEmbedding):
            await service.vectors(questions)
        else:
            for question in questions:
                await service.text(question)

    meter = Meter()
    with metered(meter):
        asyncio.run(ask())
    return meter.spent()


# Sums ----------------------------------------------------------------------------------------------------------------


def test_money_is_exact_and_what_is_not_known_is_counted() -> None:
    meter = Meter()
    with metered(meter):
        spend(1_000, 10, prices=Prices("0.1", "0.2"))
        spend(3, 4)
        spend_unknown()

    spent = meter.spent()

    assert spent == Spent(3, 1_003, 14, {"USD": Decimal("0.000102")}, untold=1, unpriced=1)
    assert parse_spent(spent.plain()) == spent
    assert spent.plain() == {
        "requests": 3, "in": 1_003, "out": 14, "untold": 1, "unpriced": 1, "money": {"USD": "0.000102"},
    }  # fmt: skip


def test_currencies_are_not_added_to_each_other() -> None:
    whole = summed([Spent(1, 1, 1, {"USD": Decimal(1)}), Spent(1, 2, 2, {"EUR": Decimal(3)}), Spent(1, 0, 0, None)])

    assert whole.money == {"USD": Decimal(1), "EUR": Decimal(3)}


def test_nothing_is_counted_outside_of_a_call_nor_by_another_one() -> None:
    one, other = Meter(), Meter()
    spend(1, 1)
    with metered(one):
        pass
    spend(1, 1)
    with metered(one), metered(other):
        spend(1, 1)
        thread = threading.Thread(target=lambda: spend(7, 7))
        thread.start()
        thread.join()

    assert one.spent() is None
    assert other.spent() == Spent(1, 1, 1, unpriced=1)


@pytest.mark.parametrize("said", ["", "a lot", "-1", "NaN", "Infinity", "1e300", "1e-31", 0.15, None])
def test_what_is_no_price_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match="is no price; give what a million tokens cost as text"):
        Prices(said, "1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is no price"):
        Prices("1", said)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is no currency"):
        Prices("1", "1", " ")
    with pytest.raises(ValueError, match="is no currency"):
        Prices("1", "1", "\ud800")


def test_nonsense_in_any_amount_can_still_be_kept() -> None:
    meter = Meter()
    with metered(meter):
        for _ in range(3):
            spend(10**30, -1, prices=Prices("1000000000000", "0"))
    whole = meter.spent()

    assert whole == Spent(3, COUNT_MAX, 0, {"USD": MONEY_MAX})
    assert parse_spent(decode(encode(whole.plain()))) == whole
    told: dict[str, Plain] = {"in": 2**63, "requests": -1, "money": {"USD": "1e999999", "EUR": "1e-999999"}}
    assert parse_spent(told) == Spent(0, COUNT_MAX, 0, {"USD": MONEY_MAX, "EUR": Decimal(0)})


@given(st.permutations([Spent(1, 2**52 + n, n, {"USD": Decimal(f"{10**13}.{7 ** (30 + n)}")}) for n in range(12)]))
def test_sums_are_equal_in_any_order_also_where_they_are_bounded(said: list[Spent]) -> None:
    assert summed(said) == summed(reversed(said)) == summed([summed(said[:5]), summed(said[5:])])


@pytest.mark.parametrize("said", [None, 3, [], {"in": "many", "money": {"USD": "a lot"}}])
def test_what_a_record_cannot_have_said_costs_nothing_that_is_known(said: Plain) -> None:
    assert parse_spent(said) in (None, Spent())


# Endpoints -----------------------------------------------------------------------------------------------------------


def test_a_completion_counts_the_tokens_that_its_endpoint_tells(fake: FakeModel) -> None:
    fake._replies.extend(["four words and more", "one"])

    spent = spent_of(model(fake), "how many words", "and now")

    assert spent == Spent(2, 5, 5, {"USD": PRICES.of(5, 5)})
    assert [asked.body["stream_options"] for asked in fake.asked] == [{"include_usage": True}] * 2  # type: ignore[index, call-overload]


def test_embeddings_count_theirs(fake: FakeModel) -> None:
    service = OpenAIEmbedding(Endpoint(fake.url), "fake-model", prices=Prices("2", "0"))

    assert spent_of(service, "two words", "one") == Spent(1, 3, 0, {"USD": Decimal("0.000006")})


@pytest.mark.parametrize("options", [None, {}])
def test_of_an_endpoint_that_is_not_to_count_it_is_unknown(fake: FakeModel, options: Plain) -> None:
    assert spent_of(model(fake, stream_options=options), "how many words") == Spent(requests=1, untold=1)
    (asked,) = fake.asked
    assert isinstance(asked.body, dict) and asked.body.get("stream_options") == options


def usage_event(tokens_in: int) -> str:
    return f'data: {{"choices":[],"usage":{{"prompt_tokens":{tokens_in},"completion_tokens":1}}}}'


@pytest.mark.parametrize(
    "behind",
    ["data: {broken", 'data: {"error": "out of memory"}', usage_event(-1), usage_event(10**30), usage_event(2**53 + 1)],
)
def test_an_answer_is_whole_whatever_comes_in_place_of_its_usage(fake: FakeModel, behind: str) -> None:
    class Broken(OpenAICompletion):
        async def _deltas(self, chunks: AsyncIterator[bytes], heard: _Heard) -> AsyncIterator[tuple[str, str | None]]:
            async def with_more() -> AsyncIterator[bytes]:
                yield b'data: {"choices":[{"index":0,"delta":{"content":"yes"},"finish_reason":"stop"}]}\n\n'
                yield f"{behind}\n\n".encode()

            async for one in OpenAICompletion._deltas(self, with_more(), heard):
                yield one

    service = Broken(Endpoint(fake.url), "fake-model")

    assert asyncio.run(service.text("is it")) == "yes"
    assert spent_of(service, "is it") == Spent(requests=1, untold=1)


def test_prices_are_no_part_of_a_fingerprint(fake: FakeModel) -> None:
    assert model(fake).fingerprint() == model(fake, prices=None).fingerprint()


@pytest.mark.parametrize("fault", ["length", "filter", "cut"])
def test_a_call_that_fails_has_spent_something_too(fake: FakeModel, fault: str) -> None:
    fake.fault = fault  # type: ignore[assignment]
    meter = Meter()
    with metered(meter), pytest.raises(weft.WeftError):
        asyncio.run(model(fake).text("how many words"))

    spent = meter.spent()
    assert spent is not None and spent.requests == 1
    assert (spent.untold, spent.tokens_in) == ((1, 0) if fault == "cut" else (0, 3))


# Spaces --------------------------------------------------------------------------------------------------------------


def test_why_says_what_a_call_used_and_cost(fake: FakeModel) -> None:
    fake._replies.append("a short answer")
    with opened(fake) as space:
        meeting = space.create(Meeting)
        assert meeting.answer.wait(30) == "a short answer"

        why = space.why(meeting.answer)

    assert "its services used 3 tokens in, 3 out, 0.00000225 USD" in why
    nodes = why.plain()["nodes"]
    assert isinstance(nodes, list)
    spent = {str(one["node"]): one.get("spent") for one in nodes if isinstance(one, dict)}
    assert spent["answer"] == {
        "requests": 1, "tokens_in": 3, "tokens_out": 3, "money": {"USD": "0.00000225"}, "untold": 0, "unpriced": 0,
    }  # fmt: skip
    assert spent["question"] is None
    assert "3 tokens in, 3 out, 0.00000225 USD" in why.mermaid()


def test_without_prices_tokens_are_said_and_without_usage_that_it_is_unknown(fake: FakeModel) -> None:
    with opened(fake, prices=None) as space:
        meeting = space.create(Meeting)
        meeting.answer.wait(30)
        assert "out, no price is declared" in space.why(meeting.answer)
    with opened(fake, stream_options=None) as space:
        meeting = space.create(Meeting)
        meeting.answer.wait(30)
        assert "what its services used is not known" in space.why(meeting.answer)


def test_a_stream_counts_once_and_what_is_taken_over_nothing(fake: FakeModel) -> None:
    with opened(fake) as space:
        meeting, other = space.create(Meeting), space.create(Meeting)
        meeting.stream.wait(30)
        other.stream.wait(30)
        with space.view() as engine:
            said = [entry.said for entry in entries_of(engine.store) if entry.kind == "result"]

    assert [("spent" in one, one["how"]) for one in said] == [(True, "ran"), (False, "reused")]


def test_a_rebuilt_space_knows_what_was_spent(fake: FakeModel, tmp_path: Path) -> None:
    path = str(tmp_path / "meeting.weft")
    services: dict[type, object] = {Completion: model(fake)}
    with weft.open(path, types=[Meeting], services=services) as space:
        meeting = space.create(Meeting)
        meeting.answer.wait(30)
        said, id = space.why(meeting.answer), meeting.id
    store = SqliteStore(path)
    before = tables(store)
    rebuild(store, epoch=store.acquire(), types={"Meeting": compile_type(Meeting)})
    assert tables(store) == before
    store.release()
    store.close()
    with weft.open(path, types=[Meeting], services=services) as space:
        assert space.why(space.get(Meeting, id).answer) == said


# Services of one's own, in threads and processes ---------------------------------------------------------------------


class Meters(Protocol):
    def read(self, n: int, /) -> int: ...


class Metering:
    """A service that charges, and says what it used."""

    cost = "metered"
    deterministic = True

    def fingerprint(self) -> dict[str, Plain]:
        return {"name": "metering"}

    def recipe(self) -> tuple[str, dict[str, Plain]]:
        return f"{__name__}:Metering", {}

    def read(self, n: int, /) -> int:
        spend(n, 1, prices=Prices("1000000", "0", "EUR"))
        return n * 2


def read(n: int, *, meters: Meters) -> int:
    return meters.read(n)


@op(runner="process")
def read_far(n: int, *, meters: Meters) -> int:
    return meters.read(n)


def plain(n: int) -> int:
    return n + 1


class Flat(Entity):
    n: Field[int] = field(default=5)
    near = derive(read, n)
    far = derive(read_far, n)
    free = derive(plain, n)


@pytest.mark.parametrize("node", ["near", "far"])
def test_a_service_of_ones_own_tells_by_spend_wherever_it_runs(node: str) -> None:
    with weft.open(types=[Flat], services={Meters: Metering()}) as space:
        flat = space.create(Flat)
        place = getattr(flat, node)
        assert place.wait(60) == 10

        assert "its services used 5 tokens in, 1 out, 5 EUR" in space.why(place)


def test_a_call_without_services_has_no_meter_and_its_record_no_note() -> None:
    with weft.open(types=[Flat], services={Meters: Metering()}) as space:
        flat = space.create(Flat)
        flat.free.wait(30)
        with space.view() as engine:
            (said,) = [entry.said for entry in entries_of(engine.store) if entry.kind == "result"]

    assert "spent" not in said


def test_a_metered_service_that_was_never_called_is_unknown_in_a_plan() -> None:
    with weft.open(types=[Flat], services={Meters: Metering()}) as space:
        flat = space.create(Flat)

        said = space.plan(flat.near)

    assert f"what they cost is unknown: no earlier call of {__name__}/read said what it used" in str(said)
    assert said.spends is None


# Plans, of a space in which nothing runs by itself -------------------------------------------------------------------


@pytest.fixture
def world() -> Runs:
    """Two calls of `near` were made: they used 5 and 8 tokens, for 5 and 8 EUR."""
    made = Runs(Flat, services={"Meters": Metering()})
    made.engine.offer("Meters", {"name": "Meters", "version": 2}, recompute=False, cost="metered")
    made.create(Flat, watch="near")
    for n in (5, 8):
        made.set(n=n)
        (call,) = made.step()
        spent = Spent(1, n, 1, {"EUR": Decimal(n)})
        made.report(Finished(call.id, encode(n * 2), 0.0, spent=spent))
    made.set(n=6)
    return made


def planned(world: Runs, *nodes: str) -> Plan:
    return plan(world.engine, [world.slot("a", node) for node in nodes])


def test_a_plan_estimates_by_earlier_calls(world: Runs) -> None:
    said = planned(world, "near", "free")

    assert said.plain()["spends"] == {"tokens_in": 6, "tokens_out": 1, "money": {"EUR": "6.5"}}
    assert "about 6 tokens in, 1 out, 6.5 EUR, by earlier calls" in str(said)
    near, free = said.nodes
    assert near.usage is not None and near.usage.calls == 2 and free.usage is None
    assert (said.paid_calls, said.calls) == (1, 2)


def test_a_plan_of_which_a_part_was_never_called_is_unknown(world: Runs) -> None:
    said = planned(world, "near", "far")

    assert said.spends is None and said.plain()["spends"] is None
    assert f"what they cost is unknown: no earlier call of {__name__}/read_far said what it used" in str(said)


def test_a_plan_knows_tokens_without_prices(world: Runs) -> None:
    (call,) = world.step()
    world.report(Finished(call.id, encode(12), 0.0, spent=Spent(1, 7, 2, unpriced=1)))
    world.set(n=4)

    said = planned(world, "near")

    assert said.plain()["spends"] == {"tokens_in": 7, "tokens_out": 1, "money": None}
    assert "7 tokens in, 1 out, no price is declared" in str(said)
