/**
 * Time and chance as the other modules take them, so that tests give others.
 *
 * @typedef {{now: () => number, set: (act: () => void, ms: number) => any, clear: (timer: any) => void,
 *   random: () => number}} Clock  `now`: milliseconds since 1970; `random`: at least 0, below 1.
 */

/** @type {Clock} The one of this machine. */
export const CLOCK = Object.freeze({
  now: () => Date.now(),
  set: (act, ms) => setTimeout(act, ms),
  clear: (timer) => clearTimeout(timer),
  random: () => Math.random(),
});

/**
 * How long to wait before the try of this number (0: the first that follows a failure): anything up to a bound that
 * doubles each time. All of it is left to chance, so that a thousand clients of a server that was away do not come back
 * at one time.
 *
 * @param {Clock} clock
 * @returns {number} Milliseconds.
 */
export function jittered(clock, attempt, firstMs, mostMs) {
  return clock.random() * Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 30));
}

/**
 * Wait so long; less where the signal says so, and then it throws the signal's reason.
 *
 * @param {Clock} clock
 */
export function sleep(clock, ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clock.clear(timer);
      reject(signal.reason);
    };
    const timer = clock.set(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
