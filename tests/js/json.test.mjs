// JSON as it is shown: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { indented, isJson } from "../../static/js/json.js";

test("objects and lists get lines, and nothing in them changes", () => {
  assert.equal(indented('{"a":1.50,"b":[true,null],"c":{},"d":[]}'), '{\n  "a": 1.50,\n  "b": [\n    true,\n    null\n  ],\n  "c": {},\n  "d": []\n}');
  assert.equal(indented('[[12345678901234567890,"a, {b}: \\"c\\" "]]'), '[\n  [\n    12345678901234567890,\n    "a, {b}: \\"c\\" "\n  ]\n]');
  const pretty = indented('{"a": [1, {"b": "c"}]}');
  assert.equal(indented(pretty), pretty);
});

test("what is still being written", () => {
  assert.equal(indented('{"a": "hal'), '{\n  "a": "hal');
  assert.equal(indented('{"a": "x\\'), '{\n  "a": "x\\');
  assert.equal(indented('[1,'), "[\n  1,\n  ");
  assert.equal(indented(" {"), "{");
});

test("what is no object and no list stays as it is", () => {
  for (const text of ["", '"a  b"', "Sorry,  no.", "12"]) assert.equal(indented(text), text);
  assert.equal(indented("}{"), "}{");
});

test("what is JSON", () => {
  assert.deepEqual(['{"a": 1}', '{"a": 1', "no", "3"].map(isJson), [true, false, false, true]);
});
