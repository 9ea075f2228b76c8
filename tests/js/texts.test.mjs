// Text files for a message: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { blockOf } from "../../static/js/chat/texts.js";

const file = (parts, name = "notes.txt") => new File(parts, name);

const plenty = () => 1000;

test("a text becomes a block under its file's name", async () => {
  assert.equal(await blockOf(file(["\uFEFFone\r\ntwo\n\n"]), plenty), "notes.txt:\n```txt\none\ntwo\n```");
  assert.equal(await blockOf(file(["a ```` b"], "README"), plenty), "README:\n`````\na ```` b\n`````");
});

test("what is no text, empty or too long is left, in words", async () => {
  await assert.rejects(blockOf(file([new Uint8Array([0xff, 0xd8, 0xff])], "a.doc"), plenty), /a\.doc can't be read as text\. Text files in UTF-8 can be added/);
  await assert.rejects(blockOf(file(["a\0b"]), plenty), /can't be read as text/);
  await assert.rejects(blockOf(file([" \n"]), plenty), /notes\.txt is empty/);
  for (const room of [30, 5, -1]) await assert.rejects(blockOf(file(["x".repeat(40)]), () => room), /too long: this message takes \d+ more characters/);
});

test("a PDF is read by the site, and may be large where its text is short", async () => {
  const read = async () => "[Page 1]\nHigh tide";
  const large = file(["x".repeat(9000)], "Tides.PDF");
  assert.equal(await blockOf(large, plenty, read), "Tides.PDF:\n```\n[Page 1]\nHigh tide\n```");
  let room = 1000;
  const slow = async () => ((room = 10), read());
  await assert.rejects(blockOf(large, () => room, slow), /takes 10 more characters/);
});
