/** `/` at the start of a message: prompts of the library. */
import { el } from "../../dom.js";
import { get } from "../api.js";
import { titled } from "../picker.js";

const QUERY = /^\/([^\n]{0,200})$/;

/** @returns {import("../picker.js").Source} */
export const offeredPrompts = ({ store, form }) => ({
  label: "Prompts",
  verb: "inserts",
  query: ({ value }) => QUERY.exec(value)?.[1].trim(),
  find: async (query) => (await get(`${store.state.urls.prompts}?q=${encodeURIComponent(query)}`)).prompts,
  option: ({ title, summary, author, stars }) => [
    titled(title, [author, stars && `${stars} ★`].filter(Boolean).join(" · ")),
    summary && el("span", { class: "muted small truncate" }, summary),
  ],
  choose: (prompt) => form.fill(prompt),
  none: (query) => (query ? `No prompt matches “${query}”. Enter sends it as it is.` : "There are no prompts for you yet. Save a good message as one."),
});
