"""The dry run: what each slot would come to, as far as that can be known without a call.

A slot whose inputs are known has a call key; if that key's value is kept, the slot would take it over, and what reads
it is looked at in turn. So a change that was made and taken back is seen to cost nothing, however deep the graph.
Behind a call that would have to be made nothing is known: it may come to what is shown already.

Knows nothing of time, cost or words. Invariant: neither graph nor rows are changed, and no function is called.
Source: `make -n`; content-addressed builds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple, TypeAlias, cast

from weft.call_key import CallKeys
from weft.content import Cid, Plain, content_id, decode, encode, encoded_link, link
from weft.engine import Engine
from weft.graph import Edge, Slot, Source, ToldNode, Whole, branch_of, collected, edge_outcome, members_of
from weft.graph import target_of as pointed_to
from weft.identity import is_keyed, rule_of
from weft.matching.lists import identified
from weft.slot import Err, Gone, Ok, Outcome, is_same
from weft.spec import InputSpec, NodeSpec
from weft.store import NoBlob
from weft.tree import Member
from weft.vectors import vectors_for, wanted_for

Verdict: TypeAlias = Literal["call", "known", "unknown", "built in", "passed on", "untouched"]
"""A call would be made; its value is kept; its inputs are not settled yet; Weft's own rule; an input's error or
absence; it would turn out that nothing changed."""
Foreseen: TypeAlias = Outcome | None
"""What a place would show; None where that is not known."""


class Element(NamedTuple):
    """An element as a collection would have it: its id, what it would be, and of a mapping its key's bytes."""

    id: str
    outcome: Foreseen
    key: bytes | None = None


