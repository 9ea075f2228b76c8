/** The fields of a prompt's variables. */
import { el } from "../dom.js";

let made = 0;

/**
 * @param variables as the server declares them
 * @param {(values: Object<string, string>) => void} onChange
 * @returns {{element: HTMLElement, values: () => Object<string, string>}} `values` leaves out what is empty
 */
export function variableForm(variables, onChange = () => {}, kept = {}) {
  const fields = variables.map((variable) => [variable, control(variable, kept[variable.name] ?? variable.default ?? "")]);
  const values = () => {
    const read = fields.map(([variable, input]) => [variable.name, input.type === "checkbox" ? (input.checked ? "yes" : "no") : input.value]);
    return Object.fromEntries(read);
  };
  const element = el("div", { class: "prompt-fields" }, ...fields.map(([variable, input]) => field(variable, input)));
  element.addEventListener("input", () => onChange(values()));
  return { element, values };
}

function control(variable, value) {
  const id = `variable-${(made += 1)}`;
  const common = { id, required: variable.required && variable.type !== "boolean", dataset: { variable: variable.name } };
  if (variable.type === "text") return el("textarea", { ...common, rows: 3, value });
  if (variable.type === "boolean") return el("input", { ...common, type: "checkbox", checked: value === "yes" });
  if (variable.type === "number") return el("input", { ...common, type: "number", step: "any", value });
  if (variable.type !== "choice") return el("input", { ...common, type: "text", value });
  const options = variable.choices.map((choice) => el("option", { value: choice, selected: choice === value }, choice));
  return el("select", common, value ? null : el("option", { value: "" }, "Choose…"), ...options);
}

function field(variable, input) {
  const label = el("label", { for: input.id }, variable.label || variable.name, variable.required ? null : el("span", { class: "optional" }, " optional"));
  const help = variable.help ? el("p", { class: "help", id: `${input.id}-help` }, variable.help) : null;
  if (help) input.setAttribute("aria-describedby", help.id);
  return input.type === "checkbox"
    ? el("div", { class: "field field-check" }, input, label, help)
    : el("div", { class: "field" }, label, input, help);
}
