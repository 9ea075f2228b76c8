/** Counts the tokens of the draft together with the conversation, a moment after the last key. */
import { post } from "./api.js";

const PAUSE = 450; // milliseconds

export class TokenMeter {
  constructor(target, store) {
    this.target = target;
    this.store = store;
    this.turn = 0;
  }

  count(text) {
    clearTimeout(this.timer);
    this.turn += 1;
    if (!text.trim() || !this.store.state.conversation.model) {
      this.#show(null);
      return;
    }
    this.timer = setTimeout(() => this.#ask(text, this.turn), PAUSE);
  }

  async #ask(text, turn) {
    const { urls, leaf } = this.store.state;
    const counted = await post(urls.tokens, { text, parent: leaf }).catch(() => null); // only a hint: no fuss
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
