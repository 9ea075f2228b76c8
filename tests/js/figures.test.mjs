// The line under an answer: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";

import { figures } from "../../static/js/chat/view/figures.js";

test("it tells what an answer cost: tokens written and read, and the time of the device", () => {
  const usage = { prompt_tokens: 38, completion_tokens: 24, reasoning_tokens: 0, tokens_per_second: 12, ttft_ms: 90, queue_ms: 3, device_ms: 1260 };
  assert.equal(figures(usage), "24 tokens · 38 read · 12.0 tokens/s · first after 90 ms · 1.3 s of the device");
  assert.equal(figures({ prompt_tokens: 38, completion_tokens: 0 }), "");
  assert.equal(figures({ completion_tokens: 1, estimated: true, device_ms: null }), "about 1 token");
});
