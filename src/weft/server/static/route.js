// Where the reader is: `#/SPACE/…?…`, matched against the patterns of the views.
// Knows nothing of what views show. Invariant: `parse(link(…))` gives what was linked to.

/** What a hash says: the space, the parts behind it, and the query. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [space = "", ...parts] = path.split("/").map(unescaped);
  return { space, parts: parts.filter(Boolean), query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The hash of a place: `link("shelf", "charm", id)`; an object as the last part is the query. */
export function link(space, ...parts) {
  const query = typeof parts.at(-1) === "object" && parts.at(-1) !== null ? parts.pop() : {};
  const said = Object.entries(query).filter(([, one]) => one !== undefined && one !== null && one !== "");
  const tail = said.length ? `?${new URLSearchParams(said)}` : "";
  const there = [space, ...parts].filter((one) => one !== undefined && one !== null && one !== "");
  return `#/${there.map(encodeURIComponent).join("/")}${tail}`;
}

/** The first of these views whose `path` fits, with its parameters: `charm/:entity/:node?`. Null where none does. */
export function match(views, parts) {
  for (const view of views) {
    const params = fits(view.path.split("/").filter(Boolean), parts);
    if (params) return { view, params };
  }
  return null;
}

function fits(pattern, parts) {
  if (parts.length > pattern.length) return null;
  const params = {};
  for (const [at, one] of pattern.entries()) {
    if (!one.startsWith(":")) {
      if (parts[at] !== one) return null;
    } else if (parts[at] !== undefined) {
      params[one.replace(/[:?]/g, "")] = parts[at];
    } else if (!one.endsWith("?")) {
      return null;
    }
  }
  return params;
}

function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