class Forecast:
    """A dry run over an engine's view. `offered`: names of the services that this program has; None: not known."""

    def __init__(self, engine: Engine, *, offered: Collection[str] | None = None) -> None:
        self.engine = engine
        self._keys = CallKeys(engine.fingerprints.keys() if offered is None else offered)
        self.seen: dict[Source, Foreseen] = {}
        self.verdicts: dict[Slot, Verdict] = {}
        self.new: Counter[tuple[str, str, str, Verdict]] = Counter()
        """Elements that are not there yet: (type, entity, node, verdict)."""
        self._elements: dict[Whole, list[Element] | None] = {}
        self._unpicked: list[Slot] = []
        """Choices whose test is not known: either branch may come to be asked for."""
        self._is_sure = True

    def run(self, roots: Iterable[Source]) -> None:
        """Look at these and at all they need. O(what is not current there)."""
        for root in roots:
            self._look(root)
        self._is_sure = False
        while self._unpicked:
            slot = self._unpicked.pop()
            for number in (1, 2):
                for edge in self._edge_to(slot, slot.spec.inputs[number], number):
                    self._look(edge.source)
        self._is_sure = True

    def _look(self, root: Source) -> None:
        stack = [root]
        while stack:
            node = stack[-1]
            if node.current or node in self.seen:
                stack.pop()
                continue
            needs = [one for one in self._needs(node) if not one.current and one not in self.seen]
            if needs:
                stack.extend(needs)
            else:
                stack.pop()
                self.seen[node] = self._foresee(node)

    def _needs(self, node: Source) -> list[Source]:
        if isinstance(node, ToldNode):
            return []
        if isinstance(node, Slot) and node.spec.kind == "choose":
            test = [edge for edge in node.edges if edge.input in (0, ~0)]
            return [edge.source for edge in (*test, *self._branch(node))]
        return [edge.source for edge in node.edges]

    def _foresee(self, node: Source) -> Foreseen:
        if isinstance(node, Whole):
            return self._whole(node)
        if isinstance(node, ToldNode):
            return node.outcome()
        verdict, outcome = self._slot(node)
        # Behind a choice that is not made yet all is unknown, also what would be a call or a known value.
        self.verdicts[node] = verdict if self._is_sure else "unknown"
        return outcome

    # ---- one slot ----
    def _slot(self, slot: Slot) -> tuple[Verdict, Foreseen]:
        edges = [edge for edge in slot.edges if edge.input >= 0 and edge.mode is not None]
        if slot.due is None and all(self._is_as_shown(edge) for edge in slot.edges):
            return "untouched", slot.outcome()
        if slot.spec.kind == "choose":
            return self._choose(slot)
        by_number = {edge.input: edge for edge in edges}
        given: list[Foreseen] = []
        for number, entry in enumerate(slot.spec.inputs):
            edge = by_number.get(number)
            outcome: Foreseen = self._given(edge) if edge is not None else Gone("its reference leads nowhere")
            if outcome is None:
                return "unknown", None
            if entry.mode != "state" and not isinstance(outcome, Ok):
                return "passed on", _passed_on(outcome)
            given.append(outcome)
        if slot.spec.kind not in ("derive", "each"):
            return self._built_in(slot, [one for one in given if isinstance(one, Ok)])
        names = self._names(slot, by_number, given)
        return ("unknown", None) if names is None else self._called(slot, names, given)

    def _is_as_shown(self, edge: Edge) -> bool:
        if edge.source.current:
            return True
        given = self._given(edge)
        return given is not None and is_same(given, edge_outcome(edge))

    def _given(self, edge: Edge) -> Foreseen:
        """What an edge would give its reader."""
        source = edge.source
        if source.current:
            return edge_outcome(edge)
        if edge.mode == "settled" and isinstance(source, Whole):
            return _good(source.spec, self._elements.get(source))
        outcome = self.seen.get(source)
        if not edge.element or not isinstance(outcome, Ok):
            return outcome
        found = next((one for one in members_of(source.spec, outcome) if one.element == edge.element), None)
        return Ok(found.content, found.encoded) if found is not None else Gone("it would not be there any more")

    def _choose(self, slot: Slot) -> tuple[Verdict, Foreseen]:
        branch = self._branch(slot)
        test = next((self._given(edge) for edge in slot.edges if edge.input == 0), Gone("its reference leads nowhere"))
        if test is None:
            self._unpicked.append(slot)
            return "unknown", None
        if not isinstance(test, Ok):
            return "passed on", _passed_on(test)
        outcome = self._given(branch[-1]) if branch else Gone("its reference leads nowhere")
        return ("unknown", None) if outcome is None else ("built in", outcome)

    def _branch(self, slot: Slot) -> list[Edge]:
        """The edges of the branch that the test would pick; none where the test is not known."""
        edge = next((edge for edge in slot.edges if edge.input == 0), None)
        is_known = edge is not None and (edge.source.current or edge.source in self.seen)
        test = self._given(edge) if edge is not None and is_known else None
        if not isinstance(test, Ok):
            return []
        number = 1 if decode(test.encoded) is True else 2
        if branch_of(slot) == number:
            return [edge for edge in slot.edges if edge.input == number]
        return self._edge_to(slot, slot.spec.inputs[number], number)

    def _edge_to(self, slot: Slot, entry: InputSpec, number: int) -> list[Edge]:
        """An edge that the graph does not have yet; it is not attached."""
        source: Source | None
        element = ""
        if entry.ref:
            target = pointed_to(slot.thing.nodes[entry.ref].outcome())
            if target is None:
                return []
            source = self.engine.node(target[0], entry.node or target[1])
            element = "" if entry.node else target[2]
        else:
            source = slot.thing.nodes[entry.node]
        return [Edge(source, slot, mode=entry.mode, element=element, since=0, number=number)] if source else []

    def _built_in(self, slot: Slot, given: list[Ok]) -> tuple[Verdict, Foreseen]:
        key, _ = self._key(slot.spec, [encoded_link(one.content) for one in given])
        result = slot.result
        same = result is not None and result.call_key == key and isinstance(result.outcome, Ok)
        return "built in", result.outcome if same and result is not None else None

    # ---- call keys ----
    def _names(self, slot: Slot, edges: dict[int, Edge], given: list[Foreseen]) -> list[bytes] | None:
        """What names each input in the call key, encoded; None where that is not known."""
        names: list[bytes] = []
        for number, outcome in enumerate(given):
            edge, mode = edges.get(number), slot.spec.inputs[number].mode
            if mode == "state":
                if edge is None or (not edge.source.current and not isinstance(outcome, Ok)):
                    return None
                names.append(encode(_state_name(edge.source, cast("Outcome", outcome))))
                continue
            assert isinstance(outcome, Ok)
            if slot.spec.kind == "each" and number == 0:
                key = self._element_key(slot)
                names += [encoded_link(content_id(key))] if key is not None else []
            names.append(encoded_link(outcome.content))
        return names

    def _element_key(self, slot: Slot) -> bytes | None:
        """Of an element of a mapping: its key's bytes, which each call is given before the value."""
        whole = slot.thing.nodes[slot.key.node]
        assert isinstance(whole, Whole)
        listed = self._listed(whole.base) or []
        return next((one.key for one in listed if one.id == slot.key.element), None)

    def _called(self, slot: Slot, names: list[bytes], given: list[Foreseen]) -> tuple[Verdict, Foreseen]:
        if slot.spec.own:
            own = encoded_link(slot.last.content) if slot.last is not None else encode(slot.spec.initial)
            if self._has_same_inputs(slot, names):
                return "known", slot.outcome()
            names = [own, *names]
        key, _ = self._key(slot.spec, names)
        known = self._recall(key)
        if known is None:
            return "call", None
        result = slot.result
        if result is not None and result.call_key == key and isinstance(result.outcome, Ok):
            return "known", result.outcome
        return self._with_ids(slot, known, given)

    def _has_same_inputs(self, slot: Slot, names: list[bytes]) -> bool:
        """Whether a node that is given its own last value shows one made from these very inputs."""
        result = slot.result
        if result is None or not isinstance(result.outcome, Ok) or result.call_key is None:
            return False
        preimage = self.engine.preimage(result.call_key)
        inputs = cast("list[Plain]", decode(preimage))[-1] if preimage else None
        if not isinstance(inputs, list) or not inputs:
            return False
        return self._key(slot.spec, [encode(inputs[0]), *names])[1] == preimage

    def _key(self, spec: NodeSpec, names: list[bytes]) -> tuple[Cid, bytes]:
        return self._keys.key(spec, names, self.engine.fingerprints)

    def _recall(self, key: Cid) -> Ok | None:
        # Not by the engine's own `recall`, which remembers what it asked the store in vain.
        said = self.engine.first_said(key)
        try:
            return self.engine.value_of(said) if said is not None else None
        except NoBlob:
            return None

    def _with_ids(self, slot: Slot, known: Ok, given: list[Foreseen]) -> tuple[Verdict, Foreseen]:
        """A list with the ids that its elements would get; a call where vectors have to be asked for first."""
        if not is_keyed(slot):
            return "known", known
        rule = rule_of(slot.spec)
        if slot.spec.match and not rule.matchers:
            return "known", None  # what tells its elements apart is a program's code, which is not here
        vectors: dict[str, bytes] = {}
        if rule.embedded is not None:
            held = self.engine.held(slot)
            vectors = vectors_for(self.engine, rule.embedded, known.encoded, held)
            if wanted_for(rule.embedded, None, held, known.encoded, frozenset(vectors)) is not None:
                return "call", None
        ids = frozenset(id for one in given if isinstance(one, Ok) for id in one.elements or ())
        by, at, elements = f"{self.engine.cut}/0/0", self.engine.cut, self.engine.elements(slot.key)
        found = identified(slot.key, rule, known, elements, given=ids, accepted_by=by, at=at, vectors=vectors)
        return "known", found.outcome

    # ---- collections ----
    def _whole(self, whole: Whole) -> Foreseen:
        listed = self._listed(whole.source)
        if listed is None:
            self._elements[whole] = None
            return None
        found: list[Element] = []
        for element in listed:
            slot = whole.slots.get(element.id)
            if slot is None:
                found.append(Element(element.id, self._new(whole, element), element.key))
            else:
                found.append(Element(element.id, slot.outcome() if slot.current else self.seen.get(slot), element.key))
        self._elements[whole] = found
        return _gathered(whole.spec, found)

    def _listed(self, source: Source) -> list[Element] | None:
        """The elements that a source would have; None where that is not known."""
        if isinstance(source, Whole) and not source.current:
            return self._elements.get(source)
        if isinstance(source, Whole):
            return [Element(id, slot.outcome()) for id in source.element_ids() if (slot := source.slots.get(id))]
        if source.current:
            return [_element(member) for member in source.members()]
        outcome = self.seen.get(source)
        if outcome is None:
            return None
        return [_element(member) for member in members_of(source.spec, outcome)]

    def _new(self, whole: Whole, element: Element) -> Foreseen:
        """An element that would come: it has no slot yet."""
        verdict, outcome = self._new_verdict(whole, element)
        verdict = verdict if self._is_sure else "unknown"
        self.new[whole.thing.type.name, whole.thing.id, whole.spec.name, verdict] += 1
        return outcome

    def _new_verdict(self, whole: Whole, element: Element) -> tuple[Verdict, Foreseen]:
        outcomes: list[Foreseen] = [element.outcome]
        for entry in whole.spec.inputs[1:]:
            source = whole.thing.nodes.get(entry.node) if not entry.ref and entry.mode == "plain" else None
            outcomes.append(None if source is None else source.outcome() if source.current else self.seen.get(source))
        if any(one is None for one in outcomes):
            return "unknown", None
        if not all(isinstance(one, Ok) for one in outcomes):
            return "passed on", Gone("an input is not there")
        names = [encoded_link(one.content) for one in outcomes if isinstance(one, Ok)]
        if element.key is not None:
            names.insert(0, encoded_link(content_id(element.key)))
        known = self._recall(self._key(whole.spec, names)[0])
        return ("known", known) if known is not None else ("call", None)


