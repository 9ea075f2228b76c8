/** The pictures of a message, each a link to the whole one. */
import { el } from "../../dom.js";

/** @param {{url, thumbnail, name, width, height}[]} pictures */
export function pictureList(pictures) {
  return el("ul", { class: "msg-pictures", role: "list" }, ...pictures.map((picture) => el("li", {}, link(picture))));
}

function link({ url, thumbnail, name, width, height }) {
  const image = el("img", { src: thumbnail, alt: name, width, height, loading: "lazy" });
  return el("a", { class: "msg-picture", href: url, target: "_blank", rel: "noopener", title: name }, image);
}
