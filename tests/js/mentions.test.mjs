// `@` in the composer: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { mentioned, modelsFor, withoutMention } from "../../static/js/chat/mentions.js";

const said = (marked) => ({ text: marked.replace("|", ""), caret: marked.indexOf("|") });
const at = (marked) => mentioned(...Object.values(said(marked)));

test("an @ counts at the start of a word, up to the caret", () => {
  assert.equal(at("@|"), "");
  assert.equal(at("@smol| and more"), "smol");
  assert.equal(at("Ask\n@mi|"), "mi");
  for (const none of ["|@", "a@b|", "@smol |", "@@|", "me@example.org|", "no|thing"]) assert.equal(at(none), undefined);
});

test("the word goes, and what stands around it stays", () => {
  assert.deepEqual(withoutMention(...Object.values(said("One @mi| two"))), said("One | two"));
  assert.deepEqual(withoutMention(...Object.values(said("@mira|"))), said("|"));
  assert.deepEqual(withoutMention("plain", 5), { text: "plain", caret: 5 });
});

test("only models that one may use are meant, best matches first", () => {
  const models = [
    { id: "big-smol", name: "Amiral", allowed: true },
    { id: "mira", name: "Mira 7B", allowed: true },
    { id: "mist", name: "Mist", allowed: false },
  ];
  assert.deepEqual(modelsFor(models, "").map((each) => each.id), ["big-smol", "mira"]);
  assert.deepEqual(modelsFor(models, "MI").map((each) => each.id), ["mira", "big-smol"]);
  assert.deepEqual(modelsFor(models, "7b").map((each) => each.id), ["mira"]);
  assert.deepEqual(modelsFor(models, "mist"), []);
});
