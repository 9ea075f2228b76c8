/** The path of messages: one view for each, in order, and the sentences that screen readers hear. */
import { generating, isOver, mayWrite, shownMessages } from "../reducer.js";
import { MessageView } from "./message.js";
import { Scroller } from "./scroll.js";
import { announcement } from "./status.js";

const ENDS = { succeeded: "The answer is complete.", cancelled: "The answer was stopped.", failed: "The answer failed." };

export class Transcript {
  constructor(root, context) {
    this.list = root.querySelector("[data-messages]");
    this.list.replaceChildren(); // the skeleton that stood here while the scripts came
    this.empty = root.querySelector("[data-empty]");
    this.announcer = root.querySelector("[data-announce]");
    this.scroller = new Scroller(root.querySelector("[data-scroll]"), root.querySelector("[data-latest]"));
    this.context = { ...context, onGrown: () => this.scroller.grown() };
    this.views = new Map();
  }

  show(state) {
    const messages = shownMessages(state);
    const shown = new Set(messages.map((each) => each.id));
    for (const [id, view] of this.views) if (!shown.has(id)) this.#drop(id, view);
    let place = this.list.firstElementChild;
    messages.forEach((message, at) => {
      const view = this.views.get(message.id) ?? this.#add(message);
      if (view.root === place) place = place.nextElementSibling;
      else this.list.insertBefore(view.root, place);
      const live = state.live[message.job?.id];
      view.update(message, live, { writable: mayWrite(state), busy: state.busy || Boolean(state.pending), last: at === messages.length - 1 });
    });
    this.empty.hidden = messages.length > 0;
    this.#announce(state);
    this.scroller.grown();
  }

  follow() {
    this.scroller.follow();
  }

  /** To this message, which stays marked, if it is on the branch on show. */
  goTo(id) {
    const view = this.views.get(id);
    for (const each of this.views.values()) each.root.classList.toggle("msg-sought", each === view);
    if (!view) return;
    this.scroller.leave();
    view.root.focus({ preventScroll: true });
    view.root.scrollIntoView({ block: "start" });
  }

  /** Opens the editor of the last prompt. @returns {boolean} whether there was one */
  editLast() {
    const view = [...this.views.values()].findLast((each) => each.message?.role === "user" && !each.message.pending);
    const allowed = view && this.context.writable() && !generating(this.context.store.state);
    if (allowed) view.edit();
    return Boolean(allowed);
  }

  #add(message) {
    const view = new MessageView(message, this.context);
    this.views.set(message.id, view);
    return view;
  }

  #drop(id, view) {
    view.remove();
    this.views.delete(id);
  }

  #announce(state) {
    const running = generating(state);
    const last = state.messages.at(-1);
    const sentence = running ? announcement(state.live[running.job.id]) : this.announced && isOver(last?.job) ? (ENDS[last?.job?.state] ?? "") : "";
    if (sentence !== this.announced) this.announcer.textContent = this.announced = sentence;
  }
}
