/** Models that somebody may not use here, beside a picker: why not, and the way on, in place. */
import { postForm } from "../chat/api.js";
import { el } from "../dom.js";
import { wayOut } from "../problem.js";

/** A model as it stands in the list to choose from. */
export const nameToChoose = ({ name, allowed, waiting }) => (allowed ? name : `${name} (${waiting ? "asked for" : "not for you"})`);

/** @returns what to show below the picker: nothing where every model may be used */
export function refusedModels(models, { open = false } = {}) {
  const refused = models.filter((each) => !each.allowed);
  if (!refused.length) return [];
  const title = refused.length === 1 ? "One model is not for you here" : `${refused.length} models are not for you here`;
  const list = el("ul", { class: "stack", role: "list" }, ...refused.map(line));
  return [el("details", { class: "small", open: Boolean(open) }, el("summary", {}, title), list)];
}

function line(model) {
  const way = el("div");
  if (model.waiting) way.append(told("You have asked for it. You get a notice when it is decided."));
  else if (model.remedy?.asks) way.append(asking(model, way));
  else if (model.remedy) way.append(wayOut(model.remedy));
  return el("li", {}, el("p", {}, el("strong", {}, model.name), " ", model.reason), way);
}

/** The button opens a form in its own place. */
function asking(model, way) {
  const open = el("button", { type: "button", class: "btn btn-small", "aria-label": `${model.remedy.label} to ${model.name}` }, model.remedy.label);
  open.addEventListener("click", () => {
    const form = askForm(model, way);
    way.replaceChildren(form);
    form.elements.reason.focus();
  });
  return open;
}

function askForm({ name, remedy }, way) {
  const problem = el("p", { class: "errors", role: "alert", hidden: true });
  const send = el("button", { type: "submit", class: "btn btn-primary btn-small" }, "Ask");
  const reason = el("textarea", { class: "input", name: "reason", rows: 2, maxLength: 500, "aria-label": `What do you need ${name} for?`, placeholder: "What is it for? A sentence is enough." });
  const form = el("form", { class: "stack" }, reason, problem, el("div", { class: "row" }, send));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      const { text } = await postForm(remedy.url, { reason: reason.value });
      way.replaceChildren(told(text));
    } catch (failure) {
      problem.textContent = failure.message;
      problem.hidden = false;
      send.disabled = false;
    }
  });
  return form;
}

const told = (sentence) => el("p", { class: "help", role: "status" }, sentence);
