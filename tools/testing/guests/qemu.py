# SPDX-License-Identifier: GPL-2.0
"""Runs Debian's unmodified QEMU on /dev/kvm. This is for the inside of the test machine,
where the host's programs are at hand under chroot."""

import json
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
IMAGES = TOP / "build/guest"
KVM = Path("/sys/kernel/debug/kvm")


class Failure(Exception):
    """A step was not as it should be."""


@dataclass(frozen=True)
class Guest:
    """What QEMU shows to a guest."""

    machine: str = "microvm"
    irqchip: str = "on"
    smp: int = 1
    mem: int = 256
    cpu: str = "host"
    memory: str = ""   # "thp" or "hugetlb": what backs it; else 4 KiB pages
    boot: str = "kernel"  # or "disk": the BIOS boots it from there, with a screen
    resets: bool = False  # a reset does not end QEMU
    snapshots: bool = False
    disk: bool = False
    pins: bool = False  # it interrupts by a level on a pin, not by messages
    net: int = 0       # the port of the peer
    task: str = "boot"

    def but(self, **changes):
        """The same with some changes."""
        return replace(self, **changes)

    def arguments(self, kernel, folder):
        """QEMU's command line, without what it talks to."""
        bus = "device" if self.machine == "microvm" else "pci"
        # QEMU's second I/O APIC hears of no EOI from a local APIC in the kernel.
        more = ",ioapic2=off" if self.machine == "microvm" else ""
        words = ["-accel", "kvm", "-M", f"{self.machine},kernel-irqchip={self.irqchip}{more}",
                 "-cpu", self.cpu, "-smp", str(self.smp), "-m", str(self.mem),
                 "-nodefaults", "-no-user-config", "-display", "none"]
        if self.boot == "disk":
            words += ["-vga", "std", "-drive", f"file={IMAGES}/boot-disk,format=raw,if=none,id=boot,snapshot=on",
                      "-device", "ide-hd,drive=boot"]
        else:
            words += ["-kernel", str(kernel), "-initrd", str(IMAGES / "initramfs"), "-append",
                      f"console=ttyS0 quiet panic=-1 task={self.task} cpus={self.smp} peer={self.net}"]
        if not self.resets:
            words += ["-no-reboot"]
        if self.snapshots:
            shutil.copyfile(IMAGES / "snapshots", f"{folder}/snapshots")
            words += ["-drive", f"file={folder}/snapshots,format=qcow2,if=none,id=snapshots"]
        if self.memory == "hugetlb":
            words += ["-object", f"memory-backend-memfd,id=ram,size={self.mem}M,hugetlb=on",
                      "-machine", "memory-backend=ram"]
        if self.disk:
            shutil.copyfile(IMAGES / "disk", f"{folder}/disk")
            words += ["-drive", f"file={folder}/disk,format=raw,if=none,id=disk",
                      "-device", f"virtio-blk-{bus},drive=disk" + (",vectors=0" if self.pins else "")]
        if self.net:
            rom = "" if bus == "device" else ",romfile="
            words += ["-netdev", "user,id=net", "-device", f"virtio-net-{bus},netdev=net{rom}"]
        return words


