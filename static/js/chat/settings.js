/** The panel of this conversation: model, system prompt, sampling. Every change is saved by itself. */
import { formatFields } from "../answer_format.js";
import { showChosen, showModels, showRefused } from "../governance/models.js";
import { aboutReadiness, whenLookedAt } from "../governance/readiness.js";
import { certaintyField } from "./certainty.js";
import { parameterFields } from "./params.js";
import { mayWrite } from "./reducer.js";
import { keep, recall } from "./storage.js";
import { toolsField } from "./tools.js";
import { wordFields } from "./words.js";

const PAUSE = 600; // milliseconds after the last change
const PHONE = "(width <= 1100px)";

export function showSettings(root, { store, commands }) {
  const panel = root.querySelector("[data-panel]");
  const opener = root.querySelector("[data-panel-open]");
  const chip = root.querySelector("[data-model-open]");
  const model = panel.querySelector("[name=model]");
  const prompt = panel.querySelector("[name=system_prompt]");
  const note = panel.querySelector("[data-saved]");
  const params = parameterFields(panel.querySelector("[data-params]"), store.state.parameters, paramsChanged);
  const format = formatFields(panel.querySelector("[data-format]"), paramsChanged);
  const certainty = certaintyField(panel.querySelector("[data-certainty]"), paramsChanged);
  const tools = toolsField(panel.querySelector("[data-tools]"), paramsChanged);
  const words = wordFields(panel.querySelector("[data-words]"), paramsChanged);
  const unsaved = `format:${store.state.conversation.id}`; // a format, tools or words that were refused, kept until they are right
  const waiting = {};
  let refused = false; // the parameters as they stand here; then nothing is put in their place
  let saving = 0; // how often they are on their way, and may come back refused
  let timer = null;
  let origin = opener;

  function paramsChanged() {
    later("params", { ...params.values(), ...words.values(), ...format.values(), ...tools.values(), ...certainty.values() });
    format.suit(chosenModel(store.state));
    tools.suit(chosenModel(store.state));
  }

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
    const sent = Number("params" in changes);
    saving += sent;
    try {
      await commands.save(changes);
      if (changes.params) remember(false);
      note.textContent = "Saved.";
    } catch (failure) {
      if (failure.retry) for (const [name, value] of Object.entries(changes)) waiting[name] ??= value;
      if (failure.retry) timer = setTimeout(save, 4000);
      else if (changes.params) remember(true);
      complain(failure.field ?? "", failure.message);
    }
    saving -= sent;
  }

  function remember(wrong) {
    refused = wrong;
    keep(unsaved, wrong ? { ...format.values(), ...tools.values(), ...words.values() } : null);
  }

  function complain(field, sentence) {
    const found = [params, format, tools, words].map((each) => each.complain(field, sentence)).some(Boolean);
    const general = panel.querySelector("[data-panel-problem]");
    general.textContent = found ? "" : sentence;
    general.hidden = found || !sentence;
  }

  /** @param {HTMLElement} [field] which is gone to; @param {HTMLElement} [from] where one comes back to */
  function open(on, field = panel.querySelector("[data-panel-close]"), from = opener) {
    if (on) origin = from;
    document.body.classList.toggle("panel-open", on);
    panel.hidden = !on;
    opener.setAttribute("aria-expanded", String(on));
    if (on) commands.readModels();
    const modal = on && matchMedia(PHONE).matches;
    for (const part of root.querySelectorAll("[data-behind]")) part.inert = modal;
    (on ? field : origin).focus();
  }

  opener.addEventListener("click", () => open(panel.hidden));
  chip.addEventListener("click", () => open(true, model, chip));
  whenLookedAt([chip, model, root.querySelector("#prompt")].filter(Boolean), () => commands.readModels());
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
    const chosen = chosenModel(state);
    showModels(model, models, conversation.model);
    showChosen(chip, models, conversation.model);
    showFacts(panel.querySelector("[data-model-facts]"), chosen);
    showRefused(panel.querySelector("[data-models-refused]"), mayWrite(state) ? models : [], chosen);
    if (document.activeElement !== prompt && waiting.system_prompt === undefined) prompt.value = conversation.system_prompt;
    if (waiting.params === undefined && !refused && !saving) {
      params.show(conversation.params, chosen?.defaults);
      format.show(conversation.params);
      tools.show(conversation.params);
      certainty.show(conversation.params);
      words.show(conversation.params);
    }
    format.suit(chosen);
    tools.suit(chosen);
    certainty.suit(chosen);
    words.suit(chosen);
    params.withhold(new Set(chosen?.takes_effort ? [] : ["reasoning_effort"]));
    for (const field of panel.querySelectorAll("input, select, textarea, [data-reset], [data-example], [data-words] button")) field.disabled = !mayWrite(state);
  });

  const draft = recall(unsaved);
  if (draft && mayWrite(store.state)) {
    format.show(draft);
    tools.show(draft);
    words.show(draft);
    paramsChanged();
  }
}

const chosenModel = ({ models, conversation }) => models.find((each) => each.id === conversation.model);

function showFacts(target, model) {
  if (!model) {
    target.textContent = "";
    return;
  }
  const facts = [`Reads ${model.reading}`, model.license && `licence ${model.license}`].filter(Boolean).join(" · ");
  target.replaceChildren(...aboutReadiness(model), ...[model.description && `${model.description} `, facts].filter(Boolean));
}
