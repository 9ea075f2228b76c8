/** Five stars for an answer: choosing one rates it, choosing the same one again takes that back. */
import { el, icon } from "./dom.js";
import { toast } from "./toasts.js";

const STARS = [1, 2, 3, 4, 5];

/** @param {{rating: number|null, rate: (rating: number|null) => Promise}} now  `rate` raises Failure */
export function stars({ rating, rate }) {
  let current = rating;
  const buttons = STARS.map((value) =>
    el("button", { type: "button", class: "star", "aria-label": `${value} of 5`, title: `${value} of 5`, onclick: () => choose(value) }, icon("star")),
  );
  const group = el("span", { class: "stars", role: "group", "aria-label": "Rate this answer" }, ...buttons);

  const show = () => {
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(index < (current ?? 0))));
    group.classList.toggle("rated", current !== null);
  };

  async function choose(value) {
    const before = current;
    current = value === before ? null : value;
    show();
    try {
      await rate(current);
    } catch (failure) {
      current = before;
      show();
      toast({ kind: "error", text: failure.message });
    }
  }

  show();
  return group;
}
