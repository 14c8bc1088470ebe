/**
 * Calls of a server's methods over HTTP, as the server describes them itself.
 *
 * What changes something is said under a name of its own, so that it can be said again when the answer was lost, and is
 * done once. Knows nothing of what methods do. Invariant: what may have been done is never sent again, unless it is
 * named, or changes nothing.
 */
import { CLOCK, jittered, sleep } from "./clock.js";
import { Live } from "./live.js";

const AGAIN = 5;
const AGAIN_MS = 300;
const AGAIN_MS_MAX = 10_000;
/** How long a call may take, beside what it was told to wait for the values that follow from it. */
const ANSWER_MS = 30_000;

/**
 * Why something was not done, as the server says it: `code` is HTTP's status, `data.error` Weft's own class, `errors`
 * what is wrong at which place. `code` is 0 where there was no answer: `name` is "Unreachable" then.
 */
export class WeftError extends Error {
  constructor({ name = "GeneralError", message = "", code = 500, className = "", data = {}, errors = {} }, options) {
    super(message, options);
    Object.assign(this, { name, code, className, data, errors });
  }
}

/** A server, and who calls it. */
export class Weft {
  #methods;
  #asking;
  #sends;

  /**
   * @param {object} [options]
   * @param {string} [options.base]  Where the server is, as `http://127.0.0.1:8707`; a page needs none.
   * @param {string | null} [options.token]  A program's token. A browser has its session's cookie instead, and sends no
   *   token for what is live.
   * @param {typeof fetch} [options.fetch]
   * @param {typeof WebSocket} [options.WebSocket]  Also one of node's, which takes `{ headers }` behind the address.
   * @param {import("./clock.js").Clock} [options.clock]
   */
  constructor({ base = "", token = null, fetch, WebSocket, clock = CLOCK } = {}) {
    this.base = base.replace(/\/+$/, "");
    this.token = token;
    this.clock = clock;
    this.#sends = fetch ?? ((...said) => globalThis.fetch(...said));
    this.WebSocket = WebSocket ?? globalThis.WebSocket;
  }

  /**
   * Do what a method of the server's table does, as "entities.create".
   *
   * @param {string} title
   * @param {object} [given]  What it takes, by name; what is undefined is left out. What changes something is given a
   *   name, `once`, where it takes one and has none.
   * @param {object} [options]
   * @param {AbortSignal} [options.signal]
   * @param {number} [options.again]  How often at most it is sent again, where no answer came.
   * @returns {Promise<any>} What it gives: an object, or a `Blob` where it gives content.
   * @throws {WeftError}
   */
  async call(title, given = {}, { signal, again = AGAIN } = {}) {
    const method = await this.#method(title, signal);
    const request = this.#placed(method, given);
    const waitMs = ANSWER_MS + 1000 * (given.wait_s ?? 0);
    return await this.#untilAnswered(request, { again: method.isSafe ? again : 0, signal, waitMs });
  }

  /**
   * Keep content. Content is known by what it is, so that it is sent again where no answer came.
   *
   * @param {Blob | ArrayBuffer | Uint8Array} content
   * @param {object} [options]
   * @param {string} [options.entity]  For which it is, as those who may act upon some alone have to say.
   * @param {string} [options.mediaType]  What it is, where that is another thing than the blob says.
   * @param {(sentBytes: number, allBytes: number) => void} [options.onProgress]
   * @param {AbortSignal} [options.signal]
   * @returns {Promise<object>} What fields that hold blobs are told.
   */
  async upload(space, content, { entity, mediaType, onProgress, signal } = {}) {
    const method = await this.#method("blobs.create", signal);
    const media_type = mediaType ?? (content.type || undefined);
    const request = this.#placed(method, { space, entity, media_type });
    request.headers["Content-Type"] = "application/octet-stream";
    request.body = content;
    const size = content.size ?? content.byteLength;
    const sends = onProgress && typeof XMLHttpRequest !== "undefined" ? sendsByXhr(onProgress) : this.#sends;
    const said = await this.#untilAnswered(request, { again: AGAIN, signal, sends, waitMs: null });
    onProgress?.(size, size);
    return said;
  }

  /** Where content is to be fetched. */
  blobUrl(space, blobId, entity) {
    const place = `${this.base}/api/spaces/${inPath("space", space)}/blobs/${inPath("blob", blobId)}`;
    return entity === undefined ? place : `${place}?${new URLSearchParams({ entity })}`;
  }

