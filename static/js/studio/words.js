/** What a picture in the making is doing now, and what a new one would take, in words. Pure. */
import { loading } from "../chat/view/status.js";
import { percent } from "./jobs.js";

const BY_TOKENS = new Set(["janus", "text"]); // families that write a picture as a text is written, and texts

/** @param facts of the model, where they are known */
export function status(live, now, facts) {
  switch (live.phase) {
    case "queued":
      return place(live);
    case "loading":
      return loading(live, now);
    case "started":
      return "Starting…";
    default:
      return `${percent(live)} % · ${BY_TOKENS.has(facts?.family) ? "token" : "step"} ${live.step} of ${live.steps}`;
  }
}

/** For screen readers: one sentence for each phase, not one for each step. */
export function announcement(live, now, facts) {
  if (live.phase !== "progress") return status(live, now, facts);
  return facts?.family === "text" ? "The answer is being written." : "The picture is being drawn.";
}

/** "3 ahead, about 40 s": position 1 is the next one to be taken. */
function place({ position, startsIn, reason }) {
  if (reason === "no_worker") return "Waiting: no worker is running for this model.";
  if (position === null) return "Waiting…";
  const order = position > 1 ? `${position - 1} ahead` : "Next";
  if (startsIn === null) return order;
  return `${order}, ${startsIn ? `about ${duration(startsIn)}` : "starts in a moment"}`;
}

/** @param {{device_seconds: number|null, starts_in: number|null, reason: string}} found */
export function quoted(found) {
  const { device_seconds: seconds, starts_in: startsIn, reason } = found;
  const cost = seconds === null ? "Nothing like it was measured yet" : `About ${duration(seconds)} of the worker`;
  return [cost, start(startsIn, reason)].filter(Boolean).join(" · ");
}

function start(startsIn, reason) {
  if (reason === "no_worker") return "no worker is running for this model now";
  if (startsIn === null) return "";
  return startsIn === 0 ? "starts at once" : `starts in about ${duration(startsIn)}`;
}

export function duration(seconds) {
  if (seconds < 1) return "1 s";
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
