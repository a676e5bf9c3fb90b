# SPDX-License-Identifier: GPL-2.0
"""Boots the test machine, runs jobs in it, and tells how each of them ended."""

import ctypes
import os
import re
import secrets
import select
import signal
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import console
import initramfs

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[2]
LOG = TOP / "build" / "log"
BOOTS = TOP / "build" / "boots"  # a folder for each boot, while it lasts

BOOT_SILENCE = 120  # seconds without a word from a booting kernel: it hangs
END_GRACE = 60      # from the last job to the end of QEMU
RETRIES = 3         # boots after a fault of the emulator
QEMU = "qemu-system-x86_64"


@dataclass
class Machine:
    """What to boot."""

    kernel: str = "stock"
    smp: int = 1
    mem: int = 2048
    icount: bool = False
    modules: list = field(default_factory=list)  # names or paths, with parameters
    files: dict = field(default_factory=dict)    # path in the machine: path here
    append: str = ""
    devices: tuple = ()                          # of QEMU, with their properties
    host_root: bool = False  # this host's files, read-only, below /host
    grace: int = 45  # the guest ends a job that is late; if it cannot within this, it hangs
    label: str = "machine"                       # names the log files


@dataclass
class Job:
    """A shell command for the machine, and after it ran, what came of it."""

    command: str
    timeout: int = 60
    name: str = ""
    status: int = None     # exit status, if it ended by itself
    output: str = ""
    seconds: float = 0
    failure: str = ""      # why the machine, not the command, failed it
    console: list = field(default_factory=list)  # lines of the log that show it


class Failure(Exception):
    """The machine cannot be booted at all."""


