/** The form of a prompt's variables; what comes of it goes into the composer, filled in by the server. */
import { el } from "../../dom.js";
import { formatName } from "../../formats.js";
import { toast } from "../../toasts.js";
import { get, post } from "../api.js";

export class PromptForm {
  constructor({ store, composer, commands }) {
    Object.assign(this, { store, composer, commands });
    this.dialog = document.getElementById("prompt-form");
    const find = (name) => this.dialog.querySelector(`[data-prompt-${name}]`);
    this.parts = Object.fromEntries(["form", "title", "summary", "fields", "system", "format", "problem", "link", "close"].map((name) => [name, find(name)]));
    this.parts.close.addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.composer.focus());
    this.parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.parts.form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.parts.form.requestSubmit();
    });
  }

  /** A prompt without variables goes in at once. Raises Failure. */
  async fill({ id, url, revision_url: revisionUrl }) {
    const { revision } = await get(revisionUrl);
    this.prompt = { id, revision: revision.number, title: revision.title, variables: revision.variables, format: formatOf(revision.params) };
    if (revision.variables.length || revision.system || this.prompt.format) this.#open(revision, url);
    else await this.#insert({}, {});
  }

  #open(revision, url) {
    const { title, summary, fields, system, link } = this.parts;
    title.textContent = revision.title;
    summary.textContent = revision.summary;
    summary.hidden = !revision.summary;
    link.href = url;
    fields.replaceChildren(...revision.variables.map(fieldOf));
    system.hidden = !revision.system;
    system.querySelector("input").checked = Boolean(revision.system) && !this.store.state.conversation.system_prompt;
    this.#offerFormat();
    this.#say("");
    this.dialog.showModal();
    fields.querySelector("input, textarea, select")?.focus();
  }

  /** As chosen in the conversation, so that nothing a person set is replaced unasked. */
  #offerFormat() {
    const { conversation, models } = this.store.state;
    const { format } = this.prompt;
    const model = models.find((each) => each.id === conversation.model);
    const unable = Boolean(format && model && !model.formats.includes(format.output_format));
    const box = this.parts.format.querySelector("input");
    this.parts.format.hidden = !format;
    box.disabled = unable;
    box.checked = Boolean(format) && !unable && !conversation.params.output_format;
    this.parts.format.querySelector("[data-prompt-format-name]").textContent = formatName(format?.output_format);
    this.parts.format.querySelector("[data-prompt-format-help]").textContent = unable ? `${model.name} runs on another server, which does not take this format.` : "";
  }

  async #submit() {
    const { form, fields, system, format } = this.parts;
    const values = Object.fromEntries(this.prompt.variables.map((variable) => [variable.name, valueIn(form, variable)]));
    const submit = form.querySelector("[type=submit]");
    for (const line of fields.querySelectorAll("[data-error]")) line.hidden = true;
    this.#say("");
    submit.disabled = true;
    try {
      const wants = (part) => !part.hidden && part.querySelector("input").checked;
      await this.#insert(values, { system: wants(system), format: wants(format) });
      this.dialog.close();
    } catch (failure) {
      this.#refuse(failure);
    }
    submit.disabled = false;
  }

  async #insert(values, use) {
    const { id, revision, title, format } = this.prompt;
    const texts = await post(this.store.state.urls.insert, { prompt: id, revision, values });
    this.composer.insert(texts.user, { revision: texts.revision, title });
    const changes = {
      ...(use.system && texts.system && { system_prompt: texts.system }),
      ...(use.format && { params: { ...this.store.state.conversation.params, ...format } }),
    };
    if (!Object.keys(changes).length) return;
    await this.commands.save(changes).catch((failure) => toast({ kind: "error", text: failure.message }));
  }

  /** Beside the variable that is wrong, else under all of them. */
  #refuse({ field, message }) {
    const line = field && this.parts.fields.querySelector(`[data-error="${CSS.escape(field)}"]`);
    if (!line) return this.#say(message);
    line.textContent = message;
    line.hidden = false;
    this.parts.form.querySelector(`#${CSS.escape(`variable-${field}`)}`)?.focus();
  }

  #say(sentence) {
    this.parts.problem.textContent = sentence;
    this.parts.problem.hidden = !sentence;
  }
}

/** @returns {object|null} the parameters that make up an answer format */
function formatOf({ output_format: kind, ...params }) {
  if (!kind) return null;
  return params[kind] ? { output_format: kind, [kind]: params[kind] } : { output_format: kind };
}

const INPUTS = {
  string: (props) => el("input", { ...props, class: "input", type: "text", autocomplete: "off" }),
  number: (props) => el("input", { ...props, class: "input", type: "text", inputMode: "decimal", autocomplete: "off" }),
  text: (props) => el("textarea", { ...props, class: "input", rows: 4 }),
};

function fieldOf(variable) {
  const { name, type, label, help, choices, default: value, required } = variable;
  const id = `variable-${name}`;
  const described = `${id}-help ${id}-error`;
  const props = { id, name: `variable-${name}`, "aria-describedby": described };
  const words = el("label", { for: id }, label || name.replaceAll("_", " "), !required && el("span", { class: "muted" }, " (optional)"));
  const notes = [
    help && el("p", { class: "help", id: `${id}-help` }, help),
    el("p", { class: "errors", id: `${id}-error`, role: "alert", hidden: true, dataset: { error: name } }),
  ];
  if (type === "boolean") {
    return el("div", { class: "field field-check" }, el("input", { ...props, type: "checkbox", checked: value === "yes" }), words, ...notes);
  }
  const input = type === "choice" ? choiceOf(props, choices, value) : (INPUTS[type] ?? INPUTS.string)({ ...props, value: value ?? "" });
  return el("div", { class: "field" }, words, input, ...notes);
}

function choiceOf(props, choices, value) {
  const options = choices.map((each) => el("option", { value: each, selected: each === value }, each));
  return el("select", props, !value && el("option", { value: "" }, "Choose…"), ...options);
}

function valueIn(form, { name, type }) {
  const input = form.elements.namedItem(`variable-${name}`);
  return type === "boolean" ? (input.checked ? "yes" : "no") : input.value;
}
