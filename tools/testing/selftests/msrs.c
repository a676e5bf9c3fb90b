// SPDX-License-Identifier: GPL-2.0
/* KVM_GET_MSRS, KVM_SET_MSRS, and the lists of registers to save. */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "files.h"

#define MSR_TSC			0x10
#define MSR_APIC_BASE		0x1b
#define MSR_TSC_ADJUST		0x3b
#define MSR_MTRR_CAP		0xfe
#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_ESP	0x175
#define MSR_SYSENTER_EIP	0x176
#define MSR_MCG_CAP		0x179
#define MSR_MCG_STATUS		0x17a
#define MSR_MCG_CTL		0x17b
#define MSR_MTRR_BASE0		0x200
#define MSR_MTRR_MASK0		0x201
#define MSR_MTRR_FIX64K		0x250
#define MSR_PAT			0x277
#define MSR_MTRR_DEF		0x2ff
#define MSR_MC0_CTL		0x400
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_SFMASK		0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102
#define MSR_TSC_AUX		0xc0000103
#define MSR_HWCR		0xc0010015
#define MSR_NOWHERE		0x12345

#define NON_CANONICAL		0x1234000000000000UL

#define EXPECT_ERRNO(call, error) do {		\
	errno = 0;				\
	EXPECT_EQ(call, -1);			\
	EXPECT_EQ(errno, error);		\
} while (0)

struct one_msr {
	struct kvm_msrs header;
	struct kvm_msr_entry entry;
};

static int set_msr(int fd, __u32 index, __u64 data)
{
	struct one_msr msr = { { .nmsrs = 1 }, { .index = index, .data = data } };

	return ioctl(fd, KVM_SET_MSRS, &msr);
}

static int get_msr(int fd, __u32 index, __u64 *data)
{
	struct one_msr msr = { { .nmsrs = 1 }, { .index = index } };
	int r = ioctl(fd, KVM_GET_MSRS, &msr);

	*data = msr.entry.data;
	return r;
}

/* The list behind @cmd, to be freed. */
static struct kvm_msr_list *msr_list(int dev, unsigned long cmd)
{
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + 4096 * sizeof(__u32));

	list->nmsrs = 4096;
	if (!ioctl(dev, cmd, list))
		return list;
	free(list);
	return NULL;
}

FIXTURE(msrs) {
	int dev, vm, vcpu;
};

FIXTURE_SETUP(msrs)
{
	self->dev = open_kvm();
	ASSERT_GE(self->dev, 0);
	self->vm = create_vm();
	ASSERT_GE(self->vm, 0);
	self->vcpu = create_vcpu(self->vm, 0);
	ASSERT_GE(self->vcpu, 0);
}

FIXTURE_TEARDOWN(msrs)
{
	close(self->vcpu);
	close(self->vm);
	close(self->dev);
}

TEST_F(msrs, lists)
{
	static const unsigned long cmds[] = {
		KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST,
	};

	for (int i = 0; i < 2; i++) {
		struct kvm_msr_list *list = msr_list(self->dev, cmds[i]);
		unsigned int n;

		ASSERT_NE(list, NULL);
		n = list->nmsrs;
		EXPECT_GT(n, 0);
		for (unsigned int j = 0; j < n; j++)
			for (unsigned int k = 0; k < j; k++)
				EXPECT_NE(list->indices[j], list->indices[k]);
		/* Without room the number is told. */
		for (unsigned int room = 0; room < n; room++) {
			list->nmsrs = room;
			EXPECT_ERRNO(ioctl(self->dev, cmds[i], list), E2BIG);
			EXPECT_EQ(list->nmsrs, n);
		}
		list->nmsrs = n;
		EXPECT_EQ(ioctl(self->dev, cmds[i], list), 0);
		EXPECT_ERRNO(ioctl(self->dev, cmds[i], NULL), EFAULT);
		free(list);
	}
}

