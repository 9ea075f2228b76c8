/** What the pictures would take, asked for while one writes: the newest question counts. */
import { post } from "../chat/api.js";
import { quoted } from "./words.js";

const PAUSE = 400; // milliseconds after the last change
const AGAIN = 15_000; // the queue moves on

export class QuoteLine {
  constructor(root, { url, form }) {
    Object.assign(this, { url, form, place: root.querySelector("[data-quote]") });
    setInterval(() => document.hidden || this.ask(), AGAIN);
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE);
  }

  async ask() {
    const wanted = this.form().values;
    if (!wanted.params.prompt.trim()) return this.#say("");
    const asked = (this.asked = {});
    try {
      const { quote } = await post(this.url, wanted);
      if (asked === this.asked) this.#say(quoted(quote));
    } catch (failure) {
      // What is wrong is said at its field when it is sent; until then one is still writing.
      if (asked === this.asked) this.#say(failure.status === 422 || failure.status === 403 || failure.status === 429 ? failure.message : "");
    }
    return undefined;
  }

  #say(text) {
    this.place.textContent = text;
  }
}
