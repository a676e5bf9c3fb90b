# SPDX-License-Identifier: GPL-2.0
"""Makes what guests boot from: an initramfs, and a small ext4 image."""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "machine"))

import initramfs
import vm

FOLDER = vm.TOP / "build/guest"
DRIVERS = ["virtio_blk", "virtio_net", "virtio_mmio", "ext4", "crc32c_generic"]
DISK_MIB = 16


def make_initramfs(module_folder):
    """Busybox, our init, and the kernel's drivers for what the VMM shows."""
    archive = initramfs.Archive()
    archive.add_file("bin/busybox", initramfs.BUSYBOX)
    archive.add("init", (HERE / "guest-init").read_bytes(), 0o755)
    names = []
    for name, data, _ in initramfs.load_order(DRIVERS, module_folder):
        archive.add(f"modules/{name}.ko", data)
        names.append(f"{name}\n")
    archive.add("etc/modules", "".join(names))
    return archive.bytes()


def make_disk(path):
    """An ext4 image with a file and its checksum in it."""
    with tempfile.TemporaryDirectory() as folder:
        data = os.urandom(1 << 20)
        (Path(folder) / "data").write_bytes(data)
        (Path(folder) / "SUM").write_text(f"{hashlib.sha256(data).hexdigest()}  data\n")
        subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-d", folder, path, f"{DISK_MIB}M"],
                       stdout=subprocess.DEVNULL, check=True)


def make():
    """Make both below build/guest, and return the guest's kernel: Debian's own."""
    kernel, module_folder = vm.image("stock")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in (("initramfs", lambda path: path.write_bytes(make_initramfs(module_folder))),
                          ("disk", make_disk)):
        new = FOLDER / f"{name}.{os.getpid()}"
        content(new)
        new.rename(FOLDER / name)
    return kernel
