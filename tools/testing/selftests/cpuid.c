// SPDX-License-Identifier: GPL-2.0
/* KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID, KVM_SET_CPUID2, KVM_GET_CPUID2. */
#include <cpuid.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "files.h"

#define MAX_ENTRIES	256
#define CPUID_SIZE(n)	(sizeof(struct kvm_cpuid2) + (n) * sizeof(struct kvm_cpuid_entry2))

#define EXPECT_ERRNO(call, error) do {		\
	errno = 0;				\
	EXPECT_EQ(call, -1);			\
	EXPECT_EQ(errno, error);		\
} while (0)

static struct kvm_cpuid2 *alloc_cpuid(unsigned int nent)
{
	struct kvm_cpuid2 *cpuid = calloc(1, CPUID_SIZE(nent));

	cpuid->nent = nent;
	return cpuid;
}

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, __u32 function, __u32 index)
{
	for (unsigned int i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function && cpuid->entries[i].index == index)
			return &cpuid->entries[i];
	return NULL;
}

FIXTURE(cpuid) {
	int dev, vm, vcpu;
	struct kvm_cpuid2 *supported;
};

FIXTURE_SETUP(cpuid)
{
	self->dev = open_kvm();
	ASSERT_GE(self->dev, 0);
	self->vm = create_vm();
	ASSERT_GE(self->vm, 0);
	self->vcpu = create_vcpu(self->vm, 0);
	ASSERT_GE(self->vcpu, 0);
	self->supported = alloc_cpuid(MAX_ENTRIES);
	ASSERT_EQ(ioctl(self->dev, KVM_GET_SUPPORTED_CPUID, self->supported), 0);
}

FIXTURE_TEARDOWN(cpuid)
{
	free(self->supported);
	close(self->vcpu);
	close(self->vm);
	close(self->dev);
}

/* Every bit of the feature leaves is the host's, but for what our code emulates. */
TEST_F(cpuid, only_what_the_host_has)
{
	static const struct {
		__u32 function, index, emulated[4];
	} leaves[] = {
		{ 0x1, 0, { 0, 0, 0, 0 } },
		{ 0x7, 0, { 0, 1U << 1, 0, 0 } },
		{ 0x80000001, 0, { 0, 0, 0, 0 } },
		{ 0x80000008, 0, { ~0U, 0, 0, 0 } },
	};
	__u32 host[4], guest[4];

	for (unsigned int i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		struct kvm_cpuid_entry2 *entry = find(self->supported, leaves[i].function,
						      leaves[i].index);

		ASSERT_NE(entry, NULL);
		__cpuid_count(leaves[i].function, leaves[i].index,
			      host[0], host[1], host[2], host[3]);
		memcpy(guest, &entry->eax, sizeof(guest));
		for (int reg = 0; reg < 4; reg++) {
			__u32 extra = guest[reg] & ~host[reg] & ~leaves[i].emulated[reg];

			/* x2APIC is the kernel's own device. */
			if (leaves[i].function == 1 && reg == 2)
				extra &= ~(1U << 21);
			EXPECT_EQ(extra, 0) {
				TH_LOG("leaf %x register %d: %x", leaves[i].function, reg, extra);
			}
		}
	}
}

TEST_F(cpuid, what_no_guest_has)
{
	struct kvm_cpuid_entry2 *one = find(self->supported, 1, 0);
	struct kvm_cpuid_entry2 *ext = find(self->supported, 0x80000001, 0);

	/* VMX, SMX, MONITOR, OSXSAVE; SVM. */
	EXPECT_EQ(one->ecx & (1U << 5 | 1U << 6 | 1U << 3 | 1U << 27), 0);
	EXPECT_EQ(ext->ecx & (1U << 2), 0);
	EXPECT_EQ(find(self->supported, 0x8000000a, 0), NULL);
	/* MPX, which no kernel saves any more. */
	EXPECT_EQ(find(self->supported, 7, 0)->ebx & (1U << 14), 0);
}

