"""References through whatever a model makes of a list: rename, reorder, merge, split, disappearance and return."""

from __future__ import annotations

import random

from tests.identity.shelves import CLIMATE, CODE, GARDENS, Shelf, Shelves, Topic, View
from weft.slot import Gone


def test_a_renamed_topic_keeps_its_id_and_its_references() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate change", CLIMATE), Topic("gardens", GARDENS))
    world.view(before["climate change"])

    after = world.regroup(Topic("global warming", CLIMATE), Topic("gardens", GARDENS))

    assert after == {"global warming": before["climate change"], "gardens": before["gardens"]}
    assert world.value("v", "text") == f"global warming: {', '.join(CLIMATE)}"
    assert world.known()[after["gardens"]].by is None
    assert world.known()[after["global warming"]].by is not None


def test_a_new_topic_with_the_old_name_of_a_renamed_one_gets_an_id_of_its_own() -> None:
    world = Shelves()
    before = world.regroup(Topic("earth", CLIMATE), Topic("gardens", GARDENS))
    world.view(before["earth"])
    world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))

    after = world.regroup(Topic("earth", CODE), Topic("climate", CLIMATE), Topic("gardens", GARDENS))

    assert after["climate"] == before["earth"]
    assert after["earth"] not in before.values()
    assert world.value("v", "text") == f"climate: {', '.join(CLIMATE)}"


def test_reordered_topics_are_the_same_topics() -> None:
    world = Shelves()
    topics = [Topic("climate", CLIMATE), Topic("gardens", GARDENS), Topic("code", CODE)]
    before = world.regroup(*topics)
    world.view(before["gardens"])

    after = world.regroup(*reversed(topics))

    assert after == before
    assert list(after) == ["code", "gardens", "climate"]
    assert world.ran() == []


def test_of_two_topics_that_become_one_one_survives_and_the_other_is_its_alias() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS), Topic("code", CODE))
    world.view(before["climate"], "v")
    world.view(before["gardens"], "w")

    after = world.regroup(Topic("the living earth", CLIMATE + GARDENS), Topic("code", CODE))

    merged = after["the living earth"]
    gone = before["gardens"]
    assert merged == before["climate"]
    assert world.known()[gone].alias == merged
    assert world.flags(merged) == [("merged", gone)]
    assert world.value("w", "text") == world.value("v", "text")
    assert world.value("w", "text").startswith("the living earth")


def test_a_topic_taken_in_by_one_that_keeps_its_name_is_an_alias_too() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))
    world.view(before["gardens"])

    world.regroup(Topic("climate", (*CLIMATE, "On Gardens", *GARDENS)))

    assert world.known()[before["gardens"]].alias == before["climate"]
    assert world.value("v", "text").startswith("climate: ")


def test_a_topic_that_only_goes_leaves_a_tombstone_and_no_alias() -> None:
    world = Shelves()
    before = world.regroup(Topic("gardens", GARDENS), Topic("climate", CLIMATE + GARDENS))
    world.view(before["gardens"])

    world.regroup(Topic("climate", CLIMATE + GARDENS))

    # What climate holds it held before: it took nothing over.
    assert (world.known()[before["gardens"]].alias, world.known()[before["gardens"]].is_alive) == ("", False)
    assert isinstance(world.slot("v", "text").outcome(), Gone)


def test_references_to_an_alias_follow_what_it_went_into_and_later_changes_of_it() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))
    world.view(before["gardens"])
    world.regroup(Topic("earth", CLIMATE + GARDENS))

    world.regroup(Topic("whole earth", CLIMATE + GARDENS))

    assert world.value("v", "text").startswith("whole earth")
    world.crash()
    assert world.value("v", "text").startswith("whole earth")
    world.regroup(Topic("the whole earth", CLIMATE + GARDENS))
    assert world.value("v", "text").startswith("the whole earth")


def test_aliases_of_aliases_lead_to_what_lives() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS), Topic("code", CODE))
    world.view(before["gardens"])
    world.regroup(Topic("earth", CLIMATE + GARDENS), Topic("code", CODE))

    world.regroup(Topic("all there is", CLIMATE + GARDENS + CODE))

    assert world.value("v", "text").startswith("all there is")


def test_what_was_merged_comes_back_and_takes_its_references_with_it() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))
    world.view(before["climate"], "v")
    world.view(before["gardens"], "w")
    world.regroup(Topic("earth", CLIMATE + GARDENS))

    after = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))

    assert after == before
    assert world.known()[before["gardens"]].alias == ""
    assert ("revived", before["climate"]) in world.flags(before["gardens"])
    assert world.value("v", "text").startswith("climate: ")
    assert world.value("w", "text").startswith("gardens: ")


def test_a_split_keeps_the_id_with_the_best_match_and_is_flagged() -> None:
    world = Shelves()
    before = world.regroup(Topic("earth", CLIMATE + GARDENS))
    world.view(before["earth"])

    after = world.regroup(Topic("gardens", GARDENS), Topic("climate", CLIMATE))

    assert after["climate"] == before["earth"]
    assert after["gardens"] != before["earth"]
    assert ("split", "") in world.flags(after["climate"])
    assert ("split off", after["climate"]) in world.flags(after["gardens"])
    assert world.value("v", "text").startswith("climate: ")


def test_a_part_that_leaves_a_topic_which_goes_on_is_flagged_on_both() -> None:
    world = Shelves()
    before = world.regroup(Topic("earth", CLIMATE + GARDENS))

    after = world.regroup(Topic("earth", CLIMATE), Topic("gardens", GARDENS))

    assert after["earth"] == before["earth"]
    assert world.flags(after["earth"]) == [("split", "")]
    assert world.flags(after["gardens"]) == [("split off", before["earth"])]


