"""Blobs: content that is given first, and named by its id in what is told afterwards; and given out again.

Knows nothing of how content travels.
Invariant: content is known by its id alone: no name of a file leads to any, and none is shown as what it may pretend
to be.
Source: git's objects; attachments.
"""

from __future__ import annotations

from weft.blob import Blob
from weft.content import parse_cid
from weft.dag_json import json_of
from weft.server.entities import thing_in
from weft.server.mentions import shows
from weft.server.method import Call, Json, Method
from weft.server.schemas import NAME, SPACE
from weft.server.types import BLOB
from weft.store import NoBlob
from weft.value import shape_of


def _create(call: Call) -> Json:
    content = call.given["content"]
    assert isinstance(content, Blob)
    media_type = call.given.get("media_type")
    blob = content if media_type is None else Blob(content.id, media_type, content.size_bytes, content._source)
    call.space.keep(blob)
    call.served.uploads.note(call.given["space"], call.caller.user, blob.id)
    said = json_of(shape_of(Blob).to_plain(blob))
    assert isinstance(said, dict)
    return said


def _get(call: Call) -> Blob:
    id = parse_cid(call.given["blob"])
    if "entity" in call.given:
        with call.space.view() as engine:
            if not shows(engine, thing_in(engine, call.given["entity"]).id, id):
                raise NoBlob(cid=call.given["blob"])
    found = call.space.kept(id)
    if found is None:
        raise NoBlob(cid=call.given["blob"])
    return found


BLOBS = (
    Method(
        service="blobs", name="create", http="POST", path="/spaces/{space}/blobs", act=_create, capability="edit",
        reach="entity", changes=True, takes_content=True, given={**SPACE, "entity": NAME, "media_type": NAME},
        summary="Keep content, given as it is; what is answered names it in fields that hold blobs. Who may act upon "
        "some entities alone says for which.",
        gives=BLOB,
    ),
    Method(
        service="blobs", name="get", http="GET", path="/spaces/{space}/blobs/{blob}", act=_get, capability="read",
        reach="entity", gives_content=True, gives={}, given={**SPACE, "blob": NAME, "entity": NAME},
        summary="Content by its id, as an attachment. Who may read some entities alone names the one that shows it.",
    ),
)  # fmt: skip
