/** A picture from this device: how it was made, to use that again; or to start from it. */
import { postPicture } from "../chat/api.js";
import { el } from "../dom.js";
import { listenForFiles } from "../file_drop.js";

const LABELS = { prompt: "Prompt", negative_prompt: "Negative", width: "Width", height: "Height", steps: "Steps", guidance: "Guidance", seed: "Seed", scheduler: "Scheduler", strength: "Strength" };

export class Dropping {
  constructor(root, { url, form, limits }) {
    Object.assign(this, { root, url, form, limits });
    this.dialog = document.getElementById("dropped");
    const find = (name) => this.dialog.querySelector(`[data-dropped-${name}]`);
    Object.assign(this, { title: find("title"), image: find("image"), told: find("told"), use: find("use"), start: find("source"), problem: find("problem") });
    this.file = root.querySelector("[data-read-file]");
    root.querySelector("[data-read-choose]").addEventListener("click", () => this.file.click());
    this.file.addEventListener("change", () => this.file.files[0] && this.open(this.file.files[0]));
    this.use.addEventListener("click", () => this.#use());
    this.start.addEventListener("click", () => this.#start());
    this.dialog.addEventListener("close", () => URL.revokeObjectURL(this.image.src));
    listenForFiles({ shade: root.querySelector("[data-drop]"), take: ({ files }) => files[0] && this.open(files[0]) });
  }

  async open(picture) {
    this.picture = picture;
    this.found = null;
    this.file.value = "";
    this.title.textContent = picture.name || "This picture";
    this.image.src = URL.createObjectURL(picture);
    this.told.replaceChildren(el("p", { class: "muted" }, "Reading how it was made…"));
    this.#complain("");
    this.use.hidden = true;
    this.start.hidden = !this.form().chosen?.facts.takes_source;
    this.start.disabled = false;
    this.dialog.showModal();
    try {
      this.#tell(await postPicture(this.url, picture));
    } catch (failure) {
      this.told.replaceChildren();
      this.start.disabled = failure.status === 422 || failure.status === 413;
      this.#complain(failure.message);
    }
  }

  #tell(found) {
    this.found = found;
    if (!found.found) {
      this.told.replaceChildren(el("p", {}, "It doesn't say how it was made. You can start from it."));
      return;
    }
    const rows = Object.entries(LABELS).filter(([name]) => (found.params[name] ?? "") !== "");
    const list = el("dl", { class: "dl" }, ...rows.flatMap(([name, label]) => [el("dt", {}, label), el("dd", {}, String(found.params[name]))]));
    const missing = found.missing.map((sentence) => el("p", { class: "notice notice-warn" }, sentence));
    this.told.replaceChildren(el("p", {}, `Made with ${found.by}.`), ...missing, list);
    this.use.hidden = false;
    this.use.focus();
  }

  #use() {
    this.form().take({ model: this.found.model, params: this.found.params }, "The form has the settings of the file now.");
    this.dialog.close();
    this.form().open(true);
    this.form().focus();
  }

  async #start() {
    this.start.disabled = true;
    const went = await this.form().source.upload(this.picture);
    this.start.disabled = false;
    if (!went) return;
    if (this.found?.params.prompt && !this.form().values.params.prompt.trim()) this.form().fill({ params: { prompt: this.found.params.prompt } });
    this.dialog.close();
    this.form().open(true);
  }

  #complain(sentence) {
    this.problem.textContent = sentence;
    this.problem.hidden = !sentence;
  }
}
