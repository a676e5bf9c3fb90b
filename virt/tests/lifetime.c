// SPDX-License-Identifier: GPL-2.0
/*
 * Birth, death and references, on the fake backend: its diary has the ops of
 * the architecture, the stages of death, and the test's own devices.
 */
#include <kunit/test.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include <kvm/arch.h>
#include <kvm/device.h>
#include <kvm/vcpu.h>
#include <trace/kvm.h>

#include "../../arch/x86/tests/fake.h"
#include "../core.h"

#define BIRTH	"create_vm enable_cpu"

/* The stages of death write themselves into the diary. */
#define DEFINE_STAGE_PROBE(stage)				\
	static void note_##stage(void *unused, u64 vm)		\
	{							\
		fake_note(#stage ":");				\
	}

#define STAGES(OP)						\
	OP(unlist) OP(arch_remove) OP(devices) OP(arch_destroy)	\
	OP(memslots) OP(drop)

STAGES(DEFINE_STAGE_PROBE)

#define REGISTER_STAGE_PROBE(stage)				\
	KUNIT_ASSERT_EQ(test, register_trace_kvm_vm_##stage(note_##stage, NULL), 0);

#define UNREGISTER_STAGE_PROBE(stage)				\
	unregister_trace_kvm_vm_##stage(note_##stage, NULL);

static void ignore_stages(void *unused)
{
	STAGES(UNREGISTER_STAGE_PROBE)
	tracepoint_synchronize_unregister();
}

static void note_stages(struct kunit *test)
{
	STAGES(REGISTER_STAGE_PROBE)
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ignore_stages, NULL), 0);
}

static int lifetime_init(struct kunit *test)
{
	if (!fake_active())
		kunit_skip(test, "needs backend=fake");
	/* Gives this thread an address space; a VM belongs to one. */
	KUNIT_ASSERT_NE(test, 0, kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ,
					       MAP_PRIVATE | MAP_ANONYMOUS, 0));
	fake_reset();
	KUNIT_ASSERT_EQ(test, fake_enabled(), 0);
	KUNIT_ASSERT_TRUE(test, list_empty(&vm_list));
	return 0;
}

static void expect_no_vm(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, fake_enabled(), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&vm_list));
}

static struct kvm *create_vm(struct kunit *test)
{
	struct kvm *kvm = kvm_create_vm(KVM_X86_DEFAULT_VM);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kvm);
	return kvm;
}

/* The file goes at once, not when this thread's work is done. */
static void close_now(int fd)
{
	close_fd(fd);
	flush_delayed_fput();
}

static void type_fails(struct kunit *test)
{
	struct kvm *kvm = kvm_create_vm(77);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(kvm), -EINVAL);
	KUNIT_EXPECT_STREQ(test, fake_log(), "");
	expect_no_vm(test);
}

static void create_fails(struct kunit *test)
{
	struct kvm *kvm;

	fake_fail(FAKE_CREATE_VM, -ENOMEM);
	kvm = kvm_create_vm(KVM_X86_DEFAULT_VM);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(kvm), -ENOMEM);
	KUNIT_EXPECT_STREQ(test, fake_log(), "create_vm");
	expect_no_vm(test);

	fake_fail(FAKE_CREATE_VM, 0);
	kvm_put(create_vm(test));
	expect_no_vm(test);
}

static void enable_fails(struct kunit *test)
{
	struct kvm *kvm;

	fake_fail(FAKE_ENABLE_CPU, -EBUSY);
	kvm = kvm_create_vm(KVM_X86_DEFAULT_VM);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(kvm), -EBUSY);
	/* A CPU that refused is not disabled; the others are. */
	KUNIT_EXPECT_STREQ(test, fake_log(), num_online_cpus() > 1 ?
			   "create_vm enable_cpu disable_cpu destroy_vm" :
			   "create_vm enable_cpu destroy_vm");
	expect_no_vm(test);

	fake_fail(FAKE_ENABLE_CPU, 0);
	kvm_put(create_vm(test));
	expect_no_vm(test);
}

static void cpu_that_refuses_stays_offline(struct kunit *test)
{
	struct kvm *kvm;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	kvm = create_vm(test);
	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	fake_fail(FAKE_ENABLE_CPU, -EBUSY);
	KUNIT_EXPECT_EQ(test, add_cpu(1), -EBUSY);
	KUNIT_EXPECT_FALSE(test, cpu_online(1));

	fake_fail(FAKE_ENABLE_CPU, 0);
	KUNIT_EXPECT_EQ(test, add_cpu(1), 0);
	KUNIT_EXPECT_EQ(test, fake_enabled(), num_online_cpus());
	kvm_put(kvm);
	expect_no_vm(test);
}

