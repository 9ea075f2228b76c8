/** One message of the path: who, what, and what can be done with it. Parts that did not change are not touched. */
import { avatar } from "../../avatar.js";
import { copyText } from "../../copy.js";
import { el, icon } from "../../dom.js";
import { answerBody, formatBadge } from "../../formats.js";
import { stars } from "../../rating.js";
import { pictureList } from "../pictures/list.js";
import { isOver } from "../reducer.js";
import { callCards } from "./calls.js";
import { Certainty } from "./certainty.js";
import { openEditor } from "./editor.js";
import { outcome } from "./outcome.js";
import { Results } from "./results.js";
import { statusOf } from "./status.js";
import { Thinking } from "./thinking.js";

const TEXT_EVERY = 50; // milliseconds between two renderings of a growing text
const TICK = 1000; // milliseconds between two looks at the clock

export class MessageView {
  constructor(message, context) {
    this.context = context; // {commands, outbox, modelName}
    this.id = message.id;
    this.body = el("div", { class: "msg-body" });
    this.status = el("div", { class: "msg-status", hidden: true });
    this.foot = el("div", { class: "msg-foot" });
    this.root = el("article", { class: `msg msg-${message.role}`, id: `message-${message.id}`, dataset: { id: message.id }, tabIndex: -1 });
    this.root.append(this.#head(message), this.body, this.status, this.foot);
    if (message.role === "assistant") this.#prepareAnswer(message);
    else this.#prepareQuestion(message);
  }

  /** Its pictures never change. */
  #prepareQuestion({ pictures, text }) {
    this.body.classList.add("msg-plain");
    if (this.root.classList.contains("msg-tool")) this.body.tabIndex = 0; // a long one scrolls
    if (!pictures?.length) return;
    this.body.before(pictureList(pictures));
    this.body.hidden = !text;
  }

