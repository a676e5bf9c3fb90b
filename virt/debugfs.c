// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/kvm/: statistics as text, summed over all VMs, and in a
 * directory for each of a few VMs.
 *
 * A file knows its VM by number: one that is open holds the VM, one that is not
 * holds nothing. Directories are for people and kvm_stat; a VM that does not
 * live for a second gets none, and birth and death do not pay for them.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#include <kvm/stats.h>
#include <kvm/vcpu.h>

#include "core.h"

/* What a file holds: a VM's number, 0 for all of them, and a statistic. */
#define KVM_DEBUGFS_STAT_BITS	8
#define KVM_DEBUGFS_AGE		HZ

static unsigned int debugfs_vms = 64;
module_param(debugfs_vms, uint, 0644);
MODULE_PARM_DESC(debugfs_vms,
		 "VMs that may have a directory in debugfs, as kvm_stat reads; each costs some 50 KiB");

static struct dentry *debugfs_root;

/* Directories that are there, under kvm_lock. */
static unsigned int nr_vm_dirs;

static const struct kvm_stat_table *const tables[] = {
	&kvm_vm_stats, &kvm_arch_vm_stats, &kvm_vcpu_stats, &kvm_arch_vcpu_stats,
};

static u64 kvm_debugfs_vm_stat(struct kvm *kvm, unsigned int table, unsigned int n)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;
	u64 sum = 0;

	switch (table) {
	case 0:
		return READ_ONCE(((u64 *)&kvm->stat)[n]);
	case 1:
		return READ_ONCE(kvm_arch_vm_stat(kvm)[n]);
	case 2:
		kvm_for_each_vcpu(i, vcpu, kvm)
			sum += READ_ONCE(((u64 *)&vcpu->stat)[n]);
		return sum;
	default:
		kvm_for_each_vcpu(i, vcpu, kvm)
			sum += READ_ONCE(kvm_arch_vcpu_stat(vcpu)[n]);
		return sum;
	}
}

static int kvm_debugfs_get(void *data, u64 *value)
{
	u64 id = (unsigned long)data >> KVM_DEBUGFS_STAT_BITS;
	unsigned int n = (unsigned long)data & (BIT(KVM_DEBUGFS_STAT_BITS) - 1);
	unsigned int table = 0;
	struct kvm *kvm;

	while (n >= tables[table]->nr)
		n -= tables[table++]->nr;

	*value = 0;
	/* Who is on the list is alive until kvm_lock is dropped, vCPUs included. */
	guard(mutex)(&kvm_lock);
	list_for_each_entry(kvm, &vm_list, vm_list)
		if (!id || kvm->id == id)
			*value += kvm_debugfs_vm_stat(kvm, table, n);
	return 0;
}

static u64 kvm_debugfs_id(struct inode *inode)
{
	return (unsigned long)inode->i_private >> KVM_DEBUGFS_STAT_BITS;
}

static struct kvm *kvm_debugfs_find(struct inode *inode)
{
	struct kvm *kvm;

	lockdep_assert_held(&kvm_lock);
	list_for_each_entry(kvm, &vm_list, vm_list)
		if (kvm->id == kvm_debugfs_id(inode))
			return kvm;
	return NULL;
}

static int kvm_debugfs_open(struct inode *inode, struct file *file)
{
	int r = simple_attr_open(inode, file, kvm_debugfs_get, NULL, "%llu\n");
	struct kvm *kvm;

	if (r || !kvm_debugfs_id(inode))
		return r;
	scoped_guard(mutex, &kvm_lock) {
		kvm = kvm_debugfs_find(inode);
		/* One that is about to leave the list cannot be held any more. */
		if (kvm && refcount_inc_not_zero(&kvm->refs))
			return 0;
	}
	simple_attr_release(inode, file);
	return -ENOENT;
}

static int kvm_debugfs_release(struct inode *inode, struct file *file)
{
	struct kvm *kvm;

	/* Our reference keeps it on the list. */
	scoped_guard(mutex, &kvm_lock)
		kvm = kvm_debugfs_find(inode);
	if (kvm)
		kvm_put(kvm);
	return simple_attr_release(inode, file);
}

static const struct file_operations kvm_debugfs_fops = {
	.owner		= THIS_MODULE,
	.open		= kvm_debugfs_open,
	.release	= kvm_debugfs_release,
	.read		= simple_attr_read,
	.llseek		= generic_file_llseek,
};

static void kvm_debugfs_fill(struct dentry *dir, u64 id)
{
	unsigned long n = 0;
	int t, i;

	for (t = 0; t < ARRAY_SIZE(tables); t++)
		for (i = 0; i < tables[t]->nr; i++, n++)
			debugfs_create_file(tables[t]->entries[i].name, 0444, dir,
					    (void *)(id << KVM_DEBUGFS_STAT_BITS | n),
					    &kvm_debugfs_fops);
}

static void kvm_debugfs_make_dirs(struct work_struct *work);
static DECLARE_DELAYED_WORK(make_dirs, kvm_debugfs_make_dirs);

/* One at a time: who makes a VM meanwhile waits for one directory, not for all. */
static void kvm_debugfs_make_dirs(struct work_struct *work)
{
	struct kvm *kvm;
	char name[32];

	guard(mutex)(&kvm_lock);
	if (nr_vm_dirs >= READ_ONCE(debugfs_vms))
		return;
	list_for_each_entry(kvm, &vm_list, vm_list) {
		if (kvm->debugfs_dir)
			continue;
		if (time_before(jiffies, kvm->born + KVM_DEBUGFS_AGE)) {
			schedule_delayed_work(&make_dirs, KVM_DEBUGFS_AGE);
			continue;
		}
		scnprintf(name, sizeof(name), "%d-%llu", kvm->owner_pid, kvm->id);
		kvm->debugfs_dir = debugfs_create_dir(name, debugfs_root);
		kvm_debugfs_fill(kvm->debugfs_dir, kvm->id);
		nr_vm_dirs++;
		mod_delayed_work(system_wq, &make_dirs, 0);
		return;
	}
}

/* Under kvm_lock. */
void kvm_debugfs_add_vm(struct kvm *kvm)
{
	lockdep_assert_held(&kvm_lock);
	kvm->born = jiffies;
	if (nr_vm_dirs < READ_ONCE(debugfs_vms))
		schedule_delayed_work(&make_dirs, KVM_DEBUGFS_AGE);
}

/*
 * The VM is off the list, so no reader finds it; the removal waits for those
 * who read, and so runs without kvm_lock, which they take.
 */
void kvm_debugfs_remove_vm(struct kvm *kvm)
{
	if (!kvm->debugfs_dir)
		return;
	debugfs_remove(kvm->debugfs_dir);
	guard(mutex)(&kvm_lock);
	nr_vm_dirs--;
	/* One that has been waiting for room has it now. */
	schedule_delayed_work(&make_dirs, KVM_DEBUGFS_AGE);
}

void kvm_debugfs_init(void)
{
	debugfs_root = debugfs_create_dir("kvm", NULL);
	kvm_debugfs_fill(debugfs_root, 0);
}

void kvm_debugfs_exit(void)
{
	cancel_delayed_work_sync(&make_dirs);
	debugfs_remove(debugfs_root);
}
