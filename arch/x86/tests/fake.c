// SPDX-License-Identifier: GPL-2.0
/* The fake backend: it keeps a diary, and fails when told. */
#include <linux/cpumask.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../backend.h"
#include "fake.h"

#define FAKE_LOG_SIZE	512

static bool active;
static int errors[FAKE_NR_OPS];
static atomic_t nr_enabled;

/* Both under the lock: ops on several CPUs come at once, by IPI. */
static DEFINE_RAW_SPINLOCK(fake_lock);
static char diary[FAKE_LOG_SIZE];
static const char *last_word;

bool fake_active(void)
{
	return active;
}

void fake_reset(void)
{
	guard(raw_spinlock_irqsave)(&fake_lock);
	memset(errors, 0, sizeof(errors));
	diary[0] = '\0';
	last_word = NULL;
}

void fake_fail(enum fake_op op, int error)
{
	WRITE_ONCE(errors[op], error);
}

void fake_note(const char *word)
{
	guard(raw_spinlock_irqsave)(&fake_lock);
	if (last_word && !strcmp(last_word, word))
		return;
	if (diary[0])
		strlcat(diary, " ", sizeof(diary));
	strlcat(diary, word, sizeof(diary));
	last_word = word;
}

const char *fake_log(void)
{
	return diary;
}

int fake_enabled(void)
{
	return atomic_read(&nr_enabled);
}

static int fake_probe(void)
{
	active = true;
	return 0;
}

static void fake_exit(void)
{
	active = false;
}

static int fake_enable_cpu(void)
{
	fake_note("enable_cpu");
	if (errors[FAKE_ENABLE_CPU] &&
	    raw_smp_processor_id() == cpumask_last(cpu_online_mask))
		return errors[FAKE_ENABLE_CPU];
	atomic_inc(&nr_enabled);
	return 0;
}

static void fake_disable_cpu(void)
{
	fake_note("disable_cpu");
	atomic_dec(&nr_enabled);
}

static int fake_create_vm(struct x86_vm *vm)
{
	fake_note("create_vm");
	return errors[FAKE_CREATE_VM];
}

static void fake_destroy_vm(struct x86_vm *vm)
{
	fake_note("destroy_vm");
}

static int fake_create_vcpu(struct x86_vcpu *vcpu)
{
	fake_note("create_vcpu");
	return errors[FAKE_CREATE_VCPU];
}

static void fake_destroy_vcpu(struct x86_vcpu *vcpu)
{
	fake_note("destroy_vcpu");
}

static void fake_load(struct x86_vcpu *vcpu, int cpu)
{
}

static void fake_put(struct x86_vcpu *vcpu)
{
}

/* There is no CPU behind it that could run a guest. */
static void fake_run(struct x86_vcpu *vcpu)
{
	fake_note("run");
	vcpu->exit = (struct x86_exit){ .reason = X86_EXIT_FAIL_ENTRY };
}

/* Nothing of the state is ever anywhere else. */
static void fake_fetch(struct x86_vcpu *vcpu, enum x86_group group)
{
}

const struct x86_backend fake_backend = {
	.name		= "fake",
	.probe		= fake_probe,
	.exit		= fake_exit,
	.enable_cpu	= fake_enable_cpu,
	.disable_cpu	= fake_disable_cpu,
	.create_vm	= fake_create_vm,
	.destroy_vm	= fake_destroy_vm,
	.create_vcpu	= fake_create_vcpu,
	.destroy_vcpu	= fake_destroy_vcpu,
	.load		= fake_load,
	.put		= fake_put,
	.run		= fake_run,
	.fetch		= fake_fetch,
};
