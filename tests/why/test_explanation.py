"""Explanations: one graph of reasons, however it is told."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

import weft
from tests.past.operations import Shelf
from tests.reactive.runs import Runs
from tests.stories.operations import Echo, Model, answer
from weft import Entity, Field, derive, entries, field
from weft.content import Cid, content_id, encode, parse_cid
from weft.engine import Settling
from weft.operation import Retry
from weft.slot import Err, Ok
from weft.why.explanation import Explanation, explain
from weft.why.mermaid import escaped
from weft.why.reading import reasons


def inc(n: int) -> int:
    return n + 1


def add(a: int, b: int) -> int:
    return a + b


def broken(n: int) -> int:
    raise ValueError(f"not {n}")


class Diamond(Entity):
    n: Field[int] = field(default=0)
    left = derive(inc, n)
    right = derive(inc, n)
    both = derive(add, left, right)
    bad = derive(broken, n)
    worse = derive(inc, bad)


class Chat(Entity):
    prompt: Field[str] = field(default="hi")
    notes = entries(str, str)
    reply = derive(answer, prompt)


def said(world: Runs, node: str, element: str = "") -> Explanation:
    return explain(world.engine, "a", node, element)


def nodes_of(explanation: Explanation) -> dict[str, Any]:
    return {node["node"]: node for node in json.loads(explanation.json())["nodes"]}


# The graph -----------------------------------------------------------------------------------------------------------


def test_a_shared_input_is_one_reason_however_many_read_it() -> None:
    world = Runs(Diamond, inline=True)
    world.create(Diamond, n=3, watch="both")
    world.settled()

    explanation = said(world, "both")

    assert [place[1] for place in explanation.reasons.found] == ["both", "left", "right", "n"]
    assert explanation.count("a.n = 3") == 2
    assert explanation.count("(see above)") == 1
    plain = explanation.plain()
    assert [node["node"] for node in plain["nodes"]] == ["both", "left", "right", "n"]  # type: ignore[index, union-attr, call-overload]
    assert explanation.mermaid().count("-->") == 4


def test_its_text_is_text() -> None:
    with weft.open(types=[Diamond]) as space:
        diamond = space.create(Diamond, n=1)
        diamond.both.wait(30)

        explanation = space.why(diamond.both)

    assert isinstance(explanation, str)
    assert str(explanation) == "\n".join(explanation.splitlines())
    assert "by local" in explanation
    assert json.loads(explanation.json())["position"] == explanation.reasons.head


def test_a_long_chain_is_walked_without_recursion_and_cut_with_a_count() -> None:
    body: dict[str, Any] = {"__annotations__": {"n0": Field[int]}, "__module__": __name__, "n0": field(default=0)}
    for number in range(1, 3000):
        body[f"n{number}"] = derive(inc, body[f"n{number - 1}"])
    world = Runs(type("Chain", (Entity,), body), inline=True)
    world.create(world.types[0], watch="n2999")
    world.settled()

    explanation = said(world, "n2999")

    assert len(explanation.reasons.found) == 100
    assert "… 1 more inputs, and what they were made from" in explanation
    assert json.loads(explanation.json())["more"] == 1
    assert max(map(len, explanation.splitlines())) < 200
    assert len(reasons(world.engine, "a", "n2999", reasons_max=3000).found) == 3000


def test_one_element_is_counted_as_one() -> None:
    world = Runs(Shelf, inline=True)
    world.create(Shelf, watch="joined")
    world.add("a", "books", "art")
    world.settled()

    assert "a.loud: 1 element, one call each" in said(world, "loud")


def test_of_many_elements_a_dozen_are_named_and_the_others_counted() -> None:
    world = Runs(Shelf, inline=True)
    world.create(Shelf, watch="joined")
    world.add("a", "books", *(f"art {number}" for number in range(40)))
    world.settled()

    explanation = said(world, "loud")

    assert "a.loud: 40 elements, one call each" in explanation
    assert "of which 12 are shown" in explanation
    assert "over Shelf a.books" in explanation
    whole = nodes_of(explanation)["loud"]
    assert whole["kind"] == "computed" or (len(whole["inputs"]), whole["inputs_more"]) == (12, 28)
    told = said(world, "books")
    assert "… " not in told
    assert told.reasons.found["a", "books", ""].edits[0].said == tuple(f"books add 'art {n}'" for n in range(12))


def test_what_is_not_there_is_said_not_to_be() -> None:
    world = Runs(Diamond, inline=True)
    world.create(Diamond, watch="both")

    assert said(world, "nothing") == "Diamond a.nothing: not there"
    assert nodes_of(said(world, "nothing"))["nothing"]["kind"] == "missing"
    assert "not computed yet" in said(world, "both")
    assert [place[1] for place in said(world, "both").reasons.found] == ["both", "left", "right", "n"]


# What is known of a value --------------------------------------------------------------------------------------------


def test_json_names_operations_cuts_people_and_content_ids_that_can_be_decoded() -> None:
    world = Runs(Diamond, inline=True)
    world.create(Diamond, n=3, watch="both")
    world.settled()
    world.tell(["a", "n", "set", 4], actor="bob")

    nodes = nodes_of(said(world, "left"))

    left, told = nodes["left"], nodes["n"]
    assert left["call"]["operation"] == "tests.why.test_explanation/inc"
    assert (left["cut"], left["value"], left["state"]) == (2, 4, "value")
    assert left["how"] in ("ran", "reused")  # its twin makes the same call
    assert parse_cid(left["content_id"]) == content_id(encode(4))
    (given,) = left["inputs"]
    assert (given["id"], given["still_shown"]) == ("a.n", False)
    assert parse_cid(given["given"]) == content_id(encode(3))
    assert parse_cid(left["call"]["key"])
    assert "it is due" in left["standing"][0]
    (edit,) = told["edits"]
    assert (edit["actor"], edit["said"], edit["late"]) == ("bob", ["n set 4"], True)


def test_a_service_is_named_with_its_settings_and_what_it_costs() -> None:
    with weft.open(types=[Chat], services={Model: Echo("dear", cost="metered")}) as space:
        chat = space.create(Chat)
        chat.reply.wait(30)

        explanation = space.why(chat.reply)

    assert "with the service model: {name: 'dear'}, metered" in explanation
    (service,) = nodes_of(explanation)["reply"]["call"]["services"]
    assert (service["service"], service["fingerprint"], service["cost"]) == ("Model", {"name": "dear"}, "metered")
    assert service["in_force"] is True


def test_a_service_of_former_times_keeps_its_cost(tmp_path: Any) -> None:
    path = str(tmp_path / "s.weft")
    with weft.open(path, types=[Chat], services={Model: Echo("dear", cost="metered")}) as space:
        space.create(Chat).reply.wait(30)
    with weft.open(path, types=[Chat], services={Model: Echo("cheap", cost="free")}) as space:
        (chat,) = space.find(Chat)

        explanation = space.why(chat.reply)

    assert "{name: 'dear'}, metered (another one is in force now)" in explanation


def test_a_failure_says_where_it_began_and_what_was_good_before() -> None:
    world = Runs(Diamond, inline=True)
    world.create(Diamond, n=3, watch="worse")
    world.settled()

    explanation = said(world, "worse")

    assert "it began in a.bad" in explanation
    failure = nodes_of(explanation)["bad"]["failure"]
    assert (failure["error"], failure["message"], failure["final"]) == ("ValueError", "not 3", True)
    assert nodes_of(explanation)["worse"]["failure"]["origin"] == "a.bad"


def patient(n: int) -> int:
    return n


class Trying(Entity):
    n: Field[int] = field(default=0)
    tried = derive(patient, n, retry=Retry(attempts=3, delay_s=1))


def test_a_try_that_is_not_the_last_says_so() -> None:
    world = Runs(Trying)
    world.create(Trying, watch="tried")
    world.step()
    world.answer("tried")
    world.set(n=1)
    world.step()
    world.fail(world.call_of("tried"))

    explanation = said(world, "tried")

    assert "at try 1; it is tried again" in explanation
    assert "the last good value was 0" in explanation


def test_superseded_results_stand_beside_what_is_shown_with_the_reason() -> None:
    world = Runs(Diamond, inline=True)
    world.create(Diamond, n=1, watch="left")
    world.settled()
    slot = world.slot("a", "left")
    world.set(n=2)
    world.settled()
    world.engine.settle(slot, Settling(2, Err("Late", "too late"), None, (1, 99)))
    world.engine.commit()

    explanation = said(world, "left")

    assert "failed: Late: too late (made at 2, older than what stands from 4)" in explanation
    (other,) = nodes_of(explanation)["left"]["alternatives"]
    assert (other["kind"], other["reason"]) == ("superseded", "made at 2, older than what stands from 4")


def test_what_the_same_call_also_gave_is_kept_beside_it() -> None:
    world = Runs(Diamond, inline=True)
    world.create(Diamond, n=1, watch="left")
    world.settled()
    slot, result = world.slot("a", "left"), world.slot("a", "left").result
    assert result is not None and isinstance(result.outcome, Ok) and result.call_key is not None
    other = Ok(content_id(encode(77)), encode(77))
    world.engine.settle(slot, Settling(result.at, result.outcome, result.call_key, (1, 9), other=other))
    world.engine.commit()

    kinds = {one["kind"]: one for one in nodes_of(said(world, "left"))["left"]["alternatives"]}

    assert kinds["same call"]["text"] == "77"
    assert parse_cid(kinds["same call"]["content_id"]) == content_id(encode(77))
    assert "the same call also gave, at" in said(world, "left")


def test_values_told_at_the_same_time_are_told_apart() -> None:
    world = Runs(Chat)
    world.create(Chat, prompt="first")
    base = world.engine.cut
    world.tell(["a", "prompt", "set", "ann's"], ["a", "notes", "put", "k", "one"], base=base)
    world.tell(["a", "prompt", "set", "bob's"], ["a", "notes", "put", "k", "two"], base=base, actor="bob")

    for node, text in (("prompt", '"ann\'s"'), ("notes", "'one'")):
        assert f"not seen by the author: {text} by ann" in said(world, node)
        (other,) = nodes_of(said(world, node))[node]["alternatives"]
        assert (other["kind"], other["actor"]) == ("told", "ann")


def test_an_element_says_by_what_it_was_known_again() -> None:
    world = Runs(Shelf, inline=True)
    world.create(Shelf, watch="topics")
    world.add("a", "books", "art one")
    world.settled()
    (art,) = world.slot("a", "topics").element_ids()
    first = nodes_of(said(world, "topics", art))["topics"]["match"]
    world.add("a", "books", "sea two")
    world.settled()
    later = nodes_of(said(world, "topics", art))["topics"]["match"]
    world.remove("a", "books", "art one")
    world.settled()

    assert (first["by"], first["key"], first["new"]) == ("name", "art", True)
    assert (later["by"], later["key"], later["new"]) == ("name", "art", False)
    assert nodes_of(said(world, "topics"))["topics"]["match"]["gone"] == ["art"]
    assert "ids by name; kept for a return of 'art'" in said(world, "topics")


# As a drawing --------------------------------------------------------------------------------------------------------

LABEL = r'[^"\x00-\x1f`;{}%<>|\\&]*'
TEXT = rf"(?:{LABEL}|#\d+;|<br/>)*"
NODE = rf' {{4}}(?:n\d+|more)(?:\(\["{TEXT}"\]\)|\["{TEXT}"\]|\[\["{TEXT}"\]\]|\{{\{{"{TEXT}"\}}\}}):::[a-z]+'
EDGE = r" {4}(?:n\d+|more) (?:-->|-\. changed since \.->) n\d+"
STYLE = r" {4}classDef [a-z]+ [a-z0-9:,# -]+"
LINE = re.compile(rf"flowchart TD|{NODE}|{EDGE}|{STYLE}")

HOSTILE = [
    '"]; click n0 "javascript:alert(1)"; n9["',
    "%%{init: {'theme':'dark'}}%%",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "end\nsubgraph x\n---\ntitle: y\n---",
    "`**bold** #quot; #35; &quot; \\ | {} [] () -->",
    "\x1b[31m\u202egnp.exe \u0000",
    "#9829; größer 日本 🙂",
]


def read_label(label: str) -> str:
    return unescape(re.sub(r"#(\d+);", r"&#\1;", label))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_value_gets_out_of_its_label(text: str) -> None:
    world = Runs(Chat)
    world.tell(["a", "", "create", "Chat"], ["a", "prompt", "set", text], actor=text)

    lines = said(world, "prompt").mermaid().splitlines()

    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert len(lines) == 2 + 5


@pytest.mark.parametrize("text", HOSTILE)
def test_a_label_still_says_what_the_value_says(text: str) -> None:
    visible = "".join(one if one.isprintable() and one != "\u202e" else " " for one in text)[:59]

    assert read_label(escaped(text)).rstrip("…").startswith(visible[:40])


def test_a_drawing_says_what_has_changed_since_and_what_is_left_out() -> None:
    world = Runs(Shelf, inline=True)
    world.create(Shelf, watch="joined")
    world.add("a", "books", *(f"art {number}" for number in range(200)))
    world.settled()
    world.remove("a", "books", "art 0")

    drawing = explain(world.engine, "a", "joined").mermaid()
    small = Explanation(reasons(world.engine, "a", "joined", reasons_max=3)).mermaid()

    assert "changed since" in drawing
    assert "more inputs" in small
    for line in (drawing + small).splitlines():
        assert LINE.fullmatch(line), line


def test_content_ids_are_those_of_the_values() -> None:
    world = Runs(Shelf, inline=True)
    world.create(Shelf, watch="joined")
    world.add("a", "books", "art")
    world.settled()

    for node in json.loads(said(world, "joined").json())["nodes"]:
        if node["kind"] == "computed" and node["state"] == "value":
            assert (
                parse_cid(node["content_id"]) == content_id(encode(node["value"])) == Cid(parse_cid(node["content_id"]))
            )


def test_a_value_too_large_for_a_line_is_shortened_and_named() -> None:
    world = Runs(Chat)
    world.create(Chat, prompt="x" * 10_000)

    node = nodes_of(said(world, "prompt"))["prompt"]

    assert len(node["text"]) <= 120
    assert "value" not in node
    assert node["size"] == 10_003


def test_how_far_back_was_looked_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.why.reading.LOOKED_BACK_MAX", 2)
    world = Runs(Diamond, inline=True)
    world.create(Diamond, n=1, watch="left")
    world.settled()
    world.set(n=2)
    world.settled()

    explanation = said(world, "left")

    behind = world.engine.head.position - 2
    assert f"(results superseded up to position {behind} were not looked for)" in explanation
    assert json.loads(explanation.json())["superseded_after"] == behind
