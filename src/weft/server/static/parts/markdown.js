// Markdown, as nodes: a small part of it, and never as markup.
//
// Headings, paragraphs, lists, quotations, code, rules, tables; strong, emphasis, code and links within. What else is
// written stands as it is; pictures become links, so that nothing is fetched.
// Knows nothing of values. Invariant: whatever the text is, what comes of it are text nodes in elements named here, and
// links lead to web addresses or mails alone.
import { html } from "../lib.js";

const DEPTH_MAX = 8;

/** Whether a text is written in it, as far as can be told. */
export const isMarkdown = (text) => /^(#{1,6} \S|[-*+] \S|\d+\. \S|> |```|\|.+\|$)/m.test(text) || /\*\*\S[^*\n]*\*\*|\[[^\]\n]+\]\(https?:/.test(text);

/** A web address or a mail's, as it may be linked to; null for any other. */
export function safeAddress(said) {
  try {
    const found = new URL(said);
    return ["http:", "https:", "mailto:"].includes(found.protocol) ? found.href : null;
  } catch {
    return null;
  }
}

/** A link that leads out; or its text alone, where it must not. */
export function Out({ to, children }) {
  const found = safeAddress(to);
  return found ? html`<a href=${found} target="_blank" rel="noopener noreferrer nofollow">${children}</a>` : html`<span>${children}</span>`;
}

export const Markdown = ({ text }) => html`<div class="prose">${blocks(text.split(/\r?\n/), 0)}</div>`;

function blocks(lines, depth) {
  if (depth > DEPTH_MAX) return html`<p>${lines.join("\n")}</p>`;
  const found = [];
  for (let at = 0; at < lines.length; ) {
    const [node, next] = block(lines, at, depth);
    if (node) found.push(node);
    at = next;
  }
  return found;
}

const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const STARTS = /^(#{1,6}\s|\s*>|```|\s*([-*+]|\d{1,9}[.)])\s+\S|\s*\|)/;

function block(lines, at, depth) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
  if (heading) {
    const Level = `h${Math.min(6, heading[1].length + 2)}`;
    return [html`<${Level}>${inline(heading[2])}<//>`, at + 1];
  }
  if (/^```/.test(line)) return fenced(lines, at);
  if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) return [html`<hr />`, at + 1];
  if (/^\s*>/.test(line)) return quoted(lines, at, depth);
  if (ITEM.test(line)) return list(lines, at, depth);
  if (/^\s*\|/.test(line) && /^\s*\|[\s:|-]+\|\s*$/.test(lines[at + 1] ?? "")) return table(lines, at);
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !STARTS.test(lines[end])) end += 1;
  return [html`<p>${inline(lines.slice(at, end).join("\n"))}</p>`, end];
}

function fenced(lines, at) {
  let end = at + 1;
  while (end < lines.length && !/^```\s*$/.test(lines[end])) end += 1;
  return [html`<pre tabindex="0"><code>${lines.slice(at + 1, end).join("\n")}</code></pre>`, end + 1];
}

function quoted(lines, at, depth) {
  let end = at;
  while (end < lines.length && /^\s*>/.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((one) => one.replace(/^\s*> ?/, ""));
  return [html`<blockquote>${blocks(inner, depth + 1)}</blockquote>`, end];
}

function list(lines, at, depth) {
  const [, indent, mark] = ITEM.exec(lines[at]);
  const isNumbered = /\d/.test(mark);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (item && item[1].length <= indent.length) {
      if (/\d/.test(item[2]) !== isNumbered || item[1].length < indent.length) break;
      items.push([item[3]]);
    } else if (lines[end].trim() && (item || /^\s{2,}/.test(lines[end]))) {
      items.at(-1).push(lines[end].replace(new RegExp(`^\\s{0,${indent.length + 2}}`), ""));
    } else if (lines[end].trim() || !ITEM.test(lines[end + 1] ?? "")) {
      break;
    }
    end += 1;
  }
  const inner = items.map((one, number) => html`<li key=${number}>${one.length === 1 ? inline(one[0]) : blocks(one, depth + 1)}</li>`);
  return [isNumbered ? html`<ol start=${parseInt(mark, 10)}>${inner}</ol>` : html`<ul>${inner}</ul>`, end];
}

function table(lines, at) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((one) => one.trim());
  let end = at + 2;
  while (end < lines.length && /^\s*\|/.test(lines[end])) end += 1;
  return [html`<div class="wide" tabindex="0"><table><thead><tr>${cells(lines[at]).map((one) => html`<th>${inline(one)}</th>`)}</tr></thead>
    <tbody>${lines.slice(at + 2, end).map((line) => html`<tr>${cells(line).map((one) => html`<td>${inline(one)}</td>`)}</tr>`)}</tbody></table></div>`, end];
}

const PARTS = /(`+)([^`]+?)\1|!?\[([^\]\n]{0,500})\]\(\s*([^()\s]{1,2000})[^()]{0,200}\)|<?(https?:\/\/[^\s<>()[\]"']{1,2000})>?|\*\*([^*\n]{1,2000}?)\*\*|\*([^*\s][^*\n]{0,2000}?)\*|\b_([^_\s][^_\n]{0,2000}?)_\b/g;

/** What stands in a line. */
export function inline(text, depth = 0) {
  if (depth > DEPTH_MAX) return text;
  const found = [];
  let at = 0;
  for (const part of text.matchAll(PARTS)) {
    if (part.index > at) found.push(text.slice(at, part.index));
    found.push(inner(part, depth));
    at = part.index + part[0].length;
  }
  if (at < text.length) found.push(text.slice(at));
  return found;
}

function inner([whole, , code, label, address, bare, strong, star, bar], depth) {
  if (code !== undefined) return html`<code>${code}</code>`;
  if (address !== undefined) return html`<${Out} to=${address}>${label ? inline(label, depth + 1) : address}<//>`;
  if (bare !== undefined) return html`<${Out} to=${bare}>${bare}<//>`;
  if (strong !== undefined) return html`<strong>${inline(strong, depth + 1)}</strong>`;
  if (star !== undefined || bar !== undefined) return html`<em>${inline(star ?? bar, depth + 1)}</em>`;
  return whole;
}