  #prepareAnswer({ job }) {
    this.prose = answerBody(this.body, job?.format);
    this.thinking = new Thinking();
    this.calls = el("form", { class: "msg-calls", hidden: true });
    this.results = new Results(this.calls, (texts, clientId) => this.context.commands.sendResults(this.message, texts, clientId));
    this.body.before(this.thinking.root);
    this.body.after(this.calls);
  }

  #head(message) {
    const own = message.role !== "assistant";
    const name = own ? (message.user?.name ?? (message.label || this.#whoWrote())) : message.label || this.context.modelName(message.job?.model);
    this.root.setAttribute("aria-label", message.role === "tool" ? `Result of ${message.tool_name}` : own ? `${name} wrote` : `Answer of ${name}`);
    const face = own ? avatar(message.user, "small") : el("span", { class: "msg-mark", "aria-hidden": "true" }, icon("sparkles"));
    const time = message.created_at && new Date(message.created_at);
    return el(
      "header",
      { class: "msg-head" },
      face,
      el("span", { class: "msg-name" }, name),
      message.role === "tool" && el("span", { class: "msg-of" }, "result of ", el("code", {}, message.tool_name)),
      time && el("time", { dateTime: message.created_at, title: time.toLocaleString() }, time.toLocaleTimeString([], { timeStyle: "short" })),
      formatBadge(message.job?.format),
    );
  }

  /** A prompt without a person came with a shared conversation, or its author's account is gone. */
  #whoWrote() {
    return this.context.store.state.conversation.continued ? "From the shared conversation" : "Someone who has left";
  }

  /** @param live what is known of the unfinished job, or undefined */
  update(message, live, { writable, busy, last }) {
    const flags = `${writable} ${busy} ${last} ${Boolean(live)}`;
    const changed = message !== this.message || flags !== this.flags;
    this.message = message;
    this.flags = flags;
    if (live) this.#grow(live);
    else if (changed) this.#settle(message);
    if (changed) this.#tools(message, { writable, busy, last });
  }

  #grow(live) {
    this.root.setAttribute("aria-busy", "true");
    this.live = live;
    this.#say();
    this.status.hidden = false;
    const wait = TEXT_EVERY - (performance.now() - (this.drawnAt ?? -TEXT_EVERY));
    if (wait <= 0) this.#draw();
    else this.timer ??= setTimeout(() => this.#draw(), wait);
  }

  /** What it is doing; again now and then while that counts down. */
  #say() {
    clearTimeout(this.ticker);
    if (!this.live) return;
    const state = statusOf(this.live);
    if (state.key !== this.statusKey) {
      this.statusKey = state.key;
      this.status.replaceChildren(...state.nodes);
    }
    if (state.ticks) this.ticker = setTimeout(() => this.#say(), TICK);
  }

  #draw() {
    clearTimeout(this.timer);
    this.timer = null;
    if (!this.live) return;
    this.drawnAt = performance.now();
    if (this.live.text !== this.drawn) this.prose.update(this.live.text, true);
    this.drawn = this.live.text;
    this.thinking.grow(this.live);
    this.#showCalls(this.live.calls);
    this.context.onGrown();
  }

  #settle(message) {
    this.live = null;
    this.root.removeAttribute("aria-busy");
    if (this.prose) {
      this.prose.update(message.text);
      this.thinking.settle(message);
      this.#showCalls(message.tool_calls ?? []);
    } else if (!this.root.querySelector(".msg-editor")) this.body.textContent = message.text;
    this.status.replaceChildren(...outcome(message, this.context));
    this.status.hidden = !this.status.childNodes.length;
    this.statusKey = null;
  }

  #showCalls(calls) {
    const written = JSON.stringify(calls);
    if (written === this.shownCalls) return;
    this.shownCalls = written;
    const cards = callCards(calls);
    this.calls.replaceChildren(...cards);
    this.results.arrange(cards, calls, this.message.id);
    this.calls.hidden = !calls.length;
  }

  #tools(message, { writable, busy, last }) {
    const over = isOver(message.job) && !message.pending;
    const tool = (name, label, run) =>
      el("button", { type: "button", class: "tool", title: label, "aria-label": label, disabled: busy, onclick: run }, icon(name));
    const tools = over
      ? [
          message.text && tool("copy", "Copy this message", (event) => this.#copy(event.currentTarget)),
          message.text && message.role !== "tool" && tool("bookmark-plus", "Save as a prompt", () => this.context.savePrompt(message)),
          this.#certainty(message),
          writable && message.role === "user" && tool("pencil", "Edit: asks again in a new branch", () => this.edit()),
          this.#isComparable(message, writable) && tool("columns-2", "Compare with other answers", () => this.context.compare(message)),
          writable && message.role === "assistant" && tool("refresh-cw", "Answer again", () => this.context.commands.regenerate(message)),
        ]
      : [];
    this.results?.show({ open: over && writable && last, busy });
    this.root.classList.toggle("msg-last", last);
    const focused = document.activeElement;
    this.foot.replaceChildren(...[this.#branches(message, busy), ...tools, this.#stars(message), message.pending && pendingLine(message.pending)].filter(Boolean));
    if (this.foot.contains(focused)) focused.focus();
  }

  /** Where there are other answers, or one may ask for some. */
  #isComparable({ role, siblings }, writable) {
    return this.context.compare && role === "assistant" && (writable || siblings.length > 1);
  }

  /** Made once, so that what is shown stays open. */
  #certainty(message) {
    if (!message.job?.certainty || !message.text) return null;
    this.certainty ??= new Certainty(this.body, () => this.context.commands.readCertainty(message));
    return this.certainty.button;
  }

  /** Made once, so that a star that was just chosen keeps the focus. */
  #stars(message) {
    if (!message.run || message.job?.state !== "succeeded") return null;
    this.rating ??= stars({ rating: message.run.rating, rate: (rating) => this.context.commands.rate(this.message, rating) });
    return this.rating;
  }

  #branches({ siblings, id }, busy) {
    if (siblings.length < 2) return null;
    const at = siblings.indexOf(id);
    const step = (to, name, label) =>
      el("button", { type: "button", class: "tool", "aria-label": label, title: label, disabled: busy || !siblings[to], onclick: () => this.context.commands.switchTo(siblings[to]) }, icon(name));
    return el(
      "span",
      { class: "branches", role: "group", "aria-label": `Version ${at + 1} of ${siblings.length}` },
      step(at - 1, "chevron-left", "Earlier version"),
      el("span", {}, `${at + 1} / ${siblings.length}`),
      step(at + 1, "chevron-right", "Later version"),
    );
  }

  edit() {
    openEditor(this, this.message);
  }

  async #copy(button) {
    if (!(await copyText(this.message.text))) return;
    button.replaceChildren(icon("check"));
    setTimeout(() => button.replaceChildren(icon("copy")), 1600);
  }

  remove() {
    clearTimeout(this.timer);
    clearTimeout(this.ticker);
    this.thinking?.remove();
    this.root.remove();
  }
}

function pendingLine(state) {
  const waiting = state === "waiting";
  return el("span", { class: "msg-pending" }, icon(waiting ? "wifi-off" : "clock"), waiting ? "Kept on this device; it is sent as soon as the site can be reached." : "Sending…");
}
