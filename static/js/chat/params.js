/** A field for each sampling parameter: slider and number together, what it does, and the way back to its default. */
import { complainAt } from "../complaint.js";
import { el, icon } from "../dom.js";

const WIDE = 5000; // above this a slider would be useless

export function parameterFields(target, parameters, onChange) {
  const fields = parameters.map((each) => new ParameterField(each, onChange));
  target.replaceChildren(...fields.map((field) => field.root));
  return {
    values: () => Object.fromEntries(fields.filter((field) => field.differs).map((field) => [field.name, field.value])),
    /** @param {object} defaults those of the chosen model */
    show: (params, defaults) => fields.forEach((field) => field.show(params[field.name], defaults)),
    /** @param {Set<string>} names those that the chosen model knows nothing of */
    withhold: (names) => fields.forEach((field) => (field.root.hidden = names.has(field.name))),
    /** @returns {boolean} whether there is such a field to stand at */
    complain: (name, sentence) => fields.map((field) => field.complain(field.name === name ? sentence : "")).some(Boolean),
  };
}

class ParameterField {
  constructor(parameter, onChange) {
    this.parameter = parameter;
    this.defaults = {};
    this.name = parameter.name;
    this.onChange = onChange;
    const id = `param-${parameter.name}`;
    this.input = this.#input(id);
    this.range = this.#range();
    this.reset = el(
      "button",
      { type: "button", class: "tool", title: "Back to the default", "aria-label": `${parameter.label}: back to the default`, dataset: { reset: "" }, onclick: () => this.#toDefault() },
      icon("rotate-ccw"),
    );
    this.error = el("p", { class: "errors", id: `${id}-error`, hidden: true, role: "alert" });
    const head = el("div", { class: "param-head" }, el("label", { for: id }, parameter.label), this.reset, this.#isList ? null : this.input);
    const help = el("p", { class: "help", id: `${id}-help` }, parameter.help);
    this.root = el("div", { class: "field param" }, head, this.#isList ? this.input : null, this.range, help, this.error);
    this.show(undefined);
  }

  get #isList() {
    return this.parameter.kind === "strings";
  }

  get #default() {
    return this.defaults[this.name] ?? this.parameter.default ?? null;
  }

  #input(id) {
    const described = { id, name: this.name, "aria-describedby": `${id}-help ${id}-error`, oninput: () => this.#changed(this.input) };
    if (this.#isList) return el("textarea", { ...described, rows: 2, placeholder: "One in each line" });
    const { minimum, maximum, step, kind, choices } = this.parameter;
    if (kind === "choice") return el("select", described, el("option", { value: "" }, "default"), ...choices.map((each) => el("option", { value: each }, each)));
    return el("input", {
      ...described,
      type: "number",
      min: String(minimum ?? ""),
      max: String(maximum ?? ""),
      step: kind === "integer" ? "1" : "any",
      inputMode: kind === "integer" ? "numeric" : "decimal",
      placeholder: this.#default === null ? "random" : "",
      dataset: { step },
    });
  }

  #range() {
    const { minimum, maximum, step, label, kind } = this.parameter;
    if (this.#isList || maximum === null || minimum === null || (kind === "integer" && maximum > WIDE)) return null;
    return el("input", { type: "range", min: String(minimum), max: String(maximum), step: String(step ?? "any"), "aria-label": `${label}, slider`, oninput: () => this.#changed(this.range) });
  }

  #changed(from) {
    if (this.range) (from === this.range ? this.input : this.range).value = from.value;
    this.#mark();
    this.onChange();
  }

  #toDefault() {
    this.show(undefined);
    this.onChange();
    this.input.focus();
  }

  /** Shows a saved value, unless the person is writing another here. */
  show(value, defaults = this.defaults) {
    this.defaults = defaults;
    if (document.activeElement === this.input || document.activeElement === this.range) return;
    const given = value ?? this.#default;
    this.input.value = this.#isList ? (given ?? []).join("\n") : (given ?? "");
    if (this.range) this.range.value = this.input.value;
    this.#mark();
  }

  #mark() {
    this.reset.hidden = !this.differs;
  }

  get value() {
    if (this.#isList) return this.input.value.split("\n").filter(Boolean);
    if (this.input.value === "") return null;
    return this.parameter.kind === "choice" ? this.input.value : Number(this.input.value);
  }

  get differs() {
    return JSON.stringify(this.value ?? this.#default) !== JSON.stringify(this.#isList ? (this.#default ?? []) : this.#default);
  }

  complain(sentence) {
    return complainAt(this.input, this.error, sentence);
  }
}
