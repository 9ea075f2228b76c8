/** The seed: random for each picture, unless it is kept. */
import { icon } from "../dom.js";

const LARGEST = 2 ** 32;

export class SeedField {
  constructor(root, changed) {
    Object.assign(this, { changed });
    this.input = root.elements.seed;
    this.lock = root.querySelector("[data-seed-lock]");
    this.input.addEventListener("input", () => this.#keep(this.input.value !== ""));
    this.lock.addEventListener("click", () => this.#toggle());
    root.querySelector("[data-seed-dice]").addEventListener("click", () => this.#roll());
  }

  /** null: a new one for every picture */
  get value() {
    return this.kept && this.input.value !== "" ? this.input.value : null;
  }

  show(value) {
    this.input.value = value ?? "";
    this.#keep(value !== null && value !== undefined && value !== "");
  }

  #toggle() {
    if (this.kept) this.show(null);
    else if (this.input.value === "") this.#roll();
    else this.#keep(true);
  }

  #roll() {
    this.show(crypto.getRandomValues(new Uint32Array(1))[0] % LARGEST);
  }

  #keep(on) {
    this.kept = on;
    this.lock.setAttribute("aria-pressed", String(on));
    this.lock.title = on ? "A new seed each time" : "Keep this seed";
    this.lock.setAttribute("aria-label", "Keep this seed");
    this.lock.replaceChildren(icon(on ? "lock" : "lock-open"));
    this.changed();
  }
}
