// Casting a spell on a charm, or on elements of one of its lists.
// Knows nothing of which spells there are.
import { html } from "../lib.js";
import { link } from "../route.js";
import { Cast } from "../parts/cast.js";
import { spelt } from "../parts/words.js";

const LISTS = new Set(["each", "items"]);

export default function Casting({ space, entity, route }) {
  const { nodes } = entity.portrait.value;
  const lists = nodes.filter((one) => LISTS.has(one.kind) || Array.isArray(one.value) || one.elements || one.ids).map((one) => one.name);
  const node = route.params.node ?? (lists.findLast((name) => isFull(nodes, name)) ?? "");
  const to = (name) => link(space.name, "charm", entity.id, "cast", name || "-");
  const chosen = node === "-" ? "" : node;
  return html`<section class="stack cast"><div><h2>Cast a spell</h2>
      <p class="soft">A spell is a charm made for something that is picked here. It follows what it was cast on.</p></div>
    <label class="cast-source">From<select value=${chosen} onChange=${(event) => (location.hash = to(event.target.value))}>
      ${lists.map((name) => html`<option key=${name} value=${name} selected=${name === chosen}>${spelt(name)}</option>`)}
      <option value="" selected=${chosen === ""}>This charm itself</option>
    </select></label>
    <${Cast} key=${chosen} space=${space} charm=${entity} node=${chosen} />
  </section>`;
}

const isFull = (nodes, name) => {
  const node = nodes.find((one) => one.name === name);
  return Boolean(node?.elements?.length || node?.value?.length);
};
