"""Orders: a call written as a message for a worker process, and read there.

Arguments travel as the bytes of their annotations' shapes, operations and services by where they are defined: a service
as its *recipe*, the name of a class and the settings to make it with. What cannot travel is refused before anything is
sent, with the next step.

Knows nothing of pipes or processes.
Invariant: a worker runs an order only with code whose version and settings are those that the order names.
Source: multiprocessing's spawn, minus pickle; Nix recipes.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from weft.blob import Blob, Opener
from weft.call import AttemptId, Call
from weft.content import Cid, Plain, encode
from weft.errors import Unencodable, WeftError
from weft.operation import Operation, Parameter, operation_of
from weft.runners.frames import Message
from weft.runners.origin import NotFindable, Origin, load, origin_named, origin_of
from weft.value import shape_of


@runtime_checkable
class Recipe(Protocol):
    """What a service offers so that another process can make its own."""

    def recipe(self) -> tuple[str, Mapping[str, Plain]]:
        """ "module:ClassName", and the settings to call it with by keyword."""
        ...


class NoRecipe(WeftError):
    """{operation} cannot run in a worker process: its service {service}, a {kind}, {why}. Give its class a method
    `recipe` that returns "module:ClassName" and plain settings by keyword, or use runner="thread"."""

    operation: str
    service: str
    kind: str
    why: str


class BadArgument(WeftError):
    """{operation} cannot run in a worker process: its argument {argument} cannot be sent, {reason}. Pass a value of the
    annotated type, {wanted}, or use runner="thread"."""

    operation: str
    argument: str
    reason: str
    wanted: str


class OtherCode(WeftError):
    """{operation} was not run: the worker process finds it as {found}, but it was asked for as {wanted}. The source
    changed while the program ran: start the program again."""

    operation: str
    found: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a worker finds what a call needs; made when the call is queued, to refuse early what cannot travel."""

    operation: Message
    services: Message


def address_of(call: Call) -> Address:
    """The address of a call's operation and services. Raises `NotFindable`, `NoRecipe` or `BadArgument`."""
    operation = call.operation
    bare, args, keywords = _unbound(operation.function)
    hints = _annotations(bare) if args or keywords else {}
    bound: list[Plain] = [_sent(call, name, hints[name], value) for name, value in zip(hints, args, strict=False)]
    by_name: dict[str, Plain] = {name: _sent(call, name, hints[name], value) for name, value in keywords.items()}
    return Address(
        operation={
            "origin": _origin_message(origin_of(bare)),
            "name": operation.name,
            "version": operation.version,
            "bound": bound,
            "keywords": by_name,
        },
        services={name: _recipe_message(call, name, service) for name, service in call.services.items()},
    )


def greeting(directory: str) -> Message:
    """The first message to a worker: where to look up modules, and where to put files."""
    path: list[Plain] = [os.path.abspath(each) for each in sys.path]
    return {"path": path, "python_path": os.environ.get("PYTHONPATH"), "directory": directory}


def order_of(call: Call, address: Address) -> tuple[Message, Mapping[Cid, Blob]]:
    """The whole message, and the blobs whose content it may ask for. Raises `BadArgument`."""
    given = list(zip(call.operation.inputs, call.arguments, strict=False))
    arguments: list[Plain] = [_sent(call, each.name, each.annotation, value) for each, value in given]
    blobs = (blob for each, value in given for blob in shape_of(each.annotation).blobs(value))
    order: Message = {
        "do": "call",
        "id": [*call.id.row],
        "operation": address.operation,
        "services": address.services,
        "arguments": arguments,
    }
    return order, {blob.id: blob for blob in blobs}


