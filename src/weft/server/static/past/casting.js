// Casting: which spells take what was picked, and what is said when one is cast.
//
// Pure. Invariant: a spell is cast only where each of its references is given one thing, and each thing is given.

/** Whether a spell can take so many things: `ready`, or how many more it `needs`, or null where it takes fewer. */
export function takes(spell, picked) {
  if (!picked || picked > spell.fits.length) return null;
  return picked === spell.fits.length ? "ready" : spell.fits.length - picked;
}

/** The fields that creating it is told: each reference one of the things that were picked, in their order. */
export function fieldsOf(spell, entity, node, picked, others = {}) {
  const refs = spell.fits.map((name, at) => [name, node ? { entity, node, element: picked[at] } : { entity }]);
  return { ...others, ...Object.fromEntries(refs) };
}

const NAMING = ["name", "title", "label", "text"];

/** A value in a few words, for who is to pick it. */
export function labelOf(value) {
  if (value === null || value === undefined) return "Nothing";
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.length === 1 ? "1 thing" : `${value.length} things`;
  const named = NAMING.map((name) => value[name]).find((one) => typeof one === "string" && one);
  const inner = Object.values(value).find((one) => typeof one === "object" && one !== null && NAMING.some((name) => typeof one[name] === "string"));
  const first = Object.values(value).find((one) => typeof one === "string" && one);
  return named ?? (inner ? labelOf(inner) : undefined) ?? first ?? JSON.stringify(value).slice(0, 80);
}
