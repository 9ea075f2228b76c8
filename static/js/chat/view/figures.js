/** What an answer was and what it cost: the usage of its job in words. Pure: no DOM. */

export function figures({ prompt_tokens: read, completion_tokens: tokens, reasoning_tokens: thought, tokens_per_second: rate, ttft_ms: first, queue_ms: queued, device_ms: device, estimated }) {
  const parts = [];
  if (tokens) parts.push(`${estimated ? "about " : ""}${tokens} ${tokens === 1 ? "token" : "tokens"}`);
  if (thought) parts.push(`${thought} of them thinking`);
  if (tokens && read) parts.push(`${read} read`);
  if (rate) parts.push(`${rate.toFixed(1)} tokens/s`);
  if (first !== null && first !== undefined) parts.push(`first after ${duration(first)}`);
  if (queued >= 1000) parts.push(`${duration(queued)} in the queue`);
  if (device) parts.push(`${duration(device)} of the device`);
  return parts.join(" · ");
}

const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
