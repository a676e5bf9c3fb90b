/* SPDX-License-Identifier: GPL-2.0 */
/* CPUID: what a guest may have, and what this one has. */
#ifndef KVM_X86_CPUID_H
#define KVM_X86_CPUID_H

#include <linux/build_bug.h>
#include <asm/cpufeature.h>

#include "x86.h"

/* Bound on the entries of KVM_SET_CPUID2; also what an index in u8 reaches. */
#define X86_MAX_CPUID_ENTRIES	256

enum x86_cpuid_reg { X86_CPUID_EAX, X86_CPUID_EBX, X86_CPUID_ECX, X86_CPUID_EDX };

/**
 * struct x86_cpuid - a vCPU's CPUID, as userspace gave it
 * @nent: entries in @entries
 * @order: their indices, sorted by function; the order of userspace among equals
 * @entries: in the order of userspace
 */
struct x86_cpuid {
	unsigned int nent;
	u8 *order;
	struct kvm_cpuid_entry2 entries[] __counted_by(nent);
};

/* What the host has and we can virtualize, by the kernel's words. */
extern u32 x86_caps[NR_CPUID_WORDS];

/* XCR0 bits likewise, and the bytes of an XSAVE area with all of them. */
extern u64 x86_xcr0_supported;
extern u32 x86_xsave_size;

/* Words of the kernel that are no CPUID register carry no guest feature. */
static __always_inline bool x86_feature_in(const u32 *caps, unsigned int feature)
{
	unsigned int word = feature / 32;

	BUILD_BUG_ON(word == CPUID_LNX_1 || word == CPUID_LNX_2 ||
		     word == CPUID_LNX_3 || word == CPUID_LNX_4 ||
		     word == CPUID_LNX_5 || word >= NR_CPUID_WORDS);
	return caps[word] & BIT(feature & 31);
}

static __always_inline bool x86_can_have(unsigned int feature)
{
	return x86_feature_in(x86_caps, feature);
}

/* Does the guest have it, by its CPUID? Never more than x86_can_have(). */
static __always_inline bool x86_guest_has(const struct x86_vcpu *vcpu, unsigned int feature)
{
	return x86_feature_in(vcpu->caps, feature);
}

/**
 * x86_cpuid_init() - find out what guests may have
 *
 * Context: once, at load, after the backend's probe.
 */
void x86_cpuid_init(void);

/**
 * x86_cpuid_caps_of() - the supported bits of one feature register
 * @function: leaf
 * @index: subleaf
 * @reg: register
 * @caps: where they go
 *
 * Return: whether that register carries features at all.
 */
bool x86_cpuid_caps_of(u32 function, u32 index, enum x86_cpuid_reg reg, u32 *caps);

/**
 * x86_cpuid_guest_caps() - what the guest has of what it can have
 * @vcpu: its cpuid just set; vcpu->caps is filled
 */
void x86_cpuid_guest_caps(struct x86_vcpu *vcpu);

/**
 * x86_cpuid_find() - the entry that answers a leaf
 * @vcpu: the vCPU
 * @function: leaf
 * @index: subleaf; of no meaning where the entry does not ask for it
 *
 * Return: the entry as userspace set it, or NULL.
 */
const struct kvm_cpuid_entry2 *
x86_cpuid_find(const struct x86_vcpu *vcpu, u32 function, u32 index);

/**
 * x86_cpuid() - what CPUID answers in the guest now
 * @vcpu: the vCPU, by its own thread
 * @function: EAX
 * @index: ECX
 * @out: function, index, and the four registers
 */
void x86_cpuid(struct x86_vcpu *vcpu, u32 function, u32 index,
	       struct kvm_cpuid_entry2 *out);

/**
 * x86_cpuid_insn() - the CPUID instruction
 * @vcpu: the vCPU, by its own thread; RAX to RDX are written. RIP is the caller's.
 *
 * Return: false if the guest made CPUID fault at this CPL: #GP(0).
 */
bool x86_cpuid_insn(struct x86_vcpu *vcpu);

/**
 * x86_xstate_size() - bytes of an XSAVE area
 * @xfeatures: its components
 * @compacted: in the compacted format
 */
u32 x86_xstate_size(u64 xfeatures, bool compacted);

/* Before KVM_SET_CPUID2 userspace may set what any guest may have. */
void x86_cpuid_create(struct x86_vcpu *vcpu);
void x86_cpuid_destroy(struct x86_vcpu *vcpu);

long x86_get_supported_cpuid(struct kvm_ioctl_args *args);
long x86_get_emulated_cpuid(struct kvm_ioctl_args *args);
long x86_set_cpuid2(struct kvm_ioctl_args *args);
long x86_get_cpuid2(struct kvm_ioctl_args *args);

#endif
