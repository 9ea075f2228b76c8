// The studio's pure modules: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { loses, modelFor } from "../../static/js/studio/draft.js";
import { applyEvent, newLive, percent } from "../../static/js/studio/jobs.js";
import { arrived, cursors, initialState, reduce } from "../../static/js/studio/reducer.js";
import { SendId } from "../../static/js/studio/sending.js";
import { likeSource, presets } from "../../static/js/studio/sizes.js";
import { announcement, quoted, status } from "../../static/js/studio/words.js";

const card = (id, more = {}) => ({ id, state: "queued", user: { id: "u", name: "Ada" }, params: { prompt: "a red apple", steps: 20 }, ...more });
const page = (jobs) => initialState({ jobs, role: "editor", models: [] });
const event = (job, kind, more = {}, at = { attempt: 1, seq: 1 }) => ({ type: "job", now: 0, frame: { job, ...at, event: { kind, ...more } } });
const after = (state, ...actions) => actions.reduce(reduce, state);

test("steps and previews only grow, whatever comes twice or late", () => {
  const first = applyEvent(newLive(card("a")), { attempt: 1, seq: 5, event: { kind: "progress", step: 5, steps: 20, preview: 10005 } }, 0).live;
  assert.deepEqual([first.step, first.preview, percent(first)], [5, 10005, 25]);
  assert.equal(applyEvent(first, { attempt: 1, seq: 4, event: { kind: "progress", step: 4, steps: 20 } }, 0).live, first);
  const next = applyEvent(first, { attempt: 1, seq: 6, event: { kind: "progress", step: 6, steps: 20 } }, 0).live;
  assert.deepEqual([next.step, next.preview], [6, 10005]);
});

test("another attempt goes on from where the first was, and old events of the first are left out", () => {
  const first = applyEvent(newLive(card("a")), { attempt: 1, seq: 9, event: { kind: "progress", step: 10, steps: 20, preview: 10010 } }, 0).live;
  const second = applyEvent(first, { attempt: 2, seq: 0, event: { kind: "reset" } }, 0).live;
  assert.deepEqual([second.phase, second.attempt, second.step, second.preview], ["started", 2, 10, 10010]);
  assert.equal(applyEvent(second, { attempt: 1, seq: 10, event: { kind: "progress", step: 11, steps: 20 } }, 0).live, second);
  assert.equal(applyEvent(second, { attempt: 2, seq: 1, event: { kind: "progress", step: 12, steps: 20 } }, 0).live.step, 12);
});

test("what a card says", () => {
  const live = newLive(card("a"));
  const queued = (more) => status(applyEvent(live, { attempt: 0, event: { kind: "queued", ...more } }, 0).live, 0);
  assert.equal(status(live, 0), "Waiting…");
  assert.equal(queued({ position: 4, starts_in: 40 }), "3 ahead, about 40 s");
  assert.equal(queued({ position: 1, starts_in: 0 }), "Next, starts in a moment");
  assert.equal(queued({ position: 2 }), "1 ahead");
  assert.match(queued({ position: 2, reason: "no_worker" }), /no worker/);
  const loading = applyEvent(live, { attempt: 1, seq: 1, event: { kind: "loading", seconds: 20 } }, 0).live;
  assert.equal(status(loading, 0), "Loading the model, about 20 s");
  const drawing = applyEvent(live, { attempt: 1, seq: 2, event: { kind: "progress", step: 5, steps: 20 } }, 0).live;
  assert.equal(status(drawing, 0), "25 % · step 5 of 20");
  assert.equal(status(drawing, 0, { family: "stable-diffusion" }), "25 % · step 5 of 20");
  assert.equal(status(drawing, 0, { family: "janus" }), "25 % · token 5 of 20");
  assert.equal(announcement(drawing, 0), "The picture is being drawn.");
  assert.equal(status(drawing, 0, { family: "text" }), "25 % · token 5 of 20");
  assert.equal(announcement(drawing, 0, { family: "text" }), "The answer is being written.");
});

test("what pictures would take", () => {
  assert.equal(quoted({ device_seconds: 6.2, starts_in: 0, reason: "" }), "About 6 s of the worker · starts at once");
  assert.equal(quoted({ device_seconds: 24, starts_in: 40, reason: "" }), "About 24 s of the worker · starts in about 40 s");
  assert.equal(quoted({ device_seconds: null, starts_in: null, reason: "no_worker" }), "Nothing like it was measured yet · no worker is running for this model now");
});

test("a finished picture waits for its place, then leaves", () => {
  const state = after(page([card("a"), card("b")]), event("a", "finish", { state: "succeeded", artifact: { id: "p", width: 64, height: 64 } }));
  assert.deepEqual(arrived(state).map((each) => each.artifact), ["p"]);
  assert.deepEqual(Object.keys(cursors(state)), ["b"]);
  assert.deepEqual(after(state, { type: "placed", ids: ["a"] }).jobs.map((each) => each.id), ["b"]);
});

test("a cancelled one goes, a failed one stays until it is closed, and never comes back", () => {
  const state = after(page([card("a"), card("b")]), event("a", "finish", { state: "cancelled" }), event("b", "finish", { state: "failed", error: "Out of memory." }));
  assert.deepEqual(state.jobs.map(({ id, error }) => [id, error]), [["b", "Out of memory."]]);
  const closed = after(state, { type: "dismissed", id: "b" }, { type: "jobs", jobs: [card("b", { state: "failed" })] });
  assert.deepEqual(closed.jobs, []);
});

