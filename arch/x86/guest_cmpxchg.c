// SPDX-License-Identifier: GPL-2.0
/* Atomic updates of guest memory, through the owner's mapping. */
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <kvm/dirty.h>

#include "guest_cmpxchg.h"
#include "x86.h"

/* __try_cmpxchg_user() answers 1 if something else was there. */
#define CMPXCHG_USER(type)							\
static int cmpxchg_##type(hva_t hva, const void *old, const void *new)		\
{										\
	type was = *(const type *)old;						\
	int r;									\
										\
	r = __try_cmpxchg_user((type __user *)hva, &was, *(const type *)new, fault);	\
	return r > 0 ? -EAGAIN : r;						\
}

CMPXCHG_USER(u8)
CMPXCHG_USER(u16)
CMPXCHG_USER(u32)
CMPXCHG_USER(u64)

/* As __try_cmpxchg_user(), which ends at 8 bytes. */
static int cmpxchg_u128(hva_t hva, const u64 *old, const u64 *new)
{
	u64 low = old[0], high = old[1];
	bool success = false;
	int err = -EFAULT;

	if (!IS_ALIGNED(hva, 16) || !boot_cpu_has(X86_FEATURE_CX16))
		return -EFAULT;
	__uaccess_begin_nospec();
	asm volatile("1: lock cmpxchg16b %[ptr]\n\t"
		     "setz %[success]\n\t"
		     "xor %[err], %[err]\n"
		     "2:\n"
		     _ASM_EXTABLE_UA(1b, 2b)
		     : [success] "+q" (success), [err] "+r" (err), "+a" (low), "+d" (high),
		       [ptr] "+m" (*(__uint128_t *)hva)
		     : "b" (new[0]), "c" (new[1])
		     : "memory", "cc");
	__uaccess_end();
	if (err)
		return err;
	return success ? 0 : -EAGAIN;
}

static int cmpxchg_hva(hva_t hva, const void *old, const void *new, unsigned int size)
{
	if (!access_ok((void __user *)hva, size))
		return -EFAULT;
	switch (size) {
	case 1:
		return cmpxchg_u8(hva, old, new);
	case 2:
		return cmpxchg_u16(hva, old, new);
	case 4:
		return cmpxchg_u32(hva, old, new);
	case 8:
		return cmpxchg_u64(hva, old, new);
	case 16:
		return cmpxchg_u128(hva, old, new);
	default:
		return -EFAULT;
	}
}

int x86_guest_cmpxchg(struct x86_vcpu *vcpu, gpa_t gpa, const void *old, const void *new,
		      unsigned int size)
{
	struct kvm_memory_slot *slot;
	gfn_t gfn = gpa_to_gfn(gpa);
	int r;

	if (KVM_BUG_ON(offset_in_page(gpa) + size > PAGE_SIZE, vcpu->vcpu.kvm))
		return -EIO;
	slot = kvm_hold_slot(&vcpu->vcpu, gfn);
	if (!slot)
		return -EFAULT;
	if (slot->flags & KVM_MEM_READONLY)
		r = -EROFS;
	else
		r = cmpxchg_hva(kvm_slot_hva(slot, gfn) + offset_in_page(gpa), old, new, size);
	if (!r) {
		guard(rcu)();
		kvm_mark_dirty(&vcpu->vcpu, slot, gfn);
	}
	kvm_release_slot(&vcpu->vcpu);
	return r;
}
