// Where an answer stands in the queue, in words: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { applyEvent, newLive } from "../../static/js/chat/jobs.js";
import { announcement } from "../../static/js/chat/view/status.js";

const told = (live, place) => applyEvent(live, { attempt: 0, event: { kind: "queued", ...place } }, 0).live;
const waiting = (place) => announcement(told(newLive({ state: "queued" }), place));

test("no place before the socket tells it", () => {
  assert.equal(announcement(newLive({ state: "queued" })), "In the queue");
});

test("the next one, with and without an estimate", () => {
  assert.equal(waiting({ position: 1 }), "In the queue, next");
  assert.equal(waiting({ position: 1, starts_in: 0 }), "In the queue, next, starts in a moment");
});

test("how many are ahead and when it starts", () => {
  assert.equal(waiting({ position: 4, starts_in: 20 }), "In the queue, 3 ahead, starts in about 20 s");
  assert.equal(waiting({ position: 90, starts_in: 420 }), "In the queue, 89 ahead, starts in about 7 min");
});

test("an event that moves the place moves the words", () => {
  const live = told(told(newLive({ state: "queued" }), { position: 3 }), { position: 2, starts_in: 5 });
  assert.equal(announcement(live), "In the queue, 1 ahead, starts in about 5 s");
});
