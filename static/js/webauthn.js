// Passkeys and security keys. A form with data-webauthn="create" or "get" runs the browser's ceremony when it is
// submitted, and carries the answer in its field "credential". The options are the JSON in the element whose id is
// data-webauthn-options, or else what a GET of the form's action answers. Its button comes disabled: pressed before this
// file is there, it would send an empty answer.

const FIELDS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

const MESSAGES = {
  NotAllowedError: "That was cancelled or took too long. Try again.",
  InvalidStateError: "This device or key is already added here.",
  NotSupportedError: "This device or key can't be used for sign-in. Try a different one.",
  SecurityError:
    "Passkeys need a host name and HTTPS. On this machine, open the site as http://localhost instead of a number.",
};

function toBytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function toText(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

function withBytes(options) {
  const decoded = { ...options, challenge: toBytes(options.challenge) };
  if (options.user) decoded.user = { ...options.user, id: toBytes(options.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (options[list]) decoded[list] = options[list].map((known) => ({ ...known, id: toBytes(known.id) }));
  }
  return decoded;
}

// A passkey that signs in on its own must be found without knowing whose it is, and must check that it is its owner.
function alone(options) {
  const selection = { residentKey: "required", requireResidentKey: true, userVerification: "required" };
  return { ...options, authenticatorSelection: { ...options.authenticatorSelection, ...selection } };
}

function asJson(credential) {
  const response = {};
  for (const field of FIELDS) {
    if (credential.response[field]) response[field] = toText(credential.response[field]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return JSON.stringify({
    type: credential.type,
    id: credential.id,
    rawId: toText(credential.rawId),
    authenticatorAttachment: credential.authenticatorAttachment,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
}

async function optionsOf(form) {
  const element = document.getElementById(form.dataset.webauthnOptions);
  if (element) return JSON.parse(element.textContent);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`The site answered ${answer.status}. Wait a minute and try again.`);
  return answer.json();
}

async function ceremony(form) {
  const options = await optionsOf(form);
  if (form.dataset.webauthn === "get") {
    return navigator.credentials.get({ publicKey: withBytes(options.request_options.publicKey) });
  }
  const publicKey = withBytes(options.creation_options.publicKey);
  return navigator.credentials.create({ publicKey: form.elements.passwordless?.checked ? alone(publicKey) : publicKey });
}

function say(form, text) {
  const place = form.querySelector("[data-webauthn-error]");
  place.textContent = text;
  place.hidden = !text;
}

async function submit(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const button = form.querySelector("button[type=submit]");
  say(form, "");
  button.disabled = true;
  try {
    if (!window.PublicKeyCredential) throw new Error("Passkeys need a current browser, and HTTPS or localhost.");
    form.elements.credential.value = asJson(await ceremony(form));
    form.submit();
  } catch (error) {
    say(form, MESSAGES[error.name] ?? error.message);
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("form[data-webauthn]")) {
  form.addEventListener("submit", submit);
  form.querySelector("button[type=submit]").disabled = false;
}
