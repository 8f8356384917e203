# `make demo` and `make test` need Python 3.11 to 3.13 and nothing else: each creates .venv and installs what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: lock demo test interchange fuzz check clean

# What the commands of the README need.
$(VENV)/installed: setup.cfg pyproject.toml
	@echo "Installing TensorFlow and what else is needed into $(VENV): 0.8 GB to download, 2.7 GB on the disk."
	@echo "pip lists what it fetches; then it unpacks for a minute or two, and shows nothing meanwhile."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check --editable '.[train]'
	touch $@

# What the tests need besides.
$(VENV)/testing: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[train,gutenberg,documents,test]'
	touch $@

# 30 poems of at most 14 lines, the same seeds before and after; the first ones are shown.
POEMS := --nsamples 30 --batch_size 10 --lines 14 --length 200 --seed 7

.PHONY: announced
announced:
	@echo "The demo: a small poet writes, is retrained on Emily Dickinson for a minute or two, and writes again."
	@echo "It takes about three minutes on two cores; the first time, some more to install what it needs."

demo: announced $(VENV)/installed
	@printf '\n1 of 4. The poet that ships writes: models/poet, trained on the Gutenberg Poetry Corpus\n\n'
	@rm -rf checkpoint/demo samples/demo-before.* samples/demo-after.* && mkdir -p samples
	$(BIN)/python sample.py --model_name poet $(POEMS) --out samples/demo-before.txt
	@head -n 36 samples/demo-before.txt
	@printf '\n2 of 4. The poems of Emily Dickinson, which it has never read, become a dataset: demo.npz\n\n'
	$(BIN)/python prepare_corpus.py
	@printf '\n3 of 4. It is retrained on them for a minute or two: checkpoint/demo\n\n'
	$(BIN)/python train.py
	@printf '\n4 of 4. It writes again, with the same random numbers\n\n'
	$(BIN)/python sample.py --run_name demo $(POEMS) --out samples/demo-after.txt
	@head -n 36 samples/demo-after.txt
	@printf '\nHow much they are like verse, in figures: higher is better but where the line says otherwise\n\n'
	$(BIN)/python evaluate.py samples/demo-before.txt samples/demo-after.txt --corpus demo.npz --page demo.html
	@printf '\nTo read:          samples/demo-before.txt, samples/demo-after.txt, demo.html\n'
	@echo "The loss drawn:   checkpoint/demo/loss.png"
	@echo "To go on:         . $(BIN)/activate, once in each terminal; then"
	@echo "More of it:       python sample.py --run_name demo --prompt 'O rose,'"
	@echo "Your own poems:   python prepare_corpus.py verse/ mine.npz --model_name poet, where verse/ is your folder;"
	@echo "                  python train.py --model_name poet --dataset mine.npz --run_name mine --epochs 5"

test: $(VENV)/testing
	$(BIN)/python -m pytest -n 2 -m "not slow and not interchange"
	$(BIN)/python -m pytest -n 2 -m "slow and not interchange"

# What is converted for other programs, in those programs; PyTorch is a large download.
$(VENV)/interchange: $(VENV)/testing
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[interchange]'
	touch $@

interchange: $(VENV)/interchange
	$(BIN)/python -m pytest -n 2 -m interchange tests/interchange

# Damaged files for every reader, then the properties that hypothesis checks, on other examples each time, both for that
# long: make fuzz MINUTES=60. About 130 damaged files a second; it ends with how many each reader saw.
MINUTES ?= 10
fuzz: $(VENV)/testing
	$(BIN)/python -m tests.fuzz $(MINUTES)
	end=$$(($$(date +%s) + 60 * $(MINUTES))); while [ $$(date +%s) -lt $$end ]; do \
		$(BIN)/python -m pytest -q -n 2 -m hypothesis --hypothesis-profile=fuzz || exit 1; done

check: $(VENV)/testing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

# The newest versions that setup.cfg allows, for all systems; the tests then have to pass with them. Needs uv.
lock:
	uv pip compile setup.cfg --extra train --extra test --extra gutenberg --extra documents --universal --python-version 3.11 --no-emit-index-url \
		--upgrade --output-file requirements.lock

clean:
	rm -rf $(VENV) *.egg-info
