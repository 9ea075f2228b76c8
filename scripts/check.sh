#!/bin/sh
# Every check that needs no running site; all of them run, and the first failure decides the exit status.
set -u
cd "$(dirname "$0")/.."
failed=""

check() {
    title=$1
    shift
    printf '%-44s' "$title"
    if output=$("$@" 2>&1); then
        echo ok
    else
        echo FAILED
        printf '%s\n\n' "$output"
        failed="$failed\n  $title"
    fi
}

as_deployed() {
    eval "env $DEPLOYED \"\$@\""
}

check "ruff check" ruff check .
check "ruff format" ruff format --check .
check "mypy --strict" as_deployed mypy aiplatform apps engine benchmarks
check "import rules" lint-imports
check "templates: lint" djlint --lint --quiet templates
check "migrations are complete" as_deployed python -W ignore manage.py makemigrations --check --dry-run
check "settings of a public site" as_deployed python manage.py check --deploy --fail-level WARNING
check "the version that receipts tell" python scripts/results.py
check "documentation is complete" python -m pytest -q -p no:cacheprovider tests/ops/test_docs.py

if [ -n "$failed" ]; then
    printf "\nFailed:$failed\n"
    exit 1
fi
