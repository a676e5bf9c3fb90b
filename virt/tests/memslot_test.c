// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of ranges, and of the memory slots against a plain model: a table
 * that is searched from end to end.
 */
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/prandom.h>
#include <linux/sched/mm.h>

#include <kvm/arch.h>
#include <kvm/ioctl.h>
#include <kvm/memslot.h>
#include <kvm/vcpu.h>

#include "../range.h"

#define NR_IDS		48
#define NR_GFNS		2048
#define NR_STEPS	10000	/* for each of ten seeds */
#define HVA		BIT(32)

/* Ranges */

static void pages_are_whole_and_do_not_wrap(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, range_is_pages(0, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, range_is_pages(-2 * PAGE_SIZE, PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, range_is_pages(0, 0));
	KUNIT_EXPECT_FALSE(test, range_is_pages(1, PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, range_is_pages(0, PAGE_SIZE + 1));
	KUNIT_EXPECT_FALSE(test, range_is_pages(-PAGE_SIZE, PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, range_is_pages(-PAGE_SIZE, 2 * PAGE_SIZE));
}

struct hva_case {
	hva_t start, end;
	struct gfn_range gfns;
};

/* Of a slot of four pages at frame 100 and address 0x10000. */
static const struct hva_case hva_cases[] = {
	{ 0x10000, 0x14000, { 100, 104 } },
	{ 0, ULONG_MAX, { 100, 104 } },
	{ 0x10000, 0x10001, { 100, 101 } },
	{ 0x10fff, 0x11001, { 100, 102 } },
	{ 0x13fff, 0x20000, { 103, 104 } },
	{ 0x0f000, 0x10000, {} },
	{ 0x14000, 0x15000, {} },
	{ 0x12000, 0x12000, {} },
	{ 0x13000, 0x12000, {} },
};

static void host_range_to_frames(struct kunit *test)
{
	const struct hva_case *c;
	struct gfn_range gfns;
	int i;

	for (i = 0; i < ARRAY_SIZE(hva_cases); i++) {
		c = &hva_cases[i];
		gfns = hva_range_to_gfns(100, 4, 0x10000, (struct hva_range){ c->start, c->end });
		KUNIT_EXPECT_EQ_MSG(test, gfns.start, c->gfns.start, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, gfns.end, c->gfns.end, "case %d", i);
		KUNIT_EXPECT_EQ(test, gfn_range_empty(gfns), gfn_range_empty(c->gfns));
	}
	/* Up to the last address that there is. */
	gfns = hva_range_to_gfns(0, 2, -2 * PAGE_SIZE, (struct hva_range){ 0, ULONG_MAX });
	KUNIT_EXPECT_EQ(test, gfns.end, 2);
}

/* Slots */

struct model_slot {
	unsigned long base, npages, hva;
};

struct slots {
	struct kvm *kvm;
	struct kvm_vcpu *vcpu;
	struct rnd_state rnd;
	struct model_slot model[NR_IDS];
};

static u32 pick(struct slots *s, u32 n)
{
	return prandom_u32_state(&s->rnd) % n;
}

static bool model_overlaps(struct slots *s, const struct model_slot *new, int but)
{
	const struct model_slot *slot;
	int i;

	for (i = 0; i < NR_IDS; i++) {
		slot = &s->model[i];
		if (i != but && slot->npages && new->base < slot->base + slot->npages &&
		    slot->base < new->base + new->npages)
			return true;
	}
	return false;
}

/* What the ioctl must answer; the model then is as the slots must be. */
static int model_set(struct slots *s, int id, const struct model_slot *new)
{
	struct model_slot *old = &s->model[id];

	if (!new->npages && !old->npages)
		return -EINVAL;
	if (new->npages && old->npages &&
	    (new->npages != old->npages || new->hva != old->hva))
		return -EINVAL;
	if (new->npages && model_overlaps(s, new, id))
		return -EEXIST;
	*old = *new;
	return 0;
}

static int slots_set(struct slots *s, int id, const struct model_slot *new)
{
	struct kvm_userspace_memory_region region = {
		.slot = id,
		.guest_phys_addr = gfn_to_gpa(new->base),
		.memory_size = new->npages << PAGE_SHIFT,
		.userspace_addr = new->hva,
	};
	struct kvm_ioctl_args args = { .kvm = s->kvm, .data = &region };

	return kvm_vm_set_memory(&args);
}

static int model_find(struct slots *s, unsigned long gfn)
{
	int i;

	for (i = 0; i < NR_IDS; i++)
		if (gfn - s->model[i].base < s->model[i].npages)
			return i;
	return -1;
}

/* By both ways of looking up. */
static void compare_at(struct kunit *test, unsigned long gfn)
{
	struct slots *s = test->priv;
	struct kvm_memory_slot *slot;
	int id = model_find(s, gfn);

	scoped_guard(mutex, &s->kvm->mem.slots_lock)
		slot = kvm_find_slot(s->kvm, gfn);
	KUNIT_ASSERT_EQ_MSG(test, slot ? slot->id : -1, id, "at %lu", gfn);

	guard(mutex)(&s->vcpu->mutex);
	slot = kvm_hold_slot(s->vcpu, gfn);
	KUNIT_ASSERT_EQ_MSG(test, slot ? slot->id : -1, id, "held, at %lu", gfn);
	if (!slot)
		return;
	KUNIT_EXPECT_EQ(test, kvm_slot_hva(slot, gfn),
			s->model[id].hva + ((gfn - s->model[id].base) << PAGE_SHIFT));
	kvm_release_slot(s->vcpu);
}

static struct model_slot random_change(struct slots *s, int id)
{
	const struct model_slot *old = &s->model[id];
	struct model_slot new = {};

	if (!pick(s, 3))
		return new;
	new.base = pick(s, NR_GFNS);
	new.npages = 1 + pick(s, pick(s, 8) ? 24 : 200);
	new.hva = HVA + ((unsigned long)pick(s, NR_GFNS) << PAGE_SHIFT);
	/* More often a move than an attempt at the impossible. */
	if (old->npages && pick(s, 4)) {
		new.npages = old->npages;
		new.hva = old->hva;
		if (pick(s, 2))
			new.base = old->base + pick(s, 16);
	}
	return new;
}

/* One case for all would take minutes on a slow machine, and look as if it hung. */
static const u64 seeds[] = { 20260, 20261, 20262, 20263, 20264, 20265, 20266, 20267, 20268, 20269 };

static void describe_seed(const u64 *seed, char *text)
{
	snprintf(text, KUNIT_PARAM_DESC_SIZE, "seed %llu", *seed);
}

KUNIT_ARRAY_PARAM(seed, seeds, describe_seed);

static void same_as_the_model(struct kunit *test)
{
	struct slots *s = test->priv;
	struct model_slot new;
	unsigned long step, gfn;
	int id, r;

	prandom_seed_state(&s->rnd, *(const u64 *)test->param_value);
	for (step = 0; step < NR_STEPS; step++) {
		id = pick(s, NR_IDS);
		new = random_change(s, id);
		r = slots_set(s, id, &new);
		KUNIT_ASSERT_EQ_MSG(test, r, model_set(s, id, &new), "step %lu", step);
		compare_at(test, pick(s, NR_GFNS));
		/* Known bug 7: the slot used last, and what is beside it. */
		compare_at(test, new.base);
		compare_at(test, new.base + new.npages);
		cond_resched();
		if (step % 2048)
			continue;
		for (gfn = 0; gfn < NR_GFNS; gfn++)
			compare_at(test, gfn);
	}
}

/* Known bug 7: nothing is remembered of a slot that is gone. */
static void known_bug_7_no_stale_hint(struct kunit *test)
{
	struct model_slot low = { 0, 16, HVA }, high = { 16, 16, HVA }, none = {};
	struct slots *s = test->priv;

	KUNIT_ASSERT_EQ(test, slots_set(s, 0, &low), 0);
	KUNIT_ASSERT_EQ(test, slots_set(s, 1, &high), 0);
	s->model[0] = low;
	s->model[1] = high;
	compare_at(test, 20);
	KUNIT_ASSERT_EQ(test, slots_set(s, 1, &none), 0);
	s->model[1] = none;
	compare_at(test, 20);
	compare_at(test, 15);
	compare_at(test, 32);
}

/* A vCPU that comes to a slot after its updater has stopped waiting for vCPUs. */
static void retired_is_not_held(struct kunit *test)
{
	struct model_slot low = { 0, 16, HVA };
	struct kvm_memory_slot retired = { .base_gfn = 32, .npages = 16, .retired = true };
	struct slots *s = test->priv;

	KUNIT_ASSERT_EQ(test, slots_set(s, 0, &low), 0);
	s->vcpu->reader.hint = &retired;
	s->vcpu->reader.hint_generation = kvm_memory_generation(s->kvm);
	mutex_lock(&s->vcpu->mutex);
	KUNIT_EXPECT_NULL(test, kvm_hold_slot(s->vcpu, 40));
	KUNIT_EXPECT_NULL(test, s->vcpu->reader.held);
	mutex_unlock(&s->vcpu->mutex);
}

/* A slot that was found just before it went elsewhere is not there any more. */
static void moved_is_not_held(struct kunit *test)
{
	struct kvm_memory_slot moved = { .base_gfn = 100, .npages = 16 };
	struct slots *s = test->priv;
	MA_STATE(mas, &s->kvm->mem.by_gfn, 32, 47);

	scoped_guard(mutex, &s->kvm->mem.slots_lock)
		KUNIT_ASSERT_EQ(test, mas_store_gfp(&mas, &moved, GFP_KERNEL), 0);
	scoped_guard(preempt) {
		KUNIT_EXPECT_NULL(test, kvm_hold_slot_atomic(s->vcpu, 40));
		KUNIT_EXPECT_NULL(test, s->vcpu->reader.held_atomic);
	}
	moved.base_gfn = 32;
	scoped_guard(preempt) {
		KUNIT_EXPECT_PTR_EQ(test, kvm_hold_slot_atomic(s->vcpu, 40), &moved);
		kvm_release_slot_atomic(s->vcpu);
	}
}

static void generations_are_even_and_grow(struct kunit *test)
{
	struct model_slot a = { 0, 16, HVA }, b = { 8, 16, HVA }, none = {};
	struct slots *s = test->priv;
	u64 before = kvm_memory_generation(s->kvm), now;

	KUNIT_EXPECT_FALSE(test, before & 1);
	KUNIT_ASSERT_EQ(test, slots_set(s, 0, &a), 0);
	now = kvm_memory_generation(s->kvm);
	KUNIT_EXPECT_EQ(test, now, before + 2);
	KUNIT_ASSERT_EQ(test, slots_set(s, 0, &b), 0);
	KUNIT_ASSERT_EQ(test, slots_set(s, 0, &none), 0);
	KUNIT_EXPECT_EQ(test, kvm_memory_generation(s->kvm), before + 6);
	/* What fails changes nothing. */
	KUNIT_ASSERT_EQ(test, slots_set(s, 0, &none), -EINVAL);
	KUNIT_EXPECT_EQ(test, kvm_memory_generation(s->kvm), before + 6);
}

/* Test cases run in a thread of the kernel; a suite begins in who loads us. */
static struct mm_struct *owner;

static int slots_suite_init(struct kunit_suite *suite)
{
	owner = get_task_mm(current);
	return owner ? 0 : -EINVAL;
}

static void slots_suite_exit(struct kunit_suite *suite)
{
	if (owner)
		mmput(owner);
}

static int slots_init(struct kunit *test)
{
	struct slots *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	if (!s)
		return -ENOMEM;
	s->kvm = kvm_arch_alloc_vm();
	s->vcpu = s->kvm ? kvm_arch_alloc_vcpu(s->kvm) : NULL;
	if (!s->vcpu) {
		if (s->kvm)
			kvm_arch_free_vm(s->kvm);
		return -ENOMEM;
	}
	s->kvm->mm = owner;
	xa_init(&s->kvm->vcpus);
	kvm_memory_init(s->kvm);
	s->vcpu->kvm = s->kvm;
	mutex_init(&s->vcpu->mutex);
	test->priv = s;
	return 0;
}

static void slots_exit(struct kunit *test)
{
	struct slots *s = test->priv;

	if (!s)
		return;
	kvm_memory_destroy(s->kvm);
	kvm_arch_free_vcpu(s->vcpu);
	kvm_arch_free_vm(s->kvm);
}

static struct kunit_case range_cases[] = {
	KUNIT_CASE(pages_are_whole_and_do_not_wrap),
	KUNIT_CASE(host_range_to_frames),
	{}
};

static struct kunit_suite range_suite = {
	.name = "kvm_range",
	.test_cases = range_cases,
};

static struct kunit_case slot_cases[] = {
	KUNIT_CASE(known_bug_7_no_stale_hint),
	KUNIT_CASE(retired_is_not_held),
	KUNIT_CASE(moved_is_not_held),
	KUNIT_CASE(generations_are_even_and_grow),
	KUNIT_CASE_PARAM_ATTR(same_as_the_model, seed_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite slot_suite = {
	.name = "kvm_memslot",
	.suite_init = slots_suite_init,
	.suite_exit = slots_suite_exit,
	.init = slots_init,
	.exit = slots_exit,
	.test_cases = slot_cases,
};

kunit_test_suites(&range_suite, &slot_suite);
