// SPDX-License-Identifier: GPL-2.0
/*
 * The one way in: look the row up, copy in, check, lock, call, copy out.
 */
#include <linux/cleanup.h>
#include <linux/fault-inject-usercopy.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include <kvm/ioctl.h>
#include <kvm/vcpu.h>

/* Most payloads are registers; larger ones are worth an allocation. */
#define KVM_IOCTL_STACK_SIZE	512

static __always_inline const struct kvm_ioctl *
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

static __always_inline int kvm_check_payload(const struct kvm_ioctl *row, const void *data)
{
	if (row->flags.size && (kvm_read_field(data, row->flags) & ~row->allowed))
		return -EINVAL;
	if (row->zero.size && memchr_inv(data + row->zero.offset, 0, row->zero.size))
		return -EINVAL;
	return 0;
}

/*
 * Up to a page, what is moved is moved word by word: that is done before the
 * CPU has set up a string instruction, or not much later.
 */
static bool kvm_is_words(unsigned int size)
{
	return size <= PAGE_SIZE && !(size % sizeof(u32));
}

/* So many words at a time; what they end in is what is left. */
#define KVM_WORDS	8

int kvm_words_from_user(void *data, const void __user *user, unsigned int size)
{
	unsigned int i, left = size / sizeof(u64);
	const u64 __user *from = user;
	u64 *to = data;

	might_fault();
	if (should_fail_usercopy() || !user_read_access_begin(from, size))
		return -EFAULT;
	for (; left >= KVM_WORDS; left -= KVM_WORDS, from += KVM_WORDS, to += KVM_WORDS) {
#pragma GCC unroll 8
		for (i = 0; i < KVM_WORDS; i++)
			unsafe_get_user(to[i], from + i, fault);
	}
	for (; left; left--, from++, to++)
		unsafe_get_user(*to, from, fault);
	if (size % sizeof(u64))
		unsafe_get_user(*(u32 *)to, (const u32 __user *)from, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

int kvm_words_to_user(void __user *user, const void *data, unsigned int size)
{
	unsigned int i, left = size / sizeof(u64);
	u64 __user *to = user;
	const u64 *from = data;

	might_fault();
	if (should_fail_usercopy() || !user_write_access_begin(to, size))
		return -EFAULT;
	for (; left >= KVM_WORDS; left -= KVM_WORDS, from += KVM_WORDS, to += KVM_WORDS) {
#pragma GCC unroll 8
		for (i = 0; i < KVM_WORDS; i++)
			unsafe_put_user(from[i], to + i, fault);
	}
	for (; left; left--, from++, to++)
		unsafe_put_user(*from, to, fault);
	if (size % sizeof(u64))
		unsafe_put_user(*(const u32 *)from, (u32 __user *)to, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

static __always_inline int kvm_copy_in(void *to, const void __user *from, unsigned int size)
{
	if (likely(kvm_is_words(size)))
		return kvm_words_from_user(to, from, size);
	return copy_from_user(to, from, size) ? -EFAULT : 0;
}

static __always_inline int kvm_copy_out(void __user *to, const void *from, unsigned int size)
{
	if (likely(kvm_is_words(size)))
		return kvm_words_to_user(to, from, size);
	return copy_to_user(to, from, size) ? -EFAULT : 0;
}

static __always_inline long
kvm_call_locked(const struct kvm_ioctl *row, struct kvm_ioctl_args *args)
{
	struct mutex *mutex;
	long r;

	if (row->lock == KVM_LOCK_NONE)
		return row->handler(args);
	mutex = row->lock == KVM_LOCK_VCPU ? &args->vcpu->mutex : &args->kvm->lock;
	if (mutex_lock_killable(mutex))
		return -EINTR;
	r = row->lock == KVM_LOCK_VCPU ? kvm_vcpu_begin(args->vcpu) : 0;
	if (!r)
		r = row->handler(args);
	mutex_unlock(mutex);
	return r;
}

static __always_inline long
kvm_copy_and_call(const struct kvm_ioctl *row, struct kvm_ioctl_args *args)
{
	unsigned int size = _IOC_SIZE(row->cmd), dir = _IOC_DIR(row->cmd);
	void __user *user = (void __user *)args->arg;
	long r;

	/* What is not copied in must not carry kernel memory out. */
	if (!(dir & _IOC_WRITE))
		memset(args->data, 0, size);
	else if (kvm_copy_in(args->data, user, size))
		return -EFAULT;
	r = kvm_check_payload(row, args->data);
	if (r)
		return r;

	r = kvm_call_locked(row, args);
	if (r >= 0 && (dir & _IOC_READ) && !row->no_reply &&
	    kvm_copy_out(user, args->data, size))
		return -EFAULT;
	return r;
}

static noinline_for_stack long
kvm_call_with_payload(const struct kvm_ioctl *row, struct kvm_ioctl_args *args)
{
	u64 stack[KVM_IOCTL_STACK_SIZE / sizeof(u64)] __uninitialized;
	void *heap __free(kfree) = NULL;

	args->data = stack;
	if (_IOC_SIZE(row->cmd) > sizeof(stack)) {
		heap = kmalloc(_IOC_SIZE(row->cmd), GFP_KERNEL_ACCOUNT);
		if (!heap)
			return -ENOMEM;
		args->data = heap;
	}
	return kvm_copy_and_call(row, args);
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

	if (row->raw || !_IOC_SIZE(cmd))
		return kvm_call_locked(row, args);
	return kvm_call_with_payload(row, args);
}
