# Two commands: `make run` does the main job, `make test` proves it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run venv test check lint bench flow house tour i18n reference lock clean

run: venv  ## Start the bot, or the sandbox when no TELEGRAM_BOT_TOKEN is set
	$(BIN)/python -m bot run

venv: .venv/.run  ## Set up only

test: lint  ## Set up, check and test everything
	$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

check: lint  ## Check, and test what is quick: for the daily round
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not slow" $(ARGS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: venv  ## Measure the bot against the smallest relay: docs/performance.md
	$(BIN)/python -m bench $(ARGS)

flow: .venv/.dev  ## Count what one text prompt calls on its way to the picture; ARGS=--tree shows it
	$(BIN)/python -m tools.flow $(ARGS)

house: .venv/.dev  ## Count files, lines, names and docstrings of bot/, and check its imports
	$(BIN)/python -m tools.house

tour: .venv/.dev  ## Take the pictures of docs and of the README anew (needs Chromium)
	$(BIN)/python -m tools.tour $(ARGS)
	$(BIN)/python -m tools.dashboard_tour

i18n: .venv/.dev  ## Give all catalogues of texts the same keys, and tell which are missing or unused
	$(BIN)/python -m tools.texts $(ARGS)

reference: .venv/.dev  ## Write docs/settings.md and docs/metrics.md from the code
	$(BIN)/python -m tools.reference

.venv/.run: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	touch $@

.venv/.dev: requirements-dev.txt .venv/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

LOCK := compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra postgres
lock:  ## Refresh the locked dependencies (needs uv)
	uv pip $(LOCK) --output-file requirements.txt
	uv pip $(LOCK) --group dev --constraint requirements.txt --output-file requirements-dev.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