class Bench:
    """A worker's side: operations and services, each found or made once and kept."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._operations: dict[bytes, Operation] = {}
        self._services: dict[bytes, object] = {}

    def call_of(self, order: Message) -> Call:
        """The call that an order stands for. Raises `NotFindable`, `OtherCode`, `Undecodable`, or as user code does."""
        epoch, number = cast("list[int]", order["id"])
        operation = self._operation(cast("Message", order["operation"]))
        arguments = cast("list[bytes]", order["arguments"])
        services = cast("dict[str, Message | None]", order["services"])
        return Call(
            AttemptId(epoch, number),
            operation,
            tuple(self._received(each, sent) for each, sent in zip(operation.inputs, arguments, strict=False)),
            {name: None if made is None else self._service(made) for name, made in services.items()},
        )

    def _operation(self, asked: Message) -> Operation:
        key = encode(asked)
        if key not in self._operations:
            self._operations[key] = self._found(asked)
        return self._operations[key]

    def _found(self, asked: Message) -> Operation:
        bare = cast("Callable[..., object]", load(_origin(cast("Message", asked["origin"]))))
        args, keywords = cast("list[bytes]", asked["bound"]), cast("dict[str, bytes]", asked["keywords"])
        function = bare
        if args or keywords:
            hints = _annotations(bare)
            function = functools.partial(
                bare,
                *(shape_of(hint).decode(sent) for hint, sent in zip(hints.values(), args, strict=False)),
                **{name: shape_of(hints[name]).decode(sent) for name, sent in keywords.items()},
            )
        operation = operation_of(function)
        if operation.version != asked["version"]:
            raise OtherCode(
                operation=cast("str", asked["name"]),
                found=f"version {operation.version}",
                wanted=f"version {cast('str', asked['version'])}",
            )
        return operation

    def _received(self, parameter: Parameter, sent: bytes) -> object:
        return shape_of(parameter.annotation).decode(sent, self._opener)

    def _service(self, made: Message) -> object:
        key = encode(made)
        if key not in self._services:
            kind = cast("Callable[..., object]", load(_origin(cast("Message", made["origin"]))))
            self._services[key] = kind(**cast("dict[str, Plain]", made["settings"]))
        return self._services[key]


def _sent(call: Call, name: str, annotation: object, value: object) -> bytes:
    try:
        return shape_of(annotation).encode(value)
    except Unencodable as error:
        raise BadArgument(
            operation=call.operation.name,
            argument=name,
            reason=str(error).rstrip("."),
            wanted=inspect.formatannotation(annotation),
        ) from error


def _unbound(fn: Callable[..., object]) -> tuple[Callable[..., object], tuple[object, ...], dict[str, object]]:
    """The function beneath partials, and what they bind, outer ones last."""
    args: tuple[object, ...] = ()
    keywords: dict[str, object] = {}
    while isinstance(fn, functools.partial):
        args, keywords, fn = fn.args + args, {**fn.keywords, **keywords}, fn.func
    return fn, args, keywords


def _annotations(bare: Callable[..., object]) -> dict[str, object]:
    """By parameter, in their order; what has none is taken as plain."""
    hints = typing.get_type_hints(bare, include_extras=True)
    return {name: hints.get(name, object) for name in inspect.signature(bare).parameters}


def _recipe_message(call: Call, name: str, service: object) -> Message | None:
    if service is None:
        return None
    kind = type(service).__qualname__
    refusal = functools.partial(NoRecipe, operation=call.operation.name, service=name, kind=kind)
    if not isinstance(service, Recipe):
        raise refusal(why="has no recipe by which the worker could make its own")
    target, settings = service.recipe()
    try:
        origin = origin_named(target)
    except NotFindable as error:
        raise refusal(why=f"names {target!r} as its recipe, and {error.why}") from error
    message: Message = {"origin": _origin_message(origin), "settings": dict(settings)}
    try:
        encode(message)
    except Unencodable as error:
        raise refusal(why=f"has settings that are not plain ({error})") from error
    return message


def _origin_message(origin: Origin) -> Message:
    return {
        "module": origin.module,
        "file": origin.file,
        "qualname": origin.qualname,
        "is_script": origin.is_script,
    }


def _origin(message: Message) -> Origin:
    module, qualname = cast("str", message["module"]), cast("str", message["qualname"])
    return Origin(module, cast("str | None", message["file"]), qualname, is_script=bool(message["is_script"]))
