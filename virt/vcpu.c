// SPDX-License-Identifier: GPL-2.0
/* The vCPU: its file, its thread, its requests. */
#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>

#include <kvm/arch.h>
#include <kvm/ioctl.h>
#include <kvm/vcpu.h>

#include <trace/events/ipi.h>

#include "core.h"

/* Look up */

struct kvm_vcpu *kvm_get_vcpu(struct kvm *kvm, unsigned int index)
{
	unsigned int nr = kvm_nr_vcpus(kvm);

	if (index >= nr)
		return NULL;
	return xa_load(&kvm->vcpus, array_index_nospec(index, nr));
}

struct kvm_vcpu *kvm_get_vcpu_by_id(struct kvm *kvm, unsigned int id)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	if (id >= KVM_MAX_VCPU_IDS)
		return NULL;
	vcpu = kvm_get_vcpu(kvm, id);
	if (vcpu && vcpu->vcpu_id == id)
		return vcpu;
	kvm_for_each_vcpu(i, vcpu, kvm)
		if (vcpu->vcpu_id == id)
			return vcpu;
	return NULL;
}

/* Kicks and requests */

bool kvm_vcpu_wake_up(struct kvm_vcpu *vcpu)
{
	return rcuwait_wake_up(&vcpu->wait);
}

/*
 * Moves a vCPU on its way out of the guest, and returns where it was. The full
 * barrier of cmpxchg() pairs with the one after the vCPU's store of
 * IN_GUEST_MODE: either it sees our request before it enters, or we see it
 * inside.
 */
static int kvm_vcpu_exiting(struct kvm_vcpu *vcpu)
{
	return cmpxchg(&vcpu->mode, IN_GUEST_MODE, EXITING_GUEST_MODE);
}

void kvm_vcpu_kick(struct kvm_vcpu *vcpu)
{
	int me, cpu;

	if (kvm_vcpu_wake_up(vcpu))
		return;

	me = get_cpu();
	/* On this very CPU it cannot be in the guest. */
	cpu = READ_ONCE(vcpu->cpu);
	if (cpu != me && cpu >= 0 && kvm_vcpu_exiting(vcpu) == IN_GUEST_MODE)
		smp_send_reschedule(cpu);
	put_cpu();
}

void kvm_vcpu_yield_to(struct kvm_vcpu *vcpu)
{
	struct task_struct *thread;

	scoped_guard(rcu) {
		/* It was in KVM_RUN: its memory outlives that by a grace period. */
		thread = READ_ONCE(vcpu->thread);
		if (thread)
			get_task_struct(thread);
	}
	if (!thread)
		return;
	yield_to(thread, true);
	put_task_struct(thread);
}

static void kvm_ack_request(void *unused)
{
}

/*
 * One that is on its way out needs no second interrupt, but may still be in the
 * guest: who waits must wait for it, too.
 */
static bool kvm_vcpu_needs_ipi(struct kvm_vcpu *vcpu, bool wait)
{
	int mode = kvm_vcpu_exiting(vcpu);

	return mode == IN_GUEST_MODE || (wait && mode == EXITING_GUEST_MODE);
}

void kvm_make_all_request(struct kvm *kvm, int req, bool wait)
{
	bool in_guest = false, have_mask = false;
	struct kvm_vcpu *vcpu;
	cpumask_var_t cpus;
	unsigned long i;
	int me, cpu;

	me = get_cpu();
	kvm_for_each_vcpu(i, vcpu, kvm) {
		kvm_make_request(req, vcpu);
		/* Who sleeps uses no translations. */
		if (req != KVM_REQ_TLB_FLUSH)
			kvm_vcpu_wake_up(vcpu);
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu < 0 || cpu == me || !kvm_vcpu_needs_ipi(vcpu, wait))
			continue;
		/* Without memory for a mask every CPU is asked. */
		if (!in_guest)
			have_mask = zalloc_cpumask_var(&cpus, GFP_ATOMIC);
		in_guest = true;
		if (have_mask)
			cpumask_set_cpu(cpu, cpus);
	}
	if (in_guest)
		smp_call_function_many(have_mask ? cpus : cpu_online_mask, kvm_ack_request,
				       NULL, wait);
	put_cpu();
	if (have_mask)
		free_cpumask_var(cpus);
}

