// Files dropped on a page of pictures: taken, or going nowhere: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { listenForBrought } from "../../static/js/chat/pictures/bringing.js";

/** A conversation's page, as far as it is used: it is the document too, which every event comes to in the end. */
function conversation({ role = "editor", dialog = null } = {}) {
  const [shade, field, page] = [{ hidden: true }, new EventTarget(), new EventTarget()];
  const got = [];
  field.focus = () => got.push("focus");
  page.contains = () => true;
  page.querySelector = (selector) => (selector === "dialog[open]" ? dialog : shade);
  globalThis.document = page;
  const taking = (kind) => ({ add: (files) => got.push(...files.map((file) => kind + file.name)) });
  const store = { state: { role, frozen: false, conversation: { deleted: false } } };
  listenForBrought({ page, field, attachments: taking(""), texts: taking("text: "), store });
  const send = (kind, dataTransfer) => {
    const event = Object.assign(new Event(kind, { cancelable: true }), { dataTransfer, relatedTarget: null });
    page.dispatchEvent(event);
    return event;
  };
  return { shade, got, send };
}

const dragged = () => ({ types: ["Files"], files: [new File(["x"], "cat.png", { type: "image/png" })], dropEffect: "copy" });

test("a file that is dropped on a conversation is attached", () => {
  const { shade, got, send } = conversation();
  assert.ok(send("dragover", dragged()).defaultPrevented);
  assert.equal(shade.hidden, false);
  assert.ok(send("drop", dragged()).defaultPrevented);
  assert.deepEqual([got, shade.hidden], [["cat.png", "focus"], true]);
});

test("a text that is dropped is no picture", () => {
  const { got, send } = conversation();
  const files = [new File(["x"], "notes.txt", { type: "text/plain" }), new File(["<svg/>"], "a.svg", { type: "image/svg+xml" }), new File(["x"], "run.py")];
  send("drop", { ...dragged(), files: [...dragged().files, ...files] });
  assert.deepEqual(got, ["cat.png", "text: notes.txt", "text: a.svg", "text: run.py", "focus"]);
});

for (const [where, about] of Object.entries({ "while a dialog is open": { dialog: {} }, "by somebody who may only read": { role: "viewer" } })) {
  test(`a file that is dropped ${where} goes nowhere: the browser doesn't open it in place of the page`, () => {
    const { shade, got, send } = conversation(about);
    const over = send("dragover", dragged());
    assert.ok(over.defaultPrevented);
    assert.deepEqual([over.dataTransfer.dropEffect, shade.hidden], ["none", true]);
    assert.ok(send("drop", dragged()).defaultPrevented);
    assert.deepEqual(got, []);
  });
}

test("a text that is dragged is left to the browser", () => {
  const { shade, send } = conversation();
  const over = send("dragover", { types: ["text/plain"], files: [] });
  assert.deepEqual([over.defaultPrevented, shade.hidden, send("drop", { types: ["text/plain"], files: [] }).defaultPrevented], [false, true, false]);
});
