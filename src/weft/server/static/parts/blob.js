// Content that was uploaded, or computed: pictures are shown, and all can be saved.
// The server gives content as files alone, never as pages. Knows nothing of where blobs stand.
import { html, useState } from "../lib.js";
import { kindOf, size } from "./words.js";

/** What browsers show as a picture, and nothing that may hold a script. */
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"]);
const ENDINGS = { "image/jpeg": "jpg", "text/plain": "txt", "application/json": "json", "application/pdf": "pdf" };

const RAW = /^bafk[a-z2-7]{50,60}$/;

/** The id of a blob: of reasons they are told as text. */
const idOf = ({ blob }) => blob["/"] ?? blob;

/** Whether a value is a blob, as the server writes one. */
export const isBlob = (value) => (typeof value?.blob?.["/"] === "string" || RAW.test(value?.blob)) && typeof value.media === "string" && typeof value.size === "number";

const LOCAL_MAX = 50;
/** Addresses of pictures that were sent from here, by id: they are shown before anything that is told names them. */
const local = new Map();

const NAMES_MAX = 500;
/** Names of files that were sent from here, by id: the server keeps none. They are known until the page is left. */
const sent = new Map();

/** What the file was called that was sent from here; "" where it came otherwise. */
export const sentName = (id) => sent.get(id) ?? "";

/** Text in which content is told by what it is, not by its hash: what is brief is written so by the server. */
export const readable = (text) =>
  text
    .replace(/\{blob: (b[a-z2-7]{10,})…?, size: (\d+), media: '([^']+)'\}/g, (_, id, bytes, media) => {
      const name = nameLike(id);
      return `${name ? `“${name}”, ` : ""}${kindOf(media).toLowerCase()}, ${size(Number(bytes))}`;
    })
    .replace(/\b(\w+) (baf[a-z2-7]{10,})…, (\d+ (?:bytes?|[kMG]B))/g, (_, kind, id, bytes) => `${nameLike(id) ? `“${nameLike(id)}”, ` : ""}${kind}, ${bytes}`)
    .replace(/'?\b(baf[a-z2-7]{12,})\b…?'?/g, (_, id) => (nameLike(id) ? `“${nameLike(id)}”` : `content ${id.slice(7, 13)}…`));

/** The name of what was sent whose id begins so. */
const nameLike = (start) => [...sent].find(([id]) => id.startsWith(start))?.[1];

/** Show what was sent from here without asking for it again, under its name. */
export function remember(blob, file) {
  if (file.name) sent.set(blob.blob["/"], file.name);
  if (sent.size > NAMES_MAX) sent.delete(sent.keys().next().value);
  if (!PICTURES.has(blob.media) || local.has(blob.blob["/"])) return;
  local.set(blob.blob["/"], URL.createObjectURL(file));
  if (local.size <= LOCAL_MAX) return;
  const [oldest, address] = local.entries().next().value;
  local.delete(oldest);
  URL.revokeObjectURL(address);
}

export function BlobShown({ space, entity, blob, isSmall = false, alt = "", place = 0 }) {
  const [isBroken, setBroken] = useState(false);
  const id = idOf(blob);
  const url = space.weft.blobUrl(space.name, id, entity);
  const ending = ENDINGS[blob.media] ?? (/^[a-z]+\/([a-z0-9]{1,5})$/.exec(blob.media)?.[1] || "bin");
  const kind = kindOf(blob.media);
  const words = `${kind}, ${size(blob.size)}`;
  const called = sentName(id) || (place ? `${kind} ${place}` : "");
  const name = sentName(id) || `${kind.toLowerCase()}-${place || id.slice(-12)}.${ending}`;
  if (PICTURES.has(blob.media) && !isBroken) {
    return html`<figure class=${isSmall ? "picture small-picture" : "picture"}>
      <img src=${local.get(id) ?? url} alt=${alt || [called, words].filter(Boolean).join(", ")} loading="lazy" decoding="async" onError=${() => setBroken(true)} />
      ${isSmall ? called && html`<figcaption class="soft small" title=${`${blob.media}, ${id}`}>${called}</figcaption>` : html`<figcaption class="soft small"><a href=${url} download=${name}>Save</a> ${called && `${called}. `}<span title=${blob.media}>${words}</span></figcaption>`}
    </figure>`;
  }
  return html`<span class="file"><a href=${url} download=${name}>${isBroken ? "A picture that cannot be shown" : called || kind}</a> <span class="soft small" title=${blob.media}>${words}</span></span>`;
}
