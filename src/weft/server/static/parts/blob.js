// Content that was uploaded, or computed: pictures are shown, and all can be saved.
// The server gives content as files alone, never as pages. Knows nothing of where blobs stand.
import { html, useState } from "../lib.js";
import { size } from "./words.js";

/** What browsers show as a picture, and nothing that may hold a script. */
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"]);
const ENDINGS = { "image/jpeg": "jpg", "text/plain": "txt", "application/json": "json", "application/pdf": "pdf" };

/** Whether a value is a blob, as the server writes one. */
export const isBlob = (value) => typeof value?.blob?.["/"] === "string" && typeof value.media === "string" && typeof value.size === "number";

const LOCAL_MAX = 50;
/** Addresses of pictures that were sent from here, by id: they are shown before anything that is told names them. */
const local = new Map();

/** Show what was sent from here without asking for it again. */
export function remember(blob, file) {
  if (!PICTURES.has(blob.media) || local.has(blob.blob["/"])) return;
  local.set(blob.blob["/"], URL.createObjectURL(file));
  if (local.size <= LOCAL_MAX) return;
  const [oldest, address] = local.entries().next().value;
  local.delete(oldest);
  URL.revokeObjectURL(address);
}

export function BlobShown({ space, entity, blob, isSmall = false, alt = "" }) {
  const [isBroken, setBroken] = useState(false);
  const id = blob.blob["/"];
  const url = space.weft.blobUrl(space.name, id, entity);
  const ending = ENDINGS[blob.media] ?? (/^[a-z]+\/([a-z0-9]{1,5})$/.exec(blob.media)?.[1] || "bin");
  const words = `${blob.media}, ${size(blob.size)}`;
  const name = `${id.slice(-12)}.${ending}`;
  if (PICTURES.has(blob.media) && !isBroken) {
    return html`<figure class=${isSmall ? "picture small-picture" : "picture"}>
      <img src=${local.get(id) ?? url} alt=${alt || `Picture, ${words}`} loading="lazy" decoding="async" onError=${() => setBroken(true)} />
      ${!isSmall && html`<figcaption class="soft small"><a href=${url} download=${name}>Save</a> ${words}</figcaption>`}
    </figure>`;
  }
  return html`<span class="file"><a href=${url} download=${name}>${isBroken ? "A picture that cannot be shown" : "File"}</a> <span class="soft small">${words}</span></span>`;
}
