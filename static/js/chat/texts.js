/** Text files and PDFs for the next message: what they say is put into the field as a block under the file's name, which can be taken back. */
import { toast } from "../toasts.js";
import { postFile } from "./api.js";

const ALLOWED = "Text files in UTF-8 can be added (notes, Markdown, CSV, JSON, code), PDFs, and PNG, JPEG or WebP pictures.";
const MEGABYTE = 1_000_000;

/** SVG is text: no model is shown it as a picture. */
export const isPicture = (file) => file.type.startsWith("image/") && file.type !== "image/svg+xml";

export const isPdf = (file) => file.type === "application/pdf" || /\.pdf$/i.test(file.name);

/**
 * @param {() => number} room  characters that the message still takes: it may be written while a file is read
 * @param {(file: File) => Promise<string>} readPdf  its text
 * @returns {Promise<string>} raises an Error with a sentence
 */
export async function blockOf(file, room, readPdf) {
  const left = () => Math.max(0, room());
  const tooLong = () => new Error(`${file.name} is too long: this message takes ${left().toLocaleString()} more characters. Shorten the file, or paste a part of it.`);
  if (!isPdf(file) && file.size > 4 * left()) throw tooLong();
  const block = fenced(file.name, isPdf(file) ? await readPdf(file) : await textOf(file));
  if ([...block].length > left()) throw tooLong();
  return block;
}

async function textOf(file) {
  let text = "\0";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    // a folder, a file that is gone, or no UTF-8
  }
  if (text.includes("\0")) throw new Error(`${file.name} can't be read as text. ${ALLOWED}`);
  if (!text.trim()) throw new Error(`${file.name} is empty.`);
  return text.replace(/\r\n?/g, "\n").replace(/\n+$/, "");
}

/** Between fences longer than any in it. */
function fenced(name, text) {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const ending = name.match(/\.(\w{1,12})$/)?.[1].toLowerCase() ?? "";
  const language = ending === "pdf" ? "" : ending;
  return `${name.replace(/[\n\r]/g, " ")}:\n${fence}${language}\n${text}\n${fence}`;
}

export class TextFiles {
  /** @param {{put: (text: string) => void, say: (sentence: string) => void}} composer */
  constructor(root, { store, field, put, say }) {
    Object.assign(this, { store, field, put, say });
    this.status = root.querySelector("[data-reading]");
    this.reading = false;
    const file = root.querySelector("[data-text-file]");
    root.querySelector("[data-attach-text]").addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      const files = [...file.files];
      file.value = "";
      this.add(files);
    });
  }

  /** @param {File[]} files  those that can't be added are left, in words */
  async add(files) {
    const problems = [];
    for (const file of files) {
      try {
        this.#insert(file.name, await blockOf(file, () => this.#room(), (pdf) => this.#readPdf(pdf)));
      } catch (problem) {
        problems.push(problem.message);
      }
    }
    if (problems.length) this.say(problems.join(" "));
  }

  #room() {
    const before = this.field.value.trimEnd();
    return this.store.state.limits.max_chars - [...before].length - (before ? "\n\n".length : 0);
  }

  /** The site reads it. */
  async #readPdf(file) {
    const { urls, limits } = this.store.state;
    if (file.size > limits.upload_mb * MEGABYTE) throw new Error(`${file.name} is larger than ${limits.upload_mb} MB. Save the pages that you need as a PDF of their own.`);
    this.#show(`Reading ${file.name}…`);
    try {
      return (await postFile(urls.pdf, { pdf: file })).text;
    } catch (failure) {
      throw new Error(`${file.name}: ${failure.message}`);
    } finally {
      this.#show("");
    }
  }

  #show(sentence) {
    this.reading = Boolean(sentence);
    this.status.textContent = sentence;
    this.status.hidden = !sentence;
  }

  #insert(name, block) {
    const before = this.field.value.trimEnd();
    this.put(`${before}${before && "\n\n"}${block}\n`);
    toast({ text: `${name} is in the message.`, action: { label: "Undo", run: () => this.#takeBack(block) } });
  }

  /** What was written since stays. */
  #takeBack(block) {
    this.put(this.field.value.replace(block, () => "").replace(/\n{3,}/g, "\n\n").trim());
  }
}
