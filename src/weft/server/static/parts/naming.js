// What is written in code, or as a media type, as people write it.
//
// Pure. Knows nothing of what is named so.

/** `ViewPoints` as people write it. */
export function typeWords(name) {
  const words = name.replace(/([a-z0-9])([A-Z])/g, (_, end, start) => `${end} ${start.toLowerCase()}`).replace(/_/g, " ");
  return words ? words[0].toUpperCase() + words.slice(1) : "";
}

/** `birth_year` within a sentence. */
export const inWords = (name) => String(name).replace(/_/g, " ").trim();

const KINDS = [
  [/^image\/(jpeg|hei[cf]|webp|avif)$/, "Photo"], [/^image\//, "Picture"], [/^text\//, "Text"], [/^audio\//, "Sound"],
  [/^video\//, "Video"], [/^application\/pdf$/, "PDF"],
];

/** What content is, by its media type: "Photo". */
export const kindOf = (media) => KINDS.find(([fits]) => fits.test(media))?.[1] ?? "File";
