"""A model behind a real endpoint on this machine: whole answers, and every way in which there is none."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import socket
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from weft.call import Limits
from weft.services import endpoint as endpoint_module
from weft.services.completion import (
    AnswerTooLong,
    AnswerUnfit,
    AnswerWithheld,
    Completion,
    FailedInStream,
    Message,
    NoModelChosen,
    OpenAICompletion,
    from_environment,
)
from weft.services.endpoint import (
    BadEndpoint,
    Endpoint,
    EndpointError,
    EndpointFailed,
    KeyRefused,
    ModelUnknown,
    NoHttp,
    Nonsense,
    Patience,
    RateLimited,
    RequestRefused,
    StreamCut,
    TimedOut,
    TooLarge,
    TooSlow,
    Unreachable,
)
from weft.services.fake_model import FAULTS, FakeModel, Fault
from weft.services.service import Service

PATIENT = Patience(timeout_s=5.0)
CANARY = "sk-canary-5f1e0c"


@pytest.fixture(autouse=True)
def http(require_part: Callable[[str], ModuleType]) -> ModuleType:
    return require_part("httpx")


@dataclass(frozen=True)
class Topic:
    name: str
    books: tuple[str, ...]


class Waits:
    """A sleep that takes no time, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []

    async def __call__(self, wait_s: float) -> None:
        self.asked_s.append(wait_s)


