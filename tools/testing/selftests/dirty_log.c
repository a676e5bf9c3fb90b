// SPDX-License-Identifier: GPL-2.0
/* The dirty log: what was written is reported, once, and nothing is lost. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "access.h"
#include "files.h"
#include "vmstat.h"

#define PAGES	2048ULL
#define SIZE	(PAGES * PAGE)
#define WORDS	(PAGES / 64)
#define SLOT	1

FIXTURE(log) {
	struct guest guest;
	struct vcpu *vcpu;
	char *memory;
	uint64_t bits[WORDS];
};

static void set_flags(struct guest *guest, void *memory, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = SLOT, .flags = flags, .guest_phys_addr = AREA,
		.memory_size = SIZE, .userspace_addr = (uint64_t)memory,
	};

	kvm_ioctl_ok(guest->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static void enable(struct guest *guest, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	kvm_ioctl_ok(guest->vm, KVM_ENABLE_CAP, &enable);
}

/* Memory at a multiple of 2 MiB. */
static char *aligned_memory(size_t size)
{
	char *all = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return all == MAP_FAILED ? NULL : (char *)(((uintptr_t)all + LARGE - 1) & -LARGE);
}

FIXTURE_SETUP(log)
{
	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	access_start(&self->guest, self->vcpu);
	self->memory = aligned_memory(SIZE);
	ASSERT_NE(self->memory, NULL);
	set_flags(&self->guest, self->memory, 0);
}

FIXTURE_TEARDOWN(log)
{
	guest_destroy(&self->guest);
}

static int get_log(int vm, uint32_t slot, void *bits)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bits };

	return ioctl(vm, KVM_GET_DIRTY_LOG, &log) ? errno : 0;
}

static int clear_log(int vm, uint64_t first, uint32_t n, void *bits)
{
	struct kvm_clear_dirty_log log = {
		.slot = SLOT, .first_page = first, .num_pages = n, .dirty_bitmap = bits,
	};

	return ioctl(vm, KVM_CLEAR_DIRTY_LOG, &log) ? errno : 0;
}

static bool test_bit(const uint64_t *bits, uint64_t i)
{
	return bits[i / 64] >> i % 64 & 1;
}

static uint64_t count_bits(const uint64_t *bits)
{
	uint64_t i, n = 0;

	for (i = 0; i < WORDS; i++)
		n += __builtin_popcountll(bits[i]);
	return n;
}

#define RUN(...)	access_run(self->vcpu, (struct access){ __VA_ARGS__ }, NULL)
#define GET()		get_log(self->guest.vm, SLOT, self->bits)

TEST_F(log, reports_what_was_written_once)
{
	uint64_t i;

	ASSERT_EQ(RUN(true, AREA, 1, PAGE, PAGES), 0);
	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 0);

	ASSERT_EQ(RUN(true, AREA, 1, 3 * PAGE, PAGES / 3), 0);
	ASSERT_EQ(GET(), 0);
	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(test_bit(self->bits, i), i % 3 == 0 && i / 3 < PAGES / 3);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 0);

	/* Noticed again, and reading is not noticed. */
	ASSERT_EQ(RUN(true, AREA + 3 * PAGE, 1, PAGE, 1), 0);
	ASSERT_EQ(RUN(false, AREA, 0, PAGE, PAGES), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 1);
	EXPECT_TRUE(test_bit(self->bits, 3));
}

TEST_F(log, pages_first_touched_while_logged)
{
	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	ASSERT_EQ(RUN(false, AREA, 0, PAGE, 64), 0);
	ASSERT_EQ(RUN(true, AREA + 70 * PAGE, 0, PAGE, 1), 0);
	ASSERT_EQ(RUN(true, AREA + 5 * PAGE, 0, PAGE, 1), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 2);
	EXPECT_TRUE(test_bit(self->bits, 5));
	EXPECT_TRUE(test_bit(self->bits, 70));
}

/* To read a page that the host could write at once does not let the guest write it. */
TEST_F(log, pages_first_read_while_logged)
{
	memset(self->memory, 1, 64 * PAGE);
	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	ASSERT_EQ(RUN(false, AREA, 0, PAGE, 64), 0);
	ASSERT_EQ(RUN(true, AREA + 5 * PAGE, 0, PAGE, 1), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 1);
	EXPECT_TRUE(test_bit(self->bits, 5));
}