/* Stop all */

int kvm_stop_vcpus(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	lockdep_assert_held(&kvm->lock);

	WRITE_ONCE(kvm->vcpus_stopped, true);
	/*
	 * Pairs with the barrier in kvm_vcpu_begin(): either we see that the
	 * mutex is taken, or who took it sees that it has to wait.
	 */
	smp_mb();
	kvm_for_each_vcpu(i, vcpu, kvm) {
		if (mutex_is_locked(&vcpu->mutex)) {
			kvm_resume_vcpus(kvm);
			return -EBUSY;
		}
	}
	return 0;
}

void kvm_resume_vcpus(struct kvm *kvm)
{
	/* Pairs with the acquire in kvm_vcpu_begin(): what changed comes first. */
	smp_store_release(&kvm->vcpus_stopped, false);
}

int kvm_vcpu_wait_resumed(struct kvm_vcpu *vcpu)
{
	struct mutex *lock = &vcpu->kvm->lock;

	if (mutex_lock_killable(lock))
		return -EINTR;
	mutex_unlock(lock);
	return 0;
}

/* The thread that runs it */

static void kvm_sched_in(struct preempt_notifier *pn, int cpu)
{
	struct kvm_vcpu *vcpu = container_of(pn, struct kvm_vcpu, notifier);

	WRITE_ONCE(vcpu->cpu, cpu);
	kvm_arch_vcpu_load(vcpu, cpu);
}

static void kvm_sched_out(struct preempt_notifier *pn, struct task_struct *next)
{
	struct kvm_vcpu *vcpu = container_of(pn, struct kvm_vcpu, notifier);

	kvm_arch_vcpu_put(vcpu);
	WRITE_ONCE(vcpu->cpu, -1);
}

static struct preempt_ops kvm_preempt_ops = {
	.sched_in	= kvm_sched_in,
	.sched_out	= kvm_sched_out,
};

void kvm_vcpu_load(struct kvm_vcpu *vcpu)
{
	int cpu = get_cpu();

	preempt_notifier_register(&vcpu->notifier);
	kvm_sched_in(&vcpu->notifier, cpu);
	put_cpu();
}

void kvm_vcpu_put(struct kvm_vcpu *vcpu)
{
	preempt_disable();
	kvm_sched_out(&vcpu->notifier, NULL);
	preempt_notifier_unregister(&vcpu->notifier);
	preempt_enable();
}

/* Ioctls */

/*
 * As in sigtimedwait(2), the caller's own mask stands in real_blocked meanwhile:
 * a signal that only KVM_RUN lets through ends KVM_RUN, and not the process.
 */
static void kvm_sigset_enter(struct kvm_vcpu *vcpu)
{
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
}

static void kvm_sigset_leave(struct kvm_vcpu *vcpu)
{
	if (!vcpu->sigset_active)
		return;
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}

static long kvm_vcpu_run(struct kvm_ioctl_args *args)
{
	struct kvm_vcpu *vcpu = args->vcpu;
	long r;

	if (args->arg)
		return -EINVAL;

	kvm_sigset_enter(vcpu);
	WRITE_ONCE(vcpu->thread, current);
	vcpu->wants_to_run = !READ_ONCE(vcpu->run->immediate_exit__unsafe);
	r = kvm_arch_vcpu_run(vcpu);
	vcpu->wants_to_run = false;
	WRITE_ONCE(vcpu->thread, NULL);
	kvm_sigset_leave(vcpu);
	return r;
}

