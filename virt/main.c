// SPDX-License-Identifier: GPL-2.0
/* Load, unload, and /dev/kvm. */
#include <linux/miscdevice.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <uapi/linux/kvmcore.h>

#include <kvm/arch.h>
#include <kvm/attributes.h>
#include <kvm/gmem.h>
#include <kvm/hwenable.h>
#include <kvm/vcpu.h>

#include "core.h"

static long kvm_dev_get_api_version(struct kvm_ioctl_args *args)
{
	return args->arg ? -EINVAL : KVM_API_VERSION;
}

static long kvm_dev_get_vcpu_mmap_size(struct kvm_ioctl_args *args)
{
	return args->arg ? -EINVAL : KVM_RUN_PAGES * PAGE_SIZE;
}

static long kvm_dev_create_vm(struct kvm_ioctl_args *args)
{
	return kvm_create_vm_fd(args->arg);
}

/**
 * kvm_ioctl_check_extension() - what the core can do, then the architecture
 * @args: the question, of /dev/kvm or of a VM
 */
long kvm_ioctl_check_extension(struct kvm_ioctl_args *args)
{
	switch (args->arg) {
	case KVM_CAP_CHECK_EXTENSION_VM:
	case KVM_CAP_DEVICE_CTRL:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_ENABLE_CAP_VM:
	case KVM_CAP_GUEST_MEMFD:
	case KVM_CAP_LINK_GUEST_MEMFD:
	case KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM:
	case KVM_CAP_IOEVENTFD:
	case KVM_CAP_IOEVENTFD_ANY_LENGTH:
	case KVM_CAP_IOEVENTFD_NO_LENGTH:
	case KVM_CAP_IRQFD:
	case KVM_CAP_IRQFD_RESAMPLE:
	case KVM_CAP_COALESCED_PIO:
	case KVM_CAP_BINARY_STATS_FD:
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_USER_MEMORY2:
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_READONLY_MEM:
	case KVM_CAP_SYNC_MMU:
	case KVM_CAP_MEMORY_FAULT_INFO:
	case KVM_CAP_MULTI_ADDRESS_SPACE:
		return 1;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET;
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return KVM_DIRTY_RING_MAX_ENTRIES * sizeof(struct kvm_dirty_gfn);
	case KVM_CAP_NR_MEMSLOTS:
		return KVM_NR_MEMSLOTS;
	case KVM_CAP_COALESCED_MMIO:
		return KVM_COALESCED_MMIO_PAGE_OFFSET;
	case KVM_CAP_IRQ_ROUTING:
		return KVM_MAX_GSIS;
	case KVM_CAP_NR_VCPUS:
		return min_t(long, num_online_cpus(), KVM_MAX_VCPUS);
	case KVM_CAP_MAX_VCPUS:
		return KVM_MAX_VCPUS;
	case KVM_CAP_MAX_VCPU_ID:
		return KVM_MAX_VCPU_IDS;
	case KVM_CAP_GUEST_MEMFD_FLAGS:
		return kvm_gmem_flags(args->kvm);
	case KVM_CAP_MEMORY_ATTRIBUTES:
		return kvm_attributes_supported(args->kvm);
	default:
		return kvm_arch_check_extension(args->kvm, args->arg);
	}
}

static const struct kvm_ioctl dev_rows[] = {
	KVM_ROW(KVM_GET_API_VERSION, kvm_dev_get_api_version),
	KVM_ROW(KVM_CREATE_VM, kvm_dev_create_vm),
	KVM_ROW(KVM_CHECK_EXTENSION, kvm_ioctl_check_extension),
	KVM_ROW(KVM_GET_VCPU_MMAP_SIZE, kvm_dev_get_vcpu_mmap_size),
};

static const struct kvm_ioctl_table dev_ioctls = KVM_IOCTL_TABLE(dev_rows);

static long kvm_dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm_ioctl_args args = { .arg = arg };

	return kvm_do_ioctl(&dev_ioctls, &kvm_arch_dev_ioctls, &args, cmd);
}

static const struct file_operations kvm_dev_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= kvm_dev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice kvm_dev = {
	.minor	= KVM_MINOR,
	.name	= "kvm",
	.fops	= &kvm_dev_fops,
};

static int __init kvm_init(void)
{
	int r;

	r = kvm_arch_init();
	if (r)
		return r;
	r = kvm_gmem_init();
	if (r)
		goto err_arch;
	r = kvm_hardware_init();
	if (r)
		goto err_gmem;
	kvm_debugfs_init();
	/* Last: from here on userspace can make VMs. */
	r = misc_register(&kvm_dev);
	if (!r)
		return 0;
	pr_err("kvm: /dev/kvm is taken (%d): unload the in-tree kvm first (rmmod kvm_amd kvm_intel kvm)\n",
	       r);
	kvm_debugfs_exit();
	kvm_hardware_exit();
err_gmem:
	kvm_gmem_exit();
err_arch:
	kvm_arch_exit();
	return r;
}
module_init(kvm_init);

static void __exit kvm_exit(void)
{
	misc_deregister(&kvm_dev);
	kvm_debugfs_exit();
	kvm_hardware_exit();
	kvm_gmem_exit();
	kvm_arch_exit();
	/* Callbacks of mmu_notifier_put() and call_rcu() may still point into this module. */
	mmu_notifier_synchronize();
	rcu_barrier();
}
module_exit(kvm_exit);

MODULE_AUTHOR("The kvmcore authors");
MODULE_DESCRIPTION("kvmcore: a small drop-in /dev/kvm");
MODULE_LICENSE("GPL");
MODULE_ALIAS_MISCDEV(KVM_MINOR);
MODULE_ALIAS("devname:kvm");
