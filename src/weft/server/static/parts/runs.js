// The runs of one charm's flows: how they stand, what they wait for, and what can be said of them.
// Knows nothing of what runs do.
import { html, useState } from "../lib.js";
import { useAnswer } from "../use.js";
import { told } from "./toasts.js";
import { Value } from "./value.js";
import { moment, spelt } from "./words.js";

export function Runs({ charm, flows }) {
  const { space } = charm;
  const { answer } = useAnswer(space, "runs.find");
  const listed = answer?.runs.filter((one) => one.entity === charm.id) ?? [];
  const known = new Set(listed.map((one) => one.run));
  const newest = flows.filter((one) => one.run && !known.has(one.run.id)).map((one) => ({ ...one.run, run: one.run.id, flow: one.name, isOver: true }));
  const runs = [...listed, ...newest];
  const schedules = flows.filter((one) => one.schedule);
  if (!runs.length && !schedules.length) return null;
  return html`<section class="card runs" aria-labelledby="runs"><h2 id="runs">Runs</h2>
    <ul class="things">${runs.map((one) => html`<${Run} key=${one.run} space=${space} charm=${charm} run=${one} />`)}
      ${schedules.map((one) => html`<${Schedule} key=${one.name} charm=${charm} flow=${one} />`)}</ul></section>`;
}

function useSaying(space) {
  const [isBusy, setBusy] = useState(false);
  const tell = async (title, given) => {
    setBusy(true);
    try {
      await space.call(title, given);
      space.ticked();
    } catch (why) {
      told(why);
    }
    setBusy(false);
  };
  return [isBusy, tell];
}

function Run({ space, charm, run }) {
  const [isBusy, tell] = useSaying(space);
  const isFailed = run.stands === "failed";
  const isOver = run.isOver || isFailed; // those that are listed are not over, or failed
  const awaits = (run.awaits ?? []).map((one) => one.replace(/^ask (.*)$/, "an answer to: $1")).join(", ");
  const about = `${spelt(run.flow)} ${run.run.slice(0, 6)}`;
  return html`<li data-run=${run.run}><div>
      <p><strong>${spelt(run.flow)}</strong> <span class="standing" data-standing=${isFailed ? "failed" : isOver ? "settled" : "running"}>${spelt(run.stands)}</span></p>
      ${awaits && !isOver && html`<p class="soft small">Waits for ${awaits}</p>`}
      ${run.why && html`<p class=${isFailed ? "wrong-text" : "soft small"}>${run.why}${run.where && html` <span class="soft small">${run.where}</span>`}</p>`}
      ${run.outcome !== undefined && run.outcome !== null && html`<${Value} value=${run.outcome} space=${space} entity=${charm.id} depth=${1} />`}
    </div>
    ${space.may("operate") && html`<span class="row acts">
      ${isFailed && html`<button type="button" disabled=${isBusy} aria-label=${`Try ${about} again`} onClick=${() => tell("runs.retry", { run: run.run })}>Try again</button>`}
      ${(isFailed || !isOver) && html`<button type="button" class="plain" disabled=${isBusy} aria-label=${`Begin ${about} anew`} onClick=${() => tell("runs.restart", { run: run.run })}>Begin anew</button>`}
      ${!isOver && html`<button type="button" class="plain grave" disabled=${isBusy} aria-label=${`Cancel ${about}`} onClick=${() => tell("runs.cancel", { run: run.run })}>Cancel</button>`}
    </span>`}</li>`;
}

function Schedule({ charm, flow }) {
  const [isBusy, tell] = useSaying(charm.space);
  const { times, next, paused } = flow.schedule;
  const verb = paused ? "unpause" : "pause";
  return html`<li><div><p><strong>${spelt(flow.name)}</strong> <span class="soft">${times.join(", ")}</span></p>
      <p class="soft small">${paused ? "Paused" : next ? `Next ${moment(next)}` : "Not due yet"}</p></div>
    ${charm.space.may("operate") && html`<span class="row acts"><button type="button" disabled=${isBusy} onClick=${() => tell(`schedules.${verb}`, { entity: charm.id, flow: flow.name }).then(() => charm.read())}>${paused ? "Fire again" : "Pause"}</button></span>`}</li>`;
}
