// Why a value is what it is, in words: what `values.why` says of one place, as short lines.
//
// Pure. Knows nothing of pages. Invariant: people, operations, versions, services, costs and failures that are told are
// all in the lines.

/** How a place came to what it shows: [{label, text, at}], the most telling first; `at`: when, where that is known. */
export function linesOf(reason) {
  const lines = [];
  const add = (label, text, at) => text && lines.push({ label, text, ...(at ? { at } : {}) });
  for (const edit of reason.edits ?? []) add(edit.late ? "Told later" : "Told by", toldBy(edit), edit.time);
  if (reason.edits_more) add("Told", `${reason.edits_more} more times before`);
  const { call } = reason;
  if (call?.operation) add("Computed by", `${call.operation}, version ${shortVersion(call.version)}`);
  const settings = call && Object.entries(call.settings ?? {});
  if (settings?.length) add("With", settings.map(([name, value]) => `${name} = ${brief(value)}`).join(", "));
  for (const service of call?.services ?? []) add("Asked", serviceText(service));
  if (reason.over) add("Runs over", String(reason.over));
  if (reason.spent) add("Cost", spentText(reason.spent));
  if (reason.position && reason.how) add("When", `${HOW[reason.how] ?? reason.how} at ${reason.position}, for the state at ${reason.cut}${tookText(reason.took_us)}`);
  if (reason.match) add("Known by", matchText(reason.match));
  if (reason.failure) add("Failed", failureText(reason.failure));
  for (const text of reason.standing ?? []) add("Now", text);
  for (const other of reason.alternatives ?? []) add("Also", `${other.text}${other.actor ? `, by ${other.actor}` : ""} at ${other.position}${other.reason ? `: ${other.reason}` : ""}`);
  return lines;
}

const HOW = { ran: "Ran", reused: "Reused what was recorded", told: "Told" };

function toldBy(edit) {
  const who = edit.actor || "somebody";
  const run = edit.run?.flow ? `, in ${edit.run.flow}${edit.run.answered_by ? `, answered by ${edit.run.answered_by}` : ""}` : "";
  return `${who} at ${edit.position}${run}: ${edit.said.join("; ")}`;
}

function serviceText({ parameter, service, fingerprint, in_force, cost }) {
  const which = fingerprint === null || fingerprint === undefined ? "none" : brief(fingerprint);
  return `${service} (${parameter}): ${which}${cost ? `, ${cost}` : ""}${in_force === false ? ", not the one in force now" : ""}`;
}

export function spentText(spent) {
  const parts = [`${spent.requests} ${spent.requests === 1 ? "request" : "requests"}`];
  if (spent.tokens_in !== null && spent.tokens_in !== undefined) parts.push(`${spent.tokens_in} tokens in, ${spent.tokens_out} out`);
  for (const [name, amount] of Object.entries(spent.money ?? {})) parts.push(`${amount} ${name}`);
  if (spent.unpriced) parts.push(`${spent.unpriced} without a price`);
  return parts.join(", ");
}

function matchText({ by, key, new: isNew, decided, alias_of: alias, flags }) {
  const parts = [`its ${by ?? "key"}${key === undefined || key === null ? "" : `, ${brief(key)}`}`];
  if (isNew) parts.push("new then");
  if (decided) parts.push(`decided by ${decided.by}, ${Number(decided.score).toFixed(2)}`);
  if (alias) parts.push("goes on as another");
  if (flags?.length) parts.push(`${flags.length} to look at`);
  return parts.join("; ");
}

function failureText({ error, message, tries, final }) {
  const again = tries > 1 ? `, after ${tries} tries` : "";
  return `${error}: ${message}${again}${final === false ? "; it is tried again" : ""}`;
}

const tookText = (took) => (took === undefined || took === null ? "" : `, in ${took < 1000 ? "under 1 ms" : took < 1e6 ? `${Math.round(took / 1000)} ms` : `${(took / 1e6).toFixed(1)} s`}`);
const shortVersion = (version) => (/^h[0-9a-f]{12,}$/.test(version) ? version.slice(0, 9) : version);

/** A value on a line. */
export function brief(value, most = 120) {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** The reasons by their ids, with what each was made from: {root, find(id), inputs(id)}. */
export function treeOf(said) {
  const byId = new Map(said.nodes.map((node) => [node.id, node]));
  return {
    root: said.root,
    find: (id) => byId.get(id),
    inputs: (id) => (byId.get(id)?.inputs ?? []).map((input) => ({ ...input, reason: byId.get(input.id) })),
  };
}

/** ENTITY.NODE[ELEMENT] as [entity, node, element]. */
export function placeOf(id) {
  const found = /^([^.]+)\.([^[]*)(?:\[(.*)\])?$/s.exec(id);
  return found ? [found[1], found[2], found[3] ?? ""] : [id, "", ""];
}
