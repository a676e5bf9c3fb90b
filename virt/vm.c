// SPDX-License-Identifier: GPL-2.0
/*
 * Birth, death and references of a VM. Documentation/lifetime.rst has the
 * pictures.
 */
#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/cpu.h>
#include <linux/file.h>
#include <linux/module.h>
#include <uapi/linux/kvmcore.h>

#include <kvm/arch.h>
#include <kvm/attributes.h>
#include <kvm/device.h>
#include <kvm/gmem.h>
#include <kvm/hwenable.h>
#include <kvm/ioeventfd.h>
#include <kvm/vcpu.h>

#include "core.h"

#define CREATE_TRACE_POINTS
#include <trace/kvm.h>

/* Guards vm_list and the count of VMs; see Documentation/locking.rst. */
DEFINE_MUTEX(kvm_lock);
LIST_HEAD(vm_list);

/* Under kvm_lock. At one VM a nanosecond it lasts 500 years. */
static u64 last_vm_id;

/*
 * The last step of birth that can fail. Hotplug is held off, so that no CPU
 * comes online between the count and the enabling.
 */
static int kvm_add_vm(struct kvm *kvm)
{
	int r;

	guard(cpus_read_lock)();
	guard(mutex)(&kvm_lock);
	r = kvm_hardware_get();
	if (r)
		return r;
	kvm->id = ++last_vm_id;
	list_add(&kvm->vm_list, &vm_list);
	kvm_debugfs_add_vm(kvm);
	trace_kvm_vm_add(kvm->id);
	return 0;
}

static void kvm_remove_vm(struct kvm *kvm)
{
	scoped_guard(mutex, &kvm_lock)
		list_del(&kvm->vm_list);
	kvm_debugfs_remove_vm(kvm);
}

static void kvm_drop_vm(void)
{
	guard(cpus_read_lock)();
	guard(mutex)(&kvm_lock);
	kvm_hardware_put();
}

static void kvm_free_vm(struct kvm *kvm)
{
	xa_destroy(&kvm->vcpus);
	kvm_buses_destroy(kvm);
	kvm_irq_routes_destroy(kvm);
	mutex_destroy(&kvm->irq_lock);
	mutex_destroy(&kvm->lock);
	mmdrop(kvm->mm);
	kvm_arch_free_vm(kvm);
}

struct kvm *kvm_create_vm(unsigned long type)
{
	struct kvm *kvm = kvm_arch_alloc_vm();
	int r;

	if (!kvm)
		return ERR_PTR(-ENOMEM);

	refcount_set(&kvm->refs, 1);
	kvm->type = type;
	kvm->owner_pid = task_tgid_nr(current);
	kvm->mm = current->mm;
	mmgrab(kvm->mm);
	mutex_init(&kvm->lock);
	mutex_init(&kvm->irq_lock);
	xa_init_flags(&kvm->vcpus, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&kvm->devices);
	INIT_LIST_HEAD(&kvm->ioeventfds);
	kvm_irqfd_init(kvm);
	kvm_coalesced_init(kvm);
	kvm->max_vcpu_ids = KVM_MAX_VCPU_IDS;

	kvm_memory_init(kvm);
	r = kvm_arch_create_vm(kvm);
	if (r)
		goto err_memory;
	r = kvm_add_vm(kvm);
	if (!r)
		return kvm;

	kvm_arch_destroy_vm(kvm);
err_memory:
	kvm_memory_destroy(kvm);
	kvm_free_vm(kvm);
	return ERR_PTR(r);
}

/* The order of death. Nothing but this function knows it. */
static void kvm_destroy_vm(struct kvm *kvm)
{
	u64 id = kvm->id;

	trace_kvm_vm_unlist(id);
	kvm_remove_vm(kvm);

	trace_kvm_vm_arch_remove(id);
	kvm_arch_remove_vm(kvm);

	trace_kvm_vm_devices(id);
	kvm_irqfd_release(kvm);
	kvm_ioeventfds_destroy(kvm);
	kvm_coalesced_destroy(kvm);
	kvm_destroy_devices(kvm);

	trace_kvm_vm_arch_destroy(id);
	kvm_arch_destroy_vm(kvm);

	trace_kvm_vm_memslots(id);
	kvm_memory_destroy(kvm);

	trace_kvm_vm_drop(id);
	kvm_drop_vm();
	kvm_free_vm(kvm);
}

void kvm_put(struct kvm *kvm)
{
	if (refcount_dec_and_test(&kvm->refs))
		kvm_destroy_vm(kvm);
}

void kvm_bug(struct kvm *kvm)
{
	/* Every ioctl and every vCPU looks at it; it never turns back. */
	WRITE_ONCE(kvm->dead, true);
	kvm_make_all_request(kvm, KVM_REQ_VM_DEAD, false);
}

static long kvm_vm_create_vcpu(struct kvm_ioctl_args *args)
{
	return kvm_create_vcpu(args->kvm, args->arg);
}

