"""A fake model server: OpenAI's wire form on this machine, with every fault that a real endpoint may show.

For demonstrations, for Weft's tests and for those of its users: chat completions (streamed or whole), objects that fit
a JSON schema, embeddings, a list of models. Which fault a request meets is said by, in this order: its header
`x-fake-fault`, a model name such as `fake-429`, the next entry of `script`, the server's standing `fault`.

Knows nothing of Weft's services; it needs the standard library alone.
Invariant: it listens on the loopback address only, and equal requests without a fault get equal answers.
Source: dramatiq's stub broker, which users can use too; toxiproxy for faults as switches.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, NamedTuple, TypeAlias, cast, get_args

from weft.content import Plain
from weft.services.fake_answer import answer_object, answer_text, vector

Fault: TypeAlias = Literal[
    "400", "401", "404", "429", "500",   # refused, in words of OpenAI's own
    "slow",         # waits before each piece of its answer
    "hang",         # says everything but its finish reason, and is silent until `resume` or the server's end
    "comments",     # as "hang", but comments come on and on, as from a proxy that keeps the connection open
    "drip",         # as "hang", but bytes come on and on, and never a line of them
    "cut",          # drops the connection in the midst of its answer
    "clean-cut",    # ends its stream politely, without a finish reason
    "early-done",   # says [DONE] without a finish reason
    "length",       # ends for want of length
    "filter",       # ends with finish reason "content_filter"
    "refusal",      # refuses in words
    "error-event",  # reports an error within the stream
    "html",         # answers with a web page
    "broken-json",  # answers with JSON that breaks off
    "wrong-type",   # answers rightly, under a wrong content type
    "echo-key",     # refuses the key and repeats it
    "unfit",        # answers with an object that fits no schema
]  # fmt: skip
"""What a request may meet in place of an answer."""
FAULTS: tuple[Fault, ...] = get_args(Fault)

_BODY_BYTES_MAX = 8 << 20
_REFUSALS: Mapping[Fault, tuple[int, str, str]] = {
    "400": (400, "invalid_request_error", "This model does not support response_format."),
    "401": (401, "invalid_api_key", "Incorrect API key provided."),
    "404": (404, "model_not_found", "The model does not exist or you do not have access to it."),
    "429": (429, "rate_limit_exceeded", "Rate limit reached for requests."),
    "500": (500, "server_error", "The server had an error while processing your request."),
}
_ON_AND_ON: Mapping[Fault, bytes] = {"comments": b": still here\n\n", "drip": b" "}
_ON_AND_ON_S = 0.005
_PAGE = b"<!doctype html><html><head><title>Welcome</title></head><body>Nothing to see here.</body></html>"


class Asked(NamedTuple):
    """A request that came: its path, its body (None for a GET), and the fault it met."""

    path: str
    body: Plain
    fault: Fault | None


class FakeModel:
    """The server, as a context manager that gives the base URL: `with FakeModel() as url`.

    `replies` are texts to answer with, one a request, before answers are made up; `script` the faults (None: no fault)
    of the coming requests to chat and embeddings; `fault` what meets all others. `api_key` is demanded when given.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        fault: Fault | None = None,
        script: Iterable[Fault | None] = (),
        replies: Iterable[str] = (),
        api_key: str | None = None,
        retry_after: str = "1",
        slow_s: float = 0.2,
        dimensions: int = 64,
        models: Sequence[str] = ("fake-model",),
    ) -> None:
        """Nothing listens before the server is entered. `slow_s` is what "slow" waits before each piece."""
        self.fault = fault
        self.api_key = api_key
        self.retry_after = retry_after
        self.slow_s = slow_s
        self.dimensions = dimensions
        self.models = tuple(models)
        self._port = port
        self._script = deque(script)
        self._replies = deque(replies)
        self._asked: list[Asked] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._hanging = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def asked(self) -> tuple[Asked, ...]:
        """The requests that came, in their order."""
        with self._lock:
            return tuple(self._asked)

    @property
    def requests(self) -> int:
        """How many requests came."""
        return len(self.asked)

    @property
    def url(self) -> str:
        """The base URL, ending in /v1; only while the server runs."""
        assert self._server is not None, "the fake model is not running; enter it with `with`"
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> str:
        """Listen, and answer from a thread."""
        self._released.clear()
        self._server = _Server(self, self._port)
        # The poll bounds how long leaving takes; tests start and stop many servers.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="fake-model", daemon=True)
        self._thread.start()
        return self.url

    def __exit__(self, *raised: object) -> None:
        """Stop listening, end the connections that are left, and join every thread."""
        assert self._server is not None
        assert self._thread is not None
        self.resume()
        self._server.shutdown()
        self._server.end_connections()
        self._server.server_close()
        self._thread.join()
        self._server = self._thread = None

    def resume(self) -> None:
        """Let requests that hang go on, and slow ones hurry."""
        self._released.set()

    def wait_hanging(self, timeout_s: float) -> bool:
        """Wait until a request hangs; False when none did in time."""
        return self._hanging.wait(timeout_s)

    def _take_fault(self, path: str, body: Plain, told: str | None) -> Fault | None:
        """Note a request and say what it meets."""
        with self._lock:
            fault = self._fault_of(path, body, told)
            self._asked.append(Asked(path, body, fault))
        return fault

    def _fault_of(self, path: str, body: Plain, told: str | None) -> Fault | None:
        model = body.get("model") if isinstance(body, dict) else None
        named = str(model).removeprefix("fake-") if str(model).startswith("fake-") else None
        for name in (told, named):
            if name in FAULTS:
                return name
        if body is None:
            return None
        return self._script.popleft() if self._script else self.fault

    def _take_reply(self, question: str, form: Plain) -> str:
        with self._lock:
            if self._replies:
                return self._replies.popleft()
        if isinstance(form, dict) and form.get("type") == "json_schema":
            schema = form.get("json_schema")
            wanted = schema.get("schema") if isinstance(schema, dict) else None
            return json.dumps(answer_object(wanted, question), ensure_ascii=False)
        return "{}" if isinstance(form, dict) and form.get("type") == "json_object" else answer_text(question)


