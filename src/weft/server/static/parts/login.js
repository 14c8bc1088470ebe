// Logging in: by the link of the server's terminal, or by name and password; and tabs that tell each other of it.
// Knows nothing of sessions.
import { html, useEffect, useRef, useState } from "../lib.js";
import { text } from "./words.js";

const LETTING_IN = "weft let in";
const BY_PASSWORD = "weft by password";

/** Tell other tabs of this browser that it is let in: they go on by themselves. */
export function tellTabs() {
  const channel = new BroadcastChannel(LETTING_IN);
  channel.postMessage("");
  channel.close();
}

function isByPassword() {
  try {
    return localStorage.getItem(BY_PASSWORD) !== null;
  } catch {
    return false;
  }
}

function rememberPassword() {
  try {
    localStorage.setItem(BY_PASSWORD, "");
  } catch {
    // Storage may be forbidden: the form is folded the next time.
  }
}

/** `wasIn`: this tab showed something before. */
export function Login({ weft, onDone, wasIn }) {
  const [isOpen, setOpen] = useState(isByPassword);
  const [why, setWhy] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const form = useRef(null);
  useEffect(() => {
    const channel = new BroadcastChannel(LETTING_IN);
    channel.onmessage = () => onDone();
    return () => channel.close();
  }, []);
  useEffect(() => {
    if (isOpen) form.current?.elements.name.focus();
  }, [isOpen]);
  const submit = async (event) => {
    event.preventDefault();
    const said = new FormData(form.current);
    setBusy(true);
    setWhy(null);
    try {
      await weft.login(said.get("name"), said.get("password"));
      rememberPassword();
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
    <div class="card stack"><h2>Log in</h2>
      <p role="status">${wasIn
        ? "The server was started again, or your session has ended: open the link that its terminal shows now."
        : "Open the link that the server's terminal shows: it lets one browser in, once. Where the server was started again, it shows another."}</p>
      <p class="soft small">This tab goes on by itself when you are let in, in whichever tab.</p>
    </div>
    <details class="card" open=${isOpen} onToggle=${(event) => setOpen(event.target.open)}><summary>Log in with a password</summary>
    <form ref=${form} onSubmit=${submit}>
      <label>Name<input name="name" autocomplete="username" required /></label>
      <label>Password<input name="password" type="password" autocomplete="current-password" required /></label>
      ${why && html`<p class="wrong-text" role="alert">${text(why)}</p>`}
      <button class="main" disabled=${isBusy}>${isBusy ? "Logging in…" : "Log in"}</button>
    </form></details>
  </main>`;
}
