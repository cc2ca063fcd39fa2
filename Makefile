# The two commands of the README are `make run` and `make test`; each does all set-up.
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
IN = .venv/bin/python
# One more than there are cores: many tests wait for processes of their own.
WORKERS ?= $(shell expr $$(nproc) + 1)

# The files with tests that must hold on SQLite too: each worker of the second run reads these and no others.
BOTH = $(shell grep -rl both_databases tests --include="test_*.py")

# Every process of a portal would compile it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check bench soak setup setup-test lock

help:
	@echo "make run     set up and start the portal (PORT=8000; EMPTY=1 for no demo data)"
	@echo "make test    set up and run every test on PostgreSQL, Redis, SQLite and Chromium"
	@echo "make check   format, lint, types, imports, migrations, deployment settings, templates"
	@echo "make bench   benchmarks"
	@echo "make soak    the races and crashes of the tests with long counts"
	@echo "make lock    resolve the dependencies of pyproject.toml anew"

run: setup
	@exec $(IN) manage.py up --host $(HOST) --port $(PORT) $(if $(EMPTY),--empty)

# --reuse-db: the databases are not dropped one by one, for the whole cluster is thrown away.
test: setup-test
	$(IN) tools/with_services.py -- $(IN) -m pytest --reuse-db -n $(WORKERS) --dist worksteal
	$(IN) -m pytest -n $(WORKERS) --dist worksteal -m "both_databases and not soak" $(BOTH)

check: setup-test
	$(IN) tools/check.py

bench: setup-test
	$(IN) tools/with_services.py -- $(IN) tools/bench.py

# Each of the two runs ends with a table: rows of the catalogue, test, counts, result, seconds.
soak: setup-test
	CANBAO_SOAK=1 $(IN) tools/with_services.py -- $(IN) -m pytest --reuse-db -n auto --dist worksteal -m "soak or processes"
	CANBAO_SOAK=1 $(IN) -m pytest -n auto --dist worksteal -m "both_databases and (soak or processes)" $(BOTH)

setup:
	@$(PYTHON) tools/setup.py run

setup-test:
	@$(PYTHON) tools/setup.py test

LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11.0 --generate-hashes --no-header
lock: setup-test
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --extra dev -c requirements.txt -o requirements-dev.txt
