// What this device keeps, and for whom: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { keep, recall } from "../../static/js/chat/storage.js";

/** A browser's, as far as it is used. */
function browser() {
  const kept = new Map();
  globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
  globalThis.document = { documentElement: { dataset: { person: "ada" } } };
  return { kept, signIn: (person) => (document.documentElement.dataset.person = person) };
}

test("drafts and prompts on their way are those of whoever wrote them", () => {
  const { kept, signIn } = browser();
  keep("atrium.draft.c", "Dear diary");
  signIn("bob");
  assert.equal(recall("atrium.draft.c"), null);
  keep("atrium.draft.c", "Hello");
  signIn("ada");
  assert.equal(recall("atrium.draft.c"), "Dear diary");
  keep("atrium.draft.c", "");
  assert.deepEqual([...kept.values()], ['"Hello"']);
});

test("a browser that forbids storage only forgets", () => {
  browser();
  globalThis.localStorage = { getItem: () => { throw new Error("forbidden"); }, setItem: () => { throw new Error("full"); } };
  keep("atrium.draft.c", "x");
  assert.equal(recall("atrium.draft.c"), null);
});
