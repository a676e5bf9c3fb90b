# SPDX-License-Identifier: GPL-2.0
"""What is done with a guest of the matrix, step by step: generators of (name, function),
which raises Failure if the step goes wrong."""

import re
import time

import qemu

USERSPACE = 300  # seconds, on a busy host
TICK = 60        # a second of the guest there
# Pages of these sizes must map the guest's memory, and of these not a single one.
PAGES = {"": ("pages_4k", "pages_2m"), "thp": ("pages_2m", None), "hugetlb": ("pages_2m", None)}


def require(right, what):
    """Fail with these words unless it is right."""
    if not right:
        raise qemu.Failure(what)


def end(vmm):
    """How every guest ends: by its own power-off, without a trace."""
    yield "power off", lambda: vmm.wait_poweroff(60)
    yield "quit", vmm.quit
    yield "nothing is left", qemu.wait_gone


def pages(vmm):
    """The guest's memory is mapped as its backing allows."""
    some, none = PAGES[vmm.guest.memory]
    require(qemu.stat(some) > 0, f"no {some}")
    require(not none or not qemu.stat(none), f"pages that are not {some}")


def boot(vmm):
    """To userspace with all its CPUs, with its disk if it has one, and off."""
    yield "userspace", lambda: vmm.expect("^GUEST: userspace", USERSPACE)
    yield "cpus", lambda: vmm.expect(f"^GUEST: ok cpus: {vmm.guest.smp} of", 60)
    yield "pages", lambda: pages(vmm)
    if vmm.guest.disk:
        yield "disk", lambda: vmm.expect("^GUEST: ok disk: ", 60)
    yield from end(vmm)


def on_screen(vmm, text):
    """The VGA's text shows it."""
    require(any(text in line for line in vmm.screen()), "\n".join([f"no '{text}' on:", *vmm.screen()]))


def boot_disk(vmm):
    """SeaBIOS, GRUB and Linux, all with text on the VGA."""
    yield "userspace", lambda: vmm.expect("^GUEST: ok cpus: 1 of", USERSPACE)
    yield "text by the BIOS", lambda: on_screen(vmm, "GUEST: GRUB by int 10h")
    yield "text by Linux", lambda: on_screen(vmm, "GUEST: Linux by its VGA driver")
    yield from end(vmm)


# Guests that count aloud

def next_tick(vmm, timeout=TICK):
    """The next number that the guest says."""
    return int(vmm.expect(r"GUEST: tick (\d+)$", timeout, len(vmm.console))[1])


def last_tick(vmm):
    """The last number that a stopped guest has said."""
    vmm.listen(1)
    return int(re.findall(r"GUEST: tick (\d+)$", vmm.console, re.MULTILINE)[-1])


def must_follow(vmm, tick):
    """The guest goes on counting where it was."""
    found = next_tick(vmm)
    require(found == tick + 1, f"the guest said {found} after {tick}")


def enough(vmm):
    """The guest hears that it may end."""
    vmm.type("enough\n")
    vmm.expect("^GUEST: heard enough", TICK)


def stop_and_go_on(vmm):
    """stop and cont."""
    vmm.command("stop")
    tick = last_tick(vmm)
    require("tick" not in vmm.listen(4), "the guest counts while it is stopped")
    require(vmm.command("query-status")["status"] == "paused", "it is not paused")
    vmm.command("cont")
    must_follow(vmm, tick)


def registers(vmm):
    """info registers: a 64-bit kernel or its process, on each CPU."""
    vmm.command("stop")
    text = vmm.human("info registers -a").replace("\r", "")
    for number in range(vmm.guest.smp):
        cpu = re.search(rf"^CPU#{number}\n(?:(?!CPU#)(?:.|\n))*", text, re.MULTILINE)
        require(cpu, f"nothing of CPU {number} in:\n{text}")
        values = dict(re.findall(r"\b(RIP|CR0|CR3|CR4|EFER|CS)\s*=\s*([0-9a-f]+)", cpu[0]))
        cr0, cr3, cr4, efer = (int(values[name], 16) for name in ("CR0", "CR3", "CR4", "EFER"))
        require(cr0 & 1 << 31 and cr0 & 1 and cr4 & 1 << 5 and cr3, f"no paging: {values}")
        require(efer & 0xd01 == 0xd01, f"no long mode: {values}")
        require((values["CS"], int(values["RIP"], 16) >> 63) in (("0010", 1), ("0033", 0)),
                f"neither in the kernel nor in a process: {values}")
    vmm.command("cont")
    next_tick(vmm)


def exits(vmm):
    """The exits of all vCPUs, as the monitor tells them."""
    answer = vmm.command("query-stats", target="vcpu")
    require(len(answer) == vmm.guest.smp, f"statistics of {len(answer)} vCPUs")
    return sum(stat["value"] for vcpu in answer for stat in vcpu["stats"] if stat["name"] == "exits")


def statistics(vmm):
    """query-stats tells what debugfs tells, and counts on."""
    vmm.command("stop")
    first = exits(vmm)
    require(first > 0 and first == qemu.stat("exits"), f"{first} exits here, {qemu.stat('exits')} in debugfs")
    vmm.command("cont")
    next_tick(vmm)
    require(exits(vmm) > first, "a running guest has no exits")


def monitor(vmm):
    """What the monitor may ask of a running guest."""
    yield "userspace", lambda: vmm.expect("^GUEST: tick", USERSPACE)
    yield "stop, cont", lambda: stop_and_go_on(vmm)
    yield "info registers", lambda: registers(vmm)
    yield "query-stats", lambda: statistics(vmm)
    yield "hears", lambda: enough(vmm)
    yield from end(vmm)


def reset_now(vmm):
    """system_reset: the guest begins anew."""
    begin = len(vmm.console)
    vmm.command("system_reset")
    vmm.wait_event("RESET", 30)
    vmm.expect("^GUEST: userspace", USERSPACE, begin)
    found = next_tick(vmm)
    require(found < 3, f"the guest goes on with {found}")


def reset(vmm):
    """A reset while the guest runs, and one while it boots."""
    yield "userspace", lambda: vmm.expect("^GUEST: tick 4", USERSPACE)
    yield "system_reset", lambda: reset_now(vmm)
    yield "again", lambda: (vmm.command("system_reset"), time.sleep(1), reset_now(vmm))
    yield "hears", lambda: enough(vmm)
    yield from end(vmm)


def snapshot(vmm):
    """savevm, and back to it by loadvm, twice, in the midst of work."""
    saved = 0

    def save():
        nonlocal saved
        next_tick(vmm)
        vmm.command("stop")
        saved = last_tick(vmm)
        require(not (said := vmm.human("savevm one", 120)), f"savevm: {said}")
        require("one" in vmm.human("info snapshots"), "there is no snapshot")
        vmm.command("cont")

    def load():
        while next_tick(vmm) < saved + 3:
            pass
        vmm.command("stop")
        vmm.listen(1)
        require(not (said := vmm.human("loadvm one", 120)), f"loadvm: {said}")
        vmm.command("cont")
        must_follow(vmm, saved)

    yield "userspace", lambda: vmm.expect("^GUEST: tick", USERSPACE)
    yield "savevm", save
    yield "loadvm", load
    yield "again", load
    yield "hears", lambda: enough(vmm)
    yield "right checksums", lambda: require("GUEST: failed" not in vmm.console, vmm.console[-500:])
    yield from end(vmm)