/* What is listed can be read, and written back as it was read. */
TEST_F(msrs, every_listed_one)
{
	struct kvm_msr_list *list = msr_list(self->dev, KVM_GET_MSR_INDEX_LIST);
	__u64 data, again;

	ASSERT_NE(list, NULL);
	for (unsigned int i = 0; i < list->nmsrs; i++) {
		EXPECT_EQ(get_msr(self->vcpu, list->indices[i], &data), 1) {
			TH_LOG("get %x", list->indices[i]);
		}
		EXPECT_EQ(set_msr(self->vcpu, list->indices[i], data), 1) {
			TH_LOG("set %x", list->indices[i]);
		}
		EXPECT_EQ(get_msr(self->vcpu, list->indices[i], &again), 1);
		if (list->indices[i] != MSR_TSC)
			EXPECT_EQ(data, again);
	}
	free(list);
}

TEST_F(msrs, features)
{
	struct kvm_msr_list *list = msr_list(self->dev, KVM_GET_MSR_FEATURE_INDEX_LIST);
	__u64 data;

	ASSERT_NE(list, NULL);
	for (unsigned int i = 0; i < list->nmsrs; i++)
		EXPECT_EQ(get_msr(self->dev, list->indices[i], &data), 1);
	EXPECT_EQ(get_msr(self->dev, MSR_STAR, &data), 0);
	EXPECT_ERRNO(set_msr(self->dev, list->indices[0], 0), ENOTTY);
	free(list);
}

/* Each keeps its own value. */
TEST_F(msrs, stored)
{
	static const __u32 stored[] = {
		MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_STAR, MSR_LSTAR,
		MSR_CSTAR, MSR_SFMASK, MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
		MSR_TSC_ADJUST,
	};
	__u64 data;

	for (unsigned int i = 0; i < sizeof(stored) / sizeof(stored[0]); i++)
		EXPECT_EQ(set_msr(self->vcpu, stored[i], 0x1000 + i), 1);
	for (unsigned int i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
		EXPECT_EQ(get_msr(self->vcpu, stored[i], &data), 1);
		EXPECT_EQ(data, 0x1000 + i);
	}
}

TEST_F(msrs, same_as_sregs)
{
	struct kvm_sregs sregs;
	__u64 data;

	EXPECT_EQ(set_msr(self->vcpu, MSR_FS_BASE, 0x123000), 1);
	EXPECT_EQ(set_msr(self->vcpu, MSR_GS_BASE, 0x456000), 1);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &sregs), 0);
	EXPECT_EQ(sregs.fs.base, 0x123000);
	EXPECT_EQ(sregs.gs.base, 0x456000);
	EXPECT_EQ(get_msr(self->vcpu, MSR_APIC_BASE, &data), 1);
	EXPECT_EQ(data, sregs.apic_base);
}

/* Values that the register cannot take; it keeps what it had. */
TEST_F(msrs, illegal_values)
{
	static const struct {
		__u32 index;
		__u64 data;
	} illegal[] = {
		{ MSR_APIC_BASE, 0xfee00400 }, { MSR_SYSENTER_ESP, NON_CANONICAL },
		{ MSR_SYSENTER_EIP, NON_CANONICAL }, { MSR_LSTAR, NON_CANONICAL },
		{ MSR_CSTAR, NON_CANONICAL }, { MSR_FS_BASE, NON_CANONICAL },
		{ MSR_GS_BASE, NON_CANONICAL }, { MSR_KERNEL_GS_BASE, NON_CANONICAL },
		{ MSR_EFER, 1UL << 9 }, { MSR_EFER, 1UL << 12 }, { MSR_EFER, 1UL << 63 },
		{ MSR_PAT, 2 }, { MSR_PAT, 0x0300 }, { MSR_PAT, 0x08UL << 56 },
		{ MSR_MTRR_DEF, 7 }, { MSR_MTRR_DEF, 1UL << 12 | 6 },
		{ MSR_MTRR_BASE0, 2 }, { MSR_MTRR_BASE0, 0x106 }, { MSR_MTRR_MASK0, 0x400 },
		{ MSR_MTRR_BASE0, 1UL << 62 }, { MSR_MTRR_FIX64K, 0x0606060606060602 },
		{ MSR_TSC_AUX, 1UL << 32 }, { MSR_HWCR, 1 }, { MSR_HWCR, 1UL << 63 },
	};
	__u64 before, after;

	for (unsigned int i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++) {
		if (get_msr(self->vcpu, illegal[i].index, &before) != 1)
			continue;
		EXPECT_EQ(set_msr(self->vcpu, illegal[i].index, illegal[i].data), 0) {
			TH_LOG("%x took %llx", illegal[i].index, illegal[i].data);
		}
		EXPECT_EQ(get_msr(self->vcpu, illegal[i].index, &after), 1);
		EXPECT_EQ(before, after);
	}
}

