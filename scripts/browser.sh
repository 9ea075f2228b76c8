#!/bin/sh
# The browser that the tests drive: Debian's chromium, installed where it is missing and we may.
set -eu

for name in ${CHROMIUM:-} chromium-headless-shell chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
missing="The tests drive a real browser, and no chromium was found."
by_hand="Install it (Debian: apt install chromium), or name yours: make test CHROMIUM=/path/to/chromium"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    printf '\natrium: %s %s\n' "$missing" "$by_hand" >&2
    exit 1
fi
echo "atrium: installing chromium for the tests."
log=$(mktemp)
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium fonts-dejavu-core; } >"$log" 2>&1; then
    tail -n 3 "$log" >&2
    printf '\natrium: %s apt could not install it; the whole story is in %s. %s\n' "$missing" "$log" "$by_hand" >&2
    exit 1
fi
