// Logging in: by name and password, and how to come by a link where there are no users.
// Knows nothing of sessions.
import { html, useRef, useState } from "../lib.js";
import { text } from "./words.js";

export function Login({ weft, onDone }) {
  const [why, setWhy] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const form = useRef(null);
  const submit = async (event) => {
    event.preventDefault();
    const said = new FormData(form.current);
    setBusy(true);
    setWhy(null);
    try {
      await weft.login(said.get("name"), said.get("password"));
      onDone();
    } catch (error) {
      setWhy(error);
      setBusy(false);
      form.current?.elements.password.select();
    }
  };
  return html`<main class="login">
    <h1><img src="/static/icon.svg" alt="" width="40" height="40" />Weft</h1>
    ${new URLSearchParams(location.search).has("link") && html`<p class="changed" role="status">That link lets nobody in: it was used before, or is too old.</p>`}
    <form class="card" ref=${form} onSubmit=${submit}>
      <h2>Log in</h2>
      <label>Name<input name="name" autocomplete="username" required autofocus /></label>
      <label>Password<input name="password" type="password" autocomplete="current-password" required /></label>
      ${why && html`<p class="wrong-text" role="alert">${text(why)}</p>`}
      <button class="main" disabled=${isBusy}>${isBusy ? "Logging in…" : "Log in"}</button>
    </form>
    <p class="soft">No users yet? The program that serves this page prints a link that lets one browser in, once.
      Start <code>weft serve</code> anew for another.</p>
  </main>`;
}
