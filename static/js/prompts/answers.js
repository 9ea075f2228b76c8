/** Answers to runs of a prompt as they come: each in place of the one before, or beside it; copied, rated, continued. */
import { post } from "../chat/api.js";
import { figuresLine } from "../chat/view/outcome.js";
import { loading } from "../chat/view/status.js";
import { el, icon } from "../dom.js";
import { answerBody, formatBadge } from "../formats.js";
import { showProblem } from "../problem.js";
import { stars } from "../rating.js";
import { toast } from "../toasts.js";

const MOST = 4; // beside each other

export class Answers {
  /** @param {{revision: number, changed: (number) => void}} how  `revision`: the one on show */
  constructor(place, { revision, changed }) {
    Object.assign(this, { place, revision, changed, shown: [] });
  }

  /** @param run the site's words for it  @param {{beside?: boolean, ended?: () => void, hears?: (event) => void, words?: string}} how */
  add(run, { beside = false, ended = () => {}, ...how } = {}) {
    for (const each of beside ? this.shown.slice(0, 1 - MOST) : [...this.shown]) this.#drop(each);
    const answer = el("li", { class: "prompt-answer" });
    const away = el("button", { type: "button", class: "tool", "aria-label": `Take away the answer of ${run.model}`, title: "Take away", hidden: true, onclick: () => this.#drop(answer) }, icon("x"));
    const name = run.revision === this.revision ? run.model : `${run.model} · revision ${run.revision}`;
    answer.append(el("div", { class: "spread" }, el("h3", {}, name), away));
    this.shown.push(answer);
    this.place.append(answer);
    const over = () => {
      away.hidden = false;
      ended();
    };
    answer.leave = follow(answer, run, { ...how, ended: over });
    this.#arrange();
  }

  #drop(answer) {
    answer.leave();
    answer.remove();
    this.shown = this.shown.filter((each) => each !== answer);
    this.#arrange();
  }

  #arrange() {
    this.place.hidden = !this.shown.length;
    this.place.classList.toggle("are-several", this.shown.length > 1);
    this.changed(this.shown.length);
  }
}

/**
 * Shows the answer to a run as it comes. What is left before its end is over too.
 * @param {{ended: () => void, hears?: (event) => void, words?: string}} how  `words` stand above it at the end
 * @returns {() => void} stops following
 */
function follow(answer, { job, project, format, rating, urls }, { ended, hears = () => {}, words = "" }) {
  const state = el("p", { class: "help", role: "status" }, "Waiting…");
  const text = el("div");
  const body = answerBody(text, format);
  const stop = el("button", { type: "button", class: "btn btn-small" }, icon("square"), " Stop");
  stop.addEventListener("click", () => post(urls.cancel).catch((error) => toast({ kind: "error", text: error.message })));
  answer.append(el("div", { class: "spread" }, state, formatBadge(format), stop), text);
  let said = "";
  let ticker = null;
  const countDown = (load) => {
    state.textContent = loading(load, performance.now());
    if (load.readyAt !== null) ticker = setTimeout(() => countDown(load), 1000);
  };
  const source = new EventSource(urls.events);
  let isOver = false;
  const end = () => {
    source.close();
    clearTimeout(ticker);
    if (!isOver) ended();
    isOver = true;
  };
  source.addEventListener("message", ({ data }) => {
    const event = JSON.parse(data);
    hears(event);
    if (event.kind === "queued") state.textContent = event.position > 1 ? `${event.position - 1} ahead of you` : "Next in the queue";
    clearTimeout(ticker);
    if (event.kind === "loading") countDown({ readyAt: event.seconds === undefined ? null : performance.now() + event.seconds * 1000, waits: event.waits });
    if (event.kind === "started") state.textContent = "Writing…";
    if (event.kind === "reset") said = "";
    if (event.kind === "text") said = said.slice(0, event.offset) + event.text;
    if (event.kind === "reasoning") state.textContent = "Thinking…";
    if (event.kind === "text") state.textContent = "Writing…";
    if ("text" in event && !["text", "reasoning"].includes(event.kind)) said = event.text;
    body.update(said, event.kind !== "finish");
    if (event.kind !== "finish") return;
    stop.remove();
    if (event.state === "failed") state.classList.replace("help", "errors");
    state.textContent = event.error || (event.state === "succeeded" ? words : "Stopped.");
    const parts = [figuresLine({ id: job, ...event }), said && copyButton(said), event.state === "succeeded" && ratingOf(rating, urls.rate), said && continuing(project, urls.continue)];
    answer.append(...parts.filter(Boolean));
    end();
  });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    state.classList.replace("help", "errors");
    state.textContent = "The connection was lost. The answer is kept: reload the page to see it.";
    end();
  });
  return end;
}

const copyButton = (text) => el("button", { type: "button", class: "tool", dataset: { copyText: text }, "aria-label": "Copy this answer", title: "Copy this answer" }, icon("copy"));

function ratingOf(rating, url) {
  const given = stars({ rating, rate: (value) => post(url, { rating: value }) });
  return el("div", { class: "prompt-rate" }, el("span", { class: "help" }, "How good is it?"), given);
}

/** The button that makes a conversation of it: what one asked for alone is then read by all members. */
function continuing(project, url) {
  const problem = el("p", { class: "errors", role: "alert", hidden: true });
  const go = el("button", { type: "button", class: "btn" }, icon("message-square-plus"), " Continue in a conversation");
  const help = el("p", { class: "help" }, `In ${project}, whose members can read it.`);
  go.addEventListener("click", async () => {
    go.disabled = true;
    try {
      location.assign((await post(url)).url);
    } catch (failure) {
      showProblem(problem, failure.message);
      go.disabled = false;
    }
  });
  return el("div", { class: "prompt-continue" }, go, help, problem);
}
