/** What an unfinished answer is doing now, in words. */
import { el } from "../../dom.js";
import { speed } from "../jobs.js";

const QUEUED = {
  no_worker: "Waiting: no worker is running for this model. The answer starts when one does.",
};

function words(live, now) {
  switch (live.phase) {
    case "queued":
      if (QUEUED[live.reason]) return QUEUED[live.reason];
      return place(live);
    case "loading":
      return loading(live, now);
    case "started":
      return "Reading the prompt…";
    default:
      return progress(live);
  }
}

/** "Loading the model, about 20 s": counts down from what earlier loads took. */
export function loading({ readyAt, waits }, now) {
  if (waits) return "Waiting: there is no room for this model yet. It is loaded as soon as another one is done.";
  if (readyAt === null) return "Loading the model…";
  const seconds = Math.max(0, (readyAt - now) / 1000);
  if (seconds < 1.5) return "Loading the model, a moment more…";
  return `Loading the model, about ${seconds < 120 ? `${rough(seconds)} s` : `${Math.round(seconds / 60)} min`}`;
}

/** To 5 s above ten: an estimate should not pretend, nor change with every look. */
const rough = (seconds) => (seconds <= 10 ? Math.round(seconds) : 5 * Math.round(seconds / 5));

/** "In the queue, 3 ahead, starts in about 20 s": position 1 is the next one to be taken. */
function place(live) {
  const order = live.position > 1 ? `${live.position - 1} ahead` : live.position && "next";
  return ["In the queue", order, starts(live.startsIn)].filter(Boolean).join(", ");
}

function starts(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds === 0) return "starts in a moment";
  return seconds < 120 ? `starts in about ${seconds} s` : `starts in about ${Math.round(seconds / 60)} min`;
}

function progress(live) {
  const rate = speed(live);
  const count = `${live.tokens} ${live.tokens === 1 ? "token" : "tokens"}`;
  return rate ? `${count} · ${rate.toFixed(1)} tokens/s` : count;
}

/** The text for screen readers: one sentence for each phase, not one for each token or second. */
export function announcement(live, now = performance.now()) {
  if (live.phase === "loading" && live.readyAt !== null) return "The model is being loaded.";
  return SENTENCES[live.phase] ?? words(live, now);
}

const SENTENCES = { thinking: "The model is thinking.", text: "The answer is being written." };

/** @returns {{key: string, nodes: Node[], ticks: boolean}} the same key means the same words; ticks: they change with time */
export function statusOf(live, now = performance.now()) {
  const writes = live.phase in SENTENCES;
  const text = words(live, now);
  const [key, ticks] = [`${writes} ${text}`, live.phase === "loading" && live.readyAt !== null];
  if (writes) return { key, ticks, nodes: [el("span", { class: "writing", "aria-hidden": "true" }), text] };
  const skeleton = el("span", { class: "msg-skeleton", "aria-hidden": "true" }, ...[92, 78, 54].map(line));
  return { key, ticks, nodes: [el("span", { class: "spinner", "aria-hidden": "true" }), el("span", {}, text), skeleton] };
}

const line = (width) => el("span", { class: `skeleton w-${width}` });
