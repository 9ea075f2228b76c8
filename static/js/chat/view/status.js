/** What an unfinished answer is doing now, in words. */
import { el } from "../../dom.js";
import { speed } from "../jobs.js";

const QUEUED = {
  no_worker: "Waiting: no worker is running for this model. The answer starts when one does.",
};

function words(live) {
  switch (live.phase) {
    case "queued":
      if (QUEUED[live.reason]) return QUEUED[live.reason];
      return place(live);
    case "loading":
      return "Loading the model…";
    case "started":
      return "Reading the prompt…";
    default:
      return progress(live);
  }
}

/** "In the queue, 3 ahead, starts in about 20 s": position 1 is the next one to be taken. */
function place(live) {
  const order = live.position > 1 ? `${live.position - 1} ahead` : "next";
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

/** The text for screen readers: one sentence for each phase, not one for each token. */
export const announcement = (live) => SENTENCES[live.phase] ?? words(live);

const SENTENCES = { thinking: "The model is thinking.", text: "The answer is being written." };

/** @returns {{key: string, nodes: Node[]}} the same key means the same words */
export function statusOf(live) {
  const writes = live.phase in SENTENCES;
  const key = `${writes} ${words(live)}`;
  if (writes) return { key, nodes: [el("span", { class: "writing", "aria-hidden": "true" }), words(live)] };
  const skeleton = el("span", { class: "msg-skeleton", "aria-hidden": "true" }, ...[92, 78, 54].map(line));
  return { key, nodes: [el("span", { class: "spinner", "aria-hidden": "true" }), el("span", {}, words(live)), skeleton] };
}

const line = (width) => el("span", { class: `skeleton w-${width}` });
