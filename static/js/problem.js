/** What went wrong, in words, where a page tells it, with the way to where its person can do something about it. */
import { el } from "./dom.js";

/** @param {{url: string, label: string}|null} [remedy] @returns {HTMLElement|null} beside the page, which stays as it is */
export const wayOut = (remedy) => (remedy?.url ? el("a", { href: remedy.url, target: "_blank", rel: "noopener" }, remedy.label) : null);

/** @param {string} message  "" when nothing is wrong any more */
export function showProblem(place, message, remedy = null) {
  const way = message ? wayOut(remedy) : null;
  place.replaceChildren(...(way ? [message, " ", way] : [message]));
  place.hidden = !message;
}
