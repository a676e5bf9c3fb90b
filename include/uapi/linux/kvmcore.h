/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What kvmcore adds to <linux/kvm.h>, and what it has that the header of the
 * kernel in use may be too old to name. Documentation/guest-memfd.rst explains.
 */
#ifndef _UAPI_LINUX_KVMCORE_H
#define _UAPI_LINUX_KVMCORE_H

#include <linux/kvm.h>

/* From <linux/kvm.h> of later kernels. */
#ifndef GUEST_MEMFD_FLAG_MMAP
#define GUEST_MEMFD_FLAG_MMAP		(1ULL << 0)
#define GUEST_MEMFD_FLAG_INIT_SHARED	(1ULL << 1)
#endif
#ifndef KVM_CAP_GUEST_MEMFD_FLAGS
#define KVM_CAP_GUEST_MEMFD_FLAGS	244
#endif

/* kvmcore's own capabilities, far from the kernel's. */
#define KVM_CAP_LINK_GUEST_MEMFD	0x6b630001

/*
 * KVM_LINK_GUEST_MEMFD, on the VM that is to see the memory: makes a new file
 * on the inode of another VM's guest_memfd. Returns its descriptor,
 * close-on-exec.
 */
#define KVM_LINK_GUEST_MEMFD_SHARED	(1ULL << 0)

struct kvm_link_guest_memfd {
	__u64 fd;		/* guest_memfd file of another VM */
	__u64 flags;		/* KVM_LINK_GUEST_MEMFD_* */
	__u64 reserved[6];	/* zero */
};

#define KVM_LINK_GUEST_MEMFD	_IOWR(KVMIO, 0xd6, struct kvm_link_guest_memfd)

#endif