/* A slot takes its log along. */
TEST_F(log, moves_with_the_slot)
{
	struct kvm_userspace_memory_region region = {
		.slot = SLOT, .flags = KVM_MEM_LOG_DIRTY_PAGES, .guest_phys_addr = 2 * AREA,
		.memory_size = SIZE, .userspace_addr = (uint64_t)self->memory,
	};

	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	ASSERT_EQ(RUN(true, AREA + 5 * PAGE, 0, PAGE, 1), 0);
	kvm_ioctl_ok(self->guest.vm, KVM_SET_USER_MEMORY_REGION, &region);
	ASSERT_EQ(RUN(true, 2 * AREA + 9 * PAGE, 0, PAGE, 1), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 2);
	EXPECT_TRUE(test_bit(self->bits, 5));
	EXPECT_TRUE(test_bit(self->bits, 9));

	/* A move can end the log, or begin it. */
	region.flags = 0;
	region.guest_phys_addr = AREA;
	kvm_ioctl_ok(self->guest.vm, KVM_SET_USER_MEMORY_REGION, &region);
	EXPECT_EQ(GET(), ENOENT);
	region.flags = KVM_MEM_LOG_DIRTY_PAGES;
	region.guest_phys_addr = 2 * AREA;
	kvm_ioctl_ok(self->guest.vm, KVM_SET_USER_MEMORY_REGION, &region);
	ASSERT_EQ(RUN(true, 2 * AREA + 7 * PAGE, 0, PAGE, 1), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 1);
	EXPECT_TRUE(test_bit(self->bits, 7));
}

/* The kernel's own writes are logged, too, and stop at a read-only slot. */
TEST_F(log, writes_of_the_kernel)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry entry; } clock = {
		.head.nmsrs = 1, .entry = { .index = 0x4b564d00, .data = AREA + 3 * PAGE },
	};
	char rom[PAGE] __attribute__((aligned(PAGE))) = {};

	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	ASSERT_EQ(ioctl(self->vcpu->fd, KVM_SET_MSRS, &clock), 1);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 1);
	EXPECT_TRUE(test_bit(self->bits, 3));
	EXPECT_NE(*(uint32_t *)(self->memory + 3 * PAGE), 0);

	guest_add_memory(&self->guest, SLOT + 1, 2 * AREA, PAGE, rom, KVM_MEM_READONLY);
	clock.entry.data = 2 * AREA;
	ioctl(self->vcpu->fd, KVM_SET_MSRS, &clock);
	EXPECT_EQ(*(uint32_t *)rom, 0);
}

TEST_F(log, errors)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 };
	uint64_t i;

	EXPECT_EQ(GET(), ENOENT);
	EXPECT_EQ(get_log(self->guest.vm, 7, self->bits), ENOENT);
	EXPECT_EQ(get_log(self->guest.vm, 32764, self->bits), EINVAL);
	EXPECT_EQ(get_log(self->guest.vm, 1 << 16, self->bits), EINVAL);
	EXPECT_EQ(get_log(self->guest.vm, UINT32_MAX, self->bits), EINVAL);
	EXPECT_EQ(clear_log(self->guest.vm, 0, 64, self->bits), ENOENT);
	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	EXPECT_EQ(clear_log(self->guest.vm, 1, 64, self->bits), EINVAL);
	EXPECT_EQ(clear_log(self->guest.vm, 0, 65, self->bits), EINVAL);
	EXPECT_EQ(clear_log(self->guest.vm, PAGES, 64, self->bits), EINVAL);
	EXPECT_EQ(clear_log(self->guest.vm, -64ULL, 128, self->bits), EINVAL);
	EXPECT_EQ(clear_log(self->guest.vm, 0, PAGES + 64, self->bits), EINVAL);
	EXPECT_EQ(clear_log(self->guest.vm, 0, PAGES, (void *)8), EFAULT);
	EXPECT_EQ(clear_log(self->guest.vm, 0, 0, self->bits), 0);
	for (i = 4; i; i <<= 1) {
		cap.args[0] = i;
		EXPECT_EQ(ioctl(self->guest.vm, KVM_ENABLE_CAP, &cap), -1);
		EXPECT_EQ(errno, EINVAL);
	}
	cap.args[0] = KVM_DIRTY_LOG_INITIALLY_SET;
	EXPECT_EQ(ioctl(self->guest.vm, KVM_ENABLE_CAP, &cap), -1);
	cap.args[0] = 1;
	cap.flags = 1;
	EXPECT_EQ(ioctl(self->guest.vm, KVM_ENABLE_CAP, &cap), -1);
	EXPECT_EQ(ioctl(self->guest.vm, KVM_RESET_DIRTY_RINGS, 0), -1);
	EXPECT_EQ(errno, EINVAL);
}

