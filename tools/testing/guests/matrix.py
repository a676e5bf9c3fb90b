# SPDX-License-Identifier: GPL-2.0
"""The guests that must boot to userspace and power off."""

from qemu import Guest

MATRIX = {
    "microvm": Guest(),
    "microvm-split": Guest(irqchip="split"),
    "microvm-off": Guest(irqchip="off"),
    "microvm-128M": Guest(mem=128),
    "microvm-cpu-max": Guest(cpu="max"),
    "microvm-8cpu": Guest(smp=8),
    "microvm-devices": Guest(disk=True, net=1),
    "pc": Guest("pc"),
    "pc-2cpu": Guest("pc", smp=2),
    "pc-off": Guest("pc", irqchip="off"),
    "q35": Guest("q35"),
    "q35-split-2cpu": Guest("q35", irqchip="split", smp=2),
    "q35-2G": Guest("q35", mem=2048),
    "q35-hugetlb": Guest("q35", memory="hugetlb"),
}

# What `make check` has time for.
FEW = ("microvm", "q35-split-2cpu", "pc")

# A guest with its whole memory touched, QEMU, and the files of this machine.
MACHINE_MIB = 3072
TIMEOUT = 240
