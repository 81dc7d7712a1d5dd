# The front door. `make help` lists what there is; CMake does the work behind it.
PRESET ?= release
PREFIX ?= /usr/local
DESTDIR ?=
PHOTOS ?=
JOBS ?= $(shell nproc)
export LT_DEPS_DIR ?= build/deps

.DEFAULT_GOAL := all
.PHONY: all setup demo demo-coco test test-long bench bench-rest eval install format check-format clean distclean help

all: setup ## build build/release/latent, with all set-up
	@$(MAKE) --no-print-directory build-$(PRESET)

build-%: build/%/build.ninja
	@cmake --build --preset $* -j $(JOBS)

build/%/build.ninja: CMakePresets.json
	@cmake --preset $* >build/$*.log 2>&1 || { cat build/$*.log; exit 1; }

setup: ## install what the build needs (idempotent)
	@tools/setup.sh

demo: ## index photos, search them in five languages and by picture (PHOTOS=dir for your own)
	@tools/setup.sh --demo
	@$(MAKE) --no-print-directory build-$(PRESET)
	@tools/demo.sh $(if $(PHOTOS),"$(PHOTOS)")

demo-coco: all ## the same on COCO val2017, downloaded (needs a network)
	@tools/demo_coco.sh

test: ## build and run the tests, also under AddressSanitizer and UBSan
	@tools/setup.sh --test --demo
	@tools/test.sh

test-long: ## the long versions: crashes, recall, tokenizer on 100,000 lines
	@tools/setup.sh --test --demo
	@LT_LONG=1 tools/test.sh

bench: all ## measure speed; prints JSON
	@bench/run.sh

bench-rest: all ## measure the server over HTTP; prints JSON
	@tools/setup.sh --test --bench
	@build/deps/venv-test/bin/python bench/rest.py

eval: all ## measure retrieval quality; writes the tables of docs/MODEL.md
	@tools/eval.sh

install: all ## install to $(DESTDIR)$(PREFIX)
	@tools/install.sh "build/$(PRESET)" "$(PREFIX)" "$(DESTDIR)"

format: ## format the C sources
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean: ## remove the builds, keep what was fetched
	@rm -rf build/release build/dev build/asan build/tsan build/cov build/fuzz build/*.log

distclean: ## remove all of build/
	@rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
