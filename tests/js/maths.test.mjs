// Formulas in Markdown: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { closerOf, maths, sourceOf, UNFINISHED } from "../../static/js/maths/delimiters.js";
import { mathml } from "../../static/js/maths/mathml.js";
import { Marked } from "../../static/vendor/marked/marked.js";

const html = (text) => {
  const marked = new Marked();
  marked.use(maths((token) => `<m${token.display ? " d" : ""}>${sourceOf(token)}</m>`));
  return marked.parse(text).trim();
};
const formulas = (text) => [...html(text).matchAll(/<m( d)?>([\s\S]*?)<\/m>/g)].map(([, display, source]) => (display ? [source] : source));

test("every pair of signs makes a formula", () => {
  assert.deepEqual(formulas("So $x^2$ and \\(y_1\\), then\n\n$$\nz\n$$\n\nor\n\\[ a \\]\nend, in $$b$$ line"), ["$x^2$", "\\(y_1\\)", ["$$\nz\n$$"], ["\\[ a \\]"], ["$$b$$"]]);
  assert.deepEqual(formulas("- one:\n  $$\n  q\n  $$\n- $r$\n\n> \\(s\\)\n\n| $t$ |\n|---|\n| $u$ |"), [["$$\nq\n$$"], "$r$", "\\(s\\)", "$t$", "$u$"]);
  assert.deepEqual(formulas("$$\na\n= b\n- c\n\\\\ d\n$$"), [["$$\na\n= b\n- c\n\\\\ d\n$$"]]);
});

test("prices, code and escaped signs are none", () => {
  for (const text of ["costs $5 and $6", "from $5-$6", "$20–$30 a month", "US$5 (A$7)", "$ x $", "it is $5$6", "\\$x\\$", "a $$ b", "`$x$` and ``\\(y\\)``", "```\n$$\nx\n$$\n```", "    $$x$$", "$5 or\n\n5$", "\\\\(x\\\\)"]) {
    assert.deepEqual(formulas(text), [], text);
  }
  assert.equal(html("costs $5 and $6"), "<p>costs $5 and $6</p>");
  assert.deepEqual(formulas("costs $5, so $n$ cost $5n$"), ["$n$", "$5n$"]);
});

test("stars and lines in a formula emphasise nothing", () => {
  assert.equal(html("*so $a*b$ it* is $c_1 d_1$"), "<p><em>so <m>$a*b$</m> it</em> is <m>$c_1 d_1$</m></p>");
});

test("one that is still being written is known by its end", () => {
  assert.equal(closerOf("so $$ x_1 +"), `${UNFINISHED}$$`);
  assert.equal(closerOf("\\[ x"), `${UNFINISHED}\\]`);
  assert.equal(closerOf("\\(x\\) and \\(y"), `${UNFINISHED}\\)`);
  for (const whole of ["$$x$$ and $5", "`$$`", "``a ` \\[``", "\\(x\\)", "\\\\[", "costs $5"]) assert.equal(closerOf(whole), "", whole);
  assert.deepEqual(formulas(`so\n\n$$\nx_1 + \\fr${UNFINISHED}$$`), [["$$\nx_1 + \\fr"]]);
});

const names = (tree) => (typeof tree === "string" ? [] : [tree.tag, ...tree.children.flatMap(names)]);
const all = (tree) => (typeof tree === "string" ? [] : [tree, ...tree.children.flatMap(all)]);

test("TeX becomes MathML", () => {
  assert.deepEqual(names(mathml("\\frac{a}{b}^2", true)), ["math", "msup", "mfrac", "mi", "mi", "mn"]);
  assert.ok(names(mathml("\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}", true)).includes("mtable"));
  assert.ok(mathml("\\ce{H2O} \\cancel{x} \\boxed{y} \\sqrt[3]{z} \\xrightarrow{f} \\overbrace{n}^{k} \\mathbb{R}'", false));
});

test("what is broken, hostile or too large is none, so its source is shown", () => {
  const bad = ["\\frac{a}{b", "\\nosuchthing", "x^2^3", "\\href{javascript:alert(1)}{x}", "\\url{javascript:alert(1)}", "\\htmlClass{dialog}{x}"];
  bad.push("\\class{dialog}{x}", "\\id{toasts}{x}", "\\style{position:fixed}{x}", "\\data{a=b}{x}", "\\includegraphics{https://evil.example/p.png}");
  bad.push("\\def\\a{\\a\\a}\\a", "\\newcommand{\\a}{\\a}\\a", "\\let\\a=\\b x", "\\gdef\\a{x}\\a", "\\ref{toasts}");
  bad.push("x".repeat(4001), `${"{".repeat(1900)}${"}".repeat(1900)}x^`, "\\sqrt{".repeat(300) + "x" + "}".repeat(300), "x ".repeat(3999) + "^");
  for (const tex of bad) assert.equal(mathml(tex, true), null, tex.slice(0, 60));
});

test("no formula leaves its place or names anything on the page", () => {
  const trees = ["\\kern-999em x", "\\hspace{-50em}x", "\\rule{999em}{999em}", "\\raisebox{900em}{x}", "x\\label{toasts}\\tag{1}", "\\pmb{x}", "\\textcolor{#000}{x}", "\\llap{x}\\rlap{y}"];
  for (const tree of trees.map((tex) => mathml(tex, true))) {
    for (const { attributes, styles } of tree ? all(tree) : []) {
      assert.ok(!("id" in attributes || "style" in attributes || "href" in attributes));
      assert.ok(!("position" in styles));
      for (const value of Object.values({ ...attributes, ...styles })) assert.doesNotMatch(value, /-\d{2,}|\d{4,}|#000/, value);
    }
  }
});
