// Hooks that several views use.
// Knows nothing of any one view.
import { useEffect, useRef, useState } from "./lib.js";

/** What a method answers: `{answer, error, again}`. Asked anew when something happens in the space (unless `live` is
 * false), and when `given` changes; the answer before stays until there is a newer one. */
export function useAnswer(space, title, given = {}, { live = true } = {}) {
  const [found, setFound] = useState({ answer: null, error: null });
  const key = JSON.stringify(given);
  const state = useRef({ number: 0, isBusy: false, isAskedAgain: false, key: "" }).current;
  const ask = async () => {
    if (state.isBusy && state.key === key) return void (state.isAskedAgain = true);
    const number = (state.number += 1);
    state.key = key;
    state.isBusy = true;
    let next;
    try {
      next = { answer: await space.call(title, given), error: null };
    } catch (error) {
      next = { error };
    }
    if (number !== state.number) return;
    state.isBusy = false;
    setFound((before) => ({ ...before, ...next }));
    if (state.isAskedAgain) {
      state.isAskedAgain = false;
      ask();
    }
  };
  const tick = live ? space.tick.value : 0;
  useEffect(() => {
    ask();
  }, [space, title, key, tick]);
  useEffect(() => () => (state.number = Infinity), []);
  return { ...found, again: ask };
}

const CHARMS = 1000;

/** All charms of a space in the order in which they were made, page after page, as they change; null at first. */
export function useCharms(space) {
  const [charms, setCharms] = useState(null);
  const state = useRef({ isOver: false, isBusy: false, isAskedAgain: false }).current;
  const read = async () => {
    if (state.isBusy) return void (state.isAskedAgain = true);
    Object.assign(state, { isBusy: true, isAskedAgain: false });
    try {
      const found = [];
      for (let after; after !== null && !state.isOver; ) {
        const { entities, next } = await space.call("entities.find", { limit: CHARMS, after });
        found.push(...entities);
        after = next;
      }
      if (!state.isOver) setCharms(found);
    } catch {
      // What was known stays; it is asked again when anything happens.
    }
    state.isBusy = false;
    if (state.isAskedAgain && !state.isOver) read();
  };
  const tick = space.tick.value;
  useEffect(() => void read(), [space, tick]);
  useEffect(() => () => (state.isOver = true), []);
  return charms;
}

/** The time now, in milliseconds, looked at each second while `isOn`. */
export function useClock(isOn) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isOn) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isOn]);
  return now;
}
