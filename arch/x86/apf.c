// SPDX-License-Identifier: GPL-2.0
/*
 * Asynchronous page faults (Documentation/virt/kvm/x86/msr.rst). A worker waits
 * for the page in the owner's address space, as long as it takes, but so that a
 * signal ends it: pages may come from a process that is slower than the end of
 * the VM.
 */
#include <linux/kvm_para.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include <kvm/guest_io.h>
#include <kvm/hva.h>

#include "apf.h"
#include "irq.h"
#include "lapic.h"
#include "pv.h"
#include "regs.h"
#include "x86.h"

/* Faults of a vCPU that wait at once. */
#define APF_MAX		64

/* What the guest calls a fault by: of 32 bits, those that name the vCPU. */
#define APF_ID_SHIFT	12
#define APF_MAX_ID	(BIT(32 - APF_ID_SHIFT) - 1)
#define APF_WAKE_ALL	U32_MAX

static_assert(BIT(APF_ID_SHIFT) >= KVM_MAX_VCPU_IDS);

#define APF_ENABLED	(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT)
#define APF_GPA		GENMASK_ULL(63, 6)

/**
 * struct x86_apf_fault - one page that is waited for
 * @work: waits
 * @vcpu: whose
 * @hva: where
 * @write: for writing
 * @token: the guest's name of it
 * @node: in one of the lists of struct x86_apf
 * @forgotten: the guest is not to be told; under the lock, as what follows
 * @stopped: nobody waits any more
 * @thread: that runs @work, while a signal may end it
 */
struct x86_apf_fault {
	struct work_struct work;
	struct x86_vcpu *vcpu;
	unsigned long hva;
	bool write;
	u32 token;
	struct list_head node;
	bool forgotten;
	bool stopped;
	struct task_struct *thread;
};

static struct workqueue_struct *apf_workers;

static bool apf_enabled(const struct x86_apf *apf)
{
	return (apf->msr & APF_ENABLED) == APF_ENABLED;
}

static gpa_t apf_gpa(const struct x86_vcpu *vcpu, size_t member)
{
	return (vcpu->apf.msr & APF_GPA) + member;
}

/* Workers */

/* From here to apf_end_wait() SIGTERM gets through. False: do not begin. */
static bool apf_begin_wait(struct x86_apf_fault *fault)
{
	struct x86_apf *apf = &fault->vcpu->apf;

	allow_signal(SIGTERM);
	guard(spinlock)(&apf->lock);
	if (!fault->stopped)
		fault->thread = current;
	return !fault->stopped;
}

static void apf_end_wait(struct x86_apf_fault *fault)
{
	scoped_guard(spinlock, &fault->vcpu->apf.lock)
		fault->thread = NULL;
	disallow_signal(SIGTERM);
	flush_signals(current);
}

static void apf_work(struct work_struct *work)
{
	struct x86_apf_fault *fault = container_of(work, struct x86_apf_fault, work);
	struct x86_vcpu *vcpu = fault->vcpu;
	struct mm_struct *mm = vcpu->vcpu.kvm->mm;

	/* Where the process has gone there is nobody to come back to the page. */
	if (mmget_not_zero(mm)) {
		if (apf_begin_wait(fault))
			kvm_wait_host_page(mm, fault->hva, fault->write);
		apf_end_wait(fault);
		mmput(mm);
	}
	/* The vCPU may be gone as soon as the lock is dropped. */
	guard(spinlock)(&vcpu->apf.lock);
	list_move_tail(&fault->node, &vcpu->apf.ready);
	kvm_make_request(X86_REQ_APF_READY, &vcpu->vcpu);
	kvm_vcpu_kick(&vcpu->vcpu);
}

/* Begin */

bool x86_apf_possible(struct x86_vcpu *vcpu)
{
	const struct x86_apf *apf = &vcpu->apf;

	if (!apf_enabled(apf))
		return false;
	/* It must be free to take an exception and then to run something else. */
	if (vcpu->event.type || vcpu->events.exception.pending ||
	    !x86_interrupt_allowed(vcpu))
		return false;
	return (apf->msr & KVM_ASYNC_PF_SEND_ALWAYS) || x86_cpl(vcpu) == 3;
}

