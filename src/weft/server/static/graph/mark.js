// The mark of a state among words: the shapes that the drawing has.
// Knows nothing of nodes. Invariant: each state has a shape of its own; its words stand beside it.
import { html } from "../lib.js";

const SHAPES = {
  settled: html`<circle cx="8" cy="8" r="7" fill="currentColor" /><path class="mark-paper" d="M5 8.2 7.2 10.4 11.2 5.8" />`,
  failed: html`<path d="M8 .8 15.2 14.2H.8Z" fill="currentColor" /><path class="mark-paper" d="M8 5.6V9.4M8 11.9V12" />`,
  running: html`<circle cx="8" cy="8" r="6.2" class="mark-line" /><path d="M8 8V1.8A6.2 6.2 0 0 1 8 14.2Z" fill="currentColor" />`,
  streaming: html`<circle cx="8" cy="8" r="6.2" class="mark-line" /><path d="M4.6 8h.8M7.6 8h.8M10.6 8h.8" class="mark-dots" />`,
  due: html`<circle cx="8" cy="8" r="6.2" class="mark-line mark-dashed" />`,
  queued: html`<circle cx="8" cy="8" r="6.2" class="mark-line mark-dashed" />`,
  waiting: html`<path d="M5.5 4V12M10.5 4V12" class="mark-bars" />`,
  told: html`<rect x="2" y="2" width="12" height="12" rx="2.5" class="mark-line" /><circle cx="8" cy="8" r="2" fill="currentColor" />`,
  absent: html`<path d="M3.5 8H12.5" class="mark-bars" />`,
};

export const Mark = ({ state }) => html`<svg class="mark" data-state=${state} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
  ${SHAPES[state] ?? SHAPES.absent}
</svg>`;
