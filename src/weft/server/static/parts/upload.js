// Photos and files on their way to the server: by drop, by chooser, by camera; each with its progress.
// Knows nothing of what they are for: `onDone` is given what a field that holds blobs is told.
import { html, names, signal, useEffect, useId, useRef, useState } from "../lib.js";
import { remember } from "./blob.js";
import { size, text } from "./words.js";

let number = 0;
const known = new Set();
/** The places that take files on the page as it is now: each with `label`, and `add` for files. One that has left the page
 * is forgotten a moment later. */
export const places = () => [...known].filter((one) => one.isShown());
/** What would take the files that are dragged: one of `places`, the id of a charm, or null. */
export const aimed = signal(null);
let held = null;

/** Files for a place that is not on the page yet: it takes them when it is shown. Null: for none any more. */
export const hold = (said) => (held = said);
/** Whom they are for. */
export const heldFor = () => held?.entity;

/** Files that are sent now, or that failed; `add(files)` sends more. */
export function useUploads(space, entity, onDone) {
  const [files, setFiles] = useState([]);
  const put = (id, said) => setFiles((all) => all.map((one) => (one.id === id ? { ...one, ...said } : one)));
  const drop = (id) => setFiles((all) => all.filter((one) => one.id !== id));
  const send = async (id, file) => {
    put(id, { error: null, sent: 0 });
    try {
      const said = await space.weft.upload(space.name, file, {
        entity, mediaType: file.type || "application/octet-stream", onProgress: (sent) => put(id, { sent }),
      });
      remember(said, file);
      await onDone(said);
      drop(id);
    } catch (error) {
      if (error.code === 401) space.onStranger();
      put(id, { error });
    }
  };
  const add = async (given) => {
    const added = [...given].map((file) => ({ id: (number += 1), name: file.name, size: file.size, sent: 0, error: null, file }));
    setFiles((all) => [...all, ...added]);
    for (const one of added) await send(one.id, one.file); // in the order in which they were given
  };
  return { entity, files, add, retry: ({ id, file }) => send(id, file), drop };
}

/** A place to drop files on, with a chooser and a camera, and what is on its way. `name`: the node it is of. */
export function Uploads({ uploads, label, name, isMany = true, onlyImages = false }) {
  const area = useRef(null);
  const place = useRef({}).current;
  const add = (files) => uploads.add(isMany ? files : files.slice(0, 1));
  Object.assign(place, { label, isShown: () => Boolean(area.current?.isConnected), add: (files) => (area.current?.scrollIntoView({ block: "nearest" }), add(files)) });
  useEffect(() => {
    known.add(place);
    if (name && held?.entity === uploads.entity && held.node === name) {
      place.add(held.files);
      held = null;
    }
    return () => known.delete(place);
  }, []);
  const chooser = useRef(null);
  const camera = useRef(null);
  const id = useId();
  const take = (event) => {
    add([...event.target.files]);
    event.target.value = "";
  };
  const dropped = (event) => {
    event.preventDefault();
    event.stopPropagation();
    aimed.value = null;
    const files = [...event.dataTransfer.files];
    if (files.length) add(files);
  };
  return html`<div class=${names("drop", aimed.value === place && "over")} role="group" aria-label=${label} ref=${area}
      onDragOver=${(event) => (event.preventDefault(), event.stopPropagation(), (aimed.value = place))} onDrop=${dropped}>
    <p class="soft" id=${id}>Drop ${isMany ? "files" : "a file"} here, or</p>
    <div class="row">
      <button type="button" onClick=${() => chooser.current.click()} aria-describedby=${id}>${isMany ? "Choose files" : "Choose a file"}</button>
      <button type="button" onClick=${() => camera.current.click()}>Take a photo</button>
    </div>
    <input class="unseen" tabindex="-1" aria-hidden="true" type="file" multiple=${isMany} ref=${chooser} onChange=${take} accept=${onlyImages ? "image/*" : undefined} />
    <input class="unseen" tabindex="-1" aria-hidden="true" type="file" accept="image/*" capture="environment" ref=${camera} onChange=${take} />
    ${uploads.files.length > 0 && html`<ul class="stack tight sending" aria-live="polite">
      ${uploads.files.map((one) => html`<li key=${one.id}>
        <span class="row"><span>${one.name}</span><span class="soft small">${size(one.size)}</span></span>
        ${one.error
          ? html`<span class="row"><span class="wrong-text">${text(one.error)}</span>
              <button type="button" onClick=${() => uploads.retry(one)}>Try again</button>
              <button type="button" class="plain" onClick=${() => uploads.drop(one.id)}>Leave it</button></span>`
          : html`<progress max=${Math.max(one.size, 1)} value=${one.sent} aria-label=${`Sending ${one.name}`}></progress>`}
      </li>`)}
    </ul>`}
  </div>`;
}