static u32 apf_new_token(struct x86_vcpu *vcpu)
{
	struct x86_apf *apf = &vcpu->apf;

	/* Neither 0 nor APF_WAKE_ALL. */
	apf->last_id = apf->last_id % (APF_MAX_ID - 1) + 1;
	return apf->last_id << APF_ID_SHIFT | vcpu->vcpu.vcpu_id;
}

bool x86_apf_start(struct x86_vcpu *vcpu, unsigned long hva, bool write)
{
	static const u32 reason = KVM_PV_REASON_PAGE_NOT_PRESENT;
	gpa_t gpa = apf_gpa(vcpu, offsetof(struct kvm_vcpu_pv_apf_data, flags));
	struct x86_apf *apf = &vcpu->apf;
	struct x86_apf_fault *fault;

	if (READ_ONCE(apf->nr) >= APF_MAX)
		return false;
	fault = kzalloc(sizeof(*fault), GFP_KERNEL_ACCOUNT);
	if (!fault)
		return false;
	if (kvm_write_guest_atomic(&vcpu->vcpu, gpa, &reason, sizeof(reason))) {
		kfree(fault);
		return false;
	}
	INIT_WORK(&fault->work, apf_work);
	fault->vcpu = vcpu;
	fault->hva = hva;
	fault->write = write;
	fault->token = apf_new_token(vcpu);
	scoped_guard(spinlock, &apf->lock) {
		list_add_tail(&fault->node, &apf->waiting);
		apf->nr++;
	}
	queue_work(apf_workers, &fault->work);
	x86_queue_page_fault(vcpu, 0, fault->token);
	return true;
}

/* End */

/* The first of which the guest is to be told; who has it no longer is freed. */
static struct x86_apf_fault *apf_take_ready(struct x86_apf *apf)
{
	struct x86_apf_fault *fault, *next;

	guard(spinlock)(&apf->lock);
	list_for_each_entry_safe(fault, next, &apf->ready, node) {
		list_del(&fault->node);
		apf->nr--;
		if (!fault->forgotten)
			return fault;
		kfree(fault);
	}
	return NULL;
}

static bool apf_anything_ready(struct x86_apf *apf)
{
	guard(spinlock)(&apf->lock);
	return !list_empty(&apf->ready);
}

/* One token has room in the guest's memory, and then comes the interrupt. */
static void apf_tell(struct x86_vcpu *vcpu, u32 token)
{
	gpa_t gpa = apf_gpa(vcpu, offsetof(struct kvm_vcpu_pv_apf_data, token));
	struct x86_irq irq = { .vector = vcpu->apf.vector, .shorthand = X86_TO_SELF };

	if (kvm_write_guest(&vcpu->vcpu, gpa, &token, sizeof(token)))
		return;
	vcpu->apf.unacked = true;
	x86_deliver_irq(to_x86_vm(vcpu->vcpu.kvm), vcpu->lapic, &irq);
}

/* Has the guest seen the last one? Without the memory it never will. */
static bool apf_token_is_free(struct x86_vcpu *vcpu)
{
	gpa_t gpa = apf_gpa(vcpu, offsetof(struct kvm_vcpu_pv_apf_data, token));
	u32 token;

	return !kvm_read_guest(&vcpu->vcpu, gpa, &token, sizeof(token)) && !token;
}

void x86_apf_deliver(struct x86_vcpu *vcpu)
{
	struct x86_apf *apf = &vcpu->apf;
	struct x86_apf_fault *fault;

	if (!apf_enabled(apf)) {
		kfree(apf_take_ready(apf));
		return;
	}
	if (apf->unacked || !(apf->wake_all || apf_anything_ready(apf)) ||
	    !apf_token_is_free(vcpu))
		return;
	if (apf->wake_all) {
		apf->wake_all = false;
		apf_tell(vcpu, APF_WAKE_ALL);
		return;
	}
	fault = apf_take_ready(apf);
	if (!fault)
		return;
	apf_tell(vcpu, fault->token);
	kfree(fault);
}

