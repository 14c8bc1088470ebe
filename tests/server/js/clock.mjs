/** A clock that stands still until it is told, and chance that is no chance. */
export class FakeClock {
  constructor({ random = 1 } = {}) {
    this.ms = 1_000_000;
    this.chance = random;
    this.timers = new Map();
    this.number = 0;
    this.waits = [];
  }
  now = () => this.ms;
  random = () => this.chance;
  set = (act, ms) => {
    this.number += 1;
    this.timers.set(this.number, { at: this.ms + ms, act });
    this.waits.push(ms);
    return this.number;
  };
  clear = (timer) => this.timers.delete(timer);

  /** Go on so far, and do what is due on the way, in order. */
  async pass(ms) {
    const end = this.ms + ms;
    for (;;) {
      await settled();
      const due = [...this.timers].filter(([, one]) => one.at <= end).sort(([, one], [, other]) => one.at - other.at)[0];
      if (due === undefined) break;
      this.timers.delete(due[0]);
      this.ms = Math.max(this.ms, due[1].at);
      due[1].act();
    }
    this.ms = end;
    await settled();
  }
}

/** Once all that was begun and waits for nothing is done. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A socket whose other end is the test. */
export class FakeSocket {
  static made = [];
  constructor(url, options) {
    Object.assign(this, { url, options, said: [], isClosed: false });
    FakeSocket.made.push(this);
  }
  static get newest() {
    return FakeSocket.made[FakeSocket.made.length - 1];
  }
  send(text) {
    this.said.push(JSON.parse(text));
  }
  close() {
    this.isClosed = true;
  }
  opens() {
    this.onopen({});
  }
  tells(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }
  ends(code = 1006, reason = "") {
    this.onclose({ code, reason });
  }
  get ops() {
    return this.said.map((one) => one.op);
  }
}
