/** Answers to one prompt beside each other, as they are written, and another model asked for one. */
import { el, icon } from "../dom.js";
import { showModels } from "../governance/models.js";
import { showProblem } from "../problem.js";
import { isOver, mayWrite } from "./reducer.js";
import { MessageView } from "./view/message.js";

/** @returns {(message) => Promise<void>} opens the dialog with the answers in this one's place */
export function comparing({ store, ...context }) {
  const sheet = new CompareSheet(document.getElementById("compare"), { store, ...context });
  store.subscribe((state) => sheet.show(state));
  return (message) => sheet.open(message);
}

class CompareSheet {
  constructor(dialog, context) {
    // A column only shows its answer: what changes the branch is in the foot of the column.
    this.context = { ...context, writable: () => false, onGrown: () => {} };
    Object.assign(this, { dialog, store: context.store, commands: context.commands, columns: new Map() });
    const find = (name) => dialog.querySelector(`[data-compare-${name}]`);
    this.parts = Object.fromEntries(["prompt", "list", "form", "model", "problem"].map((name) => [name, find(name)]));
    this.parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask();
    });
    find("close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => this.commands.compare(null));
  }

  async open(message) {
    this.of = message;
    this.#say("");
    const prompt = this.store.state.messages.find((each) => each.id === message.parent);
    this.parts.prompt.textContent = prompt?.text ?? "";
    this.commands.readModels();
    await this.#tried(async () => {
      await this.commands.compare(message);
      this.dialog.showModal();
    });
  }

  show(state) {
    const compared = state.compared ?? [];
    const shown = new Set(compared.map((each) => each.id));
    for (const [id, column] of this.columns) if (!shown.has(id)) this.#drop(id, column);
    for (const message of compared) {
      const column = this.columns.get(message.id) ?? this.#add(message);
      column.show(message, state);
    }
    if (!compared.length) return;
    this.parts.form.hidden = !mayWrite(state);
    showModels(this.parts.model, state.models, this.parts.model.value || state.conversation.model);
  }

  #add(message) {
    const column = new Column(message, { context: this.context, stop: (each) => this.commands.stop(each), choose: (each) => this.#goOn(each) });
    this.columns.set(message.id, column);
    this.parts.list.append(column.root);
    if (this.dialog.open) column.root.scrollIntoView({ block: "nearest", inline: "end" });
    return column;
  }

  #drop(id, column) {
    column.view.remove();
    column.root.remove();
    this.columns.delete(id);
  }

  async #ask() {
    const { form, model } = this.parts;
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return;
    button.disabled = true;
    await this.#tried(() => this.commands.askBeside(this.of, model.value));
    button.disabled = false;
  }

  async #goOn(message) {
    if (await this.commands.switchTo(message.id)) this.dialog.close();
  }

  /** What is refused is told here, where the page's own notes would be hidden. */
  async #tried(run) {
    this.#say("");
    try {
      await run();
    } catch (failure) {
      if (!this.dialog.open) this.dialog.showModal();
      this.#say(failure.message, failure.remedy);
    }
  }

  #say(sentence, remedy) {
    showProblem(this.parts.problem, sentence, remedy);
  }
}

/** One answer, and what can be done with it. */
class Column {
  constructor(message, { context, stop, choose }) {
    this.view = new MessageView({ ...message, siblings: [] }, context);
    this.view.root.removeAttribute("id"); // the same answer may stand on the page
    this.stop = el("button", { type: "button", class: "btn btn-small", onclick: () => stop(this.message) }, icon("square"), "Stop");
    this.choose = el("button", { type: "button", class: "btn btn-small", onclick: () => choose(this.message) }, icon("corner-down-left"), "Go on with this one");
    this.current = el("span", { class: "badge" }, icon("check"), "On show");
    this.root = el("li", { class: "compare-column" }, this.view.root, el("div", { class: "compare-foot" }, this.stop, this.choose, this.current));
  }

  show(message, state) {
    const live = state.live[message.job?.id];
    if (message !== this.message) this.alone = { ...message, siblings: [] };
    this.message = message;
    this.view.update(this.alone, live, { writable: false, busy: false, last: true });
    const isCurrent = state.messages.some((each) => each.id === message.id);
    this.stop.hidden = isOver(message.job) || !mayWrite(state);
    this.choose.hidden = isCurrent;
    this.current.hidden = !isCurrent;
  }
}
