/** Draws the formulas of a text. What draws them is loaded with the first one; until then, and where one can't be read, its source stands there. */
import { el } from "../dom.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const KEPT = 500;

const drawn = new Map(); // source → element or null: a text that grows is drawn again and again
let loading = null;
let mathml = null;

/** Wraps every formula of `fragment`, so that the block it stands in stays while it is drawn. */
export function typeset(fragment) {
  for (const code of fragment.querySelectorAll("code.maths, code.maths-display, code.maths-unfinished")) {
    const display = code.className === "maths-display";
    const place = display
      ? el("span", { class: "maths maths-display", tabIndex: 0, role: "group", "aria-label": "Formula" })
      : el("span", { class: "maths" });
    const finished = code.className !== "maths-unfinished";
    code.removeAttribute("class");
    code.replaceWith(place);
    place.append(code);
    if (finished) draw(place, code.textContent, display);
  }
}

async function draw(place, source, display) {
  if (!mathml) await (loading ??= load());
  if (!mathml) return;
  const formula = formulaOf(source, display);
  if (formula) place.replaceChildren(formula.cloneNode(true));
}

async function load() {
  try {
    ({ mathml } = await import("./mathml.js"));
    const sheet = document.documentElement.dataset.maths;
    if (sheet) document.head.append(el("link", { rel: "stylesheet", href: sheet }));
  } catch {
    loading = null; // the network was away: the next formula asks again
  }
}

function formulaOf(source, display) {
  const key = `${display}${source}`;
  if (!drawn.has(key)) {
    if (drawn.size >= KEPT) drawn.delete(drawn.keys().next().value);
    const tree = mathml(source.replace(/^(?:\$\$?|\\[[(])|(?:\$\$?|\\[\])])$/g, ""), display);
    drawn.set(key, tree && built(tree));
  }
  return drawn.get(key);
}

/** Styles are set one by one, which a strict Content-Security-Policy allows. */
function built(tree) {
  if (typeof tree === "string") return document.createTextNode(tree);
  const node = document.createElementNS(MATHML, tree.tag);
  for (const [name, value] of Object.entries(tree.attributes)) node.setAttribute(name, value);
  for (const [name, value] of Object.entries(tree.styles)) node.style.setProperty(name, value);
  if (tree.classes.length) node.setAttribute("class", tree.classes.join(" "));
  node.append(...tree.children.map(built));
  return node;
}
