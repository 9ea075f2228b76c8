/** Zoom of a picture: fit, one pixel for each, wheel, keys; large pixels stay sharp squares. */

const STEP = 1.5;
const SMALLEST = 0.1;
const LARGEST = 32;
const SHARP = 2; // from here on pixels are drawn as squares

export class Zoom {
  constructor(root) {
    this.stage = root.querySelector("[data-stage]");
    this.images = [...root.querySelectorAll("[data-image], [data-other]")];
    this.level = root.querySelector("[data-zoom-level]");
    this.scale = null; // null: fits
    const does = { in: () => this.by(STEP), out: () => this.by(1 / STEP), fit: () => this.set(null), full: () => this.set(1) };
    for (const button of root.querySelectorAll("[data-zoom]")) button.addEventListener("click", does[button.dataset.zoom]);
    this.stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.stage.addEventListener("dblclick", () => this.set(this.scale === null ? 1 : null));
    for (const image of this.images) image.addEventListener("load", () => this.#tell());
    addEventListener("resize", () => this.#tell());
    this.#drag();
    this.#tell();
  }

  /** @returns {boolean} whether the key was for the zoom */
  key({ key }) {
    const does = { "+": () => this.by(STEP), "=": () => this.by(STEP), "-": () => this.by(1 / STEP), 0: () => this.set(null), 1: () => this.set(1) }[key];
    does?.();
    return Boolean(does);
  }

  by(factor, at = null) {
    this.set(Math.min(LARGEST, Math.max(SMALLEST, this.#now * factor)), at);
  }

  /** @param at {x, y} in the window: what stays under the pointer */
  set(scale, at = null) {
    const [first] = this.images;
    const before = first.getBoundingClientRect();
    this.scale = scale;
    this.stage.classList.toggle("zoomed", scale !== null);
    for (const image of this.images) {
      image.style.width = scale === null ? "" : `${first.naturalWidth * scale}px`;
      image.style.height = scale === null ? "" : `${first.naturalHeight * scale}px`;
      image.classList.toggle("picture-tiny", first.naturalWidth < 200 || (scale ?? 0) >= SHARP);
    }
    this.#tell();
    if (scale !== null) this.#keepAt(before, at);
  }

  #tell() {
    const now = this.#now;
    this.level.textContent = Number.isFinite(now) ? `${Math.round(now * 100)} %` : "";
  }

  get #now() {
    return this.scale ?? this.images[0].getBoundingClientRect().width / this.images[0].naturalWidth;
  }

  #keepAt(before, at) {
    const box = this.stage.getBoundingClientRect();
    const point = at ?? { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    const [across, down] = [(point.x - before.left) / before.width, (point.y - before.top) / before.height];
    const after = this.images[0].getBoundingClientRect();
    this.stage.scrollLeft += after.left + across * after.width - point.x;
    this.stage.scrollTop += after.top + down * after.height - point.y;
  }

  #wheel(event) {
    event.preventDefault();
    this.by(event.deltaY < 0 ? 1.15 : 1 / 1.15, { x: event.clientX, y: event.clientY });
  }

  #drag() {
    let from = null;
    this.stage.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button || this.scale === null) return;
      event.preventDefault();
      from = { x: event.clientX + this.stage.scrollLeft, y: event.clientY + this.stage.scrollTop };
      this.stage.setPointerCapture(event.pointerId);
    });
    this.stage.addEventListener("pointermove", (event) => {
      if (!from) return;
      this.stage.scrollLeft = from.x - event.clientX;
      this.stage.scrollTop = from.y - event.clientY;
    });
    for (const name of ["pointerup", "pointercancel"]) this.stage.addEventListener(name, () => (from = null));
  }
}