TEST_F(cpuid, signature)
{
	struct kvm_cpuid_entry2 *entry = find(self->supported, 0x40000000, 0);

	ASSERT_NE(entry, NULL);
	EXPECT_EQ(entry->eax, 0x40000001);
	EXPECT_EQ(memcmp(&entry->ebx, "KVMKVMKVM\0\0\0", 12), 0);
	EXPECT_NE(find(self->supported, 0x40000001, 0), NULL);
}

/* Each leaf at most once, with its subleaf only where subleaves count. */
TEST_F(cpuid, no_leaf_twice)
{
	struct kvm_cpuid2 *s = self->supported;

	for (unsigned int i = 0; i < s->nent; i++) {
		EXPECT_EQ(find(s, s->entries[i].function, s->entries[i].index), &s->entries[i]);
		if (!(s->entries[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX))
			EXPECT_EQ(s->entries[i].index, 0);
	}
}

TEST_F(cpuid, xsave_sizes)
{
	struct kvm_cpuid_entry2 *entry = find(self->supported, 0xd, 0);
	__u32 eax, ebx, ecx, edx, end = 576;

	if (!entry)
		SKIP(return, "the host has no XSAVE");
	EXPECT_EQ(entry->eax & 3, 3);
	for (int i = 2; i < 32; i++) {
		if (!(entry->eax & 1U << i))
			continue;
		__cpuid_count(0xd, i, eax, ebx, ecx, edx);
		if (ebx + eax > end)
			end = ebx + eax;
		EXPECT_NE(find(self->supported, 0xd, i), NULL);
	}
	EXPECT_EQ(entry->ebx, end);
	EXPECT_EQ(entry->ecx, end);
}

TEST_F(cpuid, supported_room)
{
	struct kvm_cpuid2 *cpuid = alloc_cpuid(MAX_ENTRIES);
	unsigned int nent = self->supported->nent;

	for (unsigned int i = 0; i < nent; i++) {
		cpuid->nent = i;
		EXPECT_ERRNO(ioctl(self->dev, KVM_GET_SUPPORTED_CPUID, cpuid), E2BIG);
		EXPECT_EQ(cpuid->nent, i);
	}
	cpuid->nent = nent;
	EXPECT_EQ(ioctl(self->dev, KVM_GET_SUPPORTED_CPUID, cpuid), 0);
	EXPECT_EQ(cpuid->nent, nent);
	EXPECT_EQ(memcmp(cpuid, self->supported, CPUID_SIZE(nent)), 0);
	/* A number that nobody could mean is no allocation. */
	cpuid->nent = ~0U;
	EXPECT_EQ(ioctl(self->dev, KVM_GET_SUPPORTED_CPUID, cpuid), 0);
	EXPECT_EQ(cpuid->nent, nent);
	EXPECT_ERRNO(ioctl(self->dev, KVM_GET_SUPPORTED_CPUID, NULL), EFAULT);
	free(cpuid);
}

TEST_F(cpuid, emulated_is_empty)
{
	struct kvm_cpuid2 *cpuid = alloc_cpuid(1);

	EXPECT_EQ(ioctl(self->dev, KVM_GET_EMULATED_CPUID, cpuid), 0);
	EXPECT_EQ(cpuid->nent, 0);
	free(cpuid);
}

TEST_F(cpuid, set_and_get)
{
	unsigned int nent = self->supported->nent;
	struct kvm_cpuid2 *got = alloc_cpuid(nent + 1);

	/* Before anything is set there is nothing. */
	EXPECT_EQ(ioctl(self->vcpu, KVM_GET_CPUID2, got), 0);
	EXPECT_EQ(got->nent, 0);

	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_CPUID2, self->supported), 0);
	for (unsigned int i = 0; i < nent; i++) {
		got->nent = i;
		EXPECT_ERRNO(ioctl(self->vcpu, KVM_GET_CPUID2, got), E2BIG);
		EXPECT_EQ(got->nent, i);
	}
	got->nent = nent + 1;
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_CPUID2, got), 0);
	EXPECT_EQ(got->nent, nent);
	for (unsigned int i = 0; i < nent; i++) {
		struct kvm_cpuid_entry2 *a = &self->supported->entries[i], *b = &got->entries[i];

		EXPECT_EQ(a->function, b->function);
		EXPECT_EQ(a->index, b->index);
		EXPECT_EQ(a->flags, b->flags);
		/* Those that follow XCR0, CR4 and the APIC. */
		if (a->function != 0xd && a->function != 1)
			EXPECT_EQ(memcmp(a, b, sizeof(*a)), 0);
	}
	free(got);
}

