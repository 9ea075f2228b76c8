// While a model is loaded, in words: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { applyEvent, newLive } from "../../static/js/chat/jobs.js";
import { announcement, loading } from "../../static/js/chat/view/status.js";

const after = (event, now = 0) => applyEvent(newLive({ state: "running" }), { attempt: 1, seq: 1, event }, now).live;

test("it counts down by the clock of the page", () => {
  const live = after({ kind: "loading", seconds: 48 }, 1000);
  assert.equal(loading(live, 1000), "Loading the model, about 50 s");
  assert.equal(loading(live, 41_000), "Loading the model, about 8 s");
  assert.equal(loading(live, 90_000), "Loading the model, a moment more…");
  assert.equal(loading(after({ kind: "loading", seconds: 300 }), 0), "Loading the model, about 5 min");
});

test("without a measurement it says no number", () => {
  assert.equal(loading(after({ kind: "loading" }), 0), "Loading the model…");
});

test("one that can't be loaded yet says so, and then counts", () => {
  const waiting = after({ kind: "loading", waits: true });
  assert.match(loading(waiting, 0), /no room for this model yet/);
  const { live } = applyEvent(waiting, { attempt: 1, seq: 2, event: { kind: "loading", seconds: 4 } }, 0);
  assert.equal(loading(live, 0), "Loading the model, about 4 s");
});

test("screen readers hear it once, not every second", () => {
  assert.equal(announcement(after({ kind: "loading", seconds: 20 }), 0), announcement(after({ kind: "loading", seconds: 20 }), 9000));
});
