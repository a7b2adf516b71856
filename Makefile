# All work is done by tools/dev.py, which runs on Windows too: python tools/dev.py run
# Tests with arguments: make test ARGS="-k scores"
PYTHON ?= python3

.PHONY: run setup test test-all lint screenshots translations clean

run setup lint screenshots translations clean:
	@$(PYTHON) tools/dev.py $@

test test-all:
	@$(PYTHON) tools/dev.py $@ $(ARGS)
