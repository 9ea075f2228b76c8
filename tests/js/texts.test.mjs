// Text files for a message: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { blockOf } from "../../static/js/chat/texts.js";

const file = (parts, name = "notes.txt") => new File(parts, name);

test("a text becomes a block under its file's name", async () => {
  assert.equal(await blockOf(file(["\uFEFFone\r\ntwo\n\n"]), 1000), "notes.txt:\n```txt\none\ntwo\n```");
  assert.equal(await blockOf(file(["a ```` b"], "README"), 1000), "README:\n`````\na ```` b\n`````");
});

test("what is no text, empty or too long is left, in words", async () => {
  await assert.rejects(blockOf(file([new Uint8Array([0xff, 0xd8, 0xff])], "a.pdf"), 1000), /a\.pdf can't be read as text\. Text files in UTF-8 can be added/);
  await assert.rejects(blockOf(file(["a\0b"]), 1000), /can't be read as text/);
  await assert.rejects(blockOf(file([" \n"]), 1000), /notes\.txt is empty/);
  for (const room of [30, 5, -1]) await assert.rejects(blockOf(file(["x".repeat(40)]), room), /too long: this message takes \d+ more characters/);
});
