/** Steps, guidance, scheduler, how far a source is changed and how strong an adapter is: their fields depend on the model. */
import { parameterFields } from "../chat/params.js";
import { el } from "../dom.js";

const NUMBERS = ["steps", "guidance"];
const SOURCE = ["strength"]; // only where there is a picture to start from
const ADAPTER = ["adapter_strength"]; // of adapters only

export class Options {
  constructor(root, changed) {
    Object.assign(this, { root, changed });
    this.scheduler = root.elements.scheduler;
    this.scheduler.addEventListener("change", changed);
    this.groups = [];
  }

  /** Builds the fields for a model; values that differ from its own are kept. What has one value only gets no field. */
  forModel(model, values) {
    const free = model.parameters.filter((each) => each.minimum === null || each.minimum !== each.maximum);
    const group = (place, names) => parameterFields(this.root.querySelector(place), free.filter((each) => names.includes(each.name)), this.changed);
    this.groups = [group("[data-params]", NUMBERS), group("[data-source-params]", SOURCE), group("[data-adapter-params]", ADAPTER)];
    this.root.querySelector("[data-adapter-params]").hidden = !free.some((each) => ADAPTER.includes(each.name));
    const names = model.facts.schedulers.filter((name) => name !== "default");
    this.scheduler.replaceChildren(el("option", { value: "" }, "The model's own"), ...names.map((name) => el("option", { value: name }, name)));
    this.root.querySelector("[data-scheduler-field]").hidden = !names.length;
    this.show(values);
  }

  /** Those that differ from the model's own. */
  get values() {
    const scheduler = this.scheduler.value ? { scheduler: this.scheduler.value } : {};
    return Object.assign({}, ...this.groups.map((group) => group.values()), scheduler);
  }

  show(values) {
    for (const group of this.groups) group.show(values);
    const scheduler = values.scheduler ?? "";
    this.scheduler.value = [...this.scheduler.options].some((option) => option.value === scheduler) ? scheduler : "";
  }

  /** @returns {boolean} whether there is such a field to stand at */
  complain(name, sentence) {
    return this.groups.map((group) => group.complain(name, sentence)).some(Boolean);
  }
}
