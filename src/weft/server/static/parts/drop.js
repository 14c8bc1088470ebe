// Files that are dropped beside every place for them: they go where no other place could be meant; else it is said where.
// Knows nothing of how files are sent. Invariant: no file that is dropped goes unanswered.
import { useEffect } from "../lib.js";
import { link } from "../route.js";
import { aimed, heldFor, hold, places } from "./upload.js";
import { say, told } from "./toasts.js";
import { nameOf, spelt } from "./words.js";

/** The lists of files that charms of a type are told, by name. */
const listsOf = (type) => (type?.nodes ?? []).filter((one) => one.told && one.kind === "items" && one.schema?.format === "blob").map((one) => one.name);

/** Takes what is dropped on the page of a space. `entity`: the charm that is shown, if one is. */
export function Dropping({ space, entity, isShelf }) {
  useEffect(() => {
    if (heldFor() !== entity) hold(null);
    const take = (over) => (event) => [...(event.dataTransfer?.types ?? [])].includes("Files") && over(event);
    const over = take((event) => (aimed.value = space.may("edit") ? aim(space, event, isShelf) : null));
    const drop = take((event) => {
      aimed.value = null;
      const files = [...event.dataTransfer.files];
      if (files.length) send(space, event, entity, isShelf, files).catch(told);
    });
    const leave = (event) => event.relatedTarget === null && (aimed.value = null);
    const heard = { dragover: over, drop, dragleave: leave, dragend: leave };
    for (const [kind, act] of Object.entries(heard)) addEventListener(kind, act);
    return () => Object.entries(heard).forEach(([kind, act]) => removeEventListener(kind, act));
  }, [space, entity, isShelf]);
  return null;
}

const cardAt = (event) => event.target?.closest?.("[data-charm]")?.dataset;

/** What would take it, as far as the page knows. */
function aim(space, event, isShelf) {
  const open = places();
  if (open.length) return open.length === 1 ? open[0] : null;
  const card = cardAt(event);
  if (card) return listsOf(space.type(card.type)).length === 1 ? card.charm : null;
  const cards = isShelf ? [...document.querySelectorAll("[data-charm]")].filter((one) => listsOf(space.type(one.dataset.type)).length) : [];
  return cards.length === 1 && listsOf(space.type(cards[0].dataset.type)).length === 1 ? cards[0].dataset.charm : null;
}

async function send(space, event, entity, isShelf, files) {
  const no = (words) => say(words, { isError: true });
  if (!space.may("edit")) return no("You may look at this space, and give it no files.");
  const open = places();
  if (open.length === 1) return open[0].add(files);
  if (open.length) return no(`Several places here take files. Drop them on the one they are for: ${open.map((one) => one.label).join(", ")}.`);
  const id = cardAt(event)?.charm ?? entity;
  if (id) return into(space, await space.call("entities.get", { entity: id }), files, no);
  const takers = (space.types.value ?? []).filter((one) => listsOf(one).length);
  if (!takers.length) return no("No charm of this space takes files by drop.");
  const several = `Drop it on ${isShelf ? "the card" : "the page"} of the charm that it is for: one of ${takers.map((one) => spelt(one.name)).join(", ")}.`;
  if (!isShelf) return no(several);
  const asked = takers.map((one) => space.call("entities.find", { type: one.name, limit: 2 }));
  const found = (await Promise.all(asked)).flatMap((one) => one.entities);
  if (!found.length) return no(`No charm here takes files yet. Make one first: ${takers.map((one) => spelt(one.name)).join(" or ")}.`);
  return found.length > 1 ? no(several) : into(space, found[0], files, no);
}

/** Opens a charm, whose one list takes them as soon as it is shown. */
function into(space, charm, files, no) {
  const lists = listsOf(space.type(charm.type));
  if (!lists.length) return no(`${nameOf(charm)} takes no files by drop.`);
  location.hash = link(space.name, "charm", charm.id);
  if (lists.length > 1) return no(`${nameOf(charm)} has several places for files. Drop it on the one it is for: ${lists.map(spelt).join(", ")}.`);
  return hold({ entity: charm.id, node: lists[0], files });
}
