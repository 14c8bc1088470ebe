"""The fake model server as its users see it: answers, faults, and an end without traces."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import cast

import pytest

from weft.content import Plain
from weft.services.fake_model import FakeModel, main

CHAT = {"model": "any", "messages": [{"role": "user", "content": "Hello"}]}


def post(url: str, body: Mapping[str, object], **headers: str) -> tuple[int, dict[str, Plain]]:
    request = urllib.request.Request(
        url,
        json.dumps(body).encode(),
        {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as response:
            return response.status, cast(dict[str, Plain], json.load(response))
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, cast(dict[str, Plain], json.load(refused))


def message(answer: Mapping[str, Plain]) -> dict[str, Plain]:
    choices = cast(list[dict[str, dict[str, Plain]]], answer["choices"])
    return choices[0]["message"]


def test_a_completion_that_is_not_streamed_has_a_message_and_a_finish_reason() -> None:
    with FakeModel() as url:
        status, answer = post(url + "/chat/completions", CHAT)

    assert status == 200
    assert "Hello" in str(message(answer)["content"])
    assert cast(list[dict[str, Plain]], answer["choices"])[0]["finish_reason"] == "stop"


def test_a_fault_is_chosen_by_header_then_model_then_script_then_server() -> None:
    fake = FakeModel(fault="500", script=["404", None])
    with fake as url:
        chat = url + "/chat/completions"
        statuses = [
            post(chat, CHAT, x_fake_fault="401")[0],
            post(chat, {**CHAT, "model": "fake-429"})[0],
            post(chat, CHAT)[0],
            post(chat, CHAT)[0],
            post(chat, CHAT)[0],
        ]

    assert statuses == [401, 429, 404, 200, 500]
    assert [asked.fault for asked in fake.asked] == ["401", "429", "404", None, "500"]
    assert fake.requests == 5


def test_models_are_listed() -> None:
    with FakeModel(models=("a", "b")) as url, urllib.request.urlopen(url + "/models", timeout=5) as response:
        listed = json.load(response)

    assert [model["id"] for model in listed["data"]] == ["a", "b"]


def test_a_tool_that_is_asked_for_is_called_with_fitting_arguments() -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
    tools = [{"type": "function", "function": {"name": name, "parameters": parameters}} for name in ("rain", "sun")]
    with FakeModel() as url:
        required = message(post(url + "/chat/completions", {**CHAT, "tools": tools, "tool_choice": "required"})[1])
        choice = {"type": "function", "function": {"name": "sun"}}
        named = message(post(url + "/chat/completions", {**CHAT, "tools": tools, "tool_choice": choice})[1])
        free = message(post(url + "/chat/completions", {**CHAT, "tools": tools})[1])

    def called(answer: dict[str, Plain]) -> dict[str, str]:
        return cast(list[dict[str, dict[str, str]]], answer["tool_calls"])[0]["function"]

    assert called(required)["name"] == "rain"
    assert called(named)["name"] == "sun"
    assert json.loads(called(named)["arguments"])["days"] == 1
    assert "tool_calls" not in free


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with FakeModel() as url:
        request = urllib.request.Request(url + "/chat/completions", body, {"content-type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=5)
        refused.value.close()

    assert refused.value.code == 400


def test_other_paths_are_not_found() -> None:
    with FakeModel() as url:
        assert post(url + "/elsewhere", CHAT)[0] == 404
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url + "/elsewhere", timeout=5)
        refused.value.close()


def test_leaving_ends_idle_connections_and_every_thread() -> None:
    before = threading.active_count()
    with FakeModel() as url:
        host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as idle:
            idle.sendall(b"GET /v1/models HTTP/1.1\r\nhost: here\r\n\r\n")
            assert idle.recv(1) == b"H"

    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)


def test_a_server_can_be_entered_again() -> None:
    fake = FakeModel()
    for _ in range(2):
        with fake as url:
            assert post(url + "/chat/completions", CHAT)[0] == 200

    assert fake.requests == 2


def test_the_command_prints_its_address_and_ends_when_interrupted() -> None:
    program = "from weft.services.fake_model import main; main(0, ['429', 'ok'])"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        statuses = [post(url + "/chat/completions", CHAT)[0] for _ in range(2)]
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(timeout=30)
        finally:
            process.kill()

    assert statuses == [429, 200]
    assert code == 0


def test_an_unknown_fault_is_refused_with_the_list_of_them() -> None:
    with pytest.raises(ValueError, match="clean-cut"):
        main(0, ["explode"])
