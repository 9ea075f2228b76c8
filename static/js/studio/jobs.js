/**
 * What the page knows of a picture that is being made, and how one event changes it. Pure.
 *
 * `seq` and `attempt` are the cursor to resume from. `preview` is the version of the newest preview, 0 where there is
 * none. While the model is loaded, `readyAt` says when it should be there, by the clock of this page; null: nobody
 * knows. `waits`: it can't be loaded yet.
 */

export function newLive(card) {
  const phase = card.state === "running" ? "started" : "queued";
  const place = { position: null, startsIn: null, reason: "" };
  return { attempt: 0, seq: 0, phase, ...place, readyAt: null, waits: false, step: 0, steps: card.params?.steps ?? 0, preview: 0 };
}

/**
 * @param live what newLive or this returned  @param frame {attempt, seq, event}  @param now milliseconds
 * @returns {{live, finish: object|null}}
 */
export function applyEvent(live, frame, now) {
  const { event } = frame;
  const attempt = frame.attempt ?? live.attempt;
  if (attempt < live.attempt) return { live, finish: null };
  if (event.kind === "finish") return { live, finish: event };
  if (event.kind === "queued") return changed(live, { phase: "queued", ...placeIn(event) });
  if (attempt === live.attempt && frame.seq && frame.seq <= live.seq) return { live, finish: null };
  const at = { attempt, seq: frame.seq ?? (attempt > live.attempt ? 0 : live.seq) };
  switch (event.kind) {
    case "loading":
      return changed(live, { ...at, phase: "loading", ...readiness(event, now) });
    case "started":
    case "reset": // another attempt: it goes on from a checkpoint, so what was to be seen stays
      return changed(live, { ...at, phase: "started" });
    case "progress":
      return changed(live, { ...at, phase: "progress", step: event.step, steps: event.steps, preview: Math.max(live.preview, event.preview ?? 0) });
    default:
      return changed(live, at);
  }
}

const changed = (live, parts) => ({ live: { ...live, ...parts }, finish: null });

const placeIn = ({ position, starts_in: startsIn, reason }) => ({ position: position ?? null, startsIn: startsIn ?? null, reason: reason ?? "" });

const readiness = ({ seconds, waits }, now) => ({ readyAt: seconds === undefined ? null : now + seconds * 1000, waits: Boolean(waits) });

/** 0 … 100 */
export const percent = ({ step, steps }) => (steps ? Math.min(100, Math.round((100 * step) / steps)) : 0);