/* Who cannot be told is told the next time. */
TEST_F(log, a_bad_pointer_loses_nothing)
{
	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	ASSERT_EQ(RUN(true, AREA + PAGE, 0, 7 * PAGE, 20), 0);
	EXPECT_EQ(get_log(self->guest.vm, SLOT, (void *)8), EFAULT);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 20);
}

TEST_F(log, cleared_by_hand)
{
	uint64_t mask[WORDS] = {};

	enable(&self->guest, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 1);
	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	ASSERT_EQ(RUN(true, AREA, 0, PAGE, 256), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 256);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 256);

	/* Bit 70, and one that is not dirty. */
	mask[0] = 1ULL << 6;
	mask[4] = 1;
	ASSERT_EQ(clear_log(self->guest.vm, 64, 320, mask), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 255);
	EXPECT_FALSE(test_bit(self->bits, 70));
	ASSERT_EQ(RUN(true, AREA + 70 * PAGE, 0, PAGE, 1), 0);
	ASSERT_EQ(RUN(true, AREA + 71 * PAGE, 0, PAGE, 1), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 256);
}

TEST_F(log, initially_set)
{
	uint64_t mask[WORDS];

	ASSERT_EQ(RUN(true, AREA, 0, PAGE, PAGES), 0);
	enable(&self->guest, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 3);
	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), PAGES);
	memset(mask, 0xff, sizeof(mask));
	ASSERT_EQ(clear_log(self->guest.vm, 0, PAGES, mask), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 0);
	ASSERT_EQ(RUN(true, AREA + 9 * PAGE, 0, PAGE, 1), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 1);
	EXPECT_TRUE(test_bit(self->bits, 9));
}

/* Large pages are taken apart for the log, and come back after it. */
TEST_F(log, large_pages)
{
	int vm = self->guest.vm;
	/* The guest's code may stand on a large page, too. */
	uint64_t before = kvm_stat(vm, "pages_2m"), large;

	ASSERT_EQ(madvise(self->memory, SIZE, MADV_HUGEPAGE), 0);
	ASSERT_EQ(RUN(true, AREA, 1, PAGE, PAGES), 0);
	large = kvm_stat(vm, "pages_2m");
	if (large == before)
		SKIP(return, "the host has no large pages");
	EXPECT_EQ(large, before + SIZE / LARGE);

	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	EXPECT_EQ(kvm_stat(vm, "pages_2m"), before);
	EXPECT_GE(kvm_stat(vm, "pages_4k"), PAGES);
	ASSERT_EQ(RUN(true, AREA + 700 * PAGE, 1, PAGE, 1), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 1);
	EXPECT_TRUE(test_bit(self->bits, 700));

	set_flags(&self->guest, self->memory, 0);
	ASSERT_EQ(RUN(false, AREA, 0, PAGE, PAGES), 0);
	EXPECT_EQ(kvm_stat(vm, "pages_2m"), large);
}

/* Split by the first write, not before: what is only read stays large. */
TEST_F(log, large_pages_split_late)
{
	int vm = self->guest.vm;
	uint64_t large;

	if (write_text("/sys/module/kvm/parameters/eager_page_split", "0"))
		SKIP(return, "no parameter eager_page_split");
	ASSERT_EQ(madvise(self->memory, SIZE, MADV_HUGEPAGE), 0);
	ASSERT_EQ(RUN(true, AREA, 1, PAGE, PAGES), 0);
	large = kvm_stat(vm, "pages_2m");
	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	EXPECT_EQ(kvm_stat(vm, "pages_2m"), large);
	ASSERT_EQ(RUN(true, AREA + 700 * PAGE, 1, PAGE, 1), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 1);
	EXPECT_TRUE(test_bit(self->bits, 700));
	if (large)
		EXPECT_EQ(kvm_stat(vm, "pages_2m"), large - 1);
	ASSERT_EQ(RUN(true, AREA + 701 * PAGE, 1, PAGE, 1), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), 1);
	EXPECT_TRUE(test_bit(self->bits, 701));
	write_text("/sys/module/kvm/parameters/eager_page_split", "1");
}

