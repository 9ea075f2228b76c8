// The state of the chat page, without a browser: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { applyEvent, newLive, speed } from "../../static/js/chat/jobs.js";
import { initialState, reduce, shownMessages, writing } from "../../static/js/chat/reducer.js";

const me = { id: "me", name: "Me", initials: "M" };
const prompt = (id, parent, more = {}) => ({ id, parent, role: "user", text: id, user: me, siblings: [id], job: null, ...more });
const answer = (id, parent, job, more = {}) => ({ id, parent, role: "assistant", text: "", user: null, siblings: [id], job, ...more });
const running = (id) => ({ id, state: "queued", attempt: 0 });
const page = (messages = []) => ({ user: me, role: "editor", conversation: { id: "c" }, messages, leaf: messages.at(-1)?.id ?? null });
const job = (state, id, seq, event, attempt = 1) => reduce(state, { type: "job", now: 0, frame: { job: id, attempt, seq, event } });
const started = () => initialState(page([prompt("u", null), answer("a", "u", running("j"))]));

test("text is appended, doubled text is not", () => {
  let state = job(started(), "j", 1, { kind: "text", offset: 0, text: "Hel", tokens: 1 });
  state = job(state, "j", 1, { kind: "text", offset: 0, text: "Hel", tokens: 1 });
  state = job(state, "j", 2, { kind: "text", offset: 2, text: "llo", tokens: 2 });
  assert.equal(state.live.j.text, "Hello");
});

test("offsets count code points, as Python does", () => {
  let state = job(started(), "j", 1, { kind: "text", offset: 0, text: "👩‍🚀é", tokens: 1 });
  assert.equal(state.live.j.chars, 4);
  state = job(state, "j", 2, { kind: "text", offset: 4, text: "!", tokens: 2 });
  assert.equal(state.live.j.text, "👩‍🚀é!");
});

test("a gap changes nothing and asks to follow again", () => {
  const state = job(started(), "j", 5, { kind: "text", offset: 9, text: "x", tokens: 9 });
  assert.equal(state.live.j.text, "");
  assert.equal(state.live.j.seq, 0);
  assert.equal(state.gaps, 1);
});

test("a new attempt drops the text, an old one is not heard", () => {
  let state = job(started(), "j", 1, { kind: "text", offset: 0, text: "old", tokens: 1 });
  state = job(state, "j", 1, { kind: "text", offset: 0, text: "new", tokens: 1 }, 2);
  state = job(state, "j", 2, { kind: "text", offset: 3, text: "zombie", tokens: 2 }, 1);
  assert.equal(state.live.j.text, "new");
});

test("a snapshot replaces all text", () => {
  let state = job(started(), "j", 1, { kind: "text", offset: 0, text: "ab", tokens: 1 });
  state = job(state, "j", 7, { kind: "snapshot", text: "abcdef", tokens: 6 });
  assert.deepEqual([state.live.j.text, state.live.j.chars, state.live.j.seq], ["abcdef", 6, 7]);
});

test("finish keeps the text where the event has none, and takes it where it has", () => {
  const begun = job(started(), "j", 1, { kind: "text", offset: 0, text: "partial", tokens: 1 });
  const end = { kind: "finish", state: "cancelled", finish_reason: "cancelled", usage: {} };
  assert.equal(job(begun, "j", 2, end).messages[1].text, "partial");
  const state = job(begun, "j", 2, { ...end, text: "whole" });
  assert.equal(state.messages[1].text, "whole");
  assert.deepEqual(state.live, {});
});

test("results of calls, told one after another, lengthen the path", () => {
  const ended = { id: "j", state: "succeeded" };
  let state = initialState(page([prompt("u", null), answer("a", "u", ended)]));
  const result = (id, parent) => prompt(id, parent, { role: "tool", tool_name: "get_tide", user: { id: "you" } });
  for (const message of [result("r", "a"), result("s", "r"), answer("b", "s", running("k"))]) state = reduce(state, { type: "message", message });
  assert.deepEqual(state.messages.map((each) => each.id), ["u", "a", "r", "s", "b"]);
  assert.deepEqual([state.leaf, Object.keys(state.live)], ["b", ["k"]]);
});

test("what ended stays ended when an older reading of the path arrives", () => {
  const ended = job(started(), "j", 1, { kind: "finish", state: "succeeded", finish_reason: "stop", usage: {}, text: "done" });
  const state = reduce(ended, { type: "path", messages: started().messages, leaf: "a" });
  assert.equal(state.messages[1].text, "done");
  assert.deepEqual(state.live, {});
});

test("an optimistic prompt is shown once, whoever answers first", () => {
  let state = initialState(page());
  state = reduce(state, { type: "pending", pending: { client_id: "x", text: "Hi", parent: null, state: "sending" } });
  state = reduce(state, { type: "message", message: prompt("u", null, { text: "Hi" }) });
  assert.equal(shownMessages(state).length, 1);
  state = reduce(state, { type: "sent", messages: [prompt("u", null), answer("a", "u", running("j"))] });
  assert.deepEqual(shownMessages(state).map((each) => each.id), ["u", "a"]);
  assert.equal(state.pending, null);
  assert.ok(state.live.j);
});

test("an edit hides its branch while it is on its way", () => {
  let state = initialState(page([prompt("u", null), answer("a", "u", null), prompt("v", "a")]));
  state = reduce(state, { type: "pending", pending: { client_id: "x", text: "New", parent: "a", state: "sending" } });
  assert.deepEqual(shownMessages(state).map((each) => each.id), ["u", "a", "pending"]);
  state = reduce(state, { type: "sent", messages: [prompt("w", "a", { siblings: ["v", "w"] })] });
  assert.deepEqual(state.messages.map((each) => each.id), ["u", "a", "w"]);
});

