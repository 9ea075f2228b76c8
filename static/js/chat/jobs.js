/**
 * What the page knows of a job that is not over, and how one event changes it. Pure.
 *
 * `seq` and `attempt` are the cursor to resume from; `chars` counts the text in code points, as the server does, and
 * `reasoningChars` the reasoning. `reasoningMs` is null until the model thinks; it was so at `reasoningAt`. While the model is loaded, `readyAt` says
 * when it should be there, by the clock of this page; null: nobody knows. `waits`: it can't be loaded yet.
 */

const codePoints = (text) => {
  let count = 0;
  for (const _ of text) count += 1; // eslint-disable-line no-unused-vars
  return count;
};

export function newLive(job) {
  const phase = job.state === "running" ? "started" : "queued";
  const place = { position: null, startsIn: null, reason: "" }; // told once it is followed
  const said = { text: "", chars: 0, reasoning: "", reasoningChars: 0, reasoningMs: null, reasoningAt: 0, calls: [] };
  return { attempt: 0, seq: 0, phase, ...place, ...said, readyAt: null, waits: false, tokens: 0, firstAt: 0, lastAt: 0 };
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
      return changed(current, { ...at, phase: "loading", ...readiness(event, now) });
    case "started":
      return changed(current, { ...at, phase: event.kind });
    case "reset":
      return changed(restarted(current, attempt), at);
    case "snapshot":
      return changed(current, { ...at, ...wholeOf(event, now), ...counted(current, event.tokens, now) });
    case "text":
      return appended(current, event, at, now);
    case "reasoning":
      return thought(current, event, at, now);
    case "tool_call":
      return called(current, event, at, now);
    default:
      return changed(current, at);
  }
}

const keep = (live) => ({ live, gap: false, finish: null });
const changed = (live, parts) => keep({ ...live, ...parts });

const readiness = ({ seconds, waits }, now) => ({ readyAt: seconds === undefined ? null : now + seconds * 1000, waits: Boolean(waits) });

function restarted(live, attempt) {
  return { ...newLive({}), attempt, position: live.position, startsIn: live.startsIn };
}

function appended(live, event, at, now) {
  if (event.offset > live.chars) return { live, gap: true, finish: null };
  const fresh = [...event.text].slice(live.chars - event.offset).join("");
  const text = live.text + fresh;
  return changed(live, { ...at, phase: "text", text, chars: codePoints(text), ...counted(live, event.tokens, now) });
}

/** Where it is hidden what the model thinks, only that and how long it does. */
function thought(live, event, at, now) {
  const since = { ...at, phase: "thinking", reasoningMs: event.ms, reasoningAt: now, ...counted(live, event.tokens, now) };
  if (event.text === undefined) return changed(live, since);
  if (event.offset > live.reasoningChars) return { live, gap: true, finish: null };
  const reasoning = live.reasoning + [...event.text].slice(live.reasoningChars - event.offset).join("");
  return changed(live, { ...since, reasoning, reasoningChars: codePoints(reasoning) });
}

function called(live, event, at, now) {
  if (event.index > live.calls.length) return { live, gap: true, finish: null };
  const { name, arguments: given, valid } = event;
  const calls = [...live.calls.slice(0, event.index), { name, arguments: given, valid }];
  return changed(live, { ...at, phase: "text", calls, ...counted(live, event.tokens, now) });
}

function wholeOf({ text, reasoning = "", ms = null, tool_calls: calls = [] }, now) {
  const phase = text || calls.length || ms === null ? "text" : "thinking";
  const thoughts = { reasoning, reasoningChars: codePoints(reasoning), reasoningMs: ms, reasoningAt: now };
  return { phase, text, chars: codePoints(text), ...thoughts, calls };
}

function counted(live, tokens, now) {
  return { tokens: tokens ?? live.tokens, firstAt: live.firstAt || now, lastAt: now, firstTokens: live.firstTokens ?? tokens };
}

/** Tokens per second as this page saw them come; null until there is something to measure. */
export function speed(live) {
  const seconds = (live.lastAt - live.firstAt) / 1000;
  const tokens = live.tokens - (live.firstTokens ?? 0);
  return seconds >= 0.5 && tokens > 0 ? tokens / seconds : null;
}
