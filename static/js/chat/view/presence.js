/** Who else is here, and who is typing. */
import { avatar } from "../../avatar.js";
import { el } from "../../dom.js";

const SHOWN = 4;

export function showPresence(root, store) {
  const faces = root.querySelector("[data-present]");
  const line = root.querySelector("[data-typing]");
  store.subscribe(({ present, user }) => {
    const others = present.filter((each) => each.id !== user.id);
    const key = others.map((each) => each.id).join();
    if (faces.dataset.key !== key) {
      faces.dataset.key = key;
      faces.replaceChildren(...facesOf(others));
    }
    const words = typing(others.filter((each) => each.typing).map((each) => each.name));
    if (line.textContent !== words) line.textContent = words;
  });
}

function facesOf(others) {
  if (!others.length) return [];
  const names = others.map((each) => each.name).join(", ");
  const more = others.length > SHOWN && el("span", { class: "avatar avatar-small avatar-8", "aria-hidden": "true" }, `+${others.length - SHOWN}`);
  return [...others.slice(0, SHOWN).map((each) => avatar(each, "small")), more, el("span", { class: "visually-hidden" }, `Also here: ${names}`)].filter(Boolean);
}

function typing(names) {
  if (!names.length) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
  return `${names.length} people are typing…`;
}
