// SPDX-License-Identifier: GPL-2.0
/* KVM_{GET,SET}_{VCPU_EVENTS,DEBUGREGS,MP_STATE}. */
#include <linux/atomic.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>

#include "irq.h"
#include "regs.h"
#include "vcpu_events.h"

#define EVENTS_FLAGS							\
	(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR | \
	 KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_PAYLOAD |	\
	 KVM_VCPUEVENT_VALID_TRIPLE_FAULT)

#define INT_SHADOWS	(KVM_X86_SHADOW_INT_MOV_SS | KVM_X86_SHADOW_INT_STI)

/* Interrupts */

static bool is_interrupt(const struct x86_event *event)
{
	return event->type == X86_EVENT_INTERRUPT;
}

int x86_saved_interrupt(const struct x86_vcpu *vcpu)
{
	if (is_interrupt(&vcpu->event))
		return vcpu->event.vector;
	if (is_interrupt(&vcpu->events.held))
		return vcpu->events.held.vector;
	return vcpu->events.user_irq;
}

/*
 * An interrupt that the kernel's controllers gave up is delivered, come what
 * may. One of userspace waits until the guest takes interrupts; where it was
 * on its way already, that is now.
 */
void x86_restore_interrupt(struct x86_vcpu *vcpu, int vector)
{
	struct x86_event *event = vcpu->event.type == X86_EVENT_NONE ||
				  is_interrupt(&vcpu->event) ?
				  &vcpu->event : &vcpu->events.held;

	if (is_interrupt(&vcpu->event))
		vcpu->event.type = X86_EVENT_NONE;
	if (is_interrupt(&vcpu->events.held))
		vcpu->events.held.type = X86_EVENT_NONE;
	vcpu->events.user_irq = X86_NO_VECTOR;
	kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
	if (vector == X86_NO_VECTOR)
		return;
	if (x86_irqchip_in_kernel(vcpu))
		*event = (struct x86_event) { .type = X86_EVENT_INTERRUPT, .vector = vector };
	else
		vcpu->events.user_irq = vector;
}

/* Events, as userspace sees them */

/* Userspace that knows no payloads sees CR2 and DR6 as they will be. */
static void exception_to_user(struct x86_vcpu *vcpu, struct kvm_vcpu_events *out)
{
	const struct x86_exception *waits = &vcpu->events.exception;
	bool payloads = to_x86_vm(vcpu->vcpu.kvm)->exception_payload;

	if (payloads)
		out->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (waits->pending) {
		if (!payloads)
			x86_deliver_payload(vcpu);
		out->exception.pending = payloads;
		out->exception.injected = !payloads;
		out->exception.nr = waits->vector;
		out->exception.has_error_code = waits->has_error;
		out->exception.error_code = waits->error_code;
		out->exception_has_payload = waits->has_payload;
		out->exception_payload = waits->has_payload ? waits->payload : 0;
	} else if (vcpu->event.type == X86_EVENT_EXCEPTION) {
		out->exception.injected = 1;
		out->exception.nr = vcpu->event.vector;
		out->exception.has_error_code = vcpu->event.has_error;
		out->exception.error_code = vcpu->event.error_code;
	}
}

void x86_events_to_user(struct x86_vcpu *vcpu, struct kvm_vcpu_events *out)
{
	int vector = x86_saved_interrupt(vcpu);

	*out = (struct kvm_vcpu_events) {
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
	};
	exception_to_user(vcpu, out);
	if (vector != X86_NO_VECTOR) {
		out->interrupt.injected = 1;
		out->interrupt.nr = vector;
	}
	out->interrupt.shadow = vcpu->intr_shadow;
	out->nmi.injected = vcpu->event.type == X86_EVENT_NMI ||
			    vcpu->events.held.type == X86_EVENT_NMI;
	out->nmi.pending = atomic_read(&vcpu->events.nmis);
	out->nmi.masked = vcpu->nmi_masked;
	if (to_x86_vm(vcpu->vcpu.kvm)->triple_fault_event) {
		out->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
		out->triple_fault.pending = test_bit(X86_REQ_TRIPLE_FAULT,
						     &vcpu->vcpu.requests);
	}
}

