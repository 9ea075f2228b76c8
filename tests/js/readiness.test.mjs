// How soon a model could begin, as pages keep it: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { heard, inList } from "../../static/js/governance/readiness.js";

const model = (id, stage, words) => ({ id, readiness: { stage, words, sentence: "" } });
const stages = (models) => models.map((each) => each.readiness.stage);
const models = [model("a", "cold", "Loads in about 12 s"), model("b", "unserved", "No worker serves it now"), model("c", "elsewhere", "On another server")];

test("a job's loading and writing are newer than what the page was told", () => {
  const loading = heard(models, "a", { phase: "loading", waits: false });
  assert.deepEqual(stages(loading), ["loading", "unserved", "elsewhere"]);
  assert.deepEqual(stages(heard(loading, "a", { phase: "text" })), ["ready", "unserved", "elsewhere"]);
  assert.deepEqual(stages(heard(models, "b", { phase: "progress" })), ["cold", "ready", "elsewhere"]);
});

test("what tells nothing changes nothing", () => {
  for (const [id, live] of [["a", { phase: "queued" }], ["a", { phase: "loading", waits: true }], ["c", { phase: "text" }], ["gone", { phase: "text" }], [undefined, { phase: "text" }]]) {
    assert.equal(heard(models, id, live), models);
  }
  assert.equal(heard(undefined, "a", { phase: "text" }), undefined);
});

test("in a list it stands behind the name", () => {
  assert.equal(inList(models[0]), " · loads in about 12 s");
  assert.equal(inList({}), "");
});
