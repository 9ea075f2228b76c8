/** How sure the model was of each word of an answer: the words tinted, and what else could have stood there. */
import { el, icon } from "../../dom.js";

const STEPS = [
  { least: 0.9, name: "90 % or more" },
  { least: 0.6, name: "60 to 90 %" },
  { least: 0.3, name: "30 to 60 %" },
  { least: 0, name: "less than 30 %" },
];
const KEYS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 };

/** Stands in for the answer's own element while it is shown. */
export class Certainty {
  /** @param read asks for `{tokens, is_cut}`; raises Failure */
  constructor(body, read) {
    this.body = body;
    this.read = read;
    this.root = el("div", { class: "certainty", hidden: true });
    body.after(this.root);
    this.button = el("button", { type: "button", class: "tool", "aria-pressed": "false", title: LABEL, "aria-label": LABEL, onclick: () => this.#toggle() }, icon("percent"));
  }

  async #toggle() {
    if (!this.root.childNodes.length) await this.#load();
    const shown = this.root.hidden;
    this.root.hidden = !shown;
    this.body.hidden = shown && Boolean(this.tokens);
    this.button.setAttribute("aria-pressed", String(shown));
  }

  async #load() {
    try {
      this.#build(await this.read());
    } catch (failure) {
      this.root.replaceChildren(el("p", { class: "help" }, failure.message));
    }
  }

  #build({ tokens, is_cut: isCut }) {
    const id = `certainty-${this.body.parentElement.dataset.id}`;
    this.details = el("div", { class: "certainty-details", id });
    this.spans = tokens.map((token, place) => spanOf(token, place, id));
    this.tokens = tokens;
    const text = el("div", { class: "certainty-text", role: "group", "aria-label": "The answer, word by word. Arrow keys go from one to the next." });
    text.append(...this.spans.flatMap((span, place) => [span, ...breaksOf(tokens[place][0])]));
    text.addEventListener("pointerover", ({ target }) => this.#tell(placeOf(target)));
    text.addEventListener("pointerleave", () => this.#tell(this.at));
    text.addEventListener("click", ({ target }) => this.#go(placeOf(target)));
    text.addEventListener("focusin", ({ target }) => this.#go(placeOf(target), false));
    text.addEventListener("keydown", (event) => this.#key(event));
    this.root.append(legend(), text, ...(isCut ? [el("p", { class: "help" }, `Only the first ${tokens.length.toLocaleString()} tokens are kept; the answer goes on.`)] : []), this.details);
    this.#go(0, false);
  }

  #key(event) {
    const to = { Home: 0, End: this.spans.length - 1 }[event.key] ?? (event.key in KEYS ? this.at + KEYS[event.key] : null);
    if (to === null || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#go(Math.max(0, Math.min(to, this.spans.length - 1)));
  }

  /** One word at a time can be reached by Tab; the arrows move that. */
  #go(place, focus = true) {
    if (place === null) return;
    this.spans[this.at ?? 0].tabIndex = -1;
    this.spans[this.at ?? 0].classList.remove("at");
    this.at = place;
    this.spans[place].tabIndex = 0;
    this.spans[place].classList.add("at");
    this.#tell(place);
    if (focus) this.spans[place].focus();
  }

  #tell(place) {
    if (place === null || place === this.told) return;
    this.told = place;
    const [text, probability, others] = this.tokens[place];
    const rest = others.filter(([each]) => each !== text);
    this.details.replaceChildren(
      el("p", {}, el("strong", {}, shown(text)), ` ${percent(probability)}`),
      rest.length ? el("p", { class: "muted" }, "Instead of it:") : "",
      el("ul", { role: "list" }, ...rest.map(([each, value]) => el("li", {}, el("span", { class: "certainty-word" }, shown(each)), el("meter", { min: 0, max: 1, value, "aria-hidden": "true" }), el("span", {}, percent(value))))),
    );
  }
}

const LABEL = "How sure the model was";

const stepOf = (probability) => STEPS.findIndex(({ least }) => probability >= least);

function spanOf([text, probability], place, described) {
  const label = `${text.trim() ? text.trim() : shown(text)}, ${percent(probability)}`;
  return el("span", { class: `token doubt-${stepOf(probability)}`, role: "button", tabIndex: -1, "aria-label": label, "aria-describedby": described, dataset: { place } }, text.replaceAll("\n", "↵") || "◌");
}

/** A line break inside of a word's element would not break the line. */
const breaksOf = (text) => [...text.matchAll(/\n/g)].map(() => el("br"));

function placeOf(target) {
  const place = target.closest("[data-place]")?.dataset.place;
  return place === undefined ? null : Number(place);
}

function shown(text) {
  if (!text) return "part of a character";
  return `“${text.replaceAll("\n", "↵").replaceAll("\t", "⇥")}”`;
}

function percent(probability) {
  const value = probability * 100;
  if (value < 0.1) return "under 0.1 %";
  return `${value > 99.9 && value < 100 ? "over 99.9" : value.toFixed(value < 99.5 || value === 100 ? (value < 10 ? 1 : 0) : 1)} %`;
}

function legend() {
  return el("p", { class: "certainty-legend" }, "How probable each word was: ", ...STEPS.map(({ name }, step) => el("span", { class: `doubt-${step}` }, name)));
}
