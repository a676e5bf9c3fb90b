# SPDX-License-Identifier: GPL-2.0
"""Makes what guests boot from: an initramfs, a small ext4 image, a disk with a boot
loader, and an empty file for snapshots."""

import hashlib
import os
import shutil
import struct
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
SECTOR = 512
GRUB = Path("/usr/lib/grub/i386-pc")
PARTITION = 2048  # its first sector; the boot loader stands before it
BOOT_MIB = 64
# linux16 enters the kernel where a boot loader of the BIOS does, in real mode.
GRUB_SCRIPT = """echo "GUEST: GRUB by int 10h"
linux16 (hd0,msdos1)/vmlinuz console=tty0 console=ttyS0 quiet panic=-1 task=screen cpus=1
initrd16 (hd0,msdos1)/initramfs
boot
"""


def make_initramfs(path, module_folder, programs):
    """Busybox, our init, and the kernel's drivers for what the VMM shows."""
    archive = initramfs.Archive()
    archive.add_file("bin/busybox", initramfs.BUSYBOX)
    archive.add("init", (HERE / "guest-init").read_bytes(), 0o755)
    for program in programs:
        archive.add_file(f"bin/{program.name}", program)
    names = []
    for name, data, _ in initramfs.load_order(DRIVERS, module_folder):
        archive.add(f"modules/{name}.ko", data)
        names.append(f"{name}\n")
    archive.add("etc/modules", "".join(names))
    path.write_bytes(archive.bytes())


def make_ext(version, path, folder, mebibytes, offset=0):
    """A file system with the files of a folder, in an image from an offset on."""
    subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", f"ext{version}", "-E", f"offset={offset}", "-d", folder,
                    path, f"{mebibytes}M"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def make_disk(path, folder):
    """An ext4 image with a file and its checksum in it."""
    data = os.urandom(1 << 20)
    (folder / "data").write_bytes(data)
    (folder / "SUM").write_text(f"{hashlib.sha256(data).hexdigest()}  data\n")
    make_ext(4, path, folder, DISK_MIB)


def make_boot_disk(path, folder, kernel):
    """What a PC's BIOS boots: GRUB in the first sectors, the kernel in a partition."""
    (folder / "script").write_text(GRUB_SCRIPT)
    subprocess.run(["grub-mkimage", "-O", "i386-pc", "-d", GRUB, "-p", "(hd0,msdos1)/", "-c",
                    folder / "script", "-o", folder / "core",
                    "biosdisk", "part_msdos", "ext2", "echo", "linux16", "boot"], check=True)
    loader = bytearray((GRUB / "boot.img").read_bytes() + (folder / "core").read_bytes())
    # The partition table has one entry: active, Linux, with LBA alone.
    struct.pack_into("<B3xB3xII48x", loader, 446, 0x80, 0x83, PARTITION, (BOOT_MIB << 20) // SECTOR)
    files = folder / "files"
    files.mkdir()
    shutil.copyfile(kernel, files / "vmlinuz")
    shutil.copyfile(FOLDER / "initramfs", files / "initramfs")
    with open(path, "wb") as image:
        image.truncate(PARTITION * SECTOR + (BOOT_MIB << 20))
    make_ext(2, path, files, BOOT_MIB, PARTITION * SECTOR)
    with open(path, "r+b") as image:
        image.write(loader)


def make_snapshots(path):
    """A place for savevm."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "1G"], check=True)


def make(*programs):
    """Make them below build/guest, with more programs for the guest if there are; return
    the guest's kernel: Debian's own."""
    kernel, module_folder = vm.image("stock")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in (("initramfs", lambda path, _: make_initramfs(path, module_folder, programs)),
                          ("disk", make_disk),
                          ("boot-disk", lambda path, folder: make_boot_disk(path, folder, kernel)),
                          ("snapshots", lambda path, _: make_snapshots(path))):
        # Not in /tmp: a signal ends this process at once, and would leave it there.
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            new, parts = Path(folder) / name, Path(folder) / "parts"
            parts.mkdir()
            content(new, parts)
            new.rename(FOLDER / name)
    return kernel
