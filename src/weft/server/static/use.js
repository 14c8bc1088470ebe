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
