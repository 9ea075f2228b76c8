/** The picture to start from, and the mask that says what of it changes. */
import { postPicture } from "../chat/api.js";
import { toast } from "../toasts.js";
import { MaskDialog } from "./mask.js";

export class SourceField {
  /**
   * @param {{urls, changed: () => void, replaced, sized: (size: {width, height}) => void}} parts  `sized`: a picture of
   *   this size was brought; `replaced`: called with words and what to do, where another picture goes
   */
  constructor(root, { urls, changed, replaced, sized }) {
    Object.assign(this, { root, urls, changed, replaced, sized });
    this.takes = { source: false, mask: false };
    [this.source, this.mask] = [null, null];
    const find = (name) => root.querySelector(`[data-source-${name}]`);
    Object.assign(this, { block: find("block"), none: find("none"), card: find("card"), image: find("image"), told: find("mask"), params: find("params"), file: find("file") });
    this.maskButton = root.querySelector("[data-mask-open]");
    this.painter = new MaskDialog({ upload: (blob) => postPicture(urls.mask, blob), done: (id) => this.#masked(id) });
    find("choose").addEventListener("click", () => this.file.click());
    find("remove").addEventListener("click", () => this.replaced("It no longer starts from the picture.", () => this.show(null, null)));
    this.file.addEventListener("change", () => this.file.files[0] && this.upload(this.file.files[0]));
    this.maskButton.addEventListener("click", () => this.painter.open(this.#address(this.source)));
  }

  /** Those that the chosen model takes. */
  get values() {
    const { source, mask } = this.kept;
    return { source: this.takes.source ? source : null, mask: this.takes.source && this.takes.mask ? mask : null };
  }

  /** Also while a model is chosen that takes none: the next one may. */
  get kept() {
    return { source: this.source, mask: this.source && this.mask };
  }

  forModel(facts) {
    this.takes = { source: facts.takes_source, mask: facts.takes_mask };
    this.block.hidden = !facts.takes_source;
    this.maskButton.hidden = !facts.takes_mask;
    this.#masked(this.mask);
  }

  /** Brings a picture of this device here, and starts from it. @returns {Promise<boolean>} */
  async upload(picture) {
    this.block.setAttribute("aria-busy", "true");
    try {
      const { id, width, height } = await postPicture(this.urls.upload, picture);
      this.replaced("It starts from the new picture.", () => {
        this.show(id, null);
        this.sized({ width, height });
      });
      return true;
    } catch (failure) {
      toast({ kind: "error", text: failure.message });
      return false;
    } finally {
      this.block.removeAttribute("aria-busy");
      this.file.value = "";
    }
  }

  /** @param {string|null} source  @param {string|null} mask  ids of pictures */
  show(source, mask) {
    this.source = source || null;
    this.none.hidden = Boolean(source);
    this.card.hidden = !source;
    this.params.hidden = !source;
    if (source) this.image.src = this.#address(source);
    else this.image.removeAttribute("src");
    this.#masked(mask);
  }

  #masked(mask) {
    this.mask = mask || null;
    this.told.textContent = mask && this.takes.mask ? "Only what the mask covers changes." : "All of it may change.";
    this.changed();
  }

  #address(id) {
    return this.urls.artifact.replace("{id}", id);
  }
}
