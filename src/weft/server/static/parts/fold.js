// A part that may be long: its beginning, and all of it where that is asked for.
// Knows nothing of what is in it. Invariant: where something is cut off, a button shows it.
import { html, names, useLayoutEffect, useRef, useState } from "../lib.js";

/** `name`: of what it is, for who hears the button alone. */
export function Fold({ name, children }) {
  const [isOpen, setOpen] = useState(false);
  const [isCut, setCut] = useState(false);
  const box = useRef(null);
  useLayoutEffect(() => {
    const look = () => box.current && setCut(box.current.scrollHeight > box.current.clientHeight + 1);
    if (isOpen) return undefined;
    look();
    const watcher = new ResizeObserver(look); // pictures come later, and a page is made narrower
    watcher.observe(box.current);
    watcher.observe(box.current.firstElementChild);
    return () => watcher.disconnect();
  }, [isOpen]);
  return html`<div class=${names("fold", !isOpen && "is-shut", !isOpen && isCut && "is-cut")} ref=${box}><div>${children}</div></div>
    ${(isCut || isOpen) && html`<button type="button" class="plain" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>${isOpen ? "Show less" : "Show all"}<span class="unseen"> of ${name}</span></button>`}`;
}