/* Only the first VM enables, only the last disables. */
static void hardware_is_counted(struct kunit *test)
{
	struct kvm *first = create_vm(test), *second;

	KUNIT_EXPECT_EQ(test, fake_enabled(), num_online_cpus());
	fake_reset();
	/* A CPU that would refuse is not asked. */
	fake_fail(FAKE_ENABLE_CPU, -EBUSY);
	second = create_vm(test);
	KUNIT_EXPECT_STREQ(test, fake_log(), "create_vm");

	fake_reset();
	kvm_put(first);
	KUNIT_EXPECT_STREQ(test, fake_log(), "destroy_vm");
	KUNIT_EXPECT_EQ(test, fake_enabled(), num_online_cpus());
	kvm_put(second);
	expect_no_vm(test);
}

static void vcpu_fails(struct kunit *test)
{
	struct kvm *kvm = create_vm(test);
	long fd;

	fake_reset();
	fake_fail(FAKE_CREATE_VCPU, -ENOMEM);
	KUNIT_EXPECT_EQ(test, kvm_create_vcpu(kvm, 5), -ENOMEM);
	/* What failed is not destroyed, and leaves no reference. */
	KUNIT_EXPECT_STREQ(test, fake_log(), "create_vcpu");
	KUNIT_EXPECT_EQ(test, refcount_read(&kvm->refs), 1);
	KUNIT_EXPECT_EQ(test, kvm_nr_vcpus(kvm), 0);
	KUNIT_EXPECT_NULL(test, kvm_get_vcpu_by_id(kvm, 5));

	fake_fail(FAKE_CREATE_VCPU, 0);
	fd = kvm_create_vcpu(kvm, 5);
	KUNIT_EXPECT_GE(test, fd, 0);
	KUNIT_EXPECT_NOT_NULL(test, kvm_get_vcpu_by_id(kvm, 5));
	KUNIT_EXPECT_EQ(test, kvm_create_vcpu(kvm, 5), -EEXIST);
	close_now(fd);
	kvm_put(kvm);
	expect_no_vm(test);
}

/* A vCPU's file is a reference; the vCPU itself is none, and stays. */
static void files_are_references(struct kunit *test)
{
	struct kvm *kvm = create_vm(test);
	struct kvm_vcpu *vcpu;
	long fd;

	KUNIT_EXPECT_EQ(test, refcount_read(&kvm->refs), 1);
	fd = kvm_create_vcpu(kvm, 0);
	KUNIT_ASSERT_GE(test, fd, 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&kvm->refs), 2);
	vcpu = kvm_get_vcpu(kvm, 0);
	close_now(fd);
	KUNIT_EXPECT_EQ(test, refcount_read(&kvm->refs), 1);
	KUNIT_EXPECT_PTR_EQ(test, kvm_get_vcpu(kvm, 0), vcpu);

	fd = kvm_create_vcpu(kvm, 1);
	KUNIT_ASSERT_GE(test, fd, 0);
	fake_reset();
	kvm_put(kvm);
	KUNIT_EXPECT_STREQ(test, fake_log(), "");
	/* The last file destroys both vCPUs. */
	close_now(fd);
	KUNIT_EXPECT_STREQ(test, fake_log(), "destroy_vcpu destroy_vm disable_cpu");
	expect_no_vm(test);
}

static void vcpu_lookup_is_bounded(struct kunit *test)
{
	struct kvm *kvm = create_vm(test);
	long fds[3];
	int i;

	/* Indices count up, whatever the ids. */
	for (i = 0; i < 3; i++)
		fds[i] = kvm_create_vcpu(kvm, 2 - i);
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_GE(test, fds[i], 0);
		KUNIT_EXPECT_EQ(test, kvm_get_vcpu(kvm, i)->vcpu_id, 2 - i);
		KUNIT_EXPECT_EQ(test, kvm_get_vcpu_by_id(kvm, i)->index, 2 - i);
	}
	KUNIT_EXPECT_NULL(test, kvm_get_vcpu(kvm, 3));
	KUNIT_EXPECT_NULL(test, kvm_get_vcpu(kvm, UINT_MAX));
	KUNIT_EXPECT_NULL(test, kvm_get_vcpu_by_id(kvm, 3));
	KUNIT_EXPECT_NULL(test, kvm_get_vcpu_by_id(kvm, KVM_MAX_VCPU_IDS));
	KUNIT_EXPECT_NULL(test, kvm_get_vcpu_by_id(kvm, UINT_MAX));
	KUNIT_EXPECT_EQ(test, kvm_create_vcpu(kvm, KVM_MAX_VCPU_IDS), -EINVAL);
	KUNIT_EXPECT_EQ(test, kvm_create_vcpu(kvm, 1UL << 32), -EINVAL);
	for (i = 0; i < 3; i++)
		close_now(fds[i]);
	kvm_put(kvm);
	expect_no_vm(test);
}

enum guest_state { NOT_YET, INSIDE, LEFT };

