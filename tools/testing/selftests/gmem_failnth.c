// SPDX-License-Identifier: GPL-2.0
/* Fails every allocation of each guest_memfd operation, one at a time. */
/* machine: debug-only timeout=400 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "fail.h"
#include "files.h"
#include "gmem.h"

#define TIMEOUT		360
#define MAX_CHANCES	2000
#define SLOT		3
#define GPA		0x100000000UL

struct op {
	int vm, other;
	int fd, link;
	int vcpu;
	void *mem;
};

static int op_create(void *arg)
{
	struct op *op = arg;

	return create_gmem(op->vm, HUGE, 0);
}

static int op_link(void *arg)
{
	struct op *op = arg;

	return link_gmem(op->other, op->fd, 0);
}

static int op_allocate(void *arg)
{
	struct op *op = arg;

	/* A huge folio, and small ones in another table of the page cache. */
	return gmem_allocate(op->fd, 0, HUGE + 2 * PAGE);
}

/* Splits the huge folio, or, where there is no memory for that, zeroes. */
static int op_punch(void *arg)
{
	struct op *op = arg;

	return gmem_punch(op->fd, PAGE, PAGE);
}

static void undo_fd(struct op *op, int fd)
{
	close(fd);
}

static int op_bind(void *arg)
{
	struct op *op = arg;

	return set_gmem_slot(op->vm, SLOT, GPA, HUGE, op->mem, op->fd, 0);
}

static void undo_bind(struct op *op, int result)
{
	set_gmem_slot(op->vm, SLOT, 0, 0, NULL, -1, 0);
}

/* Needs no memory: there is only what it is told. */
static int op_move(void *arg)
{
	struct op *op = arg;

	return move_vm(op->other, op->vm);
}

/* Only once it has succeeded there is something to do: two VMs anew. */
static void undo_move(struct op *op, int result)
{
	close(op->fd);
	close(op->link);
	close(op->vm);
	close(op->other);
	op->vm = create_vm_of_type(KVM_X86_SW_PROTECTED_VM);
	op->other = create_vm_of_type(KVM_X86_SW_PROTECTED_VM);
	op->fd = create_gmem(op->vm, 2 * HUGE, 0);
	op->link = link_gmem(op->other, op->fd, 0);
	set_gmem_slot(op->vm, SLOT, GPA, HUGE, op->mem, op->fd, 0);
	set_gmem_slot(op->other, SLOT, GPA, HUGE, op->mem, op->link, 0);
	set_private(op->vm, GPA, HUGE, true);
}

/* A page in the middle of a range of another kind: three entries of one. */
static int op_attributes(void *arg)
{
	struct op *op = arg;

	return set_private(op->vm, GPA + 5 * PAGE, PAGE, false);
}

static void undo_attributes(struct op *op, int result)
{
	set_private(op->vm, GPA, HUGE, true);
}

/* Pages for the file, and for the tables that show it to the guest. */
static int op_pre_fault(void *arg)
{
	struct op *op = arg;
	struct kvm_pre_fault_memory range = { .gpa = GPA, .size = HUGE };

	return ioctl(op->vcpu, KVM_PRE_FAULT_MEMORY, &range);
}

static void undo_pre_fault(struct op *op, int result)
{
	op_bind(op);
	set_private(op->vm, GPA, HUGE, false);
	set_private(op->vm, GPA, HUGE, true);
}

FIXTURE(failnth) {
	struct op op;
};

FIXTURE_VARIANT(failnth) {
	int (*op)(void *arg);
	void (*undo)(struct op *op, int result);
	bool prepare;	/* @undo comes first, too */
	int least;	/* fewer failures than this mean that the injection does not work */
};

FIXTURE_VARIANT_ADD(failnth, create) {
	.op = op_create, .least = 4, .undo = undo_fd,
};

FIXTURE_VARIANT_ADD(failnth, link) {
	.op = op_link, .least = 3, .undo = undo_fd,
};

FIXTURE_VARIANT_ADD(failnth, allocate) {
	.op = op_allocate, .least = 1,
};

FIXTURE_VARIANT_ADD(failnth, punch) {
	.op = op_punch,
};

FIXTURE_VARIANT_ADD(failnth, bind) {
	.op = op_bind, .least = 1, .undo = undo_bind,
};

FIXTURE_VARIANT_ADD(failnth, attributes) {
	.op = op_attributes, .least = 1, .undo = undo_attributes, .prepare = true,
};

FIXTURE_VARIANT_ADD(failnth, pre_fault) {
	.op = op_pre_fault, .least = 1, .undo = undo_pre_fault, .prepare = true,
};

FIXTURE_VARIANT_ADD(failnth, move) {
	.op = op_move, .least = 1, .undo = undo_move, .prepare = true,
};

FIXTURE_SETUP(failnth)
{
	if (!fail_setup())
		SKIP(return, "the kernel has no fault injection");
	self->op.vm = create_vm_of_type(KVM_X86_SW_PROTECTED_VM);
	self->op.mem = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	self->op.other = create_vm();
	self->op.vcpu = ioctl(self->op.vm, KVM_CREATE_VCPU, 0);
	self->op.fd = create_gmem(self->op.vm, 2 * HUGE, 0);
	self->op.link = -1;
	ASSERT_GE(self->op.fd, 0);
}

FIXTURE_TEARDOWN(failnth)
{
	close(self->op.fd);
	close(self->op.link);
	close(self->op.vcpu);
	close(self->op.other);
	close(self->op.vm);
}

TEST_F_TIMEOUT(failnth, every_chance, TIMEOUT)
{
	int nth, result, error, failed = 0, fds;
	bool injected;

	if (variant->prepare)
		variant->undo(&self->op, 0);
	fds = count_fds();
	for (nth = 1; nth < MAX_CHANCES; nth++) {
		gmem_punch(self->op.fd, 0, 2 * HUGE);
		if (variant->op == op_punch)
			ASSERT_EQ(gmem_allocate(self->op.fd, 0, HUGE), 0);
		injected = fail_nth(nth, variant->op, &self->op, &result, &error);
		if (result >= 0) {
			if (variant->undo)
				variant->undo(&self->op, result);
			if (!injected)
				break;
			continue;
		}
		failed++;
		EXPECT_TRUE(injected);
		EXPECT_TRUE(error == ENOMEM || error == EFAULT);
		ASSERT_EQ(count_fds(), fds);
		result = variant->op(&self->op);
		ASSERT_GE(result, 0);
		if (variant->undo)
			variant->undo(&self->op, result);
	}
	ASSERT_LT(nth, MAX_CHANCES);
	EXPECT_GE(failed, variant->least);
	EXPECT_EQ(count_fds(), fds);
	TH_LOG("%d chances, %d failures", nth - 1, failed);
}

TEST_HARNESS_MAIN
