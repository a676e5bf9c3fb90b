# SPDX-License-Identifier: GPL-2.0
"""What a console log says: reports of the kernel's checkers, and the emulator's own faults."""

import re

# Any of these in the log of a run makes it a failure.
REPORTS = re.compile(
    r"""BUG: | WARNING: | kernel\ BUG\ at | Oops[:\ ] | Kernel\ panic | general\ protection\ fault
    | KASAN: | UBSAN: | ODEBUG: | refcount_t: | list_(add|del)\ corruption
    | possible\ (circular|recursive|irq\ lock|unsafe)          # lockdep
    | inconsistent\ lock\ state | trying\ to\ register\ non-static\ key
    | held\ lock\ freed | lock\ held\ when\ returning | bad\ unlock\ balance
    | DEBUG_LOCKS_WARN_ON | lockdep\ is\ turned\ off | Invalid\ wait\ context
    | suspicious\ RCU\ usage | INFO:\ rcu | rcu:\ INFO: | detected\ (expedited\ )?stalls
    | sleeping\ function\ called | scheduling\ while\ atomic | Voluntary\ context\ switch\ within
    | kmemleak:\ \d+\ new\ suspected | kmemleak:\ .*disabled
    | INFO:\ task\ .*\ blocked | soft\ lockup | hard\ LOCKUP | workqueue\ lockup
    | Bad\ (page|rss-counter) | unchecked\ MSR\ access | stack\ protector
    """,
    re.VERBOSE,
)

# Faults of the emulator, seen with the in-tree module too (Documentation/testing.rst
# describes them): a name, where the signature stands, the signature, and whether only
# machines with more than one CPU have it.
EMULATOR_FAULTS = (
    ("write of CR8 with a virtual interrupt pending", "qemu",
     re.compile(r"tcg_handle_interrupt: assertion failed"), False),
    ("stale code after the kernel patched it", "console",
     re.compile(r"Oops: int3\b|\bint3: 0000 \[#"), True),
)

JOB = re.compile(r"machine: job (\d+) begins")


def emulator_fault(console, qemu, smp):
    """The name of the emulator's fault that ended this run, or None."""
    for name, where, signature, only_smp in EMULATOR_FAULTS:
        text = qemu if where == "qemu" else console
        if (smp > 1 or not only_smp) and signature.search(text):
            return name
    return None


def reports(console, context=25):
    """Group the reports by the job that ran: {job number or None: [lines]}. Each first
    report of a job comes with the lines that follow it."""
    found = {}
    job = None
    left = 0
    for line in console.splitlines():
        begins = JOB.search(line)
        if begins:
            job, left = int(begins[1]), 0
        elif REPORTS.search(line) and job not in found:
            found[job], left = [], context
        if left and job in found:
            found[job].append(line)
            left -= 1
    return found


def last_job(console):
    """The lines since the last job began."""
    begins = [match.start() for match in JOB.finditer(console)]
    return console[begins[-1] if begins else 0:].splitlines()


def last_lines(console, count=20):
    """The end of the log."""
    return console.splitlines()[-count:]