static long kvm_vm_enable_cap(struct kvm_ioctl_args *args)
{
	const struct kvm_enable_cap *cap = args->data;

	switch (cap->cap) {
	case KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM:
		return kvm_gmem_move_from(args->kvm, cap->args[0]);
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return kvm_dirty_enable_cap(args->kvm, cap);
	default:
		return kvm_arch_enable_cap(args->kvm, cap);
	}
}

static const struct kvm_ioctl vm_rows[] = {
	KVM_ROW(KVM_CHECK_EXTENSION, kvm_ioctl_check_extension),
	KVM_ROW(KVM_ENABLE_CAP, kvm_vm_enable_cap,
		.flags = KVM_IOCTL_FIELD(struct kvm_enable_cap, flags)),
	KVM_ROW(KVM_CREATE_VCPU, kvm_vm_create_vcpu),
	KVM_ROW(KVM_GET_DIRTY_LOG, kvm_vm_get_dirty_log),
	KVM_ROW(KVM_CLEAR_DIRTY_LOG, kvm_vm_clear_dirty_log),
	KVM_ROW(KVM_RESET_DIRTY_RINGS, kvm_vm_reset_dirty_rings),
	KVM_ROW(KVM_SET_USER_MEMORY_REGION, kvm_vm_set_memory,
		.flags = KVM_IOCTL_FIELD(struct kvm_userspace_memory_region, flags),
		.allowed = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY),
	KVM_ROW(KVM_SET_USER_MEMORY_REGION2, kvm_vm_set_memory2,
		.flags = KVM_IOCTL_FIELD(struct kvm_userspace_memory_region2, flags),
		.allowed = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY |
			   KVM_MEM_GUEST_MEMFD),
	KVM_ROW(KVM_REGISTER_COALESCED_MMIO, kvm_ioctl_register_coalesced),
	KVM_ROW(KVM_UNREGISTER_COALESCED_MMIO, kvm_ioctl_unregister_coalesced),
	KVM_ROW(KVM_SET_GSI_ROUTING, kvm_ioctl_set_gsi_routing, .raw = true),
	KVM_ROW(KVM_IRQFD, kvm_ioctl_irqfd,
		.flags = KVM_IOCTL_FIELD(struct kvm_irqfd, flags),
		.allowed = KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE),
	KVM_ROW(KVM_IOEVENTFD, kvm_ioctl_ioeventfd,
		.flags = KVM_IOCTL_FIELD(struct kvm_ioeventfd, flags),
		.allowed = KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO |
			   KVM_IOEVENTFD_FLAG_DEASSIGN),
	KVM_ROW(KVM_CREATE_DEVICE, kvm_ioctl_create_device, .raw = true),
	KVM_ROW(KVM_GET_STATS_FD, kvm_ioctl_vm_stats_fd),
	KVM_ROW(KVM_SET_MEMORY_ATTRIBUTES, kvm_vm_set_memory_attributes,
		.zero = KVM_IOCTL_FIELD(struct kvm_memory_attributes, flags)),
	KVM_ROW(KVM_CREATE_GUEST_MEMFD, kvm_vm_create_guest_memfd, .no_reply = true,
		.zero = KVM_IOCTL_FIELD(struct kvm_create_guest_memfd, reserved)),
	KVM_ROW(KVM_LINK_GUEST_MEMFD, kvm_vm_link_guest_memfd, .no_reply = true,
		.flags = KVM_IOCTL_FIELD(struct kvm_link_guest_memfd, flags),
		.allowed = KVM_LINK_GUEST_MEMFD_SHARED,
		.zero = KVM_IOCTL_FIELD(struct kvm_link_guest_memfd, reserved)),
};

const struct kvm_ioctl_table kvm_vm_ioctls = KVM_IOCTL_TABLE(vm_rows);

static long kvm_vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm_ioctl_args args = { .kvm = file->private_data, .arg = arg };

	return kvm_do_ioctl(&kvm_vm_ioctls, &kvm_arch_vm_ioctls, &args, cmd);
}

static int kvm_vm_release(struct inode *inode, struct file *file)
{
	struct kvm *kvm = file->private_data;

	/* A VM that lives on by its other files cannot be told of new ones. */
	kvm_irqfd_release(kvm);
	kvm_put(kvm);
	return 0;
}

static const struct file_operations kvm_vm_fops = {
	.owner		= THIS_MODULE,
	.release	= kvm_vm_release,
	.unlocked_ioctl	= kvm_vm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

struct kvm *kvm_file_to_vm(struct file *file)
{
	return file->f_op == &kvm_vm_fops ? file->private_data : NULL;
}

long kvm_create_vm_fd(unsigned long type)
{
	struct file *file;
	struct kvm *kvm;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	kvm = kvm_create_vm(type);
	if (IS_ERR(kvm)) {
		put_unused_fd(fd);
		return PTR_ERR(kvm);
	}

	file = anon_inode_getfile("kvm-vm", &kvm_vm_fops, kvm, O_RDWR);
	if (IS_ERR(file)) {
		kvm_put(kvm);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}

	/* Last: the descriptor can be guessed and closed from here on. */
	fd_install(fd, file);
	return fd;
}
