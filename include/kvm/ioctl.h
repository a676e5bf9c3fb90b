/* SPDX-License-Identifier: GPL-2.0 */
/* Ioctls are rows of tables; one function walks them. */
#ifndef KVM_IOCTL_H
#define KVM_IOCTL_H

#include <linux/fs.h>
#include <linux/ioctl.h>

#include <kvm/types.h>

/* The lock that is held around the handler; EINTR if the caller is killed waiting. */
enum kvm_ioctl_lock {
	KVM_LOCK_NONE,
	KVM_LOCK_VM,		/* kvm->lock */
	KVM_LOCK_VCPU,		/* vcpu->mutex */
};

/**
 * struct kvm_ioctl_args - what a handler is given
 * @kvm: the VM; NULL on /dev/kvm
 * @vcpu: the vCPU, on its file
 * @dev: the device, on its file
 * @arg: the third argument of ioctl(2) as it came
 * @data: the payload, copied in and zeroed beyond; copied out on success
 *	where the ioctl's number says so
 */
struct kvm_ioctl_args {
	struct kvm *kvm;
	struct kvm_vcpu *vcpu;
	struct kvm_device *dev;
	unsigned long arg;
	void *data;
};

/* A field of a payload. */
struct kvm_ioctl_field {
	u16 offset;
	u16 size;
};

#define KVM_IOCTL_FIELD(type, member)	\
	{ .offset = offsetof(type, member), .size = sizeof_field(type, member) }

/**
 * struct kvm_ioctl - one row
 * @cmd: number, direction and size, as userspace passes it; the direction
 *	says what is copied
 * @lock: enum kvm_ioctl_lock
 * @raw: the handler copies for itself (payloads of variable size)
 * @no_reply: nothing is copied out, whatever the number says
 * @flags: a field of flag bits, of 4 or 8 bytes
 * @allowed: the bits that may be set in it, else EINVAL
 * @zero: a field that must be zero, else EINVAL
 * @handler: returns what ioctl(2) returns
 * @next: another row of the same _IOC_NR(), or NULL
 */
struct kvm_ioctl {
	unsigned int cmd;
	u8 lock;
	bool raw;
	bool no_reply;
	struct kvm_ioctl_field flags;
	struct kvm_ioctl_field zero;
	u64 allowed;
	long (*handler)(struct kvm_ioctl_args *args);
	const struct kvm_ioctl *next;
};

/**
 * struct kvm_ioctl_table - the ioctls of one kind of file
 * @rows: indexed by _IOC_NR(cmd); holes have no handler
 * @nr: size of @rows
 */
struct kvm_ioctl_table {
	const struct kvm_ioctl *rows;
	unsigned int nr;
};

#define KVM_IOCTL_TABLE(_rows)	{ .rows = (_rows), .nr = ARRAY_SIZE(_rows) }

/* [KVM_ROW(KVM_FOO)] = { ... } without saying the number twice. */
#define KVM_ROW(_cmd, _handler, ...)	\
	[_IOC_NR(_cmd)] = { .cmd = (_cmd), .handler = (_handler), ##__VA_ARGS__ }

/**
 * kvm_do_ioctl() - find the row in the core's table, then in the architecture's
 * @core: the core's table for this kind of file
 * @arch: the architecture's, or NULL
 * @args: object and @arg filled in
 * @cmd: the second argument of ioctl(2)
 *
 * Return: the handler's answer; ENOTTY without a row; EIO for a dead VM or a
 * process other than its owner; EFAULT; EINVAL for unknown flags and nonzero
 * reserved fields; EINTR; ENOMEM.
 */
long kvm_do_ioctl(const struct kvm_ioctl_table *core,
		  const struct kvm_ioctl_table *arch,
		  struct kvm_ioctl_args *args, unsigned int cmd);

/**
 * kvm_words_from_user() - copy a block of registers in
 * @data: where to
 * @user: where from
 * @size: in bytes, a multiple of four
 *
 * For sizes at which setting up a string instruction would be felt.
 *
 * Return: 0, or -EFAULT; then part of @data may have been written.
 */
int kvm_words_from_user(void *data, const void __user *user, unsigned int size);
int kvm_words_to_user(void __user *user, const void *data, unsigned int size);

#endif
