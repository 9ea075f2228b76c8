/** The picker of models: the list to choose from, and beside it those that are not for this person, with the way on. */
import { el } from "../dom.js";
import { nameToChoose, refusedModels } from "./refused.js";

const missing = (id) => (id ? `${id} (not available)` : "Choose a model");

/** Fills a select with what can be chosen; what may not be used here is in it, named so, and can't be chosen. */
export function showModels(select, models, chosen) {
  const key = JSON.stringify([models.map(nameToChoose), chosen]);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  const known = models.some((each) => each.id === chosen);
  const first = known ? [] : [el("option", { value: "", disabled: true, selected: true }, missing(chosen))];
  select.replaceChildren(...first, ...models.map((each) => el("option", { value: each.id, selected: each.id === chosen, disabled: !each.allowed }, nameToChoose(each))));
}

/** The model that was chosen, in a button that leads to the picker; in words too where it can't answer. */
export function showChosen(button, models, chosen) {
  const model = models.find((each) => each.id === chosen);
  button.querySelector("[data-model-name]").textContent = model ? nameToChoose(model) : missing(chosen);
  button.classList.toggle("is-missing", !model?.allowed);
}

/** Left alone while nothing in it has changed: somebody may be writing there why they need one. */
export function showRefused(target, models, chosen) {
  const key = JSON.stringify(models.map(({ id, reason, waiting }) => [id, reason, waiting]));
  if (target.dataset.key === key) return;
  target.dataset.key = key;
  target.replaceChildren(...refusedModels(models, { open: chosen && !chosen.allowed }));
}
