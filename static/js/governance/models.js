/** The picker of models: the list to choose from, and beside it those that are not for this person, with the way on. */
import { el } from "../dom.js";
import { inList, showReadiness } from "./readiness.js";
import { nameToChoose, refusedModels } from "./refused.js";

const missing = (id) => (id ? `${id} (not available)` : "Choose a model");
const nameInList = (model) => `${nameToChoose(model)}${model.allowed ? inList(model) : ""}`;

/**
 * Fills a select with what can be chosen; what may not be used here is in it, named so, and can't be chosen. A list that
 * is open stays so where only the words have changed.
 */
export function showModels(select, models, chosen) {
  const known = models.some((each) => each.id === chosen);
  const first = known ? [] : [{ value: "", text: missing(chosen), disabled: true, selected: true }];
  const wanted = [...first, ...models.map((each) => ({ value: each.id, text: nameInList(each), disabled: !each.allowed, selected: each.id === chosen }))];
  const key = JSON.stringify(wanted);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  const options = [...select.options];
  const same = options.length === wanted.length && options.every((option, place) => option.value === wanted[place].value);
  if (!same) select.replaceChildren(...wanted.map(() => el("option")));
  for (const [place, each] of wanted.entries()) Object.assign(select.options[place], each);
}

/** The model that was chosen, in a button that leads to the picker; in words too where it can't answer. */
export function showChosen(button, models, chosen) {
  const model = models.find((each) => each.id === chosen);
  button.querySelector("[data-model-name]").textContent = model ? nameToChoose(model) : missing(chosen);
  button.classList.toggle("is-missing", !model?.allowed);
  showReadiness(button.querySelector("[data-model-ready]"), model?.allowed ? model : null);
}

/** Left alone while nothing in it has changed: somebody may be writing there why they need one. */
export function showRefused(target, models, chosen) {
  const key = JSON.stringify(models.map(({ id, reason, waiting }) => [id, reason, waiting]));
  if (target.dataset.key === key) return;
  target.dataset.key = key;
  target.replaceChildren(...refusedModels(models, { open: chosen && !chosen.allowed }));
}
