/** Run a prompt here: choose project and model, follow the answer as it comes, copy and rate it; the last one is shown again. */
import { Failure, get, post } from "../chat/api.js";
import { figuresLine } from "../chat/view/outcome.js";
import { el, icon } from "../dom.js";
import { loading } from "../chat/view/status.js";
import { answerBody, formatBadge } from "../formats.js";
import { showModels, showRefused } from "../governance/models.js";
import { aboutReadiness, heard, whenLookedAt } from "../governance/readiness.js";
import { showProblem } from "../problem.js";
import { stars } from "../rating.js";
import { toast } from "../toasts.js";

export function runBar(bar, answer, { run, revision }, values) {
  const projects = el("select", { class: "input", "aria-label": "Project" }, ...run.projects.map((each) => el("option", { value: each.id, selected: each.id === run.project }, each.name)));
  const models = el("select", { class: "input", "aria-label": "Model" });
  const go = el("button", { type: "button", class: "btn btn-primary" }, icon("play"), " Run");
  const why = el("p", { class: "help", role: "status" });
  const problem = el("p", { class: "errors", role: "alert", hidden: true });
  const complain = ({ message = "", remedy = null } = {}) => showProblem(problem, message, remedy);
  const refused = el("div");
  const soon = el("p", { class: "help" });
  let found = [];
  let running = false;

  function show(list, wanted) {
    found = list;
    const chosen = [wanted, revision.model].map((id) => list.find((each) => each.allowed && each.id === id)).find(Boolean) ?? list.find((each) => each.allowed);
    showModels(models, list, chosen?.id);
    soon.replaceChildren(...aboutReadiness(chosen));
    showRefused(refused, list, chosen ?? { allowed: false });
    go.disabled = running || !chosen;
    why.textContent = list.length ? "" : "There is no model to run this with yet.";
  }

  async function read(wanted) {
    const project = projects.value;
    const { models: list } = await get(`${run.urls.models}?project=${project}`);
    if (projects.value === project) show(list, wanted());
  }

  function runs(on) {
    running = on;
    go.disabled = running || !models.value;
  }

  models.addEventListener("change", () => show(found, models.value));
  projects.addEventListener("change", async () => {
    try {
      await read(() => null);
      complain();
    } catch (error) {
      complain(error);
    }
  });
  go.addEventListener("click", async () => {
    runs(true);
    const model = models.value;
    try {
      const body = { revision: revision.number, project: projects.value, model, values: values() };
      const started = await post(run.urls.run, body);
      complain();
      const hears = (event) => show(heard(found, model, { phase: event.kind, waits: event.waits }), models.value);
      follow(answer, started, { ended: () => runs(false), hears });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      complain(error);
      runs(false);
    }
  });
  if (run.last) follow(answer, run.last, { words: lastWords(run.last, revision) });
  if (!run.projects.length) {
    bar.append(el("p", { class: "help" }, "To run it, you need a project in which you are an editor."));
    return;
  }
  show(run.models);
  whenLookedAt([models, go], () => read(() => models.value).catch(() => {}));
  bar.append(el("div", { class: "prompt-run" }, projects, models, go), soon, why, problem, refused);
}

const lastWords = ({ revision }, shown) => (revision === shown.number ? "Your last run" : `Your last run, of revision ${revision}`);

/**
 * Shows the answer to a run as it comes, in place of the one before.
 * @param {{ended?: () => void, hears?: (event) => void, words?: string}} how  `words` stand above it at the end
 */
function follow(answer, { job, project, format, rating, urls }, { ended = () => {}, hears = () => {}, words = "" }) {
  answer.leave?.();
  const state = el("p", { class: "help", role: "status" }, "Waiting…");
  const text = el("div");
  const body = answerBody(text, format);
  const stop = el("button", { type: "button", class: "btn btn-small" }, icon("square"), " Stop");
  stop.addEventListener("click", () => post(urls.cancel).catch((error) => toast({ kind: "error", text: error.message })));
  answer.hidden = false;
  answer.replaceChildren(el("div", { class: "spread" }, state, formatBadge(format), stop), text);
  let said = "";
  let ticker = null;
  const countDown = (load) => {
    state.textContent = loading(load, performance.now());
    if (load.readyAt !== null) ticker = setTimeout(() => countDown(load), 1000);
  };
  const source = new EventSource(urls.events);
  answer.leave = () => {
    source.close();
    clearTimeout(ticker);
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
    source.close();
    stop.remove();
    if (event.state === "failed") state.classList.replace("help", "errors");
    state.textContent = event.error || (event.state === "succeeded" ? words : "Stopped.");
    const parts = [figuresLine({ id: job, ...event }), said && copyButton(said), event.state === "succeeded" && ratingOf(rating, urls.rate), said && continuing(project, urls.continue)];
    answer.append(...parts.filter(Boolean));
    ended();
  });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    clearTimeout(ticker);
    state.classList.replace("help", "errors");
    state.textContent = "The connection was lost. The answer is kept: reload the page to see it.";
    ended();
  });
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
