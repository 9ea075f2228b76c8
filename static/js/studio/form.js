/** The form: what to make, kept as a draft on this device, with errors at their fields. What takes the place of something typed has an undo. */
import { keep, recall } from "../chat/storage.js";
import { showModels, showRefused } from "../governance/models.js";
import { aboutReadiness } from "../governance/readiness.js";
import { markWrong } from "../complaint.js";
import { el } from "../dom.js";
import { showProblem } from "../problem.js";
import { toast } from "../toasts.js";
import { loses, modelFor } from "./draft.js";
import { Options } from "./options.js";
import { SeedField } from "./seed.js";
import { LABELS, likeSource, presets } from "./sizes.js";
import { SourceField } from "./source.js";

const DRAFT_EVERY = 300; // milliseconds
const COUNTS = [1, 2, 4, 8];
const TEXTS = ["prompt", "negative_prompt"];
const SIDES = ["width", "height"];

export class StudioForm {
  /** @param {{state, onChange: () => void, onSubmit: () => void}} parts  `state`: the page's document */
  constructor(root, { state, onChange, onSubmit }) {
    Object.assign(this, { root, models: state.models, limits: state.limits, onChange, onSubmit });
    this.key = `atrium.studio.${state.project.id}`;
    this.model = root.elements.model;
    this.count = 1;
    const changed = () => this.#changed();
    this.options = new Options(root, changed);
    this.seed = new SeedField(root, changed);
    const replaced = (words, change) => this.#replace(words, change);
    this.source = new SourceField(root, { urls: state.urls, changed, replaced, sized: (size) => this.#likeSource(size) });
    this.#counts();
    this.#listen();
    this.fill(recall(this.key) ?? {}, { model: this.#firstModel() });
    if (state.recalled) this.take(state.recalled, "The form is filled from the picture.");
  }

  get chosen() {
    return this.models.find((each) => each.id === this.model.value) ?? null;
  }

  /** All that stands in it, also what the chosen model doesn't take. What was left at the model's own value is left out. */
  get draft() {
    const params = { ...this.options.values, seed: this.seed.value, ...this.source.kept };
    for (const name of [...TEXTS, ...SIDES]) params[name] = this.root.elements[name].value;
    return { model: this.model.value, params, count: this.count };
  }

  /** As the server takes it: {model, params, count}. */
  get values() {
    const { draft } = this;
    Object.assign(draft.params, this.source.values);
    if (!this.chosen?.facts.takes_negative) delete draft.params.negative_prompt;
    return draft;
  }

  setModels(models) {
    const chosen = this.model.value;
    this.models = models;
    this.#showModels(chosen);
  }

  /**
   * Takes over what is given and leaves the rest as it is; null and "" are the model's own, or none.
   * @param {{model?: string, params?: object, count?: number, source_size?: {width, height}}} values  and as `modelFor` takes it
   * @param {{model?: string, whole?: boolean}} how  `model`: where that one is not there; `whole`: nothing of the rest stays
   * @returns {string} sentences about what can't be as it was
   */
  fill(values, { model, whole = false } = {}) {
    const { params = {}, count, source_size: size } = values;
    const { id, told } = modelFor(values, this.models, model ?? this.model.value);
    this.#choose(id, whole ? {} : this.options.values);
    for (const name of [...TEXTS, ...SIDES]) if (params[name] !== undefined) this.root.elements[name].value = params[name] ?? "";
    this.options.show(whole ? params : { ...this.options.values, ...params });
    if (params.seed !== undefined) this.seed.show(params.seed);
    if (params.source !== undefined) this.source.show(params.source, params.mask ?? null);
    if (count) this.#setCount(count);
    if (this.chosen?.facts.is_fixed || SIDES.some((name) => params[name] === null)) this.#ownSize();
    if (size) this.#likeSource(size);
    this.#showShape();
    this.#changed();
    return told.join(" ");
  }

  /** As `fill`, in place of what somebody may have written: `words` say so, beside an undo. */
  take(values, words) {
    this.#replace(words, () => this.complain({ message: this.fill(values) }));
  }

  reset() {
    this.#replace("The form was reset.", () => {
      for (const name of TEXTS) this.root.elements[name].value = "";
      this.options.show({});
      this.seed.show(null);
      this.source.show(null, null);
      this.#setCount(1);
      this.#ownSize();
    });
  }

  focus() {
    this.root.elements.prompt.focus();
  }

  /** @param {{field?: string, message?: string, remedy?}} failure  at its field where there is one, else above the button */
  complain({ field = "", message = "", remedy = null }) {
    let found = this.options.complain(field, message) && !this.root.elements[field].closest("[hidden]");
    for (const place of this.root.querySelectorAll("[data-error]")) {
      const here = place.dataset.error === field && Boolean(message) && !place.parentElement.closest("[hidden]");
      place.textContent = here ? message : "";
      place.hidden = !here;
      const input = this.root.elements[place.dataset.error];
      if (input?.setAttribute) markWrong(input, here);
      found ||= here;
    }
    showProblem(this.root.querySelector("[data-problem]"), found ? "" : message, remedy);
    if (found) this.#reveal(field);
  }

  #replace(words, change) {
    const before = this.draft;
    change();
    if (loses(before, this.draft)) toast({ text: words, action: { label: "Undo", run: () => this.fill(before, { whole: true }) } });
  }

  #reveal(field) {
    if (field !== "prompt") this.open(true);
    const at = this.root.elements[field];
    at?.closest?.("details")?.setAttribute("open", "");
    at?.focus?.();
  }

