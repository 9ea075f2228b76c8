/** The editor: variables appear as they are written, and the preview shows what others will see. */
import { formatFields } from "../answer_format.js";
import { el, icon } from "../dom.js";
import { variableForm } from "./form.js";
import { showPreview } from "./preview.js";
import { namesIn, parse } from "./template.js";

const state = JSON.parse(document.getElementById("prompt-state").textContent);
const page = document.querySelector("[data-prompt-editor]");
const [system, user] = [page.elements.namedItem("system"), page.elements.namedItem("user")];
const [list, preview, problem] = ["[data-variables]", "[data-preview]", "[data-problem]"].map((name) => page.querySelector(name));
let variables = state.variables;
let fields = page.querySelector("[data-fields]");
let values = {};

const blank = (name) => ({ name, type: "string", label: "", help: "", default: "", choices: [], required: true });

function templatesChanged() {
  const used = namesIn(system.value, user.value);
  const known = new Map(variables.map((each) => [each.name, each]));
  const kept = variables.filter((each) => used.includes(each.name) || each.touched);
  variables = [...kept, ...used.filter((name) => !known.has(name)).map(blank)];
  showVariables(used);
  problem.textContent = [system, user].flatMap((each) => parse(each.value).problems)[0] ?? "";
  refresh();
}

function showVariables(used) {
  const key = variables.map((each) => `${each.name} ${used.includes(each.name)}`).join();
  if (key === list.dataset.key) return;
  list.dataset.key = key;
  const rows = variables.map((each) => row(each, used.includes(each.name)));
  list.replaceChildren(...(rows.length ? rows : [el("p", { class: "help" }, "None yet: they appear as you write them into the text.")]));
}

function row(variable, isUsed) {
  const change = (name, value) => {
    variable[name] = value;
    variable.touched = true;
    refresh();
  };
  const text = (name, label, placeholder = "") => {
    const shown = name === "choices" ? variable.choices.join(", ") : variable[name];
    const input = el("input", { class: "input", value: shown, placeholder, "aria-label": `${label} of ${variable.name}` });
    input.addEventListener("input", () => change(name, name === "choices" ? input.value.split(",").map((each) => each.trim()).filter(Boolean) : input.value));
    return el("label", { class: "prompt-variable-field" }, el("span", { class: "help" }, label), input);
  };
  const kinds = el("select", { class: "input", "aria-label": `Type of ${variable.name}` }, ...Object.entries(state.types).map(([value, label]) => el("option", { value, selected: value === variable.type }, label)));
  const choices = text("choices", "Choices", "calm, gruff");
  choices.hidden = variable.type !== "choice";
  kinds.addEventListener("change", () => {
    choices.hidden = kinds.value !== "choice";
    change("type", kinds.value);
  });
  const required = el("input", { type: "checkbox", checked: variable.required });
  required.addEventListener("change", () => change("required", required.checked));
  const remove = el("button", { type: "button", class: "btn btn-quiet btn-icon btn-small", "aria-label": `Remove ${variable.name}` }, icon("x"));
  remove.addEventListener("click", () => {
    variables = variables.filter((each) => each !== variable);
    showVariables(namesIn(system.value, user.value));
    refresh();
  });
  return el(
    "div",
    { class: "prompt-variable" },
    el("div", { class: "spread" }, el("code", {}, variable.name), isUsed ? null : el("span", { class: "badge badge-warn", title: "Left out when you save" }, "not used"), kinds, isUsed ? null : remove),
    el("div", { class: "prompt-variable-more" }, text("label", "Label"), text("default", "Default"), text("help", "Help"), choices),
    el("label", { class: "row help" }, required, "must be filled in"),
  );
}

/** A variable that the text no longer uses is remembered while the page is open, and left out of all the rest. */
function refresh() {
  const used = namesIn(system.value, user.value);
  const plain = variables.filter((each) => used.includes(each.name)).map(({ touched, ...each }) => each);
  page.querySelector("[data-variables-field]").value = JSON.stringify(plain);
  const form = variableForm(plain, (now) => {
    values = now;
    showPreview(preview, { system: system.value, user: user.value }, now);
  });
  fields.replaceWith(form.element);
  fields = form.element;
  values = form.values();
  showPreview(preview, { system: system.value, user: user.value }, values);
}

/** What nobody touches stays as it was saved, a stop string with a line break in it too. */
function showParams() {
  const set = { ...state.params };
  const format = formatFields(page.querySelector("[data-format]"), () => save());
  const save = () => (page.querySelector("[data-params-field]").value = JSON.stringify({ ...set, ...format.values() }));
  format.show(set);
  for (const [name, sentence] of Object.entries(state.wrong)) format.complain(name, sentence);
  for (const name of format.names) delete set[name];
  for (const input of page.querySelectorAll("[data-param]")) {
    const { param: name, lines } = input.dataset;
    input.value = [].concat(set[name] ?? []).join("\n");
    input.addEventListener("input", () => {
      const given = lines === undefined ? input.value : input.value.split("\n").filter(Boolean);
      if (given.length) set[name] = lines === undefined ? Number(given) : given;
      else delete set[name];
      save();
    });
  }
  save();
}

showParams();
for (const each of [system, user]) each.addEventListener("input", templatesChanged);
templatesChanged();
// The preview's own fields are no part of what is saved: an empty one must not hold the form up.
page.noValidate = true;
