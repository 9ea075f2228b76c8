/** Follows the growing text until the reader scrolls away; a button brings them back. */

const NEAR = 80; // pixels from the end that still count as "at the end"

export class Scroller {
  constructor(box, button) {
    this.box = box;
    this.button = button;
    this.following = true;
    box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    box.addEventListener("wheel", (event) => event.deltaY < 0 && this.leave(), { passive: true });
    box.addEventListener("touchmove", () => this.#scrolled(), { passive: true });
    button.addEventListener("click", () => this.follow());
    new ResizeObserver(() => this.grown()).observe(box);
  }

  follow() {
    this.following = true;
    this.grown();
  }

  /** The reader goes elsewhere. */
  leave() {
    if (this.box.scrollHeight > this.box.clientHeight) this.following = false;
  }

  /** The content changed: go along, if the reader is at the end. */
  grown() {
    if (this.following) this.box.scrollTop = this.box.scrollHeight;
    this.#show();
  }

  get #distance() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight;
  }

  #scrolled() {
    const up = this.box.scrollTop < (this.lastTop ?? 0);
    this.lastTop = this.box.scrollTop;
    if (this.#distance < NEAR / 4 || (!up && this.#distance < NEAR)) this.following = true;
    else if (up) this.following = false;
    this.#show();
  }

  #show() {
    this.button.hidden = this.following || this.#distance < NEAR;
  }
}
