# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts of the test machine share. Sourced, not run.

series=6.12
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../../.." && pwd)

# One clear line that says what to do, and a nonzero exit status.
die() {
	echo "kvmcore: $*" >&2
	exit 1
}

# Everything that is expensive to make lives below this folder, keyed by the
# version of Debian's kernel packages.
cache_folder() {
	local version
	version=$(dpkg-query -W -f '${Version}' "linux-source-$series" 2>/dev/null) ||
		die "the package linux-source-$series is missing; run tools/testing/machine/packages"
	echo "${XDG_CACHE_HOME:-$HOME/.cache}/kvmcore/linux-$version"
}

# need_space FOLDER MIB PURPOSE
need_space() {
	local free
	free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$2" ] ||
		die "$3 needs $2 MiB of disk in $1, which has $free: free some, or set XDG_CACHE_HOME to a larger disk"
}
