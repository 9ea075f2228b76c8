/** The id of a send: the same one until the server has said that it has it, as long as the same is asked for. Pure. */
import { newClientId } from "../chat/api.js";

export class SendId {
  of(values) {
    const text = JSON.stringify(values);
    if (text !== this.text) Object.assign(this, { text, id: newClientId() });
    return this.id;
  }

  /** What is asked for next is another send, also where it is the same again. */
  done() {
    this.text = null;
  }
}