test("another's branch changes the switcher, not what is read", () => {
  const other = { id: "you", name: "You", initials: "Y" };
  const before = initialState(page([prompt("u", null), answer("a", "u", null)]));
  const state = reduce(before, { type: "message", message: answer("b", "u", null, { user: other, siblings: ["a", "b"] }) });
  assert.deepEqual(state.messages.map((each) => each.id), ["u", "a"]);
  assert.deepEqual(state.messages[1].siblings, ["a", "b"]);
});

test("thoughts and text have offsets of their own", () => {
  let state = job(started(), "j", 1, { kind: "reasoning", offset: 0, text: "Hm 🎉", tokens: 1, ms: 0 });
  assert.equal(state.live.j.phase, "thinking");
  state = job(state, "j", 2, { kind: "reasoning", offset: 3, text: "🎉!", tokens: 2, ms: 900 });
  state = job(state, "j", 3, { kind: "text", offset: 0, text: "Yes", tokens: 3 });
  const { phase, reasoning, text, reasoningMs } = state.live.j;
  assert.deepEqual([phase, reasoning, text, reasoningMs], ["text", "Hm 🎉!", "Yes", 900]);
  assert.equal(job(state, "j", 5, { kind: "reasoning", offset: 99, text: "x", tokens: 9, ms: 1 }).gaps, 1);
});

test("hidden thoughts tell their time only", () => {
  const state = job(started(), "j", 1, { kind: "reasoning", tokens: 5, ms: 400 });
  assert.deepEqual([state.live.j.phase, state.live.j.reasoning, state.live.j.reasoningMs], ["thinking", "", 400]);
});

test("a new attempt and a snapshot replace thoughts and tool calls too", () => {
  const call = { kind: "tool_call", index: 0, name: "f", arguments: "{}", valid: true, tokens: 2 };
  let state = job(started(), "j", 1, { kind: "reasoning", offset: 0, text: "old", tokens: 1, ms: 0 });
  state = job(state, "j", 2, call);
  assert.deepEqual(state.live.j.calls, [{ name: "f", arguments: "{}", valid: true }]);
  state = job(state, "j", 1, { kind: "started" }, 2);
  assert.deepEqual([state.live.j.reasoning, state.live.j.calls, state.live.j.reasoningMs], ["", [], null]);
  state = job(state, "j", 9, { kind: "snapshot", text: "", tokens: 4, reasoning: "new", ms: 7 }, 2);
  assert.deepEqual([state.live.j.reasoning, state.live.j.phase], ["new", "thinking"]);
  const end = { kind: "finish", state: "succeeded", finish_reason: "stop", usage: {} };
  assert.deepEqual(job(state, "j", 10, end, 2).messages[1].reasoning, "new");
  const whole = job(state, "j", 10, { ...end, text: "Yes", reasoning: "", tool_calls: [] }, 2).messages[1];
  assert.deepEqual([whole.text, whole.reasoning], ["Yes", ""]);
});

test("speed is told when there is something to measure", () => {
  let live = newLive({ state: "running" });
  assert.equal(speed(live), null);
  live = applyEvent(live, { attempt: 1, seq: 1, event: { kind: "text", offset: 0, text: "a", tokens: 1 } }, 1000).live;
  live = applyEvent(live, { attempt: 1, seq: 2, event: { kind: "text", offset: 1, text: "b", tokens: 21 } }, 3000).live;
  assert.equal(speed(live), 10);
});

test("a rating is kept at its answer and nowhere else", () => {
  const before = initialState(page([prompt("u", null), answer("a", "u", null, { run: { id: "r", rating: null } }), prompt("v", "a")]));
  const state = reduce(before, { type: "rated", id: "a", rating: 4 });
  assert.deepEqual(state.messages[1].run, { id: "r", rating: 4 });
  assert.equal(before.messages[1].run.rating, null);
  assert.equal(state.messages[2].run, undefined);
});

test("answers beside each other grow with their jobs, and are forgotten with the comparison", () => {
  const ended = answer("a", "u", { id: "j", state: "succeeded" }, { text: "Seven." });
  let state = initialState(page([prompt("u", null), ended]));
  state = reduce(state, { type: "compared", messages: [ended] });
  const beside = answer("b", "u", running("k"), { siblings: ["a", "b"] });
  for (const _ of [1, 2]) state = reduce(state, { type: "message", message: beside }); // the socket, and the answer to the request
  assert.deepEqual(state.compared.map((each) => each.id), ["a", "b"]);
  assert.deepEqual([state.leaf, state.messages[1].siblings], ["a", ["a", "b"]]);
  state = job(state, "k", 1, { kind: "text", offset: 0, text: "Eight", tokens: 1 });
  assert.equal(state.live.k.text, "Eight");
  state = job(state, "k", 2, { kind: "finish", state: "succeeded", finish_reason: "stop", usage: {} });
  assert.equal(state.compared[1].text, "Eight");
  state = reduce(state, { type: "message", message: answer("c", "u", running("l"), { siblings: ["a", "b", "c"] }) });
  assert.deepEqual([Object.keys(state.live), writing(state)], [["l"], true]);
  state = reduce(state, { type: "compared", messages: null });
  assert.deepEqual([state.live, writing(state)], [{}, false]);
});
