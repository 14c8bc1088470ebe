// What differs between two positions, for people: by charm, with what was and what is, and where texts part.
//
// Pure. Invariant: every difference is in one group, in the order in which it came.

/** By entity: [{entity, type, changes}], definitions and the like under no entity, last. */
export function grouped(differences) {
  const groups = new Map();
  for (const one of differences) {
    const entity = ["definition", "service"].includes(one.kind) ? "" : one.entity;
    if (!groups.has(entity)) groups.set(entity, { entity, type: "", isNew: false, changes: [] });
    const group = groups.get(entity);
    group.type ||= one.type;
    if (one.kind === "created") group.isNew = true;
    else group.changes.push(one);
  }
  const all = [...groups.values()];
  return [...all.filter((one) => one.entity), ...all.filter((one) => !one.entity)];
}

/** Elements as one row per list: what entered and left an `each` is told element by element. */
export function folded(changes) {
  const found = [];
  const lists = new Map();
  for (const one of changes) {
    if (!one.element) {
      found.push(one);
      continue;
    }
    if (!lists.has(one.node)) {
      const list = { ...one, element: "", elements: [] };
      lists.set(one.node, list);
      found.push(list);
    }
    lists.get(one.node).elements.push(one);
  }
  // A list that is told as a whole is not told again as what became of its elements.
  return found.filter((one) => !one.elements || !found.some((other) => !other.elements && other.node === one.node && (other.entered || other.left)));
}

/** What became of a map, key by key: [{key, before, after}], where one that is not there is undefined. Null where it is
 * no map, or is not known at both ends. `isMap`: whether it is declared as one, as other keys than text come in pairs. */
export function keyed({ before, after }, isMap = false) {
  const [was, now] = [pairsOf(before, isMap), pairsOf(after, isMap)];
  if (!was || !now || (before?.state !== "value" && after?.state !== "value")) return null;
  const keys = new Set([...was.keys(), ...now.keys()]);
  return [...keys].map((key) => ({ key, before: was.get(key), after: now.get(key) })).filter((one) => JSON.stringify(one.before) !== JSON.stringify(one.after));
}

function pairsOf(past, isMap) {
  if (past === undefined || past.state === "absent") return new Map();
  const { state, value } = past;
  if (state !== "value" || typeof value !== "object" || value === null || (Array.isArray(value) && !isMap)) return null;
  const pairs = Array.isArray(value) ? value : Object.entries(value);
  return new Map(pairs.map(([key, one]) => [typeof key === "string" ? key : JSON.stringify(key), one]));
}

/** Where two texts part: what both begin with, what was, what is, what both end with. Whole words. */
export function parted(before, after) {
  const [was, now] = [words(before), words(after)];
  let start = 0;
  while (start < was.length && start < now.length && was[start] === now[start]) start += 1;
  let end = 0;
  while (end < was.length - start && end < now.length - start && was.at(-1 - end) === now.at(-1 - end)) end += 1;
  const text = (some) => some.join("");
  return {
    start: text(was.slice(0, start)), was: text(was.slice(start, was.length - end)),
    now: text(now.slice(start, now.length - end)), end: end ? text(was.slice(-end)) : "",
  };
}

const words = (text) => text.match(/\s+|[^\s]+/g) ?? [];

/** How it begins what a place says that failed as what it reads had: the place, before the first cause. */
const BEHIND = /^[a-z2-7]{26}\.\w+(?:\[[^\]]*\])? failed: /;

/** What a place came to then, in words: {state, text, value}. `text` is empty where the value says it. */
export function thenOf(past) {
  switch (past?.state) {
    case "value": return { state: "value", text: "", value: past.value };
    case "failed": return { state: "failed", text: BEHIND.test(past.message) ? past.message.replace(BEHIND, "") : `${past.error}: ${past.message}` };
    case "absent": return { state: "absent", text: "Not there" };
    case "not kept": return { state: "lost", text: `Not kept: ${past.why}` };
    case "unknown": {
      const shown = thenOf(past.shown);
      return { ...shown, state: "unknown", text: shown.text, note: `Not known to be right since ${past.since}` };
    }
    default: return { state: "absent", text: "Not there" };
  }
}
