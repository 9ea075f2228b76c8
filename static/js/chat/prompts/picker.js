/** `/` at the start of the composer: a list of prompts from the library, chosen by keyboard or pointer. */
import { el } from "../../dom.js";
import { toast } from "../../toasts.js";
import { get } from "../api.js";

const WAIT = 150; // milliseconds after the last key
const QUERY = /^\/([^\n]{0,200})$/;

export class PromptPicker {
  constructor(root, { store, composer, form }) {
    Object.assign(this, { root, store, composer, form });
    this.panel = root.querySelector("[data-picker]");
    this.list = root.querySelector("[data-picker-list]");
    this.note = root.querySelector("[data-picker-note]");
    this.asked = 0;
    this.at = 0;
    this.found = [];
    composer.picker = this;
    composer.field.addEventListener("input", () => this.#typed());
    composer.field.addEventListener("blur", () => setTimeout(() => this.#left(), 0));
    root.querySelector("[data-prompts]").addEventListener("click", () => this.#ask());
    this.panel.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  /** @returns {boolean} whether the key was for the list */
  key(event) {
    if (!this.isOpen) return false;
    const run = { ArrowDown: () => this.#move(1), ArrowUp: () => this.#move(-1), Escape: () => this.#dismiss() }[event.key];
    const chooses = (event.key === "Enter" && !event.shiftKey) || event.key === "Tab";
    if (!run && !(chooses && this.found.length)) return false;
    event.preventDefault();
    event.stopPropagation();
    if (run) run();
    else this.#choose(this.found[this.at]);
    return true;
  }

  /** From the button: an empty field gets its `/`; beside other text the list stands by itself. */
  #ask() {
    if (this.isOpen) return this.#close();
    this.dismissed = false;
    this.composer.focus();
    if (this.composer.field.value.trim()) this.#search("");
    else this.composer.put("/");
  }

  #typed() {
    const query = QUERY.exec(this.composer.field.value)?.[1];
    if (query === undefined) {
      this.dismissed = false;
      return this.#close();
    }
    if (!this.dismissed) this.#search(query.trim());
  }

  #left() {
    if (!this.root.contains(document.activeElement)) this.#close();
  }

  #search(query) {
    clearTimeout(this.timer);
    const asked = (this.asked += 1);
    this.timer = setTimeout(() => this.#find(query, asked), this.isOpen ? WAIT : 0);
  }

  async #find(query, asked) {
    try {
      const { prompts } = await get(`${this.store.state.urls.prompts}?q=${encodeURIComponent(query)}`);
      if (asked === this.asked) this.#show(prompts, query);
    } catch (failure) {
      if (asked === this.asked) this.#show([], query, failure.message);
    }
  }

  #show(prompts, query, trouble = "") {
    this.found = prompts;
    this.at = 0;
    this.list.replaceChildren(...prompts.map((prompt, number) => this.#option(prompt, number)));
    this.list.hidden = !prompts.length;
    this.note.textContent = trouble || (prompts.length ? "" : query ? `No prompt matches “${query}”. Enter sends it as it is.` : "There are no prompts for you yet. Save a good message as one.");
    this.note.hidden = !this.note.textContent;
    this.panel.hidden = false;
    this.composer.field.setAttribute("aria-controls", this.list.id);
    this.#mark();
  }

  #option(prompt, number) {
    const facts = [prompt.author, prompt.stars && `${prompt.stars} ★`].filter(Boolean).join(" · ");
    return el(
      "li",
      { id: `picker-${number}`, class: "picker-option", role: "option", onclick: () => this.#choose(prompt), onpointermove: () => this.#to(number) },
      el("span", { class: "picker-title" }, el("strong", {}, prompt.title), el("span", { class: "muted small" }, facts)),
      prompt.summary && el("span", { class: "muted small truncate" }, prompt.summary),
    );
  }

  #move(step) {
    if (this.found.length) this.#to((this.at + step + this.found.length) % this.found.length);
  }

  #to(number) {
    if (number === this.at) return;
    this.at = number;
    this.#mark();
  }

  #mark() {
    [...this.list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === this.at)));
    const current = this.list.children[this.at];
    current?.scrollIntoView({ block: "nearest" });
    if (current) this.composer.field.setAttribute("aria-activedescendant", current.id);
    else this.composer.field.removeAttribute("aria-activedescendant");
  }

  async #choose(prompt) {
    this.#close();
    try {
      await this.form.fill(prompt);
    } catch (failure) {
      toast({ kind: "error", text: failure.message });
    }
  }

  #dismiss() {
    this.dismissed = true;
    this.#close();
  }

  #close() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.panel.hidden = true;
    this.composer.field.removeAttribute("aria-activedescendant");
    this.composer.field.removeAttribute("aria-controls");
  }
}

