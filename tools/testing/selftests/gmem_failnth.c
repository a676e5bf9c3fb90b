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

struct op {
	int vm, other;
	int fd;
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

#define SLOT	3
#define GPA	0x100000000UL

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

FIXTURE(failnth) {
	struct op op;
};

FIXTURE_VARIANT(failnth) {
	int (*op)(void *arg);
	void (*undo)(struct op *op, int result);
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
	.op = op_attributes, .least = 1, .undo = undo_attributes,
};

FIXTURE_SETUP(failnth)
{
	if (!fail_setup())
		SKIP(return, "the kernel has no fault injection");
	self->op.vm = create_vm_of_type(KVM_X86_SW_PROTECTED_VM);
	self->op.mem = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	self->op.other = create_vm();
	self->op.fd = create_gmem(self->op.vm, 2 * HUGE, 0);
	ASSERT_GE(self->op.fd, 0);
}

FIXTURE_TEARDOWN(failnth)
{
	close(self->op.fd);
	close(self->op.other);
	close(self->op.vm);
}

TEST_F_TIMEOUT(failnth, every_chance, TIMEOUT)
{
	int nth, result, error, failed = 0, fds = count_fds();
	bool injected;

	if (variant->op == op_attributes)
		undo_attributes(&self->op, 0);
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