test("what others ask for is added once; what is known keeps its place", () => {
  const running = after(page([card("a")]), event("a", "progress", { step: 7, steps: 20 }, { attempt: 1, seq: 3 }));
  const state = after(running, { type: "hello", role: "viewer", follow: 12, jobs: [card("a"), card("b")] }, { type: "jobs", jobs: [card("b")] });
  assert.deepEqual(state.jobs.map((each) => each.id), ["a", "b"]);
  assert.equal(state.live.a.step, 7);
  assert.deepEqual(cursors(state), { a: { attempt: 1, seq: 3 }, b: { attempt: 0, seq: 0 } });
});

test("no more are followed than the server allows: those that run first", () => {
  const many = page(["a", "b", "c"].map((id) => card(id)));
  const state = after({ ...many, follow: 2 }, event("c", "started"));
  assert.deepEqual(Object.keys(cursors(state)).sort(), ["a", "c"]);
});

test("what ended while nobody told this page is followed first, and so gets its end", () => {
  const ids = [..."abcdefgh"];
  const many = { ...page(ids.map((id) => card(id))), follow: 2 };
  const greeted = after(many, { type: "hello", role: "editor", follow: 2, jobs: ids.filter((id) => id !== "g").map((id) => card(id)) });
  assert.deepEqual(Object.keys(cursors(greeted)).sort(), ["a", "g"]);
  const told = after(greeted, event("g", "finish", { state: "cancelled" }, { attempt: 0, seq: 1 }));
  assert.deepEqual(told.jobs.map((each) => each.id), ids.filter((id) => id !== "g"));
  assert.deepEqual(Object.keys(cursors(told)).sort(), ["a", "b"]);
});

test("shapes have as many pixels as the model was made for, in its multiples", () => {
  const facts = { width: 512, height: 512, multiple_of: 8 };
  const found = Object.fromEntries(presets(facts).map(({ name, width, height }) => [name, [width, height]]));
  assert.deepEqual(found, { square: [512, 512], portrait: [440, 592], landscape: [592, 440] });
  assert.deepEqual(presets({ width: 64, height: 64, multiple_of: 8 })[0], { name: "square", width: 64, height: 64 });
  assert.deepEqual(likeSource({ width: 1600, height: 900 }, facts), { width: 680, height: 384 });
});

test("what is sent again before an answer came is the same send", () => {
  const sendId = new SendId();
  const first = sendId.of({ params: { prompt: "a red apple" } });
  assert.match(first, /^[0-9a-f]{24}$/);
  assert.equal(sendId.of({ params: { prompt: "a red apple" } }), first);
  assert.notEqual(sendId.of({ params: { prompt: "a car" } }), first);
  const again = sendId.of({ params: { prompt: "a red apple" } });
  sendId.done();
  assert.notEqual(sendId.of({ params: { prompt: "a red apple" } }), again);
});

test("what fills the form loses what is not in it any more, and no more", () => {
  const draft = (params) => ({ params: { prompt: "", negative_prompt: "", seed: null, source: null, mask: null, width: 64, height: 64, ...params } });
  assert.equal(loses(draft({}), draft({ prompt: "a car", width: 32 })), false);
  assert.equal(loses(draft({ prompt: " " }), draft({ prompt: "a car" })), false);
  assert.equal(loses(draft({ prompt: "a car" }), draft({ prompt: "a car", seed: "7" })), false);
  for (const typed of [{ prompt: "a bus" }, { negative_prompt: "dull" }, { seed: "7" }, { source: "p" }, { mask: "m" }, { steps: 30 }]) {
    assert.equal(loses(draft(typed), draft({ prompt: "a car" })), true, JSON.stringify(typed));
  }
});

const models = [
  { id: "janus", name: "Janus", allowed: true, facts: { takes_source: false, takes_mask: false } },
  { id: "emoji", name: "Emoji", allowed: true, facts: { takes_source: true, takes_mask: false } },
  { id: "flux", name: "Flux", allowed: false, facts: { takes_source: true, takes_mask: true } },
];

test("a model that can't be chosen is named, and the chosen one stays", () => {
  assert.deepEqual(modelFor({ model: "emoji", model_name: "Emoji" }, models, "janus"), { id: "emoji", told: [] });
  assert.deepEqual(modelFor({ model: "flux", model_name: "Flux" }, models, "janus"), { id: "janus", told: ["Its model, Flux, is not available here: yours stays chosen."] });
  assert.deepEqual(modelFor({ model: "gone", model_name: "Old One" }, models, "emoji").told, ["Its model, Old One, is not available here: yours stays chosen."]);
  assert.deepEqual(modelFor({ params: { prompt: "x" } }, models, "janus"), { id: "janus", told: [] });
});

test("who starts from a picture gets a model that can, or reads which ones can", () => {
  const from = (more) => modelFor({ params: { source: "p" }, ...more }, models, more.current ?? "janus");
  assert.deepEqual(from({ source_model: "emoji" }), { id: "emoji", told: ["Janus can't start from a picture, so Emoji is chosen, which made it."] });
  for (const source_model of ["", "flux", "janus"]) {
    assert.deepEqual(from({ source_model }), { id: "janus", told: ["Janus can't start from a picture. Choose one that can (Emoji), and the picture is used."] });
  }
  assert.deepEqual(modelFor({ params: { source: "p" } }, models.slice(0, 1), "janus").told, ["Janus can't start from a picture. No model that you may use here can."]);
  assert.deepEqual(from({ current: "emoji" }), { id: "emoji", told: [] });
  assert.deepEqual(modelFor({ params: { source: "p", mask: "m" } }, models, "emoji").told, ["Emoji takes no mask: all of the picture may change."]);
});
