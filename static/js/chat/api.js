/**
 * JSON over HTTP. Every failure becomes a Failure with a sentence; `retry` says that trying again may help,
 * `place` the number of a wrong text among several, `remedy` is a link, {url, label}, where the person can do something about it.
 */

export class Failure extends Error {
  constructor(message, { status = 0, code = "", field = "", over = 0, place = -1, remedy = null, retry = false } = {}) {
    super(message);
    Object.assign(this, { status, code, field, over, place, remedy, retry });
  }
}

const TIMEOUT = 30_000; // milliseconds
const SENTENCES = {
  401: "You are signed out. Sign in again in another tab; your text stays here.",
  403: "This page is too old to send. Reload it; your text stays here.",
  404: "That is no longer there for you.",
  413: "That is too much to send at once.",
  429: "That was a lot in a short time. Wait a little, then try again.",
};

/** An address that holds the place of an id. */
export const withId = (url, id) => url.replace("{id}", encodeURIComponent(id));

const csrf = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";

async function request(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT), ...options });
  } catch {
    throw new Failure("The site can't be reached.", { code: "offline", retry: true });
  }
  if (response.redirected && !response.headers.get("content-type")?.includes("json")) throw failure(401, {});
  const data = await response.json().catch(() => ({}));
  if (!response.ok) throw failure(response.status, data.error ?? {});
  return data;
}

function failure(status, { message, code, field, over, place, remedy }) {
  const sentence = message ?? SENTENCES[status] ?? "The site could not do that just now.";
  return new Failure(sentence, { status, code, field, over, place, remedy, retry: status >= 500 });
}

export const get = (url) => request(url, { headers: { accept: "application/json" } });

export const post = (url, data = {}) =>
  request(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", "x-csrftoken": csrf() },
    body: JSON.stringify(data),
  });

/** The fields of an ordinary form, to a page that also answers in JSON. */
export const postForm = (url, fields) =>
  request(url, { method: "POST", headers: { accept: "application/json", "x-csrftoken": csrf() }, body: new URLSearchParams(fields) });

/** A picture from this device. */
export const postPicture = (url, picture) => postFile(url, { picture });

/** A form with a file from this device. It may take long, so only the network ends it. */
export function postFile(url, fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  return request(url, { method: "POST", headers: { accept: "application/json", "x-csrftoken": csrf() }, body, signal: null });
}

/** An id for a send: sent twice, it is still one send. */
export const newClientId = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
