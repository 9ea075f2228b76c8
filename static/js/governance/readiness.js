/** How soon a model could begin: ready, loading, to be loaded, or served by nobody. */
import { el } from "../dom.js";

const AGAIN = 5000; // milliseconds: workers tell it about as often
const HEARD = {
  loading: { stage: "loading", words: "Loading now", sentence: "A worker is loading it." },
  ready: { stage: "ready", words: "Ready", sentence: "It is in the memory of a worker." },
};
const ASKED = new Set(["started", "thinking", "text", "progress"]); // phases in which a model is at work

/** As it stands behind a name in a list. */
export const inList = ({ readiness }) => (readiness ? ` · ${readiness.words[0].toLowerCase()}${readiness.words.slice(1)}` : "");

/** Puts the mark and its words into `place`. */
export function showReadiness(place, model) {
  const { stage = "", words = "", sentence = "" } = model?.readiness ?? {};
  place.className = stage && `readiness readiness-${stage}`;
  if (place.textContent !== words) place.textContent = words;
  place.title = sentence;
  place.hidden = !words;
}

/** What somebody reads who has chosen it. */
export const aboutReadiness = (model) => (model?.readiness ? [readinessMark(model), ` · ${model.readiness.sentence} `] : []);

function readinessMark(model) {
  const mark = el("span");
  showReadiness(mark, model);
  return mark;
}

/**
 * The models with what a job tells of its own: newer than what the page was told when it was opened.
 * @param {{phase: string, waits: boolean}} live
 */
export function heard(models, id, { phase, waits }) {
  const told = ASKED.has(phase) ? HEARD.ready : phase === "loading" && !waits ? HEARD.loading : null;
  const known = models?.find((each) => each.id === id)?.readiness;
  if (!told || !known || known.stage === told.stage || known.stage === "elsewhere") return models;
  return models.map((each) => (each.id === id ? { ...each, readiness: told } : each));
}

/** Calls `read` when somebody comes near one of the elements, or back to the page; not again within a few seconds. */
export function whenLookedAt(elements, read) {
  let last = performance.now();
  const look = () => {
    if (document.hidden || performance.now() - last < AGAIN) return;
    last = performance.now();
    read();
  };
  for (const element of elements) for (const name of ["pointerenter", "focus"]) element.addEventListener(name, look);
  document.addEventListener("visibilitychange", look);
}
