#!/bin/sh
# Creates .venv from a lock file: scripts/setup.sh worker|dev. Does nothing where it is already up to date.
set -eu
cd "$(dirname "$0")/.."
wanted=$1
minimum_free_mb=4000
log=.venv/setup.log

stop() {
    printf '\natrium: %s\n' "$1" >&2
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

is_complete() {
    # It can create environments, and has the headers that compiled code is built with.
    "$1" - 2>/dev/null <<'END'
import ensurepip, os, sys, sysconfig, venv
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))
END
}

find_python() {
    # The distribution's own goes before what is first on the PATH: it is built with profiles, which pyenv leaves out
    # and which makes a fifth of the speed, and it is kept secure with the system.
    if [ -z "${PYTHON:-}" ] && is_new_enough /usr/bin/python3 && is_complete /usr/bin/python3; then
        echo /usr/bin/python3
        return
    fi
    for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
        found=$(command -v "$name" 2>/dev/null) || continue
        if is_new_enough "$found"; then
            echo "$found"
            return
        fi
    done
    stop "No Python 3.11 or newer was found. Install one (Debian: apt install python3 python3-venv), or name yours: make PYTHON=/path/to/python3.12 …"
}

fingerprint() {
    # What is installed depends on the lock files and on the interpreter.
    cat requirements/web.txt requirements/worker.txt
    if [ "$wanted" = dev ]; then cat requirements/dev.txt; fi
    .venv/bin/python -c 'import sys; print(sys.version)'
}

is_current() {
    # An environment with the tools of development also serves who only wants to run the site.
    [ -x .venv/bin/python ] || return 1
    for stamp in ".venv/.installed-$wanted" ".venv/.installed-dev"; do
        wanted_of_stamp=${stamp##*-}
        if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted=$wanted_of_stamp; fingerprint | cksum)" ]; then return 0; fi
    done
    return 1
}

check_compiler() {
    for compiler in ${CC:-} cc gcc clang; do
        if command -v "$compiler" >/dev/null 2>&1; then return; fi
    done
    stop "No C compiler was found, and PyTorch needs one to speed models up. Install gcc (Debian: apt install gcc) and run make again."
}

check_disk() {
    free_mb=$(df -Pm . | awk 'NR == 2 { print $4 }')
    if [ "$free_mb" -lt "$minimum_free_mb" ]; then
        stop "Only $free_mb MB are free in $(pwd), and Atrium with its packages and first model needs $minimum_free_mb MB. Free some space and run make again."
    fi
}

create() {
    python=$(find_python)
    "$python" -m venv --clear .venv >/dev/null 2>&1 ||
        stop "Python at $python cannot create a virtual environment. Install its venv module (Debian: apt install python3-venv) and run make again."
}

install() {
    echo "atrium: installing the packages of requirements/$wanted.txt. The first time takes a few minutes."
    if ! .venv/bin/python -m pip install --disable-pip-version-check --no-input -r "requirements/$wanted.txt" >"$log" 2>&1; then
        grep -iE '^ *(error|warning: retrying)' "$log" | tail -n 3 >&2 || true
        if grep -qiE 'no space left' "$log"; then
            stop "The disk is full. Free some space and run make again."
        elif grep -qiE 'connection|timed out|resolve|certificate|no matching distribution|could not find a version' "$log"; then
            stop "A package could not be downloaded. Check the network or pip's configuration and run make again; the whole story is in $log."
        fi
        stop "The packages could not be installed; the whole story is in $log."
    fi
}

if is_current; then exit 0; fi
check_compiler
check_disk
if ! { [ -x .venv/bin/python ] && is_new_enough .venv/bin/python; }; then create; fi
install
fingerprint | cksum >".venv/.installed-$wanted"
