# SPDX-License-Identifier: GPL-2.0
#
# The two commands are `make run` and `make check`; `make help` tells the rest.
# The object list of the module is in Kbuild.

V       ?= 0
DEBUG   ?= 0
TEST    ?=
REPLACE ?= 0
MEM     ?= 2048
SIZES   ?= 256
SMP     ?= 1
ICOUNT  ?= 0
export V

kernel  := $(if $(filter 1,$(DEBUG)),debug,stock)
dir     := tools/testing/machine
stage   := @$(dir)/stage
machine := $(dir)/machine --kernel $(kernel) --mem $(MEM) --smp $(SMP) $(if $(filter 1,$(ICOUNT)),--icount)
# Without DEBUG, `make check` covers both kernels.
kernels := $(if $(filter 1,$(DEBUG)),debug,stock debug)

.DEFAULT_GOAL := help

help:
	@echo 'make run      build kvm.ko, boot the test machine, and a guest in it with Debian'"'"'s QEMU'
	@echo 'make check    all tests: static checks, KUnit and selftests, on two kernels'
	@echo 'make demo-lifetime  VMs are made and destroyed, and what the tracepoints tell of it'
	@echo 'make demo-upgrade  a running guest goes from one VMM to another (SIZES="256 1024")'
	@echo 'make check-guests  boots Debian'"'"'s kernel in every shape of machine'
	@echo 'make check-upstream  upstream'"'"'s selftests of KVM, on this module and the in-tree one'
	@echo 'make shell    a prompt in the test machine, with the module loaded'
	@echo 'make bench    figures of this module beside those of the in-tree one'
	@echo 'make bench-guests  how long guests boot and work, on both, with Debian'"'"'s QEMU'
	@echo 'make bench-cost  what counters, tracepoints and debugfs cost'
	@echo 'make docs     the documentation, in build/docs/html'
	@echo 'make module   only build kvm.ko, in build/stock (DEBUG=1: build/debug)'
	@echo 'make clean    remove build/; the cached kernels stay in ~/.cache/kvmcore'
	@echo
	@echo 'For run, check and shell:  DEBUG=1      on the debug kernel (KASAN, lockdep, kmemleak)'
	@echo 'For check:                 TEST=name    one static check, selftest or KUnit suite, or'
	@echo '                                        guests, leave, host, decode, selfcheck;'
	@echo '                                        name:case for one case of a selftest'
	@echo 'For run and shell:         SMP=n MEM=n  CPUs and MiB of the machine'
	@echo 'For the demos:             ICOUNT=1     the machine counts instructions: figures repeat'
	@echo 'Everywhere:                V=1          show everything'
	@echo
	@echo 'On a real host with a 6.12 kernel and its headers:'
	@echo 'make install  build for the running kernel (or RELEASE=) and install below /lib/modules'
	@echo 'make load     load it; REPLACE=1 unloads the in-tree module first'
	@echo 'make unload   unload it'

packages:
	@$(dir)/packages

kernel-%: packages
	$(stage) "kernel: $*" $(dir)/kernel $*

module-stock: packages kernel-stock
	$(stage) "module: stock" $(dir)/module stock

module-debug module-kunit: module-%: kernel-debug
	$(stage) "module: $*" $(dir)/module $*

module: module-$(kernel)

programs: kernel-source kernel-uapi
	$(stage) "selftests" $(MAKE) --no-print-directory -C tools/testing/selftests -j

run: module-$(kernel)
	@tools/testing/guests/run --kernel $(kernel) --mem $(MEM) --smp $(SMP)

demo-lifetime: module-$(kernel) build/demo
	@$(machine) --file build/demo --timeout 120 demo

demo-upgrade: module-$(kernel) kernel-uapi
	$(stage) vmm $(MAKE) --no-print-directory -C tools/vmm
	@$(machine) --file build/vmm/vmm-1 --file build/vmm/vmm-2 \
		--file tools/vmm/demo-upgrade --timeout 900 "sh demo-upgrade $(SIZES)"

check-guests: module-stock
	@tools/testing/guests/check
	@tools/testing/guests/terminal

check-upstream: module-stock
	$(stage) "upstream's selftests" $(dir)/kernel selftests
	$(stage) "in-tree module" $(dir)/kernel peer
	@tools/testing/upstream/upstream $(TEST)

shell: module-$(kernel) programs
	@$(machine) --file build/selftests --shell

# Builds are tests too, so the script does them and counts them.
check: packages kernel-stock kernel-debug kernel-uapi
	@$(dir)/check $(addprefix --kernel ,$(kernels)) $(if $(TEST),--test '$(TEST)') \
		$(if $(filter 1,$(DEBUG)),--no-static)

build/demo: $(dir)/demo.c | kernel-uapi
	@mkdir -p $(@D)
	@$(CC) -O2 -Wall -Werror -static -isystem $$($(dir)/kernel uapi)/include -o $@ $<

bench: module-stock kernel-uapi
	$(stage) "benchmark" $(MAKE) --no-print-directory -C tools/bench
	@tools/bench/run $(TEST)

bench-guests: module-stock kernel-uapi
	$(stage) "benchmark" $(MAKE) --no-print-directory -C tools/bench
	@tools/bench/run --guests

bench-cost: module-stock kernel-uapi
	$(stage) "benchmark" $(MAKE) --no-print-directory -C tools/bench
	@tools/bench/cost

docs: packages
	$(stage) docs tools/checks/docs
	@echo 'build/docs/html/index.html'

install load unload:
	@REPLACE=$(REPLACE) RELEASE=$(RELEASE) DESTDIR=$(DESTDIR) tools/host $@

clean:
	rm -rf build

.PHONY: help packages module module-stock module-debug module-kunit programs run demo-upgrade shell \
	check bench bench-guests bench-cost docs install load unload clean \
	demo-lifetime check-guests check-upstream
# The stages tell what they do; one after the other, each uses all CPUs.
.NOTPARALLEL:
