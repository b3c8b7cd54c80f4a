# The face of the build for people: `make help` tells the targets. CMake does the work (CMakePresets.json).
PRESET ?= gcc
BUILD := build/$(PRESET)
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
CTEST = ctest --test-dir $(BUILD) --output-on-failure -j$(JOBS)

.PHONY: all help demo test lint soak bench bench-quick bench-paths bench-paths-quick install build train setup-% clean asan tsan valgrind fuzz cov format

all: build

help:
	@sed -n 's/^## //p' Makefile

## make demo       the main job: what braidd makes of two paths, and the kernel alone (also: sudo make demo)
demo: setup-demo
	@cmake --preset $(PRESET) -DBRAID_TESTS=OFF -DBRAID_BENCH=OFF -B build/demo >build/demo.log 2>&1 || { cat build/demo.log; exit 1; }
	@cmake --build build/demo -j $(JOBS) >>build/demo.log 2>&1 || { tail -n 40 build/demo.log; exit 1; }
	@build/demo/src/demo/braid-demo --output build/demo.svg

## make test       all tests (under 10 minutes on 2 cores, needs no root)
test: setup-test build
	$(CTEST) -LE soak

## make lint       only the lints
lint: setup-test build
	$(CTEST) -L lint

## make soak       200 random runs of kills, delays and loss with checksums
soak: setup-test build
	$(BUILD)/tests/soak/soak --runs 200

## make bench      libNetwork against raw loops, libuv, libevent, GnuTLS, libwebsockets, node (8 minutes; bench-quick: 2)
bench: setup-bench build
	python3 bench/run.py --bin $(BUILD)/bench --json $(BUILD)/bench.json
bench-quick: setup-bench build
	python3 bench/run.py --bin $(BUILD)/bench --json $(BUILD)/bench.json --quick

## make bench-paths    handover, return, latency, aggregation: braidd against the kernel's path manager alone
bench-paths: setup-bench build
	python3 bench/paths/run.py --bin $(BUILD)/bench/paths --braidd $(BUILD)/src/daemon/braidd --json $(BUILD)/bench-paths.json
bench-paths-quick: setup-bench build
	python3 bench/paths/run.py --bin $(BUILD)/bench/paths --braidd $(BUILD)/src/daemon/braidd --json $(BUILD)/bench-paths.json --quick

## make install    PREFIX=/usr/local DESTDIR=
install: build
	DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX)

build: $(if $(filter gcc,$(PRESET)),build/profile) | build-dir
	cmake --preset $(PRESET) >build/$(PRESET).log 2>&1 || { cat build/$(PRESET).log; exit 1; }
	cmake --build $(BUILD) -j $(JOBS)

## make train      counts again what is often done, for the compiler (the first `make build` does it too)
train:
	rm -rf build/profile
	$(MAKE) build/profile
	[ ! -d build/gcc ] || cmake --build build/gcc --target clean
build/profile: | build-dir
	@echo "first a build that counts what is often done, which the compiler then knows (20 s)"
	@rm -rf build/train/profile
	@cmake --preset train >build/train.log 2>&1 && cmake --build build/train -j $(JOBS) --target train >>build/train.log 2>&1 || \
		{ tail -n 5 build/train.log; echo "no counts: goes on without (build/train.log; again: make train)"; rm -rf build/train/profile; }
	@mkdir -p build/train/profile && mv build/train/profile $@

## make asan tsan valgrind fuzz cov    the tests under sanitizers and valgrind; fuzzing, bounded; coverage
asan tsan: setup-test
	$(MAKE) PRESET=$@ build
	ctest --test-dir build/$@ --output-on-failure -j$(JOBS) -LE 'lint|soak|bench|slow$(if $(filter tsan,$@),|sim)'
valgrind: setup-ci build
	tools/valgrind $(BUILD)
fuzz: setup-ci
	cmake --preset fuzz >/dev/null
	cmake --build build/fuzz -j $(JOBS)
	tools/fuzz build/fuzz $(or $(SECONDS_EACH),20)
cov: setup-test
	$(MAKE) PRESET=cov test

## make format     clang-format over all of the project's C
format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

setup-%: | build-dir
	@tools/setup $*

build-dir:
	@mkdir -p build

clean:
	rm -rf build
