// What somebody has typed and not said yet: it outlives a reload of the page, in this tab alone.
// Knows nothing of forms. Invariant: what must not be kept (`isKept` false) is nowhere but in memory.
import { useRef, useState } from "../lib.js";

const PREFIX = "weft draft ";

function stored(key) {
  try {
    const found = sessionStorage.getItem(PREFIX + key);
    return found === null ? undefined : JSON.parse(found);
  } catch {
    return undefined;
  }
}

function store(key, value) {
  try {
    if (value === undefined) sessionStorage.removeItem(PREFIX + key);
    else sessionStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Storage may be full or forbidden: what was typed is on the page still.
  }
}

/** `[value, set, clear]`; `set` takes a value, or a function of the one before. */
export function useDraft(key, initial, { isKept = true } = {}) {
  const [value, setValue] = useState(() => (isKept ? stored(key) : undefined) ?? initial);
  const latest = useRef(value);
  const set = (next) => {
    latest.current = typeof next === "function" ? next(latest.current) : next;
    setValue(latest.current);
    if (isKept) store(key, latest.current);
  };
  const clear = () => {
    latest.current = initial;
    setValue(initial);
    store(key, undefined);
  };
  return [value, set, clear];
}

/** Whether there is something under a key. */
export const hasDraft = (key) => stored(key) !== undefined;