/* What waits goes on waiting, and is then freed in silence. */
static void apf_forget(struct x86_apf *apf)
{
	struct x86_apf_fault *fault;

	apf->unacked = false;
	apf->wake_all = false;
	scoped_guard(spinlock, &apf->lock) {
		list_for_each_entry(fault, &apf->waiting, node)
			fault->forgotten = true;
		list_for_each_entry(fault, &apf->ready, node)
			fault->forgotten = true;
	}
	kfree(apf_take_ready(apf));
}

static struct x86_apf_fault *apf_first_waiting(struct x86_apf *apf)
{
	guard(spinlock)(&apf->lock);
	return list_first_entry_or_null(&apf->waiting, struct x86_apf_fault, node);
}

void x86_apf_stop(struct x86_vcpu *vcpu)
{
	struct x86_apf *apf = &vcpu->apf;
	struct x86_apf_fault *fault;

	scoped_guard(spinlock, &apf->lock) {
		list_for_each_entry(fault, &apf->waiting, node) {
			fault->stopped = true;
			if (fault->thread)
				send_sig(SIGTERM, fault->thread, 1);
		}
	}
	while ((fault = apf_first_waiting(apf))) {
		/* One that has not begun does not move itself. */
		if (!cancel_work_sync(&fault->work))
			continue;
		guard(spinlock)(&apf->lock);
		list_move(&fault->node, &apf->ready);
	}
	apf_forget(apf);
}

/* MSRs */

static int apf_enable(struct x86_vcpu *vcpu, u64 data)
{
	struct x86_apf *apf = &vcpu->apf;
	u64 legal = APF_GPA | KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_SEND_ALWAYS;

	if (x86_pv_has(vcpu, KVM_FEATURE_ASYNC_PF_INT))
		legal |= KVM_ASYNC_PF_DELIVERY_AS_INT;
	if ((data & ~legal) || (data && !vcpu->lapic))
		return -EINVAL;
	apf_forget(apf);
	apf->msr = data;
	if (!apf_enabled(apf))
		return 0;
	/* A guest that comes from elsewhere left faults there that nobody ends. */
	apf->wake_all = true;
	kvm_make_request(X86_REQ_APF_READY, &vcpu->vcpu);
	return 0;
}

u64 x86_apf_get_msr(const struct x86_vcpu *vcpu, u32 index)
{
	switch (index) {
	case MSR_KVM_ASYNC_PF_EN:
		return vcpu->apf.msr;
	case MSR_KVM_ASYNC_PF_INT:
		return vcpu->apf.vector;
	default:
		return 0;
	}
}

int x86_apf_set_msr(struct x86_vcpu *vcpu, u32 index, u64 data)
{
	switch (index) {
	case MSR_KVM_ASYNC_PF_EN:
		return apf_enable(vcpu, data);
	case MSR_KVM_ASYNC_PF_INT:
		if ((data & ~(u64)KVM_ASYNC_PF_VEC_MASK) || (data && !vcpu->lapic))
			return -EINVAL;
		vcpu->apf.vector = data;
		return 0;
	default:
		if (data & 1) {
			vcpu->apf.unacked = false;
			kvm_make_request(X86_REQ_APF_READY, &vcpu->vcpu);
		}
		return 0;
	}
}

/* Birth and death */

void x86_apf_create(struct x86_vcpu *vcpu)
{
	spin_lock_init(&vcpu->apf.lock);
	INIT_LIST_HEAD(&vcpu->apf.waiting);
	INIT_LIST_HEAD(&vcpu->apf.ready);
}

void x86_apf_reset(struct x86_vcpu *vcpu)
{
	apf_forget(&vcpu->apf);
	vcpu->apf.msr = 0;
	vcpu->apf.vector = 0;
}

int x86_apf_init(void)
{
	/* Its threads wait for long: they must not keep others of the kernel waiting. */
	apf_workers = alloc_workqueue("kvm-apf", WQ_UNBOUND, WQ_MAX_ACTIVE);
	return apf_workers ? 0 : -ENOMEM;
}

/* The last lines of workers may still run: they are the module's text. */
void x86_apf_exit(void)
{
	destroy_workqueue(apf_workers);
}
