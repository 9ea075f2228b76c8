// What a conversation of a file is, in words: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { about, counted } from "../../static/js/conversations/words.js";

test("what one reads before one chooses", () => {
  assert.equal(about({ messages: 1, branches: 1, model: "", at: null, form: "ChatGPT" }), "1 message · ChatGPT");
  assert.match(about({ messages: 24, branches: 3, model: "gpt-4o", at: "2024-05-03T12:00:00Z", form: "Open WebUI" }), /^24 messages, 3 branches · gpt-4o · .*2024.* · Open WebUI$/);
});

test("how many are chosen, and how many can't be", () => {
  assert.equal(counted(2, [{}, {}, {}]), "2 of 3 chosen");
  assert.equal(counted(0, [{}, { problem: "No." }]), "0 of 2 chosen, 1 can’t be imported");
  const same = { here: { url: "/c/1/", is_same: true } };
  const earlier = { here: { url: "/c/2/", is_same: false } };
  assert.equal(counted(1, [same, earlier, { problem: "No." }]), "1 of 3 chosen, 1 already here, 1 can’t be imported");
});
