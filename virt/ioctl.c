// SPDX-License-Identifier: GPL-2.0
/*
 * The one way in: look the row up, copy in, check, lock, call, copy out.
 */
#include <linux/compat.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include <kvm/ioctl.h>
#include <kvm/vcpu.h>

/* Most payloads are registers; larger ones are worth an allocation. */
#define KVM_IOCTL_STACK_SIZE	512

static const struct kvm_ioctl *
kvm_find_row(const struct kvm_ioctl_table *table, unsigned int cmd)
{
	const struct kvm_ioctl *row;
	unsigned int nr = _IOC_NR(cmd);

	if (!table || nr >= table->nr)
		return NULL;
	row = &table->rows[array_index_nospec(nr, table->nr)];
	while (row && !(row->handler && row->cmd == cmd))
		row = row->next;
	return row;
}

static u64 kvm_read_field(const void *data, struct kvm_ioctl_field field)
{
	return field.size == sizeof(u64) ? get_unaligned((u64 *)(data + field.offset)) :
					   get_unaligned((u32 *)(data + field.offset));
}

static int kvm_check_payload(const struct kvm_ioctl *row, const void *data)
{
	if (row->flags.size && (kvm_read_field(data, row->flags) & ~row->allowed))
		return -EINVAL;
	if (row->zero.size && memchr_inv(data + row->zero.offset, 0, row->zero.size))
		return -EINVAL;
	return 0;
}

static long kvm_call_locked(const struct kvm_ioctl *row, struct kvm_ioctl_args *args)
{
	struct mutex *mutex = NULL;
	bool load = row->lock == KVM_LOCK_VCPU_LOADED;
	long r;

	if (row->lock == KVM_LOCK_VM)
		mutex = &args->kvm->lock;
	else if (row->lock != KVM_LOCK_NONE)
		mutex = &args->vcpu->mutex;

	if (mutex && mutex_lock_killable(mutex))
		return -EINTR;
	r = row->lock >= KVM_LOCK_VCPU ? kvm_vcpu_begin(args->vcpu) : 0;
	if (!r) {
		if (load)
			kvm_vcpu_load(args->vcpu);
		r = row->handler(args);
		if (load)
			kvm_vcpu_put(args->vcpu);
	}
	if (mutex)
		mutex_unlock(mutex);
	return r;
}

static long kvm_copy_and_call(const struct kvm_ioctl *row, struct kvm_ioctl_args *args)
{
	unsigned int size = _IOC_SIZE(row->cmd), dir = _IOC_DIR(row->cmd);
	void __user *user = (void __user *)args->arg;
	long r;

	if ((dir & _IOC_WRITE) && copy_from_user(args->data, user, size))
		return -EFAULT;
	r = kvm_check_payload(row, args->data);
	if (r)
		return r;

	r = kvm_call_locked(row, args);
	if (r >= 0 && (dir & _IOC_READ) && !row->no_reply &&
	    copy_to_user(user, args->data, size))
		return -EFAULT;
	return r;
}

static long kvm_call_with_payload(const struct kvm_ioctl *row,
				  struct kvm_ioctl_args *args)
{
	u64 stack[KVM_IOCTL_STACK_SIZE / sizeof(u64)] __uninitialized;
	unsigned int size = _IOC_SIZE(row->cmd);
	bool filled = _IOC_DIR(row->cmd) & _IOC_WRITE;
	long r;

	/* What is not copied in must not carry kernel memory out. */
	if (size <= sizeof(stack)) {
		if (!filled)
			memset(stack, 0, size);
		args->data = stack;
		return kvm_copy_and_call(row, args);
	}
	args->data = kmalloc(size, GFP_KERNEL_ACCOUNT | (filled ? 0 : __GFP_ZERO));
	if (!args->data)
		return -ENOMEM;
	r = kvm_copy_and_call(row, args);
	kfree(args->data);
	return r;
}

long kvm_do_ioctl(const struct kvm_ioctl_table *core,
		  const struct kvm_ioctl_table *arch,
		  struct kvm_ioctl_args *args, unsigned int cmd)
{
	struct kvm *kvm = args->kvm;
	const struct kvm_ioctl *row;

	if (kvm && (kvm->mm != current->mm || READ_ONCE(kvm->dead)))
		return -EIO;

	row = kvm_find_row(core, cmd) ?: kvm_find_row(arch, cmd);
	if (!row)
		return -ENOTTY;

	args->compat = in_compat_syscall();
	if (row->raw || !_IOC_SIZE(cmd))
		return kvm_call_locked(row, args);
	return kvm_call_with_payload(row, args);
}
