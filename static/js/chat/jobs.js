/**
 * What the page knows of a job that is not over, and how one event changes it. Pure.
 *
 * `seq` and `attempt` are the cursor to resume from; `chars` counts the text in code points, as the server does.
 */

const codePoints = (text) => {
  let count = 0;
  for (const _ of text) count += 1; // eslint-disable-line no-unused-vars
  return count;
};

export function newLive(job) {
  const phase = job.state === "running" ? "started" : "queued";
  return { attempt: 0, seq: 0, phase, position: job.position ?? null, startsIn: job.starts_in ?? null, reason: "", text: "", chars: 0, tokens: 0, firstAt: 0, lastAt: 0 };
}

/**
 * @param live what newLive or this returned  @param frame {attempt, seq, event}  @param now milliseconds
 * @returns {{live, gap: boolean, finish: object|null}} gap: something is missing, follow again from the cursor
 */
export function applyEvent(live, frame, now) {
  const { event } = frame;
  const attempt = frame.attempt ?? live.attempt;
  if (attempt < live.attempt) return keep(live);
  const current = attempt > live.attempt ? restarted(live, attempt) : live;
  if (event.kind === "finish") return { live: current, gap: false, finish: event };
  if (event.kind === "queued") {
    const place = { position: event.position ?? null, startsIn: event.starts_in ?? null, reason: event.reason ?? "" };
    return changed(current, { phase: "queued", ...place });
  }
  if (frame.seq && frame.seq <= current.seq) return { live: current, gap: false, finish: null };
  const at = { attempt, seq: frame.seq ?? current.seq };
  switch (event.kind) {
    case "loading":
    case "started":
      return changed(current, { ...at, phase: event.kind });
    case "reset":
      return changed(restarted(current, attempt), at);
    case "snapshot":
      return changed(current, { ...at, ...grownTo(current, event.text, event.tokens, now) });
    case "text":
      return appended(current, event, at, now);
    default:
      return changed(current, at);
  }
}

const keep = (live) => ({ live, gap: false, finish: null });
const changed = (live, parts) => keep({ ...live, ...parts });

function restarted(live, attempt) {
  return { ...newLive({}), attempt, position: live.position, startsIn: live.startsIn };
}

function appended(live, event, at, now) {
  if (event.offset > live.chars) return { live, gap: true, finish: null };
  const fresh = [...event.text].slice(live.chars - event.offset).join("");
  return changed(live, { ...at, ...grownTo(live, live.text + fresh, event.tokens, now) });
}

function grownTo(live, text, tokens, now) {
  const firstAt = live.firstAt || now;
  return { phase: "text", text, chars: codePoints(text), tokens: tokens ?? live.tokens, firstAt, lastAt: now, firstTokens: live.firstTokens ?? tokens };
}

/** Tokens per second as this page saw them come; null until there is something to measure. */
export function speed(live) {
  const seconds = (live.lastAt - live.firstAt) / 1000;
  const tokens = live.tokens - (live.firstTokens ?? 0);
  return seconds >= 0.5 && tokens > 0 ? tokens / seconds : null;
}
