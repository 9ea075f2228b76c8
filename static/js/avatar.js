/** The same avatar as the server's {% avatar %} tag. */
import { el } from "./dom.js";

const HUES = 8;

export function hue(key) {
  return ([...String(key)].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % HUES) + 1;
}

/** @param {{id: string, name: string, initials: string}|null} person */
export function avatar(person, size = "") {
  const colour = person ? hue(person.id) : HUES;
  return el(
    "span",
    {
      class: `avatar avatar-${colour}${size ? ` avatar-${size}` : ""}`,
      title: person?.name ?? "Someone who has left",
      "aria-hidden": "true",
    },
    person?.initials ?? "–",
  );
}
