// What a JSON Schema asks for, as far as forms need to know: pure functions.
//
// It reads the part of JSON Schema that the server writes. Knows nothing of pages.
// Invariant: what `misfits` finds nothing wrong with may still be refused by the server, which has the last word.

/** The schema itself, where it is a reference; what stands beside the reference stays. */
export function resolved(schema, root) {
  let found = schema ?? {};
  for (let depth = 0; found.$ref && depth < 32; depth += 1) {
    const { $ref, ...beside } = found;
    found = { ...(root?.$defs?.[$ref.split("/").pop()] ?? {}), ...beside };
  }
  return found;
}

/** The one value that fits, as `[value]`; null where there are several. */
export function only(schema) {
  if (schema.const !== undefined) return [schema.const];
  return schema.enum?.length === 1 ? [schema.enum[0]] : null;
}

/** What a form begins with: defaults, and what can be nothing else. Undefined where nothing is said yet. */
export function blank(schema, root, depth = 0) {
  const found = resolved(schema, root);
  if (found.default !== undefined) return found.default;
  const fixed = only(found);
  if (fixed) return fixed[0];
  if (found.type === "boolean") return false;
  if (found.type === "null") return null;
  if (found.anyOf) return found.anyOf.some((one) => resolved(one, root).type === "null") ? null : undefined;
  if (found.type !== "object" || !found.properties || found.format || depth > 8) return undefined;
  const said = Object.entries(found.properties).map(([name, one]) => [name, blank(one, root, depth + 1)]);
  return Object.fromEntries(said.filter(([, one]) => one !== undefined));
}

/** Whether a schema, or any part of it, asks for what must not be shown or kept. */
export const isSecret = (schema) => JSON.stringify(schema ?? {}).includes('"writeOnly":true');

/** The place of a field, as the server writes it. */
export const fieldPlace = (place, name) =>
  (/^[A-Za-z_]\w*$/.test(name) ? `${place}.${name}` : `${place}['${name}']`).replace(/^\./, "");
export const itemPlace = (place, at) => `${place}[${at}]`;

/** What does not fit, as an object of words by place; empty where all does. */
export function misfits(schema, root, value, place = "", isNeeded = true) {
  const found = resolved(schema, root);
  if (value === undefined) return isNeeded ? { [place]: "This is needed" } : {};
  if (found.anyOf) {
    const tries = found.anyOf.map((one) => misfits(one, root, value, place));
    if (tries.some((one) => !Object.keys(one).length)) return {};
    return tries[branchOf(found, root, value)] ?? { [place]: "This is needed" };
  }
  if (found.enum) return found.enum.includes(value) ? {} : { [place]: "Choose one of these" };
  const why = { integer: number, number, string, array: list, object }[found.type]?.(found, root, value, place);
  return typeof why === "string" ? { [place]: why } : (why ?? {});
}

function number(schema, root, value) {
  if (value === null) return "This is needed";
  if (typeof value !== "number") return `This is not a number: write it ${asDigits(String(value).trim(), schema.type)}`;
  if (schema.type === "integer" && !Number.isInteger(value)) return "This is not a whole number";
  if (schema.minimum !== undefined && value < schema.minimum) return `It must be at least ${schema.minimum}`;
  if (schema.exclusiveMinimum !== undefined && value <= schema.exclusiveMinimum) return `It must be more than ${schema.exclusiveMinimum}`;
  if (schema.maximum !== undefined && value > schema.maximum) return `It must be at most ${schema.maximum}`;
  if (schema.exclusiveMaximum !== undefined && value >= schema.exclusiveMaximum) return `It must be less than ${schema.exclusiveMaximum}`;
  return null;
}

/** How a number is written that was meant by this. A comma before three digits may part thousands: it is not guessed. */
function asDigits(typed, type) {
  if (/^[+-]?\d+,\d+$/.test(typed) && !/,\d{3}$/.test(typed)) return `as ${typed.replace(",", ".")}`;
  return type === "integer" ? "in digits, as 25" : "in digits, as 2.5";
}

function string(schema, root, value) {
  if (typeof value !== "string") return "This is not text";
  if (value.length < (schema.minLength ?? 0)) return value ? `It needs at least ${schema.minLength} characters` : "This is needed";
  if (value.length > (schema.maxLength ?? Infinity)) return `It may have at most ${schema.maxLength} characters`;
  if (schema.format && schema.pattern && !fits(schema.pattern, value)) return `This is not a ${schema.format.replace("-", " and ")}`;
  return null;
}

function fits(pattern, value) {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true; // Python's patterns are not all JavaScript's: the server looks
  }
}

function list(schema, root, value, place) {
  if (!Array.isArray(value)) return "This is not a list";
  if (value.length < (schema.minItems ?? 0)) return `It needs at least ${schema.minItems}`;
  if (value.length > (schema.maxItems ?? Infinity)) return `It may have at most ${schema.maxItems}`;
  const each = value.map((one, at) => {
    if (!schema.prefixItems && isBlank(one)) return { [itemPlace(place, at)]: "This is needed" };
    return misfits(schema.prefixItems?.[at] ?? schema.items ?? {}, root, one, itemPlace(place, at));
  });
  return Object.assign({}, ...each);
}

/** Whether a row of a list was added, and nothing was written in it. */
export const isBlank = (value) => typeof value === "string" && !value.trim();

function object(schema, root, value, place) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "This is needed";
  if (schema.format) return null;
  const needed = new Set(schema.required ?? []);
  const each = Object.entries(schema.properties ?? {}).map(([name, one]) => misfits(one, root, value[name], fieldPlace(place, name), needed.has(name)));
  return Object.assign({}, ...each);
}

/** Which branch of `anyOf` a value is of: the first that it could be. 0 where it is none. */
export function branchOf(schema, root, value) {
  const branches = schema.anyOf.map((one) => resolved(one, root));
  const could = branches.findIndex((one) => isLike(one, value));
  return Math.max(could, 0);
}

function isLike(schema, value) {
  if (value === null) return schema.type === "null";
  if (value === undefined) return false;
  if (schema.enum) return schema.enum.includes(value);
  if (typeof value === "object" && !Array.isArray(value)) {
    const tag = schema.properties?.$?.const;
    return schema.type === "object" && (tag === undefined || value.$ === tag);
  }
  const kind = Array.isArray(value) ? "array" : typeof value;
  return schema.type === undefined || schema.type === kind || (schema.type === "integer" && kind === "number");
}

/** What a branch is called. */
export function branchName(schema) {
  if (schema.type === "null") return "Nothing";
  if (schema.format === "blob") return "File";
  const words = { string: "Text", integer: "Whole number", number: "Number", boolean: "Yes or no", array: "List", object: "Record" };
  return schema.title || { date: "Date", "date-time": "Date and time", time: "Time" }[schema.format] || words[schema.type] || "Anything";
}