  /**
   * Who is known by what this brings: null for nobody. Where a server is too old to say, `user` and `capabilities` are
   * null.
   *
   * @returns {Promise<{user: string | null, capabilities: string[] | null} | null>}
   */
  async whoami() {
    try {
      const methods = await this.#described();
      const method = [...methods.values()].find((one) => one.path === "/api/whoami");
      return method === undefined ? { user: null, capabilities: null } : await this.call(method.title);
    } catch (error) {
      if (error.code === 401) return null;
      throw error;
    }
  }

  /**
   * Whether this browser brings a session at all, be it one that ended: asked before `whoami`, which strangers are
   * refused. A server that cannot say counts as yes.
   *
   * @returns {Promise<boolean>}
   */
  async bringsSession() {
    const request = { url: `${this.base}/login/brought`, method: "GET", headers: this.#headers() };
    try {
      return (await this.#untilAnswered(request, { again: AGAIN })).brought !== false;
    } catch (error) {
      if (error.code === 404) return true;
      throw error;
    }
  }

  /** Have this browser be known by a session, as `{user, ends_s}` says. */
  async login(name, password) {
    const headers = { ...this.#headers(), "Content-Type": "application/json" };
    const body = JSON.stringify({ name, password });
    return await this.#untilAnswered({ url: `${this.base}/login`, method: "POST", headers, body }, { again: 0 });
  }

  /** End this browser's session. */
  async logout() {
    const request = { url: `${this.base}/logout`, method: "POST", headers: this.#headers() };
    await this.#untilAnswered(request, { again: 0 });
  }

  /**
   * A live connection to a space, which begins at once.
   *
   * @param {object} [options]  See `Live`.
   */
  live(space, options = {}) {
    const base = this.base || globalThis.location.origin;
    const url = `${base.replace(/^http/, "ws")}/live/${inPath("space", space)}`;
    const headers = this.token === null ? null : { Authorization: `Bearer ${this.token}` };
    return new Live(url, { WebSocket: this.WebSocket, headers, clock: this.clock, ...options });
  }

  #headers() {
    const said = { Accept: "application/json", "Weft-Request": "1" };
    return this.token === null ? said : { ...said, Authorization: `Bearer ${this.token}` };
  }

  /** The methods that there are: asked for once, by whoever comes first, for all who come meanwhile. */
  async #described(signal) {
    if (this.#methods !== undefined) return this.#methods;
    if (this.#asking === undefined) {
      const request = { url: `${this.base}/api/openapi.json`, method: "GET", headers: this.#headers() };
      const asked = this.#untilAnswered(request, { again: AGAIN });
      this.#asking = asked.then((said) => (this.#methods = methodsOf(said))).finally(() => (this.#asking = undefined));
    }
    return await unlessStopped(this.#asking, signal);
  }

  async #method(title, signal) {
    const methods = await this.#described(signal);
    const method = methods.get(title);
    if (method === undefined) {
      throw new TypeError(`The server has no method ${title}. It has ${[...methods.keys()].join(", ")}.`);
    }
    return method;
  }

  #placed(method, given) {
    const left = Object.fromEntries(Object.entries(given).filter(([, one]) => one !== undefined));
    const path = method.path.replace(/\{(\w+)\}/g, (_, name) => {
      const one = inPath(name, left[name], method.title);
      delete left[name];
      return one;
    });
    const headers = this.#headers();
    if (method.isNamed) left.once ??= newName();
    if (method.hasBody) {
      headers["Content-Type"] = "application/json";
      return { url: this.base + path, method: method.verb, headers, body: JSON.stringify(left) };
    }
    const query = new URLSearchParams(Object.entries(left).map(([name, one]) => [name, String(one)]));
    return { url: this.base + path + (query.size ? `?${query}` : ""), method: method.verb, headers };
  }

  async #untilAnswered(request, { again, signal, waitMs = ANSWER_MS, sends = this.#sends }) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#answered(request, signal, waitMs, sends);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof NoAnswer) || attempt >= again) throw error instanceof NoAnswer ? error.told() : error;
        const ms = error.afterMs ?? jittered(this.clock, attempt, AGAIN_MS, AGAIN_MS_MAX);
        await sleep(this.clock, ms, signal);
      }
    }
  }

