/** Counts the tokens of the draft together with the conversation, a moment after the last key. */
import { post } from "./api.js";

const PAUSE = 450; // milliseconds

export class TokenMeter {
  constructor(target, store) {
    this.target = target;
    this.store = store;
    this.turn = 0;
  }

  count(text, pictures) {
    clearTimeout(this.timer);
    this.turn += 1;
    if ((!text.trim() && !pictures.length) || !this.store.state.conversation.model) {
      this.#show(null);
      return;
    }
    const ids = pictures.map((each) => each.id);
    this.timer = setTimeout(() => this.#ask(text, ids, this.turn), PAUSE);
  }

  async #ask(text, pictures, turn) {
    const { urls, leaf } = this.store.state;
    const counted = await post(urls.tokens, { text, pictures, parent: leaf }).catch(() => null); // only a hint: no fuss
    if (turn === this.turn) this.#show(counted);
  }

  #show(counted) {
    this.target.classList.toggle("over", Boolean(counted?.over));
    this.target.textContent = counted ? sentence(counted) : "";
  }
}

function sentence({ tokens, limit, over, estimated }) {
  const count = (number) => number.toLocaleString();
  if (!over) return `${estimated ? "about " : ""}${count(tokens)} / ${count(limit)} tokens`;
  return `${count(over)} ${over === 1 ? "token" : "tokens"} over the ${count(limit)} that this model can read`;
}