def main(port: int = 8089, faults: Sequence[str] = (), *, api_key: str | None = None, slow_s: float = 0.2) -> None:
    """Serve until interrupted. `faults`: a single one meets every request; several meet the coming ones, in their order
    ("ok" for none). Prints the base URL to standard output. Raises ValueError for an unknown fault."""
    for name in faults:
        if name != "ok" and name not in FAULTS:
            raise ValueError(f"there is no fault {name!r}; there are: ok {' '.join(FAULTS)}")
    listed = [None if name == "ok" else cast(Fault, name) for name in faults]
    standing = listed.pop() if len(listed) == 1 else None
    server = FakeModel(port=port, fault=standing, script=listed, api_key=api_key, slow_s=slow_s)
    with server as url, suppress(KeyboardInterrupt):
        print(url, flush=True)  # noqa: T201  the address is this command's output
        threading.Event().wait()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, fake: FakeModel, port: int) -> None:
        self.fake = fake
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Exchange)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        assert isinstance(request, socket.socket)
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        assert isinstance(request, socket.socket)
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Wake the threads that wait for a client's next request."""
        with self._connections_lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the midst of an answer is no news."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: tests and demonstrations have their own output."""

    def do_GET(self) -> None:
        fake = self.server.fake
        fault = fake._take_fault(self.path, None, self.headers.get("x-fake-fault"))
        if self._is_refused(fault):
            return
        if self.path != "/v1/models":
            self._send_error(404, "not_found", f"There is nothing at {self.path}.")
            return
        listed: list[Plain] = [
            {"id": name, "object": "model", "created": 0, "owned_by": "weft"} for name in fake.models
        ]
        self._send_json(200, {"object": "list", "data": listed})

    def do_POST(self) -> None:
        body = self._body()
        if not isinstance(body, dict):
            self._send_error(400, "invalid_request_error", "The body is no JSON object.")
            return
        fault = self.server.fake._take_fault(self.path, body, self.headers.get("x-fake-fault"))
        if self._is_refused(fault):
            return
        if self.path == "/v1/chat/completions":
            self._complete(body, fault)
        elif self.path == "/v1/embeddings":
            self._embed(body, fault)
        else:
            self._send_error(404, "not_found", f"There is nothing at {self.path}.")

    def _body(self) -> Plain:
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > _BODY_BYTES_MAX:
            self.close_connection = True
            return None
        try:
            return cast(Plain, json.loads(self.rfile.read(int(length))))
        except (ValueError, RecursionError):
            return None

    def _is_refused(self, fault: Fault | None) -> bool:
        """Answer with a refusal, if the fault or a wrong key asks for one."""
        fake, told = self.server.fake, self.headers.get("authorization", "")
        if fault is None and fake.api_key is not None and told != f"Bearer {fake.api_key}":
            fault = "401"
        if fault == "echo-key":
            self._send_error(401, "invalid_api_key", f"Incorrect API key provided: {told.removeprefix('Bearer ')}.")
        elif fault == "html":
            self._send(200, "text/html; charset=utf-8", _PAGE)
        elif fault is not None and fault in _REFUSALS:
            status, code, message = _REFUSALS[fault]
            self._send_error(status, code, message, {"retry-after": fake.retry_after} if status == 429 else {})
        else:
            return False
        return True

    def _complete(self, body: dict[str, Plain], fault: Fault | None) -> None:
        message = self._message(body, fault)
        reason = {"length": "length", "filter": "content_filter"}.get(fault or "", "stop")
        if "tool_calls" in message:
            reason = "tool_calls"
        model = str(body.get("model"))
        if body.get("stream"):
            self._stream(_events(model, message, reason), fault, _usage_event(model, body, message))
            return
        choice: Plain = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
        answer: dict[str, Plain] = {"id": "fake", "object": "chat.completion", "created": 0, "model": model}
        self._answer({**answer, "choices": [choice], "usage": _usage(body, message)}, fault)

    def _message(self, body: dict[str, Plain], fault: Fault | None) -> dict[str, Plain]:
        question = _question(body.get("messages"))
        if fault == "refusal":
            return {"content": None, "refusal": "I cannot help with that."}
        if fault == "unfit":
            return {"content": "As a fake model I would rather not say."}
        call = _tool_call(body, question)
        if call is not None:
            return {"content": None, "tool_calls": [call]}
        return {"content": self.server.fake._take_reply(question, body.get("response_format"))}

    def _embed(self, body: dict[str, Plain], fault: Fault | None) -> None:
        wanted = body.get("input")
        texts = wanted if isinstance(wanted, list) else [wanted]
        asked = body.get("dimensions")
        dimensions = asked if isinstance(asked, int) and 0 < asked <= 4096 else self.server.fake.dimensions
        listed: list[Plain] = [
            {"object": "embedding", "index": place, "embedding": list(vector(str(text), dimensions))}
            for place, text in enumerate(texts)
        ]
        tokens = sum(_tokens(str(text)) for text in texts)
        usage: Plain = {"prompt_tokens": tokens, "total_tokens": tokens}
        self._answer({"object": "list", "model": body.get("model"), "data": listed, "usage": usage}, fault)

    def _answer(self, answer: Plain, fault: Fault | None) -> None:
        """Send an answer that is not streamed, with its fault."""
        content = json.dumps(answer, ensure_ascii=False).encode()
        self._wait_first(fault, hangs=True)
        if fault in ("cut", "clean-cut", "broken-json"):
            half = content[: len(content) // 2]
            self._send(200, "application/json", half, size_bytes=len(content) if fault == "cut" else len(half))
            self.close_connection = True
            return
        if fault == "drip":
            self._begin_chunks("application/json")
            self._go_on(fault)
            self._send_chunk(content)
            self._send_chunk(b"")
            return
        self._send(200, "text/plain" if fault == "wrong-type" else "application/json", content)

    def _stream(self, events: Sequence[str], fault: Fault | None, usage: str | None) -> None:
        self._begin_chunks("text/plain" if fault == "wrong-type" else "text/event-stream")
        for event in _with_fault(events, fault):
            self._wait_first(fault, hangs=event is events[-2])
            if event is events[-2]:
                self._go_on(fault)
            if event == "[DONE]" and usage is not None and fault != "early-done":
                self._send_chunk(f"data: {usage}\n\n".encode())
            self._send_chunk(f"data: {event}\n\n".encode())
        if fault == "cut":
            self._send_chunk(b'data: {"choices":[{"index":0,"delta":{"con')
            self.close_connection = True
            return
        self._send_chunk(b"")

    def _wait_first(self, fault: Fault | None, *, hangs: bool) -> None:
        fake = self.server.fake
        if fault == "slow":
            fake._released.wait(fake.slow_s)
        elif fault == "hang" and hangs:
            fake._hanging.set()
            fake._released.wait()

    def _go_on(self, fault: Fault | None) -> None:
        """Send what has no end, if that is the fault, until `resume` or the server's end."""
        fake = self.server.fake
        if fault is not None and (content := _ON_AND_ON.get(fault)):
            while not fake._released.wait(_ON_AND_ON_S):
                self._send_chunk(content)
                fake._hanging.set()
            self._send_chunk(b"\n")

    def _begin_chunks(self, content_type: str) -> None:
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _send_chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        self.wfile.flush()

    def _send_error(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        self._send_json(status, {"error": {"message": message, "type": code, "param": None, "code": code}}, headers)

    def _send_json(self, status: int, body: Plain, headers: Mapping[str, str] | None = None) -> None:
        self._send(status, "application/json", json.dumps(body).encode(), headers=headers)

    def _send(
        self,
        status: int,
        content_type: str,
        content: bytes,
        *,
        size_bytes: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(content) if size_bytes is None else size_bytes))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _events(model: str, message: Mapping[str, Plain], reason: str) -> list[str]:
    """The chunks of a streamed answer, the finish reason alone in the last but `[DONE]`."""
    text = message.get("content")
    deltas: list[dict[str, Plain]] = [{"role": "assistant", "content": ""}]
    if isinstance(text, str):
        deltas += [{"content": piece} for piece in re.findall(r"\s*\S+|\s+$", text)]
    deltas += [{name: part} for name, part in message.items() if name != "content"]
    chunks = [_chunk(model, delta, None) for delta in deltas]
    return [*chunks, _chunk(model, {}, reason), "[DONE]"]


def _chunk(model: str, delta: dict[str, Plain], reason: str | None) -> str:
    choice: Plain = {"index": 0, "delta": delta, "finish_reason": reason}
    return json.dumps(
        {"id": "fake", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]},
        ensure_ascii=False,
    )