def model_at(
    url: str,
    *,
    model: str = "fake-model",
    key: str | None = None,
    patience: Patience = PATIENT,
    answer_bytes_max: int = 1 << 20,
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> OpenAICompletion:
    there = Endpoint(url, key, patience, answer_bytes_max, sleep or Waits())
    return OpenAICompletion(there, model, {"temperature": 0})


def streamed(model: Completion, prompt: str = "Compare these books") -> tuple[list[str], EndpointError | None]:
    """Every value of a stream, and what ended it."""

    async def collect() -> tuple[list[str], EndpointError | None]:
        seen: list[str] = []
        try:
            async for text in model.stream(prompt):
                seen.append(text)  # noqa: PERF401  what came before an error is wanted too
        except EndpointError as raised:
            return seen, raised
        return seen, None

    return asyncio.run(collect())


def failure(model: Completion) -> EndpointError:
    _, raised = streamed(model)
    assert raised is not None
    return raised


def test_a_stream_grows_to_the_whole_text_and_ends_with_it() -> None:
    with FakeModel(replies=["Sea levels rise — slowly, \n then at once. "]) as url:
        seen, raised = streamed(model_at(url))

    assert raised is None
    assert seen[-1] == "Sea levels rise — slowly, \n then at once. "
    assert len(seen) > 5
    assert all(later.startswith(sooner) for sooner, later in pairwise(seen))


def test_the_last_value_comes_only_after_the_finish_reason() -> None:
    fake = FakeModel(fault="hang", replies=["one two"])
    seen: list[str] = []

    async def read(url: str) -> None:
        async for text in model_at(url).stream("q"):
            if text == "one two" and text not in seen:
                assert await asyncio.to_thread(fake.wait_hanging, 5.0)
                fake.resume()
            seen.append(text)

    with fake as url:
        asyncio.run(read(url))

    assert seen == ["one", "one two", "one two"], "the whole text is partial until the model says that it has finished"


def test_an_empty_answer_is_an_answer_once_it_is_finished() -> None:
    with FakeModel(replies=[""]) as url:
        assert streamed(model_at(url)) == ([""], None)


def test_the_whole_conversation_and_the_settings_are_sent() -> None:
    fake = FakeModel()
    with fake as url:
        asyncio.run(model_at(url).text([Message("system", "Be brief."), Message("user", "Hello")]))

    body = fake.asked[0].body
    assert isinstance(body, dict)
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    assert body["temperature"] == 0
    assert body["stream"] is True


@pytest.mark.parametrize("fault", ["cut", "clean-cut", "early-done"])
def test_a_stream_without_a_finish_reason_is_cut_however_politely_it_ends(fault: Fault) -> None:
    fake = FakeModel(fault=fault)
    with fake as url:
        seen, raised = streamed(model_at(url))

    assert isinstance(raised, StreamCut)
    assert seen, "what came before the cut was shown"
    assert url in str(raised)
    assert "fake-model" in str(raised)
    assert fake.requests == 1, "an answer that has begun is not asked for again"


def test_an_answer_that_ends_for_want_of_length_is_no_answer() -> None:
    with FakeModel(fault="length", replies=["Once upon a time"]) as url:
        raised = failure(model_at(url))

    assert isinstance(raised, AnswerTooLong)
    assert "max_tokens" in str(raised)
    assert "Once upon a time" in str(raised)


@pytest.mark.parametrize(("fault", "words"), [("filter", "content_filter"), ("refusal", "I cannot help with that")])
def test_a_withheld_answer_says_why(fault: Fault, words: str) -> None:
    with FakeModel(fault=fault) as url:
        raised = failure(model_at(url))

    assert isinstance(raised, AnswerWithheld)
    assert words in str(raised)


def test_too_many_requests_are_tried_again_after_the_time_that_was_asked_for() -> None:
    waits, fake = Waits(), FakeModel(script=["429", "429"], retry_after="7")
    with fake as url:
        seen, raised = streamed(model_at(url, sleep=waits))

    assert raised is None
    assert seen
    assert fake.requests == 3
    assert waits.asked_s == [7.0, 7.0]


def test_too_many_requests_in_the_end_say_how_long_to_wait() -> None:
    fake = FakeModel(fault="429", retry_after="7")
    with fake as url:
        raised = failure(model_at(url))

    assert isinstance(raised, RateLimited)
    assert raised.retry_after_s == 7
    assert raised.tries == fake.requests == 3
    assert "asks to wait 7 s" in str(raised)


def test_an_endpoint_that_asks_for_too_long_a_wait_is_not_waited_for() -> None:
    waits, fake = Waits(), FakeModel(fault="429", retry_after="3600")
    with fake as url:
        raised = failure(model_at(url, sleep=waits))

    assert isinstance(raised, RateLimited)
    assert (fake.requests, waits.asked_s) == (1, [])
    assert "3600 s" in str(raised)


@pytest.mark.parametrize("told", ["soon", "-1", "inf", "nan", ""])
def test_a_senseless_time_to_wait_is_taken_for_none(told: str) -> None:
    waits = Waits()
    with FakeModel(fault="429", retry_after=told) as url:
        raised = failure(model_at(url, sleep=waits))

    assert isinstance(raised, RateLimited)
    assert raised.retry_after_s is None
    assert waits.asked_s == [0.5, 1.0]


def test_a_date_to_wait_for_is_read_against_the_answers_own() -> None:
    with FakeModel(fault="429", retry_after="Fri, 31 Dec 9999 23:59:59 GMT") as url:
        raised = failure(model_at(url))

    assert isinstance(raised, RateLimited)
    assert raised.retry_after_s is not None
    assert raised.retry_after_s > 1e9


def test_a_failing_server_is_tried_again_and_then_named() -> None:
    fake = FakeModel(fault="500")
    with fake as url:
        raised = failure(model_at(url))

    assert isinstance(raised, EndpointFailed)
    assert raised.tries == fake.requests == 3
    assert "500" in str(raised)
    assert url in str(raised)


@pytest.mark.parametrize(("fault", "kind"), [("401", KeyRefused), ("404", ModelUnknown), ("400", RequestRefused)])
def test_what_no_second_try_can_mend_is_not_tried_again(fault: Fault, kind: type[EndpointError]) -> None:
    fake = FakeModel(fault=fault)
    with fake as url:
        raised = failure(model_at(url))

    assert type(raised) is kind
    assert not raised.may_pass
    assert fake.requests == 1
    assert url in str(raised)
    assert "fake-model" in str(raised)


@pytest.mark.parametrize(
    ("fault", "words"), [("html", "text/html"), ("wrong-type", "text/plain"), ("broken-json", "no completion chunk")]
)
def test_nonsense_is_named_as_such(fault: Fault, words: str) -> None:
    with FakeModel(fault=fault) as url:
        raised = failure(model_at(url))

    assert isinstance(raised, Nonsense)
    assert words in str(raised)


def test_an_error_within_a_stream_ends_it() -> None:
    with FakeModel(fault="error-event") as url:
        seen, raised = streamed(model_at(url))

    assert seen
    assert isinstance(raised, FailedInStream)
    assert "ran out of memory" in str(raised)


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound and not listening: nobody else can take the port, and nobody answers.
        waits = Waits()
        raised = failure(model_at(f"http://127.0.0.1:{taken.getsockname()[1]}/v1", sleep=waits))

    assert isinstance(raised, Unreachable)
    assert waits.asked_s == [0.5, 1.0]


def test_a_silent_server_times_out() -> None:
    fake = FakeModel(fault="hang")
    with fake as url:
        seen, raised = streamed(model_at(url, patience=Patience(timeout_s=0.05)))

    assert seen, "what came was shown"
    assert isinstance(raised, TimedOut)
    assert raised.silence_s == 0.05
    assert fake.requests == 1


@pytest.mark.parametrize("fault", ["comments", "drip"])
def test_a_server_that_only_keeps_its_connection_open_is_silent(fault: Fault) -> None:
    fake = FakeModel(fault=fault, replies=["one two"])
    with fake as url:
        _, raised = streamed(model_at(url, patience=Patience(timeout_s=1.0, answer_s_max=6.0)))

    assert isinstance(raised, TimedOut)
    assert fake.requests == 1


def test_comments_between_events_do_no_harm() -> None:
    fake = FakeModel(fault="comments", replies=["one two"])

    async def answer(url: str) -> str:
        asked = asyncio.ensure_future(model_at(url).text("q"))
        assert await asyncio.to_thread(fake.wait_hanging, 5.0)
        fake.resume()
        return await asked

    with fake as url:
        assert asyncio.run(answer(url)) == "one two"


@pytest.mark.parametrize("fault", ["comments", "drip", "hang"])
def test_an_answer_that_never_ends_is_given_up(fault: Fault) -> None:
    fake = FakeModel(fault=fault)
    with fake as url:
        _, raised = streamed(model_at(url, patience=Patience(timeout_s=4.0, answer_s_max=0.3)))

    assert isinstance(raised, TooSlow)
    assert raised.may_pass, "an operation tries it again as it does after a silence"
    assert "was not whole after 0.3 s" in str(raised)
    assert fake.requests <= 1, "the endpoint itself does not"


def test_a_timeout_of_another_is_not_taken_for_a_slow_answer() -> None:
    async def impatient(_: float) -> None:
        raise TimeoutError("of the caller's own")

    with FakeModel(fault="500") as url, pytest.raises(TimeoutError, match="of the caller's own"):
        streamed(model_at(url, sleep=impatient))


def test_a_slow_server_is_waited_for() -> None:
    with FakeModel(fault="slow", slow_s=0.01, replies=["slow but sure"]) as url:
        seen, raised = streamed(model_at(url))

    assert raised is None
    assert seen[-1] == "slow but sure"


def test_a_reader_that_goes_away_ends_the_request() -> None:
    async def read_one(url: str) -> str:
        stream = model_at(url).stream("q")
        async for text in stream:
            await stream.aclose()
            return text
        raise AssertionError("nothing came")

    with FakeModel(replies=["one two three"]) as url:
        assert asyncio.run(read_one(url)) == "one"


def test_a_cancelled_request_ends_at_once() -> None:
    fake = FakeModel(fault="hang")

    async def cancel(url: str) -> None:
        task = asyncio.create_task(model_at(url).text("q"))
        assert await asyncio.to_thread(fake.wait_hanging, 5.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with fake as url:
        asyncio.run(cancel(url))


def test_an_endless_answer_is_stopped_at_its_bound() -> None:
    with FakeModel(replies=["x" * 200_000]) as url:
        raised = failure(model_at(url, answer_bytes_max=100_000))

    assert isinstance(raised, TooLarge)
    assert "100000" in str(raised)


def test_an_answer_in_a_form_is_a_value_of_it() -> None:
    fake = FakeModel()
    with fake as url:
        topic = asyncio.run(model_at(url).object("Which topic?", Topic))
        again = asyncio.run(model_at(url).object("Which topic?", Topic))

    assert isinstance(topic, Topic)
    assert topic == again
    body = fake.asked[0].body
    assert isinstance(body, dict)
    form = body["response_format"]
    assert isinstance(form, dict)
    assert form["type"] == "json_schema"


def test_an_answer_that_does_not_fit_is_asked_for_again_with_the_reason() -> None:
    fake = FakeModel(replies=['{"name": "climate"}', 'Here you are:\n{"name"', '{"name": "climate", "books": ["a"]}'])
    with fake as url:
        topic = asyncio.run(model_at(url).object("Which topic?", Topic))

    assert topic == Topic("climate", ("a",))
    body = fake.asked[2].body
    assert isinstance(body, dict)
    turns = body["messages"]
    assert isinstance(turns, list)
    assert len(turns) == 5
    assert "books" in str(turns[2])


def test_a_model_that_never_fits_is_quoted() -> None:
    fake = FakeModel(fault="unfit")
    with fake as url, pytest.raises(AnswerUnfit) as raised:
        asyncio.run(model_at(url).object("Which topic?", Topic))

    assert fake.requests == raised.value.tries == 3
    assert "Topic" in str(raised.value)
    assert "As a fake model I would rather not say" in str(raised.value)


@pytest.mark.parametrize("fault", ["cut", "clean-cut", "early-done", "length"])
def test_an_object_is_never_made_from_a_cut_answer(fault: Fault) -> None:
    with FakeModel(fault=fault, replies=['{"name": "climate", "books": []}']) as url, pytest.raises(EndpointError):
        asyncio.run(model_at(url).object("Which topic?", Topic))


def test_a_key_is_sent_and_none_is_demanded_on_this_machine() -> None:
    with FakeModel(api_key=CANARY) as url:
        assert streamed(model_at(url, key=CANARY))[1] is None
        assert isinstance(failure(model_at(url)), KeyRefused)
    with FakeModel() as url:
        assert streamed(model_at(url))[1] is None


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_a_key_is_nowhere_to_be_seen(fault: Fault | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    patience = Patience(timeout_s=0.05) if fault in ("hang", "comments", "drip") else PATIENT
    with FakeModel(fault=fault, slow_s=0.001) as url:
        model = model_at(url, key=CANARY, patience=patience)
        _, raised = streamed(model)
        shown = [repr(model), str(model), repr(model.fingerprint()), repr(model.health())]

    if raised is not None:
        copied = pickle.loads(pickle.dumps(copy.copy(raised)))  # noqa: S301  what a worker process would send home
        assert str(copied) == str(raised)
        shown += [str(raised), repr(vars(raised)), "".join(traceback.format_exception(raised))]
    assert (fault in (None, "slow", "unfit")) == (raised is None)
    assert CANARY not in "\n".join([*shown, caplog.text])


def test_a_key_that_the_server_repeats_is_left_out() -> None:
    with FakeModel(fault="echo-key") as url:
        raised = failure(model_at(url, key=CANARY))

    assert "Incorrect API key provided: [key]" in str(raised)


@pytest.mark.parametrize(
    "url",
    ["ftp://host/v1", "host/v1", "", f"https://me:{CANARY}@host/v1", f"https://host/v1?key={CANARY}", "http://[::1/v1"],
)
def test_an_address_that_cannot_be_an_endpoint_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(BadEndpoint) as refused:
        Endpoint(url)

    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("key", ["", "with space", "with\nline", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(BadEndpoint) as refused:
        Endpoint("https://host/v1", key)

    assert not key or key not in str(refused.value)


def test_settings_cannot_take_away_the_stream() -> None:
    with pytest.raises(TypeError, match="stream"):
        OpenAICompletion(Endpoint("http://127.0.0.1:1/v1"), "m", {"stream": False})


def test_a_fingerprint_tells_models_settings_and_hosts_apart_but_not_ports() -> None:
    def fingerprint(url: str, model: str, **settings: int) -> object:
        return OpenAICompletion(Endpoint(url), model, settings).fingerprint()

    base = fingerprint("http://127.0.0.1:1/v1", "m")

    assert base == fingerprint("http://127.0.0.1:2/v1", "m")
    assert base != fingerprint("http://127.0.0.1:1/v1", "n")
    assert base != fingerprint("http://127.0.0.1:1/v1", "m", seed=1)
    assert base != fingerprint("http://elsewhere:1/v1", "m")


def test_a_model_says_what_the_engine_asks_of_services() -> None:
    model = OpenAICompletion(Endpoint("http://127.0.0.1:1/v1"), "m", limits=Limits(concurrency=2))
    far = OpenAICompletion(Endpoint("https://api.example.com/v1", CANARY), "m")

    assert isinstance(model, Service)
    assert not model.deterministic
    assert (model.cost, far.cost) == ("free", "metered")
    assert model.effect == "reads outside"
    assert model.limits.concurrency == 2


@pytest.mark.parametrize("limits", [{"concurrency": 0}, {"per_s": 0}, {"per_s": float("nan")}])
def test_limits_under_which_nothing_runs_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=" is "):
        Limits(**limits)


def test_health_says_what_is_wrong_and_how_to_mend_it() -> None:
    with FakeModel(api_key=CANARY, models=("small", "large")) as url:
        well = model_at(url, model="small", key=CANARY).health()
        unknown = model_at(url, model="tiny", key=CANARY).health()
        keyless = model_at(url, model="small").health()
    gone = model_at(url, model="small").health()

    assert well.ready
    assert not (unknown.ready or keyless.ready or gone.ready)
    assert "small, large" in unknown.enable
    assert "OPENAI_API_KEY" in keyless.enable
    assert "cannot be reached" in gone.why


def test_without_httpx_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "find_spec", lambda _: None)
    model = model_at("http://127.0.0.1:1/v1")

    with pytest.raises(NoHttp, match=r"weft\[models\]"):
        asyncio.run(model.text("q"))
    assert not model.health().ready


def test_the_environment_is_a_mapping_that_names_a_model() -> None:
    assert from_environment({}) is None
    assert from_environment({"OPENAI_API_KEY": CANARY}) is None

    local = from_environment({"OPENAI_BASE_URL": "http://localhost:11434/v1/", "WEFT_MODEL": "small"})
    remote = from_environment({"OPENAI_API_KEY": CANARY, "WEFT_MODEL": "large"})

    assert local is not None
    assert local.endpoint.base_url == "http://localhost:11434/v1"
    assert local.endpoint.api_key is None
    assert remote is not None
    assert remote.endpoint.host == "api.openai.com"
    assert remote.endpoint.api_key == CANARY
    with pytest.raises(NoModelChosen, match="WEFT_MODEL"):
        from_environment({"OPENAI_BASE_URL": "http://localhost:11434/v1"})


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [thread for thread in set(threading.enumerate()) - before if "fake-model" in thread.name]
    assert not left


def test_no_test_here_reads_the_environment() -> None:
    source = Path(endpoint_module.__file__).read_text()

    assert "os.environ" not in source
    assert "trust_env=False" in source