/* A list goes as far as its first unknown register. */
TEST_F(msrs, short_count)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entries[4];
	} msrs = {
		{ .nmsrs = 4 },
		{ { .index = MSR_STAR, .data = 1 }, { .index = MSR_SFMASK, .data = 2 },
		  { .index = MSR_NOWHERE }, { .index = MSR_STAR, .data = 3 } },
	};
	__u64 data;

	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_MSRS, &msrs), 2);
	EXPECT_EQ(get_msr(self->vcpu, MSR_STAR, &data), 1);
	EXPECT_EQ(data, 1);
	msrs.entries[0].data = 0;
	EXPECT_EQ(ioctl(self->vcpu, KVM_GET_MSRS, &msrs), 2);
	EXPECT_EQ(msrs.entries[0].data, 1);
	EXPECT_EQ(msrs.entries[3].data, 3);
	msrs.header.nmsrs = 0;
	EXPECT_EQ(ioctl(self->vcpu, KVM_GET_MSRS, &msrs), 0);
}

TEST_F(msrs, errors)
{
	size_t page = getpagesize();
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	struct one_msr *msr = (void *)(map + page - sizeof(*msr));

	ASSERT_NE(map, MAP_FAILED);
	ASSERT_EQ(mprotect(map + page, page, PROT_NONE), 0);
	msr->header.nmsrs = 2;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_GET_MSRS, msr), EFAULT);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_MSRS, msr), EFAULT);
	EXPECT_ERRNO(ioctl(self->dev, KVM_GET_MSRS, msr), EFAULT);
	msr->header.nmsrs = 256;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_GET_MSRS, msr), E2BIG);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_MSRS, msr), E2BIG);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_MSRS, NULL), EFAULT);
	munmap(map, 2 * page);
}

TEST_F(msrs, constants)
{
	__u64 data;

	EXPECT_EQ(get_msr(self->vcpu, MSR_MTRR_CAP, &data), 1);
	EXPECT_EQ(data & 0xff, 8);
	EXPECT_EQ(set_msr(self->vcpu, MSR_MTRR_BASE0 + 2 * 8, 6), 0);
	EXPECT_EQ(set_msr(self->vcpu, MSR_MTRR_BASE0 + 2 * 8 - 1, 0x800), 1);
}

TEST_F(msrs, machine_check)
{
	__u64 supported, cap, data;

	ASSERT_EQ(ioctl(self->dev, KVM_X86_GET_MCE_CAP_SUPPORTED, &supported), 0);
	EXPECT_EQ(get_msr(self->vcpu, MSR_MC0_CTL, &data), 0);
	cap = supported;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = supported | 33;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = 1UL << 63 | 10;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_X86_SETUP_MCE, &cap), EINVAL);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_X86_SETUP_MCE, NULL), EFAULT);

	cap = supported | 10;
	ASSERT_EQ(ioctl(self->vcpu, KVM_X86_SETUP_MCE, &cap), 0);
	EXPECT_EQ(get_msr(self->vcpu, MSR_MCG_CAP, &data), 1);
	EXPECT_EQ(data, cap);
	EXPECT_EQ(get_msr(self->vcpu, MSR_MCG_CTL, &data), 1);
	EXPECT_EQ(data, ~0UL);
	EXPECT_EQ(set_msr(self->vcpu, MSR_MCG_CTL, 1), 0);
	for (int i = 0; i < 40; i++)
		EXPECT_EQ(set_msr(self->vcpu, MSR_MC0_CTL + i, i % 4 ? i : ~0UL), 1);
	for (int i = 0; i < 40; i++) {
		EXPECT_EQ(get_msr(self->vcpu, MSR_MC0_CTL + i, &data), 1);
		EXPECT_EQ(data, i % 4 ? i : ~0UL);
	}
	EXPECT_EQ(set_msr(self->vcpu, MSR_MC0_CTL, 2), 0);
	EXPECT_EQ(set_msr(self->vcpu, MSR_MC0_CTL + 38, 1), 1);
	EXPECT_EQ(get_msr(self->vcpu, MSR_MC0_CTL + 40, &data), 0);
}

