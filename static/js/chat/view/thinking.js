/** What the model thought before it answered: folded, with its time; without a fold where only the time is told. */
import { el, icon } from "../../dom.js";
import { Prose } from "../../prose.js";

const TICK = 500; // milliseconds between two looks at the clock

export class Thinking {
  constructor() {
    this.label = el("span", { class: "thinking-label" });
    this.body = el("div", { class: "thinking-body" });
    this.fold = el("details", { class: "thinking", ontoggle: () => this.#draw() }, el("summary", {}, icon("chevron-right"), this.label), this.body);
    this.line = el("p", { class: "thinking-line" });
    this.root = el("div", { hidden: true }, this.fold, this.line);
    this.prose = new Prose(this.body);
    this.text = "";
  }

  /** An answer that is being written. @param live what jobs.js keeps */
  grow(live) {
    this.live = live;
    this.#show(live.reasoning, live.reasoningMs !== null);
    this.growing = live.phase === "thinking";
    if (this.growing) this.timer ??= setInterval(() => this.#say(), TICK);
    else this.#stop();
    this.#say();
  }

  /** An answer that is over. */
  settle({ reasoning, job }) {
    this.live = null;
    this.growing = false;
    this.#stop();
    this.ms = job?.usage?.reasoning_ms ?? null;
    this.#show(reasoning ?? "", Boolean(reasoning) || this.ms !== null);
    this.#say();
  }

  #show(text, thinks) {
    this.root.hidden = !thinks;
    this.fold.hidden = !text;
    this.line.hidden = Boolean(text);
    this.text = text;
    this.#draw();
  }

  /** Nothing is rendered that nobody sees. */
  #draw() {
    if (!this.fold.open || (this.drawn === this.text && !this.unsettled)) return;
    this.prose.update(this.text, Boolean(this.growing));
    this.drawn = this.text;
    this.unsettled = Boolean(this.growing);
  }

  #say() {
    const words = this.live ? this.#wordsNow(this.live) : thoughtFor(this.ms);
    for (const place of [this.label, this.line]) if (place.textContent !== words) place.textContent = words;
  }

  #wordsNow(live) {
    if (!this.growing) return thoughtFor(live.reasoningMs);
    return `Thinking… ${duration(live.reasoningMs + performance.now() - live.reasoningAt)}`;
  }

  #stop() {
    clearInterval(this.timer);
    this.timer = null;
  }

  remove() {
    this.#stop();
  }
}

const thoughtFor = (ms) => (ms === null || ms === undefined ? "Thoughts" : `Thought for ${duration(ms)}`);

/** "12 s", "2 min 5 s"; from one second up, since nobody waits for less. */
export function duration(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
