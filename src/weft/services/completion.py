"""Language models: the `Completion` protocol, and one backend for every endpoint that speaks OpenAI's wire form.

A stream yields the *whole text so far*. Its last value comes only after the model itself said that it had finished, so
an operation that forwards the stream settles only then; a stream that breaks off, however politely, raises.

Knows nothing of nodes, or of what the texts mean.
Invariant: what `stream`, `text` or `object` completes with was ended by the model with finish reason `stop`.
Source: OpenAI's chat completions; cut streams that clients took for answers are why the finish reason is demanded.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from weft.call import Limits
from weft.content import Plain
from weft.errors import WeftError
from weft.form import UnfitAnswer
from weft.services.endpoint import Endpoint, EndpointError, error_text
from weft.services.endpoint_model import EndpointModel, Usage
from weft.services.schema import Form
from weft.services.server_sent import EventReader
from weft.services.service import Service

OPENAI = "https://api.openai.com/v1"

USAGE_S = 2.0
"""How long it is waited for what an answer used, once the answer is whole."""

T = TypeVar("T")
Role: TypeAlias = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    text: str


Prompt: TypeAlias = str | Sequence[Message]
"""What a model is given: a conversation, or the text of a single user's turn."""


class Completion(Service, Protocol):
    """A model that continues a conversation."""

    def stream(self, prompt: Prompt, /) -> AsyncIterator[str]:
        """Yield the whole text so far, growing; the last value is the answer, and comes only once the model said so."""
        ...

    async def text(self, prompt: Prompt, /) -> str:
        """The whole answer."""
        ...

    async def object(self, prompt: Prompt, form: type[T], /) -> T:
        """The answer as a `form`: a dataclass, msgspec Struct, pydantic model, or a builtin made of such."""
        ...


class NoModelChosen(WeftError):
    """The model endpoint {base_url} is set, but no model. Set WEFT_MODEL to one of those that {base_url}/models
    lists."""

    exit_code = 2
    base_url: str


class FailedInStream(EndpointError):
    """The model endpoint {endpoint} began to answer for {model} and then reported a failure: {why}. Try again later, or
    look at that server's log."""

    may_pass = True


class AnswerTooLong(EndpointError):
    """{model} at {endpoint} stopped at its length limit, so its answer is not whole (finish reason "length"). Raise
    max_tokens in the settings, or ask for less. It began: {began}"""

    began: str


class AnswerWithheld(EndpointError):
    """{model} at {endpoint} ended without an answer: {why}. Ask differently, or ask another model."""


class AnswerUnfit(EndpointError):
    """{model} at {endpoint} was asked for {form} ({tries} times in all), and its last answer does not fit: {why}. Ask a
    model that keeps to a JSON schema, or simplify the form. It answered: {answer}"""

    tries: int
    form: str
    answer: str