#define MCI_VAL		(1UL << 63)
#define MCI_OVER	(1UL << 62)
#define MCI_UC		(1UL << 61)
#define BANK		3

TEST_F(msrs, inject_machine_check)
{
	struct kvm_x86_mce mce = { .bank = BANK, .status = MCI_VAL | 5, .addr = 0x1000, .misc = 7 };
	__u64 supported, cap, data;
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;

	EXPECT_ERRNO(ioctl(self->vcpu, KVM_X86_SET_MCE, &mce), EINVAL);
	ASSERT_EQ(ioctl(self->dev, KVM_X86_GET_MCE_CAP_SUPPORTED, &supported), 0);
	cap = supported | 10;
	ASSERT_EQ(ioctl(self->vcpu, KVM_X86_SETUP_MCE, &cap), 0);
	mce.bank = 10;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_X86_SET_MCE, &mce), EINVAL);
	mce.bank = BANK;
	mce.status = 5;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_X86_SET_MCE, &mce), EINVAL);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_X86_SET_MCE, NULL), EFAULT);

	/* A corrected error is only there to be read; a second one is counted. */
	mce.status = MCI_VAL | 5;
	ASSERT_EQ(ioctl(self->vcpu, KVM_X86_SET_MCE, &mce), 0);
	get_msr(self->vcpu, MSR_MC0_CTL + 4 * BANK + 1, &data);
	EXPECT_EQ(data, MCI_VAL | 5);
	get_msr(self->vcpu, MSR_MC0_CTL + 4 * BANK + 2, &data);
	EXPECT_EQ(data, 0x1000);
	mce.addr = 0x2000;
	ASSERT_EQ(ioctl(self->vcpu, KVM_X86_SET_MCE, &mce), 0);
	get_msr(self->vcpu, MSR_MC0_CTL + 4 * BANK + 1, &data);
	EXPECT_EQ(data, MCI_VAL | MCI_OVER | 5);
	get_msr(self->vcpu, MSR_MC0_CTL + 4 * BANK + 2, &data);
	EXPECT_EQ(data, 0x1000);

	/* One that was not corrected is an exception for who takes them. */
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &sregs), 0);
	sregs.cr4 |= 1 << 6;
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_SREGS, &sregs), 0);
	mce.status = MCI_VAL | MCI_UC | 6;
	mce.mcg_status = 5;
	ASSERT_EQ(ioctl(self->vcpu, KVM_X86_SET_MCE, &mce), 0);
	get_msr(self->vcpu, MSR_MC0_CTL + 4 * BANK + 1, &data);
	EXPECT_EQ(data, MCI_VAL | MCI_OVER | MCI_UC | 6);
	get_msr(self->vcpu, MSR_MC0_CTL + 4 * BANK + 2, &data);
	EXPECT_EQ(data, 0x2000);
	get_msr(self->vcpu, MSR_MCG_STATUS, &data);
	EXPECT_EQ(data, 5);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_VCPU_EVENTS, &events), 0);
	EXPECT_EQ(events.exception.injected, 1);
	EXPECT_EQ(events.exception.nr, 18);
}

TEST_HARNESS_MAIN
