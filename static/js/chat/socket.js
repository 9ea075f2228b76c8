/** The WebSocket: stays connected, follows the jobs it is given from their cursors, hands every frame on. */

const FIRST_WAIT = 500; // milliseconds, doubled up to LONGEST_WAIT
const LONGEST_WAIT = 10_000;
const PING_EVERY = 20_000;
const PONG_WITHIN = 10_000;
const SIGNED_OUT = 4401;
const NOT_FOUND = 4404;

export class Socket {
  /** @param {{gone: string, onFrame, onState: (state: string, sentence?: string) => void, onDown: () => void}} handlers  `gone`: the sentence for when what the page shows is no longer there for this person */
  constructor(path, handlers) {
    this.url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
    this.handlers = handlers;
    this.wait = FIRST_WAIT;
    this.following = new Set();
    this.ready = false;
    addEventListener("online", () => this.#now());
    addEventListener("pagehide", () => this.connection?.close());
    addEventListener("pageshow", (event) => event.persisted && this.#now());
    document.addEventListener("visibilitychange", () => !document.hidden && this.#now());
    this.#connect();
  }

  send(frame) {
    if (!this.ready || this.connection.readyState !== WebSocket.OPEN) return false;
    this.connection.send(JSON.stringify(frame));
    return true;
  }

  /** Follows exactly these jobs: {id: {attempt, seq}}; those that are followed already go on undisturbed. */
  follow(cursors) {
    if (!this.ready) return;
    for (const job of this.following) if (!cursors[job]) this.#unfollow(job);
    for (const [job, { attempt, seq }] of Object.entries(cursors)) {
      if (!this.following.has(job) && this.send({ type: "follow", job, attempt, seq })) this.following.add(job);
    }
  }

  /** Start the followers again from their cursors: something was missing. */
  refollow(cursors) {
    this.following.clear();
    this.follow(cursors);
  }

  #unfollow(job) {
    this.following.delete(job);
    this.send({ type: "unfollow", job });
  }

  #connect() {
    clearTimeout(this.timer);
    const connection = new WebSocket(this.url);
    this.connection = connection;
    connection.addEventListener("message", (event) => connection === this.connection && this.#received(event));
    connection.addEventListener("close", (event) => connection === this.connection && this.#closed(event));
  }

  #received(event) {
    this.#alive();
    const frame = JSON.parse(event.data);
    if (frame.type === "hello") {
      this.wait = FIRST_WAIT;
      this.ready = true;
      this.following.clear();
      this.handlers.onState("open");
    }
    this.handlers.onFrame(frame);
  }

  /** A line that died without a word is noticed: a ping that brings nothing back closes it. */
  #alive() {
    clearTimeout(this.pinger);
    clearTimeout(this.silence);
    this.pinger = setTimeout(() => {
      this.send({ type: "ping" });
      this.silence = setTimeout(() => this.#lost(), PONG_WITHIN);
    }, PING_EVERY);
  }

  #lost() {
    const dead = this.connection;
    this.connection = null;
    dead?.close();
    this.#closed({ code: 0 });
  }

  #closed({ code }) {
    clearTimeout(this.pinger);
    clearTimeout(this.silence);
    this.ready = false;
    this.following.clear();
    const final = { [SIGNED_OUT]: "You are signed out. Sign in again to go on.", [NOT_FOUND]: this.handlers.gone }[code];
    if (final) {
      this.over = true;
      this.handlers.onState("closed", final);
      return;
    }
    this.handlers.onState("waiting");
    this.handlers.onDown();
    this.timer = setTimeout(() => this.#connect(), this.wait * (0.7 + 0.6 * Math.random()));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  /** The network is back or the person is: no more waiting. */
  #now() {
    if (this.over || this.connection?.readyState === WebSocket.OPEN || this.connection?.readyState === WebSocket.CONNECTING) return;
    this.wait = FIRST_WAIT;
    this.#connect();
  }
}
