# SPDX-License-Identifier: GPL-2.0
"""The guests that must boot to userspace and power off, and what is done with them."""

from dataclasses import dataclass
from typing import Callable

import steps
from qemu import Guest


@dataclass(frozen=True)
class Case:
    """A guest, and its steps."""

    guest: Guest
    steps: Callable = steps.boot


MATRIX = {
    "microvm": Case(Guest()),
    "microvm-split": Case(Guest(irqchip="split")),
    "microvm-off": Case(Guest(irqchip="off")),
    "microvm-2cpu": Case(Guest(smp=2)),
    "microvm-8cpu": Case(Guest(smp=8)),
    "microvm-128M": Case(Guest(mem=128)),
    "microvm-2G": Case(Guest(mem=2048)),
    "microvm-cpu-max": Case(Guest(cpu="max")),
    "microvm-hugetlb": Case(Guest(memory="hugetlb")),
    "microvm-devices": Case(Guest(disk=True, net=1)),
    "pc": Case(Guest("pc")),
    "pc-off": Case(Guest("pc", irqchip="off")),
    "pc-2cpu": Case(Guest("pc", smp=2)),
    "pc-8cpu": Case(Guest("pc", smp=8)),
    "pc-128M": Case(Guest("pc", mem=128)),
    "pc-cpu-max": Case(Guest("pc", cpu="max")),
    "pc-pins": Case(Guest("pc", disk=True, pins=True)),
    "pc-disk": Case(Guest("pc", boot="disk"), steps.boot_disk),
    "pc-monitor": Case(Guest("pc", task="tick"), steps.monitor),
    "pc-snapshot": Case(Guest("pc", task="busy", snapshots=True), steps.snapshot),
    "q35": Case(Guest("q35")),
    "q35-split": Case(Guest("q35", irqchip="split")),
    "q35-off": Case(Guest("q35", irqchip="off")),
    "q35-split-pins": Case(Guest("q35", irqchip="split", disk=True, pins=True)),
    "q35-split-2cpu": Case(Guest("q35", irqchip="split", smp=2)),
    "q35-8cpu": Case(Guest("q35", smp=8)),
    "q35-2G": Case(Guest("q35", mem=2048)),
    "q35-thp": Case(Guest("q35", memory="thp")),
    "q35-hugetlb": Case(Guest("q35", memory="hugetlb")),
    "q35-split-disk": Case(Guest("q35", irqchip="split", boot="disk"), steps.boot_disk),
    "q35-monitor-2cpu": Case(Guest("q35", smp=2, task="tick"), steps.monitor),
    "q35-reset-2cpu": Case(Guest("q35", smp=2, task="tick", resets=True), steps.reset),
    "q35-snapshot-2cpu": Case(Guest("q35", smp=2, task="busy", snapshots=True), steps.snapshot),
}

# What `make check` has time for.
FEW = ("microvm", "q35-split-2cpu", "q35-split-disk", "pc-snapshot", "vmm")

# A guest with its whole memory touched, QEMU, and the files of this machine.
MACHINE_MIB = 3072
TIMEOUT = 600

# MicroVMs at once.
HERD = 32
HERD_MIB = 6144
HERD_TIMEOUT = 900
