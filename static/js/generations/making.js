/** How far a job is: its place in the queue, loading, steps or tokens, and Stop. What it says and shows comes at its end. */
import { post } from "../chat/api.js";
import { el, icon } from "../dom.js";
import { applyEvent, newLive, percent } from "../studio/jobs.js";
import { announcement, status } from "../studio/words.js";
import { toast } from "../toasts.js";

const LOST = "The connection was lost. It is made all the same: reload the page to see what came of it.";

/**
 * @param box  filled with what is to be seen; data-events and data-cancel are addresses, data-family that of the model, or "text"
 * @param {{announce: (sentence: string) => void, ended: (finish: object) => void, stoppable?: boolean}} parts  announce: for screen readers, one sentence for each phase
 */
export function showMaking(box, { announce, ended, stoppable = true }) {
  const facts = { family: box.dataset.family };
  const words = el("p", {}, "Waiting…");
  const bar = el("progress", { class: "live-progress", max: 100, value: 0, "aria-label": "Progress" });
  const stop = el("button", { type: "button", class: "btn btn-small", hidden: !stoppable }, icon("square"), " Stop");
  let [live, phase] = [newLive({}), ""];
  const show = () => {
    const now = performance.now();
    const told = status(live, now, facts);
    if (words.textContent !== told) words.textContent = told;
    bar.value = percent(live);
    if (live.phase === phase) return;
    phase = live.phase;
    announce(announcement(live, now, facts));
  };
  const source = new EventSource(box.dataset.events);
  const clock = setInterval(() => live.phase === "loading" && show(), 1000);
  const close = () => {
    source.close();
    clearInterval(clock);
  };
  source.addEventListener("message", ({ data, lastEventId }) => {
    const [attempt, seq] = lastEventId.split(":").map(Number);
    const { live: after, finish } = applyEvent(live, { attempt, seq, event: JSON.parse(data) }, performance.now());
    live = after;
    if (!finish) return show();
    close();
    ended(finish);
  });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    close();
    words.textContent = LOST;
    announce(LOST);
    bar.remove();
    stop.remove();
  });
  stop.addEventListener("click", async () => {
    stop.disabled = true;
    try {
      await post(box.dataset.cancel);
    } catch (failure) {
      stop.disabled = false;
      toast({ kind: "error", text: failure.message });
    }
  });
  box.replaceChildren(words, bar, stop);
}
