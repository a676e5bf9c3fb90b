# SPDX-License-Identifier: GPL-2.0
"""Makes the initramfs of the test machine: a cpio archive in the kernel's "newc" format."""

import lzma
import re
import stat
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
HERE = Path(__file__).resolve().parent


class Archive:
    """A cpio archive in memory. Owner, time and inode numbers are constants, so that
    the same content makes the same bytes, and a run under -icount the same figures."""

    def __init__(self):
        self._data = bytearray()
        self._folders = set()
        self._inode = 0

    def _entry(self, name, mode, content=b""):
        self._inode += 1
        encoded = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        self._data += b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self._pad()
        self._data += content
        self._pad()

    def _pad(self):
        self._data += bytes(-len(self._data) % 4)

    def _folder(self, name):
        if name in (".", "") or name in self._folders:
            return
        self._folder(str(Path(name).parent))
        self._folders.add(name)
        self._entry(name, stat.S_IFDIR | 0o755)

    def add(self, name, content, mode=0o644):
        """Put a file with this content (bytes or text) at this path, without leading slash."""
        if isinstance(content, str):
            content = content.encode()
        self._folder(str(Path(name).parent))
        self._entry(name, stat.S_IFREG | mode, content)

    def add_file(self, name, path):
        """Put a copy of a file there, executable if the original is."""
        path = Path(path)
        self.add(name, path.read_bytes(), path.stat().st_mode & 0o755)

    def bytes(self):
        """The complete archive."""
        self._entry("TRAILER!!!", 0)
        return bytes(self._data)


def read_module(path):
    """The content of a .ko or .ko.xz file."""
    data = Path(path).read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def depends(data):
    """The names of the modules that this one needs, from its .modinfo section."""
    found = re.search(rb"\0depends=([^\0]*)\0", data)
    return [name for name in found[1].decode().split(",") if name] if found else []


def module_name(path):
    """What the kernel calls the module in this file."""
    return path.name.split(".ko")[0].replace("-", "_")


def find_module(name, folder):
    """The file of a module in a kernel's module folder."""
    for path in sorted(folder.rglob("*.ko*")):
        if module_name(path) == name.replace("-", "_"):
            return path
    raise FileNotFoundError(f"no module {name} below {folder}")


def is_builtin(name, folder):
    """Is this module a part of the kernel itself?"""
    lines = (folder / "modules.builtin").read_text().splitlines()
    return name.replace("-", "_") in {module_name(Path(line)) for line in lines}


def load_order(wanted, folder):
    """Resolve modules (names in `folder`, or paths of files, each with its parameters)
    and all that they depend on to a list of (name, content, parameters)."""
    order = {}

    def visit(path, parameters=""):
        name = module_name(path)
        if name in order:
            return
        data = read_module(path)
        for dependency in depends(data):
            visit(find_module(dependency, folder))
        order[name] = (data, parameters)

    for spec in wanted:
        what, _, parameters = spec.partition(" ")
        if "/" not in what and is_builtin(what, folder):
            continue
        visit(Path(what) if "/" in what else find_module(what, folder), parameters)
    return [(name, *rest) for name, rest in order.items()]


def base():
    """An archive with busybox and the init script."""
    archive = Archive()
    archive.add_file("bin/busybox", BUSYBOX)
    archive.add("init", (HERE / "init").read_bytes(), 0o755)
    return archive