static long kvm_vcpu_set_signal_mask(struct kvm_ioctl_args *args)
{
	struct kvm_signal_mask __user *user = (void __user *)args->arg;
	struct kvm_vcpu *vcpu = args->vcpu;
	struct kvm_signal_mask mask;
	sigset_t sigset;

	if (!user) {
		vcpu->sigset_active = false;
		return 0;
	}

	if (copy_from_user(&mask, user, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(sigset))
		return -EINVAL;
	if (in_compat_syscall()) {
		if (get_compat_sigset(&sigset, (void __user *)user->sigset))
			return -EFAULT;
	} else if (copy_from_user(&sigset, user->sigset, sizeof(sigset))) {
		return -EFAULT;
	}

	sigdelsetmask(&sigset, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = sigset;
	vcpu->sigset_active = true;
	return 0;
}

static long kvm_vcpu_enable_cap(struct kvm_ioctl_args *args)
{
	return kvm_arch_vcpu_enable_cap(args->vcpu, args->data);
}

static const struct kvm_ioctl vcpu_rows[] = {
	KVM_ROW(KVM_ENABLE_CAP, kvm_vcpu_enable_cap, .lock = KVM_LOCK_VCPU,
		.zero = KVM_IOCTL_FIELD(struct kvm_enable_cap, flags)),
	KVM_ROW(KVM_RUN, kvm_vcpu_run, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_SIGNAL_MASK, kvm_vcpu_set_signal_mask,
		.lock = KVM_LOCK_VCPU, .raw = true),
	KVM_ROW(KVM_GET_STATS_FD, kvm_ioctl_vcpu_stats_fd),
};

const struct kvm_ioctl_table kvm_vcpu_ioctls = KVM_IOCTL_TABLE(vcpu_rows);

static long kvm_vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm_vcpu *vcpu = file->private_data;
	struct kvm_ioctl_args args = { .kvm = vcpu->kvm, .vcpu = vcpu, .arg = arg };

	return kvm_do_ioctl(&kvm_vcpu_ioctls, &kvm_arch_vcpu_ioctls, &args, cmd);
}

/*
 * Port data used to have the page behind struct kvm_run for itself. Programs that
 * fill a page from run->io.data_offset on, whatever the count, get one to spill
 * into; others never touch it.
 */
static struct page *kvm_pio_spill_page(struct kvm_vcpu *vcpu)
{
	struct page *page = READ_ONCE(vcpu->pio_spill), *other;

	if (page)
		return page;
	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page)
		return NULL;
	other = cmpxchg(&vcpu->pio_spill, NULL, page);
	if (!other)
		return page;
	__free_page(page);
	return other;
}

static vm_fault_t kvm_vcpu_fault(struct vm_fault *vmf)
{
	struct kvm_vcpu *vcpu = vmf->vma->vm_file->private_data;
	struct page *page;

	if (vmf->pgoff == 0)
		page = virt_to_page(vcpu->run);
	else if (vmf->pgoff == KVM_PIO_PAGE_OFFSET)
		page = kvm_pio_spill_page(vcpu);
	else if (vmf->pgoff == KVM_COALESCED_MMIO_PAGE_OFFSET)
		page = kvm_coalesced_page(vcpu->kvm);
	else
		page = kvm_dirty_ring_page(vcpu, vmf->pgoff) ?:
		       kvm_arch_vcpu_mmap_page(vcpu, vmf->pgoff);
	if (!page)
		return VM_FAULT_SIGBUS;

	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct kvm_vcpu_vm_ops = {
	.fault = kvm_vcpu_fault,
};

static int kvm_vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!kvm_dirty_ring_may_map(file->private_data, vma))
		return -EINVAL;
	vma->vm_ops = &kvm_vcpu_vm_ops;
	return 0;
}

static int kvm_vcpu_release(struct inode *inode, struct file *file)
{
	struct kvm_vcpu *vcpu = file->private_data;

	kvm_put(vcpu->kvm);
	return 0;
}

static const struct file_operations kvm_vcpu_fops = {
	.owner		= THIS_MODULE,
	.release	= kvm_vcpu_release,
	.unlocked_ioctl	= kvm_vcpu_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= kvm_vcpu_mmap,
	.llseek		= noop_llseek,
};

