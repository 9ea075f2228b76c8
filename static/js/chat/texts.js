/** Text files for the next message: what they say is put into the field as a block under the file's name, which can be taken back. */
import { toast } from "../toasts.js";

const ALLOWED = "Text files in UTF-8 can be added (notes, Markdown, CSV, JSON, code), and PNG, JPEG or WebP pictures.";

/** SVG is text: no model is shown it as a picture. */
export const isPicture = (file) => file.type.startsWith("image/") && file.type !== "image/svg+xml";

/** @returns {Promise<string>} raises an Error with a sentence; `room`: characters that a message still takes */
export async function blockOf(file, room) {
  const tooLong = () => new Error(`${file.name} is too long: this message takes ${Math.max(0, room).toLocaleString()} more characters. Shorten the file, or paste a part of it.`);
  if (file.size > 4 * Math.max(0, room)) throw tooLong();
  const block = fenced(file.name, await textOf(file));
  if ([...block].length > room) throw tooLong();
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
  const language = name.match(/\.(\w{1,12})$/)?.[1].toLowerCase() ?? "";
  return `${name.replace(/[\n\r]/g, " ")}:\n${fence}${language}\n${text}\n${fence}`;
}

export class TextFiles {
  /** @param {{put: (text: string) => void, say: (sentence: string) => void}} composer */
  constructor(root, { store, field, put, say }) {
    Object.assign(this, { store, field, put, say });
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
        const before = this.field.value.trimEnd();
        const gap = before ? "\n\n" : "";
        const room = this.store.state.limits.max_chars - [...before].length - gap.length;
        const block = await blockOf(file, room);
        this.#insert(file.name, block);
      } catch (problem) {
        problems.push(problem.message);
      }
    }
    if (problems.length) this.say(problems.join(" "));
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
