// What every part of the page is made with: Preact, htm and signals, from the files beside this one.
// Knows nothing of Weft.
import { h, render, Fragment } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export { h, render, Fragment };
export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useId, useErrorBoundary } from "./vendor/hooks.js";
export { signal, computed, effect, batch, untracked, useSignal, useComputed, useSignalEffect } from "./vendor/signals.js";

/** `html\`<p>…</p>\``: Preact nodes. What stands in braces is text or nodes, and never markup. */
export const html = htm.bind(h);

/** Class names, without those that are false. */
export const names = (...given) => given.filter(Boolean).join(" ");