def test_a_topic_disappears_and_returns_under_another_name_to_its_references() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("code", CODE))
    world.view(before["climate"])
    world.regroup(Topic("code", CODE))
    assert isinstance(world.slot("v", "text").outcome(), Gone)

    after = world.regroup(Topic("code", CODE), Topic("the climate", CLIMATE))

    assert after["the climate"] == before["climate"]
    assert world.flags(before["climate"]) == [("revived", "")]
    assert world.value("v", "text").startswith("the climate: ")


def test_a_person_points_a_reference_elsewhere_by_an_edit() -> None:
    world = Shelves()
    before = world.regroup(Topic("earth", CLIMATE + GARDENS))
    world.view(before["earth"])
    after = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))
    assert world.value("v", "text").startswith("climate: ")

    world.point("v", "topic", "a", "topics", after["gardens"])
    world.rest()

    assert world.value("v", "text").startswith("gardens: ")


def test_a_reference_to_one_call_of_an_each_or_to_a_filtered_element_follows_too() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))
    world.watch("texts large")
    world.rest()
    world.view(before["gardens"], "w", "large")
    assert world.value("w", "text").startswith("gardens: ")

    world.regroup(Topic("earth", CLIMATE + GARDENS))

    assert world.value("w", "text").startswith("earth: ")
    engine = world.engine
    assert engine.survivor(world.engine.node("a", "texts"), before["gardens"]) == before["climate"]  # type: ignore[arg-type]


NAMES = ("things", "stuff", "matters", "odds", "ends", "pieces", "notes", "pages", "shelf", "pile")
SUBJECTS = {
    subject: tuple(f"{subject} {part}" for part in parts.split())
    for subject, parts in {
        "volcanoes": "eruption magma ashes craters basalt fumaroles",
        "violins": "strings varnish bows luthiers pegbox rosin",
        "glaciers": "crevasse moraine meltwater icefall drumlins firn",
        "beekeeping": "hives smoker honeycomb swarming drones nectar",
        "typography": "serifs kerning ligatures galleys matrices leading",
    }.items()
}


def test_a_model_that_regroups_everything_on_every_call_moves_no_reference() -> None:
    draw = random.Random(7)
    world = Shelves()
    first = world.regroup(*(Topic(f"about {subject}", titles) for subject, titles in SUBJECTS.items()))
    for subject in SUBJECTS:
        world.view(first[f"about {subject}"], f"v{subject}")

    for turn in range(12):
        names = [f"{name} {turn}" for name in draw.sample(NAMES, len(SUBJECTS))]
        order = draw.sample(sorted(SUBJECTS), len(SUBJECTS))
        left_out = {subject: draw.randrange(7) for subject in order}
        topics = [
            Topic(name, tuple(title for n, title in enumerate(SUBJECTS[subject]) if n != left_out[subject]))
            for name, subject in zip(names, order, strict=True)
        ]
        world.regroup(*topics)

        shown = {subject: world.value(f"v{subject}", "text") for subject in SUBJECTS}
        assert all(subject in text.split(": ")[1] for subject, text in shown.items()), shown
    assert set(world.ids().values()) == set(first.values())


def test_ids_last_and_no_matcher_is_asked_after_a_restart_and_a_rebuild() -> None:
    from weft.definition import compile_type
    from weft.rebuild import rebuild
    from weft.store import MEMO, TREE, VERSION

    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))
    world.view(before["gardens"])
    world.regroup(Topic("earth", CLIMATE + GARDENS))
    tables = {table.name: list(world.store.rows(table)) for table in (TREE, MEMO, VERSION)}
    world.store.release()
    epoch = world.store.acquire()

    rebuild(world.store, epoch=epoch, types={kind.__name__: compile_type(kind) for kind in (Shelf, View)})
    assert {table.name: list(world.store.rows(table)) for table in (TREE, MEMO, VERSION)} == tables
    rebuild(world.store, epoch=epoch)  # without code there is no matcher to ask

    assert {table.name: list(world.store.rows(table)) for table in (TREE, MEMO, VERSION)} == tables


def test_what_was_merged_parts_again_by_what_each_was_before() -> None:
    wars, nature = ("Climate Wars", "Field Notes"), ("Second Nature", "The Garden")
    world = Shelves()
    before = world.regroup(Topic("global warming", wars), Topic("gardens", nature), Topic("code", CODE))
    world.view(before["global warming"], "v")
    world.view(before["gardens"], "w")
    world.regroup(Topic("the earth", wars + nature), Topic("code", CODE))
    assert world.value("v", "text") == world.value("w", "text")

    world.regroup(Topic("climate", wars), Topic("code", CODE), Topic("gardens", nature))

    # The whole is more like climate than like gardens, and yet it was gardens before.
    assert world.value("v", "text").startswith("climate: ")
    assert world.value("w", "text").startswith("gardens: ")
    assert not any(one.alias or one.former for one in world.known().values())


def test_an_alias_that_returns_beside_what_it_went_into_takes_its_references_along() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))
    world.view(before["gardens"])
    world.regroup(Topic("climate", CLIMATE + GARDENS))
    assert world.value("v", "text").startswith("climate: ")

    world.regroup(Topic("climate", CLIMATE + GARDENS), Topic("gardens", GARDENS))

    assert world.value("v", "text").startswith("gardens: ")
