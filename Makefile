# `make demo` and `make test` need Python 3.11 to 3.13 and nothing else: each creates .venv and installs what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test fuzz check clean

$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[demo,test]'
	touch $@

demo: $(VENV)/installed
	$(BIN)/python prepare_corpus.py --model_name demo
	$(BIN)/python train.py --model_name demo
	$(BIN)/python sample.py --run_name demo --nsamples 3
	@echo
	@echo "The verse it learnt from:  demo.npz"
	@echo "The model and its loss:    checkpoint/demo, checkpoint/demo/loss.png"
	@echo "What it wrote on the way:  samples/demo"
	@echo "More verse:                $(BIN)/python sample.py --run_name demo --prompt 'O rose,'"

test: $(VENV)/installed
	$(BIN)/python -m pytest -n 2 -m "not slow"
	$(BIN)/python -m pytest -n 2 -m slow

# The properties that hypothesis checks, on other examples each time: make fuzz MINUTES=60
MINUTES ?= 10
fuzz: $(VENV)/installed
	end=$$(($$(date +%s) + 60 * $(MINUTES))); while [ $$(date +%s) -lt $$end ]; do \
		$(BIN)/python -m pytest -q -n 2 -m hypothesis --hypothesis-profile=fuzz || exit 1; done

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) *.egg-info
