// The views that there are, a line each: add yours here.
//
// `path` is matched behind `#/SPACE/`; `menu` is its name in the menu, `tab` its name among the tabs of one charm (its
// path then has `:entity`). `load` gives a module whose default export is a component that takes `{space, entity,
// route}`: the `Space` of space.js; its `Charm`, opened, where the path names one, else null; and
// `{name, params, query}`. Views are loaded when they are first looked at.

import { withSheet } from "./parts/sheet.js";

const drawn = withSheet("views/graph.css", () => import("./views/graph.js"));
const withPast = (load) => withSheet("views/past.css", withSheet("views/graph.css", load));

export const VIEWS = [
  { name: "shelf", path: "", menu: "Shelf", load: () => import("./views/shelf.js") },
  { name: "new", path: "new/:type?", load: () => import("./views/new.js") },
  { name: "charm", path: "charm/:entity", tab: "Values", load: () => import("./views/charm.js") },
  { name: "inbox", path: "inbox", menu: "Inbox", load: () => import("./views/inbox.js") },
  { name: "log", path: "log", menu: "Log", load: () => import("./views/log.js") },
  { name: "timeline", path: "timeline", menu: "Timeline", load: withPast(() => import("./views/timeline.js")) },
  { name: "compare", path: "compare", load: withPast(() => import("./views/compare.js")) },
  { name: "graph", path: "graph", menu: "Graph", load: drawn },
  { name: "near", path: "charm/:entity/graph", tab: "Graph", load: drawn },
  { name: "history", path: "charm/:entity/history", tab: "History", load: withPast(() => import("./views/timeline.js")) },
  { name: "why", path: "charm/:entity/why/:node?", tab: "Why", load: withPast(() => import("./views/why.js")) },
  { name: "cast", path: "charm/:entity/cast/:node?", tab: "Cast", load: withPast(() => import("./views/cast.js")) },
];

/** Whether there is a view of this name: others link to it only then. */
export const hasView = (name) => VIEWS.some((one) => one.name === name);
