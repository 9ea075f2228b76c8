# Everything one does with Atrium. Each target says what it does; `make` alone lists them.
SHELL := /bin/sh
PYTHON_IN_VENV := .venv/bin/python
# Settings of a public site, so that `check --deploy` sees what such a site would have.
DEPLOYED := ATRIUM_ENV=production SITE_URL=https://atrium.example.org ALLOWED_HOSTS=atrium.example.org \
	BEHIND_PROXY=1 SECRET_KEY=check-check-check-check-check-check-check-check-check-0123456789-abcdef \
	DATABASE_URL='postgresql://atrium@localhost/atrium' REDIS_URL='redis://localhost'

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev browser test-model up demo test check results lock

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: ## Create the virtual environment, or bring it up to date with the lock files
	@scripts/setup.sh worker

setup-dev:
	@scripts/setup.sh dev

browser:
	@scripts/browser.sh

test-model: setup-dev
	@$(PYTHON_IN_VENV) -m tests.prepared

up: setup ## Start the whole site and keep it running until Ctrl-C (HOST=… PORT=…)
	@exec $(PYTHON_IN_VENV) manage.py up

demo: setup ## Sign up, send a prompt and watch its tokens arrive, over HTTP and WebSocket
	@exec $(PYTHON_IN_VENV) manage.py demo

test: setup-dev browser test-model ## Run every test: the fast ones, the faults, and a real browser beside them
	@exec $(PYTHON_IN_VENV) -m tests.all

check: setup-dev ## Lint, types, import rules, templates, migrations, deployment settings, the version in receipts
	@PATH="$(CURDIR)/.venv/bin:$$PATH" DEPLOYED="$(DEPLOYED)" scripts/check.sh

results: ## Write down the sources that decide results, when the engine's version is as it should be
	@exec $(PYTHON_IN_VENV) scripts/results.py --keep

lock: setup-dev ## Resolve requirements/*.in again and write the lock files
	@exec $(PYTHON_IN_VENV) scripts/lock.py
