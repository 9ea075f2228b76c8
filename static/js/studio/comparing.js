/** Two pictures in one place, with a border that moves: a slider, so that keys move it too. */

export class Comparing {
  constructor(root, { at }) {
    this.button = root.querySelector("[data-compare]");
    this.other = root.querySelector("[data-other]");
    this.bar = root.querySelector("[data-compare-bar]");
    this.range = root.querySelector("[data-compare-range]");
    this.button.addEventListener("click", () => this.toggle());
    this.range.addEventListener("input", () => this.#show());
    if (at) this.toggle();
  }

  toggle() {
    const on = this.other.hidden;
    this.other.hidden = !on;
    this.bar.hidden = !on;
    this.button.setAttribute("aria-pressed", String(on));
    this.#show();
    if (on) this.range.focus();
  }

  /** The other picture lies on top, up to the border. */
  #show() {
    this.other.style.clipPath = `inset(0 ${100 - Number(this.range.value)}% 0 0)`;
  }
}
