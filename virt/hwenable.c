// SPDX-License-Identifier: GPL-2.0
/*
 * Virtualization mode of the CPUs: on from the first VM to the last, through
 * hotplug, suspend and reboot. Kexec after a crash is the backend's: it must
 * work without any lock.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/syscore_ops.h>

#include <kvm/arch.h>
#include <kvm/hwenable.h>

#include "core.h"

/* VMs alive, under kvm_lock. */
static unsigned int nr_vms;

/* This CPU is in virtualization mode; touched on the CPU itself alone. */
static DEFINE_PER_CPU(bool, virt_enabled);

static int kvm_enable_cpu(void)
{
	int r;

	if (__this_cpu_read(virt_enabled))
		return 0;
	r = kvm_arch_enable_cpu();
	if (!r)
		__this_cpu_write(virt_enabled, true);
	return r;
}

static void kvm_disable_cpu(void *unused)
{
	if (!__this_cpu_read(virt_enabled))
		return;
	kvm_arch_disable_cpu();
	__this_cpu_write(virt_enabled, false);
}

static void kvm_enable_cpu_ipi(void *failed)
{
	if (kvm_enable_cpu())
		atomic_inc(failed);
}

int kvm_hardware_get(void)
{
	atomic_t failed = ATOMIC_INIT(0);

	lockdep_assert_held(&kvm_lock);

	if (nr_vms) {
		nr_vms++;
		return 0;
	}
	on_each_cpu(kvm_enable_cpu_ipi, &failed, 1);
	if (atomic_read(&failed)) {
		on_each_cpu(kvm_disable_cpu, NULL, 1);
		return -EBUSY;
	}
	nr_vms = 1;
	return 0;
}

void kvm_hardware_put(void)
{
	lockdep_assert_held(&kvm_lock);

	if (!--nr_vms)
		on_each_cpu(kvm_disable_cpu, NULL, 1);
}

/* A CPU that cannot run VMs must not come online among those that do. */
static int kvm_online_cpu(unsigned int cpu)
{
	guard(mutex)(&kvm_lock);
	guard(preempt)();
	return nr_vms ? kvm_enable_cpu() : 0;
}

static int kvm_offline_cpu(unsigned int cpu)
{
	guard(mutex)(&kvm_lock);
	guard(preempt)();
	kvm_disable_cpu(NULL);
	return 0;
}

/* On one CPU, the others offline, tasks frozen, interrupts off: the count needs no lock. */
static int kvm_suspend(void *unused)
{
	kvm_disable_cpu(NULL);
	return 0;
}

static void kvm_resume(void *unused)
{
	kvm_arch_resume();
	if (nr_vms && kvm_enable_cpu())
		pr_err("kvm: virtualization did not come back after suspend; VMs will fail\n");
}

/*
 * Reboot and kexec, while tasks and guests still run. A guest that is entered
 * after this finds its CLGI refused (entry.S), as after an emergency.
 */
static void kvm_shutdown(void *unused)
{
	on_each_cpu(kvm_disable_cpu, NULL, 1);
}

static const struct syscore_ops kvm_syscore_ops = {
	.suspend	= kvm_suspend,
	.resume		= kvm_resume,
	.shutdown	= kvm_shutdown,
};

static struct syscore kvm_syscore = { .ops = &kvm_syscore_ops };

int kvm_hardware_init(void)
{
	int r;

	r = cpuhp_setup_state_nocalls(CPUHP_AP_KVM_ONLINE, "kvm/cpu:online",
				      kvm_online_cpu, kvm_offline_cpu);
	if (r)
		return r;
	register_syscore(&kvm_syscore);
	preempt_notifier_inc();
	return 0;
}

void kvm_hardware_exit(void)
{
	preempt_notifier_dec();
	unregister_syscore(&kvm_syscore);
	cpuhp_remove_state_nocalls(CPUHP_AP_KVM_ONLINE);
}
