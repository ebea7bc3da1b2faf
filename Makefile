# A thin cover over meson: everything a newcomer needs, by the names he expects
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make            build into build/
#   make run        install what is missing, build, boot a stock Debian kernel on this terminal
#   make test       install what is missing, build twice (plain; ASan+UBSan), run every test
#   make nightly    the block tests with a hundred times as many random cases: hours
#   make quick      the suite to run while working: under a minute
#   make bench      speed against the installed qemu-system-x86_64, qemu-img and qemu-nbd
#   make check-style, make install (DESTDIR is honoured), make clean

BUILD ?= build
ASAN ?= build-asan
MESON ?= meson
GUEST := $(BUILD)/guest

# What `make run` starts; e.g. make run RUN_ARGS='-m 1G -smp 4'
RUN_ARGS ?= -m 512M -smp 2
RUN_APPEND ?= console=ttyS0

.PHONY: all build deps run test nightly quick bench check-style install clean guest

all: build

deps:
	@scripts/install-deps.sh

$(BUILD)/build.ninja:
	$(MESON) setup --werror $(BUILD)

# Without -Werror: gcc's flow warnings are not to be trusted under sanitizers.
$(ASAN)/build.ninja:
	$(MESON) setup -Db_sanitize=address,undefined -Db_lundef=false $(ASAN)

build: | deps
	@test -f $(BUILD)/build.ninja || $(MAKE) --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD)

guest: | build
	@scripts/guest.sh $(GUEST) amd64

run: guest
	@exec $(BUILD)/mica -machine pc $(RUN_ARGS) -nographic -kernel $(GUEST)/amd64/vmlinuz \
	    -initrd $(GUEST)/amd64/initrd.img -append '$(RUN_APPEND)'

# Without a network the tests that boot Debian's kernels are skipped.
test: build
	@for arch in amd64 i386; do scripts/guest.sh $(GUEST) $$arch || true; done
	@test -f $(ASAN)/build.ninja || $(MAKE) --no-print-directory $(ASAN)/build.ninja
	@ninja -C $(ASAN)
	@scripts/run-tests.py $(BUILD) $(ASAN):quick,qtest

nightly: build
	@$(MESON) test -C $(BUILD) --setup nightly --suite block --print-errorlogs

quick: build
	@$(MESON) test -C $(BUILD) --suite quick --print-errorlogs

bench: build
	@tests/bench/run.sh $(BUILD)
	@tests/bench/greeting.py $(BUILD)/mica
	@tests/bench/images.py $(BUILD)/tools
	@tests/bench/nbd.py $(BUILD)
	@tests/bench/jobs.py $(BUILD)/mica

check-style: build
	@$(MESON) test -C $(BUILD) --suite style --print-errorlogs

install: build
	@$(MESON) install -C $(BUILD)

clean:
	rm -rf $(BUILD) $(ASAN)