def kernel_folder(part):
    """The folder with a part of the kernel; see the script `kernel`."""
    done = subprocess.run([HERE / "kernel", part], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Failure(f"no {part} kernel")
    return Path(done.stdout.strip())


def image(kernel):
    """The bootable file and the module folder of a kernel."""
    folder = kernel_folder(kernel)
    if kernel == "debug":
        return folder / "arch/x86/boot/bzImage", folder
    (release,) = (folder / "lib/modules").iterdir()
    return folder / f"boot/vmlinuz-{release.name}", release


LIBC = ctypes.CDLL(None)
LIVE = set()  # the boots under way


def die_with_parent():
    """Before exec of QEMU: even if this process is killed hard, QEMU goes with it."""
    LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def end_on_signals():
    """A signal that ends this process ends its machines first, and nothing else."""
    def end(number, _):
        for boot in list(LIVE):
            boot.abandon()
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


class Boot:
    """One run of QEMU."""

    def __init__(self, machine, jobs, on_output=None, interactive=False):
        self.machine = machine
        self.jobs = jobs
        self.on_output = on_output
        self.interactive = interactive
        self.nonce = "constant" if machine.icount else secrets.token_hex(8)
        BOOTS.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(dir=BOOTS))
        (self.folder / "console").touch()
        self.qemu = None
        self.current = None
        self.ready = self.done = False
        self.failure = ""
        self._tail = b""
        self._begin = 0

    def _initramfs(self, module_folder):
        archive = initramfs.base()
        lines = []
        modules = self.machine.modules
        if self.machine.host_root and self.machine.kernel == "stock":  # built into the other
            modules = ["9pnet_virtio", "9p", *modules]
        for name, data, parameters in initramfs.load_order(modules, module_folder):
            archive.add(f"modules/{name}.ko", data)
            lines.append(f"/modules/{name}.ko {parameters}\n")
        archive.add("etc/modules", "".join(lines))
        archive.add("etc/machine", f"NONCE={self.nonce}\nINTERACTIVE={'1' * self.interactive}\n"
                    f"HOST_ROOT={'1' * self.machine.host_root}\n")
        archive.add("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        archive.add("etc/profile", "export PS1='test machine # '\n")
        for name, path in self.machine.files.items():
            archive.add_file(name, path)
        script = []
        if self.interactive:
            archive.add("etc/interactive", "".join(job.command + "\n" for job in self.jobs) or "exec sh -l\n")
        for number, job in enumerate(self.jobs):
            archive.add(f"etc/job{number}", job.command + "\n")
            script.append(f"job {number} {job.timeout} '. /etc/job{number}'\n")
        archive.add("etc/jobs", "".join(script))
        (self.folder / "initramfs").write_bytes(archive.bytes())

    def _command(self, kernel):
        machine = self.machine
        # On a busy host the timer does not tick in the few ms that the kernel gives it.
        append = ["console=ttyS0", "panic=-1", "oops=panic", "tsc=reliable", "no_timer_check",
                  "printk.time=1",
                  "sysctl.vm.overcommit_memory=1", "softlockup_panic=1"]
        if machine.kernel == "debug":
            # identify_cpu() clears the features of the CPU for a moment. An interrupt then
            # takes memory that is mapped by 5 levels for wild: a false report of KASAN.
            append.append("no5lvl")
        accel = ["-accel", "tcg"]
        if machine.icount:
            accel += ["-icount", "shift=0,sleep=off", "-seed", "1",
                      "-rtc", "base=2026-01-01,clock=vm"]
            append += ["nokaslr", "norandmaps", "randomize_kstack_offset=off"]
        if self.interactive:
            port = ["-chardev", "stdio,id=tty,mux=on,signal=off", "-device", "virtconsole,chardev=tty"]
        else:
            port = ["-chardev", "file,id=port,path=/dev/stdout",
                    "-device", "virtserialport,chardev=port,name=kvmcore"]
        shared = ["-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"]
        return [QEMU, "-M", "q35", "-nodefaults", "-no-user-config", *accel, "-cpu", "max",
                "-smp", str(machine.smp), "-m", str(machine.mem), "-display", "none",
                "-no-reboot", "-serial", f"file:{self.folder / 'console'}",
                "-kernel", str(kernel), "-initrd", str(self.folder / "initramfs"),
                "-append", " ".join(append + [machine.append]).strip(),
                # Memory that is a device's, for those who map such.
                "-device", "bochs-display,vgamem=4M",
                "-device", "virtio-serial-pci,max_ports=2", *port,
                *(shared if machine.host_root else []),
                *(word for device in machine.devices for word in ("-device", device))]

    def text(self, name):
        """The console, or what QEMU said on its standard error."""
        try:
            return (self.folder / name).read_bytes().decode(errors="replace").replace("\r", "")
        except FileNotFoundError:
            return ""

    def keep(self):
        """Keep the logs for the reader; returns the path of the console's."""
        LOG.mkdir(parents=True, exist_ok=True)
        kept = LOG / f"{self.machine.label}.console"
        shutil.copyfile(self.folder / "console", kept)
        return kept

    def run(self):
        """Boot, and return when QEMU has ended. `failure` says what went wrong, if anything."""
        if not shutil.which(QEMU):
            raise Failure(f"{QEMU} is missing; run tools/testing/machine/packages")
        try:
            kernel, module_folder = image(self.machine.kernel)
            self._initramfs(module_folder)
            with open(self.folder / "qemu", "wb") as errors:
                self.qemu = subprocess.Popen(
                    self._command(kernel),
                    stdin=None if self.interactive else subprocess.DEVNULL,
                    stdout=None if self.interactive else subprocess.PIPE,
                    stderr=errors, preexec_fn=die_with_parent)
            LIVE.add(self)
            try:
                if self.interactive:
                    self.qemu.wait()
                else:
                    self._follow()
            finally:
                self.qemu.kill()
                self.qemu.wait()
                LIVE.discard(self)
        except FileNotFoundError as error:
            raise Failure(str(error)) from error

    def abandon(self):
        """Stop at once. An interactive QEMU gets to restore the terminal."""
        if self.interactive:
            self.qemu.terminate()
        else:
            self.qemu.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _follow(self):
        pipe = self.qemu.stdout.fileno()
        size, heard = -1, time.monotonic()
        while True:
            readable, _, _ = select.select([pipe], [], [], 1)
            now = time.monotonic()
            if readable:
                data = os.read(pipe, 1 << 16)
                if not data:
                    break
                heard = now
                self._parse(data)
                continue
            if self.current is not None:
                late = now - self._begin > self.jobs[self.current].timeout + self.machine.grace
            elif self.done:
                late = now - heard > END_GRACE
            else:
                grown = (self.folder / "console").stat().st_size
                if grown != size:
                    size, heard = grown, now
                late = now - heard > BOOT_SILENCE
            if late:
                self.failure = "the machine hangs" if not self.done else "the machine does not reboot"
                return
        self.qemu.wait()
        if not self.done:
            self.failure = "the machine went down"

    def _parse(self, data):
        """Cut the stream of the port into markers and the output of jobs."""
        marker = self.nonce.encode() + b" "
        *lines, self._tail = (self._tail + data).split(b"\n")
        for line in lines:
            if line.startswith(marker):
                self._marker(line[len(marker):].decode(errors="replace").split(" ", 1))
            elif self.current is not None:
                text = line.decode(errors="replace") + "\n"
                self.jobs[self.current].output += text
                if self.on_output:
                    self.on_output(self.jobs[self.current], text)

    def _marker(self, words):
        what, rest = words[0], (words[1:] or [""])[0]
        if what == "begin":
            self.current, self._begin = int(rest), time.monotonic()
        elif what == "end":
            job = self.jobs[self.current]
            job.seconds = time.monotonic() - self._begin
            job.status = int(rest.split()[1])
            # The marker is written on a new line: take that line end back.
            job.output = job.output[:-1]
            if job.status == 137 and job.seconds >= job.timeout:
                job.status, job.failure = None, f"no end within {job.timeout} s"
            self.current = None
        elif what == "module":
            self.failure = rest
            self.done = True
        elif what == "ready":
            self.ready = True
        elif what == "done":
            self.done = True


def describe(boot):
    """The failure of a boot in a few words, with what the kernel said in its last job."""
    for line in console.last_job(boot.text("console")):
        if "Kernel panic" in line or "BUG:" in line or "Oops:" in line:
            return f"{boot.failure}: {line.split('] ', 1)[-1].strip()}"
    stderr = boot.text("qemu").strip().splitlines()
    return f"{boot.failure}: {stderr[-1]}" if stderr and not boot.done else boot.failure


def run(machine, jobs, on_output=None, say=print):
    """Run all jobs. A job that takes the machine down fails, and the next boot goes on
    behind it. A boot that the emulator's own fault ended is repeated. Returns the reports
    of the kernel's checkers that belong to no job."""
    left = list(jobs)
    stray = []
    faults = 0
    while left:
        boot = Boot(machine, left, on_output)
        try:
            boot.run()
            text = boot.text("console")
            fault = boot.failure and console.emulator_fault(text, boot.text("qemu"), machine.smp)
            if fault:
                faults += 1
                again = faults <= RETRIES
                say(f"fault of the emulator ({fault}) in {machine.label}, "
                    + (f"boot again, {faults} of {RETRIES}" if again else "for the last time: failed"))
                if again:
                    left = _forget_unfinished(boot)
                    continue
            if boot.failure or console.reports(text):
                kept = boot.keep()
                say(f"console: {kept}") if machine.label == "machine" else None
            for number, lines in console.reports(text).items():
                if number is None or number >= len(left):
                    stray += lines
                else:
                    left[number].console = lines
                    left[number].failure = left[number].failure or "the kernel reports a fault"
            left = _after_failure(boot) if boot.failure else []
        finally:
            shutil.rmtree(boot.folder, ignore_errors=True)
    return stray


def shell(machine, command=None):
    """A prompt on this terminal, or a command that has the terminal; returns its status."""
    boot = Boot(machine, [command] if command else [], interactive=True)
    try:
        boot.run()
        text = boot.text("console")
        if f"{boot.nonce} ready" not in text:
            raise Failure("\n".join(["it did not come up:", boot.text("qemu"),
                                     *console.last_lines(text)]))
        if console.reports(text):
            print(f"the kernel reports a fault; console: {boot.keep()}")
            return 1
        status = re.search(f"{boot.nonce} status (\\d+)", text)
        return int(status[1]) if status else 1
    finally:
        shutil.rmtree(boot.folder, ignore_errors=True)


def _forget_unfinished(boot):
    """The jobs to run again after a fault of the emulator."""
    if boot.current is not None:
        boot.jobs[boot.current].output = ""
    return [job for job in boot.jobs if job.status is None and not job.failure]


def _after_failure(boot):
    """Blame the job that ran, and return those behind it."""
    reason = describe(boot)
    lines = console.last_lines(boot.text("console"))
    unfinished = [job for job in boot.jobs if job.status is None and not job.failure]
    if boot.current is not None:
        job = boot.jobs[boot.current]
        job.seconds = time.monotonic() - boot._begin  # pylint: disable=protected-access
        job.failure = reason
        job.console = job.console or lines
        return [other for other in unfinished if other is not job]
    if not unfinished and not boot.done:
        unfinished = boot.jobs[-1:]
    if not boot.ready or not unfinished:  # it does not come up, or does not go down
        for job in unfinished or boot.jobs[-1:]:
            job.failure, job.console = reason, lines
        return []
    unfinished[0].failure, unfinished[0].console = reason, lines
    return unfinished[1:]