class Console:
    """A VMM's process on whose standard output and input the guest's serial line is."""

    def __init__(self, process):
        self.process = process
        self.console = ""

    def expect(self, pattern, timeout, begin=0):
        """Wait until the console shows something, from a place on; returns the match."""
        end = time.monotonic() + timeout
        while True:
            found = re.compile(pattern, re.MULTILINE).search(self.console, begin)
            if found:
                return found
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise Failure(f"no '{pattern}' on the console within {timeout} s")
            self._take(os.read(self.process.stdout.fileno(), 1 << 16))

    def listen(self, seconds):
        """Take in what the console shows in a time; returns that."""
        before, end = len(self.console), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.process.stdout], [], [], left)[0]:
                self._take(os.read(self.process.stdout.fileno(), 1 << 16))
        return self.console[before:]

    def _take(self, data):
        if not data:
            raise Failure(f"the VMM ended with status {self.process.wait(60)}:\n{self.console[-500:]}")
        self.console += data.decode(errors="replace").replace("\r", "")

    def type(self, text):
        """Let the guest's console hear something."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def read_all(self):
        """The rest of the console of a QEMU that has ended."""
        if self.process.stdout:
            self.console += self.process.stdout.read().decode(errors="replace").replace("\r", "")
        return self.console


class Qemu(Console):
    """A QEMU with a guest in it: its serial console to read, its monitor to command."""

    def __init__(self, guest, kernel, extra=(), terminal=False, cgroup=None):
        def enter():
            """The new process alone: what it uses is charged there."""
            if cgroup:
                (cgroup / "cgroup.procs").write_text("0")

        self.guest = guest
        self.folder = tempfile.mkdtemp(prefix="guest-")
        self.began = time.monotonic()
        self._answers = b""
        self._monitor = socket.socket(socket.AF_UNIX)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{self.folder}/qmp")
        listener.listen()
        pipe = None if terminal else subprocess.PIPE
        # What outlives its guest's power-off can be asked what it has seen.
        super().__init__(subprocess.Popen(
            ["qemu-system-x86_64", *guest.arguments(kernel, self.folder), "-no-shutdown",
             "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
             "-chardev", f"socket,id=qmp,path={self.folder}/qmp", "-mon", "chardev=qmp,mode=control", *extra],
            stdin=pipe, stdout=pipe, stderr=None if terminal else subprocess.STDOUT, preexec_fn=enter))
        listener.settimeout(60)
        try:
            self._monitor = listener.accept()[0]
        except TimeoutError:
            self.kill()
            raise Failure(f"QEMU does not start: {self.read_all()}") from None
        finally:
            listener.close()
        self.events = []
        self.command("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self):
        """End it hard."""
        self.process.kill()
        self.process.wait()
        self._monitor.close()

    def screen(self):
        """The lines of text on the VGA's screen."""
        path = Path(self.folder) / "screen"
        self.command("pmemsave", val=0xb8000, size=80 * 25 * 2, filename=str(path))
        text = path.read_bytes()[::2].decode("cp437")
        return [text[at:at + 80].rstrip() for at in range(0, len(text), 80)]

    def _read_monitor(self, timeout):
        """The next message of the monitor, None if there is none in time."""
        self._monitor.settimeout(timeout)
        while b"\n" not in self._answers:
            try:
                data = self._monitor.recv(1 << 16)
            except TimeoutError:
                return None
            except ConnectionResetError:
                data = b""
            if not data:
                raise Failure(f"QEMU ended with status {self.process.wait(60)}: {self.read_all()}")
            self._answers += data
        line, self._answers = self._answers.split(b"\n", 1)
        return json.loads(line)

    def command(self, name, timeout=60, **arguments):
        """Give a command to the monitor, and return its answer."""
        self._monitor.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while (answer := self._read_monitor(timeout)) is not None:
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise Failure(f"{name}: {answer['error']['desc']}")
            elif "return" in answer:  # not its greeting
                return answer["return"]
        raise Failure(f"no answer to {name} within {timeout} s")

    def human(self, line, timeout=60):
        """A command of the human monitor; returns what it prints."""
        return self.command("human-monitor-command", timeout, **{"command-line": line})

    def wait_event(self, name, timeout):
        """Wait for an event of QEMU, and return its data."""
        end = time.monotonic() + timeout
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event.get("data", {})
            answer = self._read_monitor(max(0.01, end - time.monotonic()))
            if answer is None:
                raise Failure(f"no event {name} within {timeout} s")
            self.events.append(answer)

    def wait_poweroff(self, timeout):
        """Wait until the guest has switched its machine off, by its own will."""
        reason = self.wait_event("SHUTDOWN", timeout).get("reason")
        if reason != "guest-shutdown":
            raise Failure(f"the guest went down by {reason}")

    def describe(self):
        """What can be known of a guest that does not go on."""
        lines = [self.console and "The console ends:", *self.console.splitlines()[-25:]]
        if self.process.poll() is None:
            try:
                registers = self.human("info registers -a", 10)
            except Failure as error:
                registers = str(error)
            lines += re.findall(r"^(?:CPU#|[RE]IP|CR0|CS|[RE]AX|EFER).*", registers.replace("\r", ""), re.MULTILINE)
            if self.guest.boot == "disk":
                lines += ["The screen:", *filter(None, self.screen())]
            lines += [f"{path.name} {path.read_text().strip()}" for path in sorted(KVM.iterdir())
                      if path.is_file() and path.read_text().strip() not in ("", "0")]
        return "\n".join(filter(None, lines))

    def quit(self):
        """Tell QEMU to end, and see that it does so well."""
        self.command("quit")
        self._monitor.close()
        status = self.process.wait(60)
        if status:
            raise Failure(f"QEMU ended with status {status}")


def stat(name):
    """A statistic of the module, over all VMs that are alive."""
    try:
        return int((KVM / name).read_text())
    except FileNotFoundError:
        return None


def references():
    """How many files hold the module; the in-tree one is held by kvm_amd too."""
    module = Path("/sys/module/kvm")
    return int((module / "refcnt").read_text()) - len(list((module / "holders").iterdir()))


def wait_gone(timeout=20):
    """Wait until nothing is left of any VM."""
    end = time.monotonic() + timeout
    while references() or any(path.is_dir() for path in KVM.iterdir()):
        if time.monotonic() > end:
            raise Failure(f"left behind: {references()} references, "
                          f"{[path.name for path in KVM.iterdir() if path.is_dir()]}")
        time.sleep(0.1)
