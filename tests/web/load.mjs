// The page's modules, from the folder that is tested.
const BASE = process.env.WEFT_STATIC ? `file://${process.env.WEFT_STATIC}/` : new URL("../../src/weft/server/static/", import.meta.url);

/** A module by its path in the folder. */
export const load = (path) => import(new URL(path, BASE));
