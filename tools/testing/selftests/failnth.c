// SPDX-License-Identifier: GPL-2.0
/*
 * Fails every allocation and every user copy of each creating ioctl, one at a
 * time. Leaks and use after free are for kmemleak and KASAN to see, at the end
 * of the run; that nothing half made stays, is seen here.
 */
/* machine: debug-only timeout=400 */
#include <sys/ioctl.h>

#include "kselftest_harness.h"
#include "fail.h"
#include "files.h"
#include "trace.h"
#include "vfio.h"

#define TIMEOUT		360
#define MAX_CHANCES	2000

struct op {
	int dev, vm, vcpu;
	unsigned int id;
};

static int op_create_vm(void *arg)
{
	struct op *op = arg;

	return ioctl(op->dev, KVM_CREATE_VM, 0);
}

static int op_create_vcpu(void *arg)
{
	struct op *op = arg;

	return create_vcpu(op->vm, op->id);
}

static int op_create_device(void *arg)
{
	struct op *op = arg;

	return create_test_device(op->vm);
}

/* A VM takes one alone, so that each try has a VM of its own. */
static int op_vm_with_vfio(void *arg)
{
	struct op *op = arg;
	int vm = ioctl(op->dev, KVM_CREATE_VM, 0), device, saved;

	if (vm < 0)
		return -1;
	device = kvm_vfio_create(vm);
	saved = errno;
	close(vm);
	errno = saved;
	return device;
}

static int op_create_guest_memfd(void *arg)
{
	struct op *op = arg;

	return create_guest_memfd(op->vm);
}

static int op_vm_stats(void *arg)
{
	struct op *op = arg;

	return create_stats(op->vm);
}

static int op_vcpu_stats(void *arg)
{
	struct op *op = arg;

	return create_stats(op->vcpu);
}

FIXTURE(failnth) {
	struct op op;
	struct trace *trace;
};

FIXTURE_VARIANT(failnth) {
	int (*op)(void *arg);
	int least;	/* fewer failures than this mean that the injection does not work */
	bool makes_vm, efault;
};

FIXTURE_VARIANT_ADD(failnth, create_vm) {
	.op = op_create_vm, .least = 2, .makes_vm = true,
};

FIXTURE_VARIANT_ADD(failnth, create_vcpu) {
	.op = op_create_vcpu, .least = 5,
};

FIXTURE_VARIANT_ADD(failnth, create_device) {
	.op = op_create_device, .least = 4, .efault = true,
};

FIXTURE_VARIANT_ADD(failnth, vm_with_vfio) {
	.op = op_vm_with_vfio, .least = 6, .makes_vm = true, .efault = true,
};

FIXTURE_VARIANT_ADD(failnth, create_guest_memfd) {
	.op = op_create_guest_memfd, .least = 3, .efault = true,
};

FIXTURE_VARIANT_ADD(failnth, vm_stats) {
	.op = op_vm_stats, .least = 1,
};

FIXTURE_VARIANT_ADD(failnth, vcpu_stats) {
	.op = op_vcpu_stats, .least = 1,
};

FIXTURE_SETUP(failnth)
{
	if (!fail_setup())
		SKIP(return, "the kernel has no fault injection");
	self->op.dev = open_kvm();
	ASSERT_GE(self->op.dev, 0);
	self->op.vm = create_vm();
	ASSERT_GE(self->op.vm, 0);
	self->op.vcpu = create_vcpu(self->op.vm, 0);
	ASSERT_GE(self->op.vcpu, 0);
	self->op.id = 1;
	if (variant->op == op_create_device && !has_test_device(self->op.vm))
		SKIP(return, "no test device: not a debug build of the module");
	self->trace = trace_start();
	ASSERT_NE(self->trace, NULL);
}

FIXTURE_TEARDOWN(failnth)
{
	close(self->op.vcpu);
	close(self->op.vm);
	close(self->op.dev);
	if (self->trace)
		trace_stop(self->trace);
}

TEST_F_TIMEOUT(failnth, every_chance, TIMEOUT)
{
	int nth, result, error, failed = 0, made = 0, fds = count_fds();
	bool injected;

	for (nth = 1; nth < MAX_CHANCES; nth++) {
		injected = fail_nth(nth, variant->op, &self->op, &result, &error);
		if (result >= 0) {
			/* Not every allocation is needed; and then all is well. */
			EXPECT_EQ(close(result), 0);
			self->op.id++;
			made++;
			if (!injected)
				break;
			continue;
		}
		failed++;
		EXPECT_TRUE(injected);
		if (error != ENOMEM)
			EXPECT_TRUE(variant->efault && error == EFAULT)
				TH_LOG("chance %d: %s", nth, strerror(error));
		ASSERT_EQ(count_fds(), fds);

		/* The next try works, with the very same arguments. */
		result = variant->op(&self->op);
		ASSERT_GE(result, 0);
		EXPECT_EQ(close(result), 0);
		self->op.id++;
		made++;
	}
	ASSERT_LT(nth, MAX_CHANCES);
	EXPECT_GE(failed, variant->least);
	TH_LOG("%d chances, %d failures", nth - 1, failed);

	ASSERT_EQ(trace_update(self->trace), 0);
	if (variant->makes_vm)
		EXPECT_GE(trace_count(self->trace, "add", 0), made);
	EXPECT_EQ(trace_count(self->trace, "add", 0), trace_count(self->trace, "drop", 0));
	EXPECT_EQ(count_fds(), fds);
}

TEST_HARNESS_MAIN
