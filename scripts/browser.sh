#!/bin/sh
# The browser that the tests drive, installed where it is missing and we may: Debian's chromium, and of that the headless
# shell where there is one, which draws the same pages for half the processor time. Any chromium will do.
set -eu

found=
for name in ${CHROMIUM:-} chromium-headless-shell chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then found=$name; break; fi
done
if [ -n "$found" ] && { [ "$found" != chromium ] || [ "${CHROMIUM:-}" = chromium ]; }; then exit 0; fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "atrium: installing chromium's headless shell for the tests."
    log=$(mktemp)
    install="env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends fonts-dejavu-core"
    if { apt-get update && { $install chromium-headless-shell || $install chromium; }; } >"$log" 2>&1; then exit 0; fi
    tail -n 3 "$log" >&2
    why=" apt could not install it; the whole story is in $log."
fi
if [ -n "$found" ]; then exit 0; fi
printf '\natrium: The tests drive a real browser, and no chromium was found.%s %s\n' "${why:-}" \
    "Install it (Debian: apt install chromium), or name yours: make test CHROMIUM=/path/to/chromium" >&2
exit 1