static int check_events(const struct x86_vm *vm, const struct kvm_vcpu_events *in)
{
	bool pending = (in->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && in->exception.pending;

	if (in->flags & ~EVENTS_FLAGS)
		return -EINVAL;
	if ((in->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && !vm->exception_payload)
		return -EINVAL;
	if ((in->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) && !vm->triple_fault_event)
		return -EINVAL;
	if ((in->exception.injected || pending) &&
	    (in->exception.nr > 31 || in->exception.nr == X86_TRAP_NMI))
		return -EINVAL;
	if ((in->flags & KVM_VCPUEVENT_VALID_SHADOW) &&
	    (in->interrupt.shadow & ~INT_SHADOWS))
		return -EINVAL;
	return 0;
}

static void exception_from_user(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	bool pending = (in->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && in->exception.pending;

	vcpu->events.exception = (struct x86_exception) {};
	vcpu->event.type = X86_EVENT_NONE;
	vcpu->events.held.type = X86_EVENT_NONE;
	if (pending)
		vcpu->events.exception = (struct x86_exception) {
			.pending = true,
			.vector = in->exception.nr,
			.has_error = in->exception.has_error_code,
			.error_code = in->exception.error_code,
			.has_payload = in->exception_has_payload,
			.payload = in->exception_payload,
		};
	else if (in->exception.injected)
		vcpu->event = (struct x86_event) {
			.type = X86_EVENT_EXCEPTION,
			.vector = in->exception.nr,
			.has_error = in->exception.has_error_code,
			.error_code = in->exception.error_code,
		};
}

/* An NMI in delivery goes before an interrupt: both at once were never one's. */
static void nmi_from_user(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	struct x86_event *event = vcpu->event.type ? &vcpu->events.held : &vcpu->event;

	if (in->nmi.injected)
		*event = (struct x86_event) {
			.type = X86_EVENT_NMI, .vector = X86_TRAP_NMI,
		};
	if (in->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		atomic_set(&vcpu->events.nmis, min(in->nmi.pending, X86_MAX_NMIS));
	vcpu->nmi_masked = in->nmi.masked;
}

int x86_events_from_user(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	int r = check_events(to_x86_vm(vcpu->vcpu.kvm), in);

	if (r)
		return r;
	exception_from_user(vcpu, in);
	nmi_from_user(vcpu, in);
	x86_restore_interrupt(vcpu, in->interrupt.injected ? in->interrupt.nr :
							     X86_NO_VECTOR);
	if (in->flags & KVM_VCPUEVENT_VALID_SHADOW)
		vcpu->intr_shadow = in->interrupt.shadow;
	if (in->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) {
		if (in->triple_fault.pending)
			kvm_make_request(X86_REQ_TRIPLE_FAULT, &vcpu->vcpu);
		else
			clear_bit(X86_REQ_TRIPLE_FAULT, &vcpu->vcpu.requests);
	}
	return 0;
}

long x86_get_vcpu_events(struct kvm_ioctl_args *args)
{
	x86_events_to_user(to_x86(args->vcpu), args->data);
	return 0;
}

long x86_set_vcpu_events(struct kvm_ioctl_args *args)
{
	return x86_events_from_user(to_x86(args->vcpu), args->data);
}

/* Debug registers */

long x86_get_debugregs(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	struct kvm_debugregs *regs = args->data;

	x86_fetch(vcpu, X86_GROUP_DEBUG);
	memcpy(regs->db, vcpu->db, sizeof(regs->db));
	regs->dr6 = vcpu->dr6;
	regs->dr7 = vcpu->dr7;
	return 0;
}

long x86_set_debugregs(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	const struct kvm_debugregs *regs = args->data;

	if (upper_32_bits(regs->dr6) || upper_32_bits(regs->dr7))
		return -EINVAL;
	memcpy(vcpu->db, regs->db, sizeof(vcpu->db));
	vcpu->dr6 = regs->dr6;
	vcpu->dr7 = regs->dr7;
	x86_mark_dirty(vcpu, X86_GROUP_DEBUG);
	return 0;
}

/* Run state */

long x86_get_mp_state(struct kvm_ioctl_args *args)
{
	struct kvm_mp_state *state = args->data;

	state->mp_state = to_x86(args->vcpu)->mp_state;
	return 0;
}

/* Without interrupt controllers in the kernel nothing could end another state. */
long x86_set_mp_state(struct kvm_ioctl_args *args)
{
	const struct kvm_mp_state *state = args->data;
	struct x86_vcpu *vcpu = to_x86(args->vcpu);

	switch (state->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
		if (x86_irqchip_in_kernel(vcpu))
			break;
		fallthrough;
	default:
		return -EINVAL;
	}
	vcpu->mp_state = state->mp_state;
	kvm_make_request(X86_REQ_EVENT, args->vcpu);
	return 0;
}