@dataclass(frozen=True, slots=True)
class OpenAICompletion(EndpointModel):
    """A model behind an endpoint that speaks OpenAI's wire form: OpenAI, vLLM, llama.cpp, Ollama and many more.

    `settings` go into each request as they are (`temperature`, `max_tokens`, `seed` …). `unfit_tries` is how often in
    all a model is asked for an object before an answer that does not fit is an error.
    """

    unfit_tries: int = 3
    limits: Limits = field(default_factory=Limits)

    kind: ClassVar[str] = "openai-completion"
    own_fields: ClassVar[frozenset[str]] = frozenset({"model", "messages", "stream", "response_format", "n", "tools"})

    async def stream(self, prompt: Prompt, /) -> AsyncGenerator[str, None]:
        """Yield the whole text so far. Raises an `EndpointError`, `StreamCut` above all, when no whole answer comes."""
        async with aclosing(self._answer(_turns(prompt), {})) as texts:
            async for text in texts:
                yield text

    async def text(self, prompt: Prompt, /) -> str:
        """The whole answer; raises as `stream` does."""
        return await self._whole(_turns(prompt), {})

    async def object(self, prompt: Prompt, form: type[T], /) -> T:
        """The answer as a `form`; one that does not fit is shown to the model with the reason, and asked for again."""
        asked = Form(form)
        turns = _turns(prompt)
        further: dict[str, Plain] = {"response_format": _response_format(asked)}
        tries = 0
        while True:
            tries += 1
            answer = await self._whole(turns, further)
            try:
                return asked.parse(answer)
            except UnfitAnswer as unfit:
                if tries >= self.unfit_tries:
                    raise self._unfit(unfit, answer, tries) from None
                turns = [*turns, _turn("assistant", answer), _turn("user", _correction(asked, unfit.why))]

    async def _whole(self, turns: list[Plain], further: Mapping[str, Plain]) -> str:
        text = ""
        async with aclosing(self._answer(turns, further)) as texts:
            async for so_far in texts:
                text = so_far
        return text

    async def _answer(self, turns: list[Plain], further: Mapping[str, Plain]) -> AsyncGenerator[str, None]:
        settings: dict[str, Plain] = {"stream_options": {"include_usage": True}, **self.settings}
        if settings["stream_options"] is None:
            del settings["stream_options"]  # for an endpoint that does not know it
        body = {**settings, **further, "model": self.model, "messages": turns, "stream": True}
        text, heard = "", _Heard()
        ask = self.endpoint.ask("/chat/completions", body, model=self.model, wanted="text/event-stream")
        async with ask as chunks:
            try:
                deltas = self._deltas(chunks, heard)
                async for delta, finish_reason in deltas:
                    text += delta
                    if finish_reason is not None:
                        await self._hear_usage(deltas, heard)
                        self._check_finish(finish_reason, text)
                        yield text
                        return
                    if delta:
                        yield text
            finally:
                self._count(heard.usage)
        why = "its stream ended without a finish reason"
        raise self.endpoint.stream_cut(self.model, received=f"{len(text)} characters", why=why)

    async def _hear_usage(self, deltas: AsyncIterator[tuple[str, str | None]], heard: _Heard) -> None:
        """Wait a little for what the model used, which is said behind its finish. The answer is whole without it: what
        goes wrong here fails nothing, and the usage is unknown then."""
        try:
            async with asyncio.timeout(USAGE_S):
                while heard.usage is None and await anext(deltas, None) is not None:
                    pass
        except (TimeoutError, EndpointError):
            pass

    async def _deltas(self, chunks: AsyncIterator[bytes], heard: _Heard) -> AsyncIterator[tuple[str, str | None]]:
        reader, time = EventReader(), asyncio.get_running_loop().time
        heard_s = time()
        async for chunk in chunks:
            try:
                events = list(reader.feed(chunk))
            except UnicodeDecodeError:
                raise self.endpoint.nonsense(self.model, "its stream is not UTF-8") from None
            # Comments show that a proxy lives, and half an event that bytes come: the model has said nothing.
            if not events and time() - heard_s > self.endpoint.patience.timeout_s:
                raise self.endpoint.timed_out(self.model)
            heard_s = time() if events else heard_s
            for event in events:
                if event.strip() == "[DONE]":
                    return
                yield self._delta(event, heard)

    def _delta(self, event: str, heard: _Heard) -> tuple[str, str | None]:
        """What an event adds to the text, and why the model stopped, if it did."""
        try:
            chunk = msgspec.json.decode(event, type=_Chunk)
        except (msgspec.DecodeError, RecursionError) as broken:
            why = f"an event of its stream is no completion chunk ({self.endpoint.excerpt(str(broken))})"
            raise self.endpoint.nonsense(self.model, why) from None
        if chunk.error is not None:
            said = self.endpoint.excerpt(error_text({"error": chunk.error}) or "it does not say why")
            raise FailedInStream(endpoint=self.endpoint.base_url, model=self.model, why=said)
        heard.usage = chunk.usage or heard.usage
        first = next((choice for choice in chunk.choices if choice.index == 0), None)
        if first is None:
            return "", None  # A chunk that only counts tokens.
        if first.delta.refusal:
            raise self._withheld(f"it refuses ({self.endpoint.excerpt(first.delta.refusal)})")
        return first.delta.content or "", first.finish_reason or None

    def _check_finish(self, reason: str, text: str) -> None:
        if reason == "length":
            began = self.endpoint.excerpt(text)
            raise AnswerTooLong(endpoint=self.endpoint.base_url, model=self.model, why=reason, began=began)
        if reason != "stop":
            raise self._withheld(f'its finish reason is "{self.endpoint.excerpt(reason)}"')

    def _unfit(self, unfit: UnfitAnswer, answer: str, tries: int) -> AnswerUnfit:
        return AnswerUnfit(
            endpoint=self.endpoint.base_url,
            model=self.model,
            why=self.endpoint.excerpt(unfit.why),
            tries=tries,
            form=unfit.form,
            answer=self.endpoint.excerpt(answer),
        )

    def _withheld(self, why: str) -> AnswerWithheld:
        return AnswerWithheld(endpoint=self.endpoint.base_url, model=self.model, why=why)


def from_environment(env: Mapping[str, str]) -> OpenAICompletion | None:
    """The model that OPENAI_BASE_URL, OPENAI_API_KEY and WEFT_MODEL describe; None when none is chosen.

    A base URL alone, without a model, raises `NoModelChosen`; a key and a model without a base URL mean OpenAI itself.
    """
    base_url = env.get("OPENAI_BASE_URL", "").strip()
    api_key = env.get("OPENAI_API_KEY", "").strip() or None
    model = env.get("WEFT_MODEL", "").strip()
    if not base_url and (api_key is None or not model):
        return None
    if not model:
        raise NoModelChosen(base_url=Endpoint(base_url).base_url)
    return OpenAICompletion(Endpoint(base_url or OPENAI, api_key), model)


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta
    index: int = 0
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    error: dict[str, object] | str | None = None
    usage: Usage | None = None


class _Heard:
    """What a stream said of itself, beside its text."""

    def __init__(self) -> None:
        self.usage: Usage | None = None


def _turn(role: Role, text: str) -> Plain:
    return {"role": role, "content": text}


def _turns(prompt: Prompt) -> list[Plain]:
    if isinstance(prompt, str):
        return [_turn("user", prompt)]
    return [_turn(message.role, message.text) for message in prompt]


def _response_format(form: Form[T]) -> Plain:
    schema: dict[str, Plain] = {"name": form.name, "strict": form.is_strict, "schema": form.schema}
    return {"type": "json_schema", "json_schema": schema}


def _correction(form: Form[T], why: str) -> str:
    # Some endpoints ignore `response_format`, so the second time the schema is also said in words.
    schema = json.dumps(form.schema, ensure_ascii=False)
    return f"That does not fit: {why}. Answer with JSON alone, without any other text, that fits this schema: {schema}"