  /** On a small screen the settings are folded away. */
  open(on) {
    this.root.classList.toggle("open", on);
    this.root.querySelector("[data-settings-open]").setAttribute("aria-expanded", String(on));
  }

  #listen() {
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.onSubmit();
    });
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.onSubmit();
      }
    });
    this.model.addEventListener("change", () => {
      this.#choose(this.model.value, this.options.values);
      this.#ownSize();
      this.#changed();
    });
    for (const name of [...TEXTS, ...SIDES]) this.root.elements[name].addEventListener("input", () => this.#changed());
    for (const name of SIDES) this.root.elements[name].addEventListener("input", () => this.#showShape());
    this.root.querySelector("[data-settings-open]").addEventListener("click", () => this.open(!this.root.classList.contains("open")));
    this.root.querySelector("[data-form-reset]").addEventListener("click", () => this.reset());
    addEventListener("pagehide", () => this.#save());
  }

  #firstModel() {
    return (this.models.find((each) => each.allowed) ?? this.models[0]).id;
  }

  #choose(id, values) {
    const before = this.model.value;
    this.#showModels(id);
    const { chosen } = this;
    if (!chosen) return;
    this.options.forModel(chosen, values);
    this.root.querySelector("[data-negative]").hidden = !chosen.facts.takes_negative;
    const help = chosen.parameters.find((each) => each.name === "prompt")?.help;
    if (help) this.root.querySelector('[data-help="prompt"]').textContent = help;
    this.#presets(chosen.facts);
    this.source.forModel(chosen.facts);
    if (before !== id && !this.root.elements.width.value) this.#ownSize();
  }

  #showModels(id) {
    showModels(this.model, this.models, id);
    const { chosen } = this;
    showRefused(this.root.querySelector("[data-models-refused]"), this.models, chosen);
    const facts = chosen ? [chosen.description, chosen.license && `Licence ${chosen.license}`].filter(Boolean).join(" · ") : "";
    this.root.querySelector("[data-model-facts]").replaceChildren(...aboutReadiness(chosen), facts);
  }

  #presets(facts) {
    this.shapes = presets(facts);
    const buttons = this.shapes.map(({ name, width, height }) =>
      el(
        "button",
        { type: "button", "aria-pressed": "false", title: `${width} × ${height}`, dataset: { shape: name }, onclick: () => this.#take(width, height) },
        el("span", { class: `studio-shape studio-shape-${name}`, "aria-hidden": "true" }),
        LABELS[name],
      ),
    );
    this.root.querySelector("[data-presets]").replaceChildren(...buttons);
    this.root.querySelector("[data-size-choice]").hidden = facts.is_fixed;
    for (const name of SIDES) Object.assign(this.root.elements[name], { step: facts.multiple_of, min: facts.multiple_of });
    const size = `${facts.width} × ${facts.height}`;
    const help = facts.is_fixed ? `${size} pixels: this model has no other size.` : `Pixels, multiples of ${facts.multiple_of}. Made for ${size}.`;
    this.root.querySelector("[data-size-help]").textContent = help;
    this.#showShape();
  }

  #ownSize() {
    const facts = this.chosen?.facts;
    if (facts) this.#take(facts.width, facts.height);
  }

  /** What is made from a picture has its shape. */
  #likeSource(size) {
    if (!this.chosen || this.chosen.facts.is_fixed) return;
    const { width, height } = likeSource(size, this.chosen.facts);
    this.#take(width, height);
  }

  #take(width, height) {
    Object.assign(this.root.elements.width, { value: width });
    Object.assign(this.root.elements.height, { value: height });
    this.#showShape();
    this.#changed();
  }

  #showShape() {
    const [width, height] = SIDES.map((name) => Number(this.root.elements[name].value));
    const now = this.shapes?.find((shape) => shape.width === width && shape.height === height)?.name;
    for (const button of this.root.querySelectorAll("[data-shape]")) button.setAttribute("aria-pressed", String(button.dataset.shape === now));
  }

  #counts() {
    const possible = COUNTS.filter((number) => number <= this.limits.count);
    const button = (number) => el("button", { type: "button", "aria-pressed": String(number === this.count), dataset: { count: number }, onclick: () => this.#setCount(number) }, String(number));
    this.root.querySelector("[data-counts]").replaceChildren(...possible.map(button));
  }

  #setCount(count) {
    this.count = count;
    for (const button of this.root.querySelectorAll("[data-count]")) button.setAttribute("aria-pressed", String(Number(button.dataset.count) === count));
    this.#changed();
  }

  #changed() {
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.#save(), DRAFT_EVERY);
    this.complain({});
    this.root.querySelector("[data-go-words]").textContent = this.count === 1 ? "Make a picture" : `Make ${this.count} pictures`;
    this.onChange();
  }

  #save() {
    keep(this.key, this.draft);
  }
}