/* What KVM_GET_CPUID2 shows follows the vCPU's registers. */
TEST_F(cpuid, follows_state)
{
	struct kvm_cpuid2 *got = alloc_cpuid(MAX_ENTRIES);
	struct kvm_sregs sregs;

	if (!(find(self->supported, 1, 0)->ecx & (1U << 26)))
		SKIP(return, "the host has no XSAVE");
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_CPUID2, self->supported), 0);
	for (int on = 1; on >= 0; on--) {
		ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &sregs), 0);
		sregs.cr4 = on ? 1UL << 18 : 0;
		sregs.apic_base = on ? 0xfee00800 : 0xfee00000;
		ASSERT_EQ(ioctl(self->vcpu, KVM_SET_SREGS, &sregs), 0);
		got->nent = MAX_ENTRIES;
		ASSERT_EQ(ioctl(self->vcpu, KVM_GET_CPUID2, got), 0);
		EXPECT_EQ(find(got, 1, 0)->ecx >> 27 & 1, on);
		EXPECT_EQ(find(got, 1, 0)->edx >> 9 & 1, on);
	}
	free(got);
}

TEST_F(cpuid, set_errors)
{
	struct kvm_cpuid2 *cpuid = alloc_cpuid(MAX_ENTRIES + 1);

	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_CPUID2, cpuid), E2BIG);
	cpuid->nent = ~0U;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_CPUID2, cpuid), E2BIG);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_CPUID2, NULL), EFAULT);
	cpuid->nent = MAX_ENTRIES;
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_CPUID2, cpuid), 0);
	/* Linear addresses of a width that no CPU has; what was set stays. */
	cpuid->nent = 1;
	cpuid->entries[0] = (struct kvm_cpuid_entry2) { .function = 0x80000008, .eax = 52 << 8 };
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_CPUID2, cpuid), EINVAL);
	cpuid->nent = MAX_ENTRIES;
	EXPECT_EQ(ioctl(self->vcpu, KVM_GET_CPUID2, cpuid), 0);
	EXPECT_EQ(cpuid->nent, MAX_ENTRIES);
	cpuid->nent = 0;
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_CPUID2, cpuid), 0);
	free(cpuid);
}

TEST_F(cpuid, entries_that_cannot_be_read)
{
	size_t page = getpagesize();
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	struct kvm_cpuid2 *cpuid = (void *)(map + page - CPUID_SIZE(1));

	ASSERT_NE(map, MAP_FAILED);
	ASSERT_EQ(mprotect(map + page, page, PROT_NONE), 0);
	cpuid->nent = 2;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_CPUID2, cpuid), EFAULT);
	cpuid->nent = MAX_ENTRIES;
	EXPECT_ERRNO(ioctl(self->dev, KVM_GET_SUPPORTED_CPUID, cpuid), EFAULT);
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_CPUID2, self->supported), 0);
	cpuid->nent = MAX_ENTRIES;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_GET_CPUID2, cpuid), EFAULT);
	munmap(map, 2 * page);
}

TEST_HARNESS_MAIN