def _element(member: Member) -> Element:
    return Element(member.element, Ok(member.content, member.encoded), member.key)


def _passed_on(outcome: Outcome) -> Outcome:
    return Err("InputFailed", outcome.message, outcome.where, outcome.origin) if isinstance(outcome, Err) else outcome


def _state_name(source: Source, outcome: Outcome) -> Plain:
    match outcome:
        case Ok(content):
            return ["settled", link(content)]
        case Err():
            last = source.last if isinstance(source, Slot) else None
            return ["failed", outcome.message, None if last is None else link(last.content)]
        case Gone():
            return ["absent"]


def _gathered(spec: NodeSpec, found: list[Element]) -> Foreseen:
    for one in found:
        if isinstance(one.outcome, Err):
            return one.outcome
    if any(one.outcome is None for one in found):
        return None
    return _good(spec, found) if all(isinstance(one.outcome, Ok) for one in found) else Gone("not computed yet")


def _good(spec: NodeSpec, found: list[Element] | None) -> Foreseen:
    """The elements that would settle well, as one collection."""
    if found is None or any(one.outcome is None for one in found):
        return None
    members = [
        Member(one.id, one.outcome.content, one.outcome.encoded, one.key)
        for one in found
        if isinstance(one.outcome, Ok)
    ]
    return collected(spec, members)