/* Birth and death */

static void kvm_free_vcpu(struct kvm_vcpu *vcpu)
{
	kvm_dirty_ring_destroy(vcpu);
	if (vcpu->pio_spill)
		put_page(vcpu->pio_spill);
	free_page((unsigned long)vcpu->run);
	mutex_destroy(&vcpu->mutex);
	kvm_arch_free_vcpu(vcpu);
}

static_assert(sizeof(struct kvm_run) <= KVM_PIO_OFFSET);

static struct kvm_vcpu *kvm_alloc_vcpu(struct kvm *kvm, unsigned int id)
{
	struct kvm_vcpu *vcpu = kvm_arch_alloc_vcpu(kvm);
	int r = -ENOMEM;

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->kvm = kvm;
	vcpu->vcpu_id = id;
	vcpu->index = kvm->nr_vcpus;
	vcpu->cpu = -1;
	mutex_init(&vcpu->mutex);
	rcuwait_init(&vcpu->wait);
	preempt_notifier_init(&vcpu->notifier, &kvm_preempt_ops);

	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->pio_data = (void *)vcpu->run + KVM_PIO_OFFSET;
	if (vcpu->run)
		r = kvm_dirty_ring_create(vcpu) ?: kvm_arch_create_vcpu(vcpu);
	if (!r)
		return vcpu;
	kvm_free_vcpu(vcpu);
	return ERR_PTR(r);
}

static void kvm_destroy_vcpu(struct kvm_vcpu *vcpu)
{
	kvm_arch_destroy_vcpu(vcpu);
	kvm_free_vcpu(vcpu);
}

/* A file is the last thing that can fail; then the vCPU joins the VM. */
static struct file *kvm_add_vcpu(struct kvm *kvm, unsigned int id)
{
	struct kvm_vcpu *vcpu;
	struct file *file;
	char name[32];
	int r;

	vcpu = kvm_alloc_vcpu(kvm, id);
	if (IS_ERR(vcpu))
		return ERR_CAST(vcpu);

	r = xa_reserve(&kvm->vcpus, vcpu->index, GFP_KERNEL_ACCOUNT);
	if (r)
		goto err_destroy;

	scnprintf(name, sizeof(name), "kvm-vcpu:%u", id);
	file = anon_inode_getfile(name, &kvm_vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		r = PTR_ERR(file);
		goto err_release;
	}

	kvm_get(kvm);
	xa_store(&kvm->vcpus, vcpu->index, vcpu, GFP_KERNEL_ACCOUNT);
	/* Pairs with kvm_nr_vcpus(). */
	smp_store_release(&kvm->nr_vcpus, vcpu->index + 1);
	WRITE_ONCE(kvm->stat.vcpus, kvm->nr_vcpus);
	kvm_arch_vcpu_added(vcpu);
	return file;

err_release:
	xa_release(&kvm->vcpus, vcpu->index);
err_destroy:
	kvm_destroy_vcpu(vcpu);
	return ERR_PTR(r);
}

static int kvm_may_create_vcpu(struct kvm *kvm, unsigned long id)
{
	if (id >= kvm->max_vcpu_ids || kvm->nr_vcpus >= KVM_MAX_VCPUS)
		return -EINVAL;
	return kvm_get_vcpu_by_id(kvm, id) ? -EEXIST : 0;
}

long kvm_create_vcpu(struct kvm *kvm, unsigned long id)
{
	struct file *file;
	int fd, r;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	scoped_guard(mutex, &kvm->lock) {
		r = kvm_may_create_vcpu(kvm, id);
		file = r ? ERR_PTR(r) : kvm_add_vcpu(kvm, id);
	}
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	kvm_teach_lock_order(file->private_data);
	fd_install(fd, file);
	return fd;
}

void kvm_destroy_vcpus(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	xa_for_each(&kvm->vcpus, i, vcpu)
		kvm_destroy_vcpu(vcpu);
	xa_destroy(&kvm->vcpus);
	kvm->nr_vcpus = 0;
}