TEST_F(log, large_pages_initially_set)
{
	uint64_t mask[WORDS] = { 1 };

	ASSERT_EQ(madvise(self->memory, SIZE, MADV_HUGEPAGE), 0);
	enable(&self->guest, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 3);
	ASSERT_EQ(RUN(true, AREA, 1, PAGE, PAGES), 0);
	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	ASSERT_EQ(clear_log(self->guest.vm, 0, 64, mask), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), PAGES - 1);
	ASSERT_EQ(RUN(true, AREA, 1, PAGE, 1), 0);
	ASSERT_EQ(GET(), 0);
	EXPECT_EQ(count_bits(self->bits), PAGES);
}

/* Writers on all vCPUs, and a reader that keeps a copy by the log alone. */
struct writer {
	struct vcpu *vcpu;
	unsigned int seed;
	volatile bool *stop;
};

static void *write_at_random(void *data)
{
	struct writer *w = data;
	uint64_t value = (uint64_t)w->seed << 32;

	while (!*w->stop) {
		uint64_t page = rand_r(&w->seed) % PAGES;
		uint64_t n = 1 + rand_r(&w->seed) % 16;

		if (page + n > PAGES)
			n = PAGES - page;
		if (access_run(w->vcpu, (struct access){ true, AREA + page * PAGE +
				8 * (w->seed % 512), value, PAGE, n }, NULL))
			return "a write failed";
		value += n;
	}
	return NULL;
}

static void copy_dirty(char *copy, const char *memory, const uint64_t *bits)
{
	uint64_t i;

	for (i = 0; i < PAGES; i++)
		if (test_bit(bits, i))
			memcpy(copy + i * PAGE, memory + i * PAGE, PAGE);
}

FIXTURE(nothing_lost) {
	struct guest guest;
	char *memory, *copy;
	uint64_t bits[WORDS];
};

FIXTURE_VARIANT(nothing_lost) {
	uint64_t protect;
};

FIXTURE_VARIANT_ADD(nothing_lost, get) { .protect = 0 };
FIXTURE_VARIANT_ADD(nothing_lost, clear) { .protect = 1 };
FIXTURE_VARIANT_ADD(nothing_lost, initially_set) { .protect = 3 };

FIXTURE_SETUP(nothing_lost)
{
	int i;

	guest_create(&self->guest);
	for (i = 1; i < 4; i++)
		guest_add_vcpu(&self->guest, i);
	for (i = 0; i < 4; i++)
		access_start(&self->guest, &self->guest.vcpu[i]);
	self->memory = aligned_memory(SIZE);
	self->copy = aligned_memory(SIZE);
	madvise(self->memory, SIZE / 2, MADV_HUGEPAGE);
	set_flags(&self->guest, self->memory, 0);
	if (variant->protect)
		enable(&self->guest, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, variant->protect);
}

FIXTURE_TEARDOWN(nothing_lost)
{
	guest_destroy(&self->guest);
}

TEST_F_TIMEOUT(nothing_lost, whatever_is_written, 120)
{
	bool manual = variant->protect;
	volatile bool stop = false;
	struct writer w[4];
	pthread_t thread[4];
	int i, round;
	void *r;

	for (i = 0; i < 4; i++) {
		w[i] = (struct writer){ &self->guest.vcpu[i], i + 1, &stop };
		ASSERT_EQ(pthread_create(&thread[i], NULL, write_at_random, &w[i]), 0);
	}
	usleep(100000);
	set_flags(&self->guest, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
	memcpy(self->copy, self->memory, SIZE);
	for (round = 0; round < 40; round++) {
		usleep(5000);
		if (round == 38) {
			stop = true;
			for (i = 0; i < 4; i++) {
				ASSERT_EQ(pthread_join(thread[i], &r), 0);
				ASSERT_EQ(r, NULL);
			}
		}
		ASSERT_EQ(get_log(self->guest.vm, SLOT, self->bits), 0);
		if (manual)
			ASSERT_EQ(clear_log(self->guest.vm, 0, PAGES, self->bits), 0);
		copy_dirty(self->copy, self->memory, self->bits);
	}
	EXPECT_EQ(count_bits(self->bits), 0);
	EXPECT_EQ(memcmp(self->copy, self->memory, SIZE), 0);
}

TEST_HARNESS_MAIN