  async #answered({ url, ...request }, signal, waitMs, sends) {
    const within = new AbortController();
    const stop = () => within.abort(signal.reason);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", stop, { once: true });
    const late = () => within.abort(new Error("it took too long"));
    const timer = waitMs === null ? null : this.clock.set(late, waitMs);
    try {
      const response = await sends(url, { ...request, signal: within.signal, credentials: "same-origin" });
      return await readAnswer(response);
    } catch (error) {
      if (error instanceof WeftError || error instanceof NoAnswer) throw error;
      throw new NoAnswer(url, error);
    } finally {
      signal?.removeEventListener("abort", stop);
      if (timer !== null) this.clock.clear(timer);
    }
  }
}

/** There was no answer of the server's own, or one to come again: it may be sent again. */
class NoAnswer extends Error {
  constructor(url, cause, { afterMs, said } = {}) {
    super(`No answer from ${url}`, { cause });
    Object.assign(this, { url, afterMs, said });
  }

  /** As the caller is told. */
  told() {
    if (this.said !== undefined) return this.said;
    const message =
      `${this.url} gave no answer (${this.cause?.message ?? this.cause}), so it is not known whether it was done. ` +
      "See whether the server can be reached, and say it again under the same `once`.";
    return new WeftError({ name: "Unreachable", message, code: 0, className: "unreachable" }, { cause: this.cause });
  }
}

async function readAnswer(response) {
  const isJson = (response.headers.get("content-type") ?? "").startsWith("application/json");
  if (response.ok) {
    if (response.status === 204) return null;
    return isJson ? await response.json() : await response.blob();
  }
  if (!isJson && response.status >= 500) {
    throw new NoAnswer(response.url, new Error(`status ${response.status}`)); // of something that stands between
  }
  const said = isJson ? await response.json() : { message: `status ${response.status}`, code: response.status };
  const error = new WeftError({ code: response.status, ...said });
  const afterS = Number(response.headers.get("retry-after"));
  if (response.status === 429 && afterS > 0) {
    throw new NoAnswer(response.url, error, { afterMs: afterS * 1000, said: error });
  }
  throw error;
}

/** The methods that an OpenAPI document describes, by their titles. */
function methodsOf(description) {
  const found = new Map();
  for (const [path, verbs] of Object.entries(description.paths)) {
    for (const [verb, one] of Object.entries(verbs)) {
      if (one.operationId === undefined) continue;
      const parameters = one.parameters ?? [];
      const isNamed = parameters.some((each) => each.in === "header" && each.name === "Idempotency-Key");
      found.set(one.operationId, {
        title: one.operationId,
        path,
        verb: verb.toUpperCase(),
        isNamed,
        isSafe: isNamed || verb === "get",
        hasBody: one.requestBody?.content?.["application/json"] !== undefined,
      });
    }
  }
  return found;
}

/** What a promise comes to; where the signal says so first, its reason is thrown. */
function unlessStopped(promise, signal) {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

function inPath(name, one, title = "this") {
  const text = one === undefined || one === null ? "" : String(one);
  if (["", ".", ".."].includes(text)) {
    throw new TypeError(`${title} needs ${name}, and ${JSON.stringify(text)} is none.`);
  }
  return encodeURIComponent(text);
}

/** A name that nobody else gives. Pages that came by plain HTTP have no `crypto.randomUUID`. */
function newName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
}

/** What sends as fetch does, and says how far it is, which fetch cannot. */
function sendsByXhr(onProgress) {
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const xhr = new XMLHttpRequest();
      xhr.open(method, url);
      for (const [name, one] of Object.entries(headers)) xhr.setRequestHeader(name, one);
      xhr.upload.onprogress = (event) => onProgress(event.loaded, event.total);
      xhr.onload = () => {
        const type = xhr.getResponseHeader("content-type") ?? "";
        resolve(new Response(xhr.responseText, { status: xhr.status, headers: { "content-type": type } }));
      };
      xhr.onerror = () => reject(new TypeError("the network failed"));
      xhr.onabort = () => reject(signal?.reason ?? new Error("it was stopped"));
      signal?.addEventListener("abort", () => xhr.abort(), { once: true });
      xhr.send(body);
    });
}