def _tokens(text: str) -> int:
    """A word is a token here."""
    return len(text.split())


def _usage(body: Mapping[str, Plain], message: Mapping[str, Plain]) -> dict[str, Plain]:
    turns = body.get("messages")
    said = [turn.get("content") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    asked, answered = sum(_tokens(str(text)) for text in said), _tokens(str(message.get("content") or ""))
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _usage_event(model: str, body: Mapping[str, Plain], message: Mapping[str, Plain]) -> str | None:
    """The chunk that counts tokens, where it was asked for."""
    options = body.get("stream_options")
    if not isinstance(options, dict) or options.get("include_usage") is not True:
        return None
    chunk: Plain = {"id": "fake", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": []}
    assert isinstance(chunk, dict)
    return json.dumps(chunk | {"usage": _usage(body, message)})


def _with_fault(events: Sequence[str], fault: Fault | None) -> Iterator[str]:
    """The events that are still sent, with what the fault puts in their place."""
    begun = events[: max(2, len(events) // 2)]
    match fault:
        case "cut" | "clean-cut":
            yield from begun
        case "early-done":
            yield from (*begun, "[DONE]")
        case "broken-json":
            yield from (*begun, events[0][:20])
        case "error-event":
            yield from (*begun, json.dumps({"error": {"message": "The engine ran out of memory."}}))
        case _:
            yield from events


def _question(messages: Plain) -> str:
    """What the user said last."""
    for turn in reversed(messages) if isinstance(messages, list) else ():
        if isinstance(turn, dict) and turn.get("role") == "user":
            content = turn.get("content")
            return content if isinstance(content, str) else json.dumps(content, sort_keys=True)
    return ""


def _tool_call(body: dict[str, Plain], question: str) -> dict[str, Plain] | None:
    """A call of the first tool, or of the one that is asked for; None where the choice is left to the model."""
    tools, choice = body.get("tools"), body.get("tool_choice")
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    wanted = choice.get("function") if isinstance(choice, dict) else None
    name = wanted.get("name") if isinstance(wanted, dict) else None
    for function in functions if choice == "required" or name is not None else ():
        if isinstance(function, dict) and name in (None, function.get("name")):
            arguments = json.dumps(answer_object(function.get("parameters"), question), ensure_ascii=False)
            called: Plain = {"name": function.get("name"), "arguments": arguments}
            return {"index": 0, "id": "call_1", "type": "function", "function": called}
    return None
