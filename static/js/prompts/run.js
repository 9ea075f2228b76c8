/** Run a prompt here: choose project and model, and read the answers; the last one is shown again. */
import { Failure, get, post } from "../chat/api.js";
import { el, icon } from "../dom.js";
import { showModels, showRefused } from "../governance/models.js";
import { aboutReadiness, heard, whenLookedAt } from "../governance/readiness.js";
import { showProblem } from "../problem.js";
import { Answers } from "./answers.js";

export function runBar(bar, place, { run, revision }, values) {
  const projects = el("select", { class: "input", "aria-label": "Project" }, ...run.projects.map((each) => el("option", { value: each.id, selected: each.id === run.project }, each.name)));
  const models = el("select", { class: "input", "aria-label": "Model" });
  const go = el("button", { type: "button", class: "btn btn-primary" }, icon("play"), " Run");
  const beside = el("input", { type: "checkbox", onchange: () => runs(running) });
  const keep = el("label", { class: "prompt-beside", hidden: true }, beside, "Beside the answers before");
  const why = el("p", { class: "help", role: "status" });
  const problem = el("p", { class: "errors", role: "alert", hidden: true });
  const complain = ({ message = "", remedy = null } = {}) => showProblem(problem, message, remedy);
  const refused = el("div");
  const soon = el("p", { class: "help" });
  const answers = new Answers(place, { revision: revision.number, changed: (number) => (keep.hidden = !number) });
  let found = [];
  let running = 0;

  function show(list, wanted) {
    found = list;
    const chosen = [wanted, revision.model].map((id) => list.find((each) => each.allowed && each.id === id)).find(Boolean) ?? list.find((each) => each.allowed);
    showModels(models, list, chosen?.id);
    soon.replaceChildren(...aboutReadiness(chosen));
    showRefused(refused, list, chosen ?? { allowed: false });
    go.disabled = isBusy() || !chosen;
    why.textContent = list.length ? "" : "There is no model to run this with yet.";
  }

  async function read(wanted) {
    const project = projects.value;
    const { models: list } = await get(`${run.urls.models}?project=${project}`);
    if (projects.value === project) show(list, wanted());
  }

  /** Beside each other several may be written at once; one in place of another only when that is over. */
  function isBusy() {
    return running > 0 && !beside.checked;
  }

  function runs(number) {
    running = number;
    go.disabled = isBusy() || !models.value;
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
    runs(running + 1);
    const model = models.value;
    try {
      const body = { revision: revision.number, project: projects.value, model, values: values() };
      const started = await post(run.urls.run, body);
      complain();
      const hears = (event) => show(heard(found, model, { phase: event.kind, waits: event.waits }), models.value);
      answers.add(started, { beside: beside.checked, ended: () => runs(running - 1), hears });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      complain(error);
      runs(running - 1);
    }
  });
  if (run.last) answers.add(run.last, { words: "Your last run" });
  if (!run.projects.length) {
    bar.append(el("p", { class: "help" }, "To run it, you need a project in which you are an editor."));
    return;
  }
  show(run.models);
  whenLookedAt([models, go], () => read(() => models.value).catch(() => {}));
  bar.append(el("div", { class: "prompt-run" }, projects, models, go), keep, soon, why, problem, refused);
}
