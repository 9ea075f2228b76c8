/** A list over the composer, chosen from by keyboard or pointer: of prompts behind `/`, of models behind `@`. */
import { el } from "../dom.js";
import { toast } from "../toasts.js";

const WAIT = 150; // milliseconds after the last key

/**
 * @typedef {object} Source  what a list is of
 * @property {string} label  its name
 * @property {string} verb  what Enter does
 * @property {(field: HTMLTextAreaElement) => string|undefined} query  what is asked for there, if anything is
 * @property {(query: string) => Promise<object[]>} find  raises Failure
 * @property {(item: object) => Node[]} option  what stands in its line
 * @property {(item: object) => Promise<void>} choose  raises Failure
 * @property {(query: string) => string} none  what is said where nothing was found; "" for no list then
 */

export class Picker {
  /** @param {Source[]} sources */
  constructor(root, { composer, sources }) {
    Object.assign(this, { root, composer, sources });
    this.panel = root.querySelector("[data-picker]");
    this.list = root.querySelector("[data-picker-list]");
    this.note = root.querySelector("[data-picker-note]");
    this.verb = root.querySelector("[data-picker-verb]");
    this.asked = 0;
    this.at = 0;
    this.found = [];
    composer.picker = this;
    composer.field.addEventListener("input", () => this.#typed());
    composer.field.addEventListener("blur", () => setTimeout(() => this.#left(), 0));
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

  /** From a button: an empty field gets the `sign`; beside other text the list stands by itself. */
  ask(source, sign) {
    if (this.isOpen) return this.#close();
    this.dismissed = false;
    this.composer.focus();
    if (this.composer.field.value.trim()) this.#search(source, "");
    else this.composer.put(sign);
  }

  #typed() {
    for (const source of this.sources) {
      const query = source.query(this.composer.field);
      if (query === undefined) continue;
      if (!this.dismissed) this.#search(source, query);
      return;
    }
    this.dismissed = false;
    this.#close();
  }

  #left() {
    if (!this.root.contains(document.activeElement)) this.#close();
  }

  #search(source, query) {
    clearTimeout(this.timer);
    const asked = (this.asked += 1);
    this.timer = setTimeout(() => this.#find(source, query, asked), this.isOpen ? WAIT : 0);
  }

  async #find(source, query, asked) {
    try {
      const found = await source.find(query);
      if (asked === this.asked) this.#show(source, found, found.length ? "" : source.none(query));
    } catch (failure) {
      if (asked === this.asked) this.#show(source, [], failure.message);
    }
  }

  #show(source, found, note) {
    if (!found.length && !note) return this.#close();
    this.source = source;
    this.found = found;
    this.at = 0;
    this.list.replaceChildren(...found.map((item, number) => this.#option(item, number)));
    this.list.hidden = !found.length;
    this.list.setAttribute("aria-label", source.label);
    this.verb.textContent = source.verb;
    this.note.textContent = note;
    this.note.hidden = !note;
    this.panel.hidden = false;
    this.composer.field.setAttribute("aria-controls", this.list.id);
    this.#mark();
  }

  #option(item, number) {
    const listeners = { onclick: () => this.#choose(item), onpointermove: () => this.#to(number) };
    return el("li", { id: `picker-${number}`, class: "picker-option", role: "option", ...listeners }, ...this.source.option(item));
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

  async #choose(item) {
    this.#close();
    try {
      await this.source.choose(item);
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

/** The name of an item, with what else is told beside it. */
export const titled = (name, facts) => el("span", { class: "picker-title" }, el("strong", {}, name), el("span", { class: "muted small" }, facts));

