/** The panel of this conversation: model, system prompt, sampling. Every change is saved by itself. */
import { showModels, showRefused } from "../governance/models.js";
import { parameterFields } from "./params.js";
import { mayWrite } from "./reducer.js";

const PAUSE = 600; // milliseconds after the last change
const PHONE = "(width <= 1100px)";

export function showSettings(root, { store, commands }) {
  const panel = root.querySelector("[data-panel]");
  const opener = root.querySelector("[data-panel-open]");
  const model = panel.querySelector("[name=model]");
  const prompt = panel.querySelector("[name=system_prompt]");
  const note = panel.querySelector("[data-saved]");
  const params = parameterFields(panel.querySelector("[data-params]"), store.state.parameters, () => later("params", params.values()));
  const waiting = {};
  let timer = null;

  function later(name, value) {
    waiting[name] = value;
    note.textContent = "";
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE);
  }

  async function save() {
    const changes = { ...waiting };
    for (const name of Object.keys(waiting)) delete waiting[name];
    complain("", "");
    try {
      await commands.save(changes);
      note.textContent = "Saved.";
    } catch (failure) {
      if (failure.retry) for (const [name, value] of Object.entries(changes)) waiting[name] ??= value;
      if (failure.retry) timer = setTimeout(save, 4000);
      complain(failure.field ?? "", failure.message);
    }
  }

  function complain(field, sentence) {
    const found = params.complain(field, sentence);
    const general = panel.querySelector("[data-panel-problem]");
    general.textContent = found ? "" : sentence;
    general.hidden = found || !sentence;
  }

  function open(on) {
    document.body.classList.toggle("panel-open", on);
    panel.hidden = !on;
    opener.setAttribute("aria-expanded", String(on));
    if (on) commands.readModels();
    const modal = on && matchMedia(PHONE).matches;
    for (const part of root.querySelectorAll("[data-behind]")) part.inert = modal;
    (on ? panel.querySelector("[data-panel-close]") : opener).focus();
  }

  opener.addEventListener("click", () => open(panel.hidden));
  for (const closer of root.querySelectorAll("[data-panel-close]")) closer.addEventListener("click", () => open(false));
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    open(false);
  });
  model.addEventListener("change", () => later("model", model.value));
  prompt.addEventListener("input", () => later("system_prompt", prompt.value));

  store.subscribe((state) => {
    const { conversation, models } = state;
    showModels(model, models, conversation.model);
    const chosen = models.find((each) => each.id === conversation.model);
    showFacts(panel.querySelector("[data-model-facts]"), chosen);
    showRefused(panel.querySelector("[data-models-refused]"), mayWrite(state) ? models : [], chosen);
    if (document.activeElement !== prompt && waiting.system_prompt === undefined) prompt.value = conversation.system_prompt;
    if (waiting.params === undefined) params.show(conversation.params, chosen?.defaults);
    params.withhold(new Set(chosen?.takes_effort ? [] : ["reasoning_effort"]));
    for (const field of panel.querySelectorAll("input, select, textarea, [data-reset]")) field.disabled = !mayWrite(state);
  });
}

function showFacts(target, model) {
  if (!model) {
    target.textContent = "";
    return;
  }
  const facts = [`Reads ${model.context_length.toLocaleString()} tokens`, model.license && `licence ${model.license}`].filter(Boolean).join(" · ");
  target.replaceChildren(...[model.description && `${model.description} `, facts].filter(Boolean));
}
