// How soon a model could begin, as pages keep it: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { initialState as initialChat, reduce as reduceChat } from "../../static/js/chat/reducer.js";
import { heard, inList } from "../../static/js/governance/readiness.js";
import { initialState as initialStudio, reduce as reduceStudio } from "../../static/js/studio/reducer.js";

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

test("both pages hear it of their jobs", () => {
  const told = (kind) => ({ type: "job", now: 0, frame: { job: "j", attempt: 1, seq: 1, event: { kind } } });
  const message = { id: "m", role: "assistant", text: "", siblings: ["m"], job: { id: "j", state: "queued", model: "a" } };
  const chat = reduceChat(initialChat({ models, messages: [message], leaf: "m", conversation: { id: "c" } }), told("loading"));
  assert.deepEqual(stages(chat.models), ["loading", "unserved", "elsewhere"]);
  const card = { id: "j", state: "queued", model: { id: "a" }, params: {} };
  assert.deepEqual(stages(reduceStudio(initialStudio({ models, jobs: [card] }), told("started")).models), ["ready", "unserved", "elsewhere"]);
});