static void stay_in_guest(void *state)
{
	WRITE_ONCE(*(enum guest_state *)state, INSIDE);
	mdelay(20);
	WRITE_ONCE(*(enum guest_state *)state, LEFT);
}

/*
 * Who waits for a request to be seen also waits for a vCPU that another's kick
 * is bringing out, but that is still in the guest.
 */
static void request_waits_for_exiting(struct kunit *test)
{
	struct kvm_vcpu *vcpu;
	enum guest_state state = NOT_YET;
	struct kvm *kvm;
	int other;
	long fd;

	if (num_online_cpus() == 1)
		kunit_skip(test, "one CPU only");
	kvm = create_vm(test);
	fd = kvm_create_vcpu(kvm, 0);
	KUNIT_ASSERT_GE(test, fd, 0);
	vcpu = kvm_get_vcpu(kvm, 0);

	migrate_disable();
	other = cpumask_any_but(cpu_online_mask, smp_processor_id());
	vcpu->cpu = other;
	vcpu->mode = EXITING_GUEST_MODE;

	smp_call_function_single(other, stay_in_guest, &state, 0);
	while (READ_ONCE(state) == NOT_YET)
		cpu_relax();
	kvm_make_all_request(kvm, KVM_REQ_TLB_FLUSH, true);
	KUNIT_EXPECT_EQ(test, READ_ONCE(state), LEFT);
	KUNIT_EXPECT_TRUE(test, kvm_request_pending(vcpu));

	/* In case it did not. */
	while (READ_ONCE(state) != LEFT)
		cpu_relax();
	migrate_enable();
	vcpu->cpu = -1;
	close_now(fd);
	kvm_put(kvm);
	expect_no_vm(test);
}

static void note_device(struct kvm_device *dev)
{
	/* What a device may still use is there: vCPUs and hardware. */
	fake_note(kvm_get_vcpu(dev->kvm, 0) && fake_enabled() ? dev->private : "too_late");
}

static const struct kvm_device_ops note_device_ops = {
	.name		= "note",
	.destroy	= note_device,
};

static void add_device(struct kunit *test, struct kvm *kvm, char *word)
{
	struct kvm_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->kvm = kvm;
	dev->ops = &note_device_ops;
	dev->private = word;
	list_add(&dev->node, &kvm->devices);
}

static void death_in_order(struct kunit *test)
{
	struct kvm *kvm = create_vm(test);
	long fd = kvm_create_vcpu(kvm, 0);

	KUNIT_ASSERT_GE(test, fd, 0);
	add_device(test, kvm, "older");
	add_device(test, kvm, "newer");
	note_stages(test);
	fake_reset();
	close_now(fd);
	KUNIT_EXPECT_STREQ(test, fake_log(), "");
	kvm_put(kvm);
	KUNIT_EXPECT_STREQ(test, fake_log(),
			   "unlist: arch_remove: devices: newer older arch_destroy: destroy_vcpu destroy_vm memslots: drop: disable_cpu");
	expect_no_vm(test);
}

/* The VM holds the struct mm, not its memory. */
static void mm_is_grabbed(struct kunit *test)
{
	int count = atomic_read(&current->mm->mm_count);
	int users = atomic_read(&current->mm->mm_users);
	struct kvm *kvm = create_vm(test);

	KUNIT_EXPECT_PTR_EQ(test, kvm->mm, current->mm);
	KUNIT_EXPECT_EQ(test, atomic_read(&current->mm->mm_count), count + 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&current->mm->mm_users), users);
	kvm_put(kvm);
	KUNIT_EXPECT_EQ(test, atomic_read(&current->mm->mm_count), count);
}

static void ids_are_never_reused(struct kunit *test)
{
	struct kvm *kvm = create_vm(test);
	u64 id = kvm->id;

	kvm_put(kvm);
	kvm = create_vm(test);
	KUNIT_EXPECT_GT(test, kvm->id, id);
	KUNIT_EXPECT_PTR_EQ(test, list_first_entry(&vm_list, struct kvm, vm_list), kvm);
	kvm_put(kvm);
}

static struct kunit_case lifetime_cases[] = {
	KUNIT_CASE(type_fails),
	KUNIT_CASE(create_fails),
	KUNIT_CASE(enable_fails),
	KUNIT_CASE(cpu_that_refuses_stays_offline),
	KUNIT_CASE(hardware_is_counted),
	KUNIT_CASE(vcpu_fails),
	KUNIT_CASE(files_are_references),
	KUNIT_CASE(vcpu_lookup_is_bounded),
	KUNIT_CASE(request_waits_for_exiting),
	KUNIT_CASE(death_in_order),
	KUNIT_CASE(mm_is_grabbed),
	KUNIT_CASE(ids_are_never_reused),
	{}
};

static struct kunit_suite lifetime_suite = {
	.name		= "kvm-lifetime",
	.init		= lifetime_init,
	.test_cases	= lifetime_cases,
};

kunit_test_suite(lifetime_suite);
