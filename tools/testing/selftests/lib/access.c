// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "access.h"

/* Says that it is ready; then RBX tells whether to write or to read. */
GUEST_CODE64(worker,
	"1: out %al, $0x10\n"
	"   test %ebx, %ebx\n"
	"   jz 3f\n"
	"2: mov %rdi, (%rsi)\n"
	"   inc %rdi\n"
	"   add %rdx, %rsi\n"
	"   dec %rcx\n"
	"   jnz 2b\n"
	"   jmp 1b\n"
	"3: add (%rsi), %r8\n"
	"   add %rdx, %rsi\n"
	"   dec %rcx\n"
	"   jnz 3b\n"
	"   jmp 1b\n");

int access_continue(struct vcpu *vcpu, uint64_t *sum)
{
	struct kvm_regs regs;

	if (ioctl(vcpu->fd, KVM_RUN, 0))
		return errno;
	if (vcpu->run->exit_reason != KVM_EXIT_IO)
		return -1;
	if (sum) {
		vcpu_get_regs(vcpu, &regs);
		*sum = regs.r8;
	}
	return 0;
}

int access_run(struct vcpu *vcpu, struct access order, uint64_t *sum)
{
	struct kvm_regs regs;

	vcpu_get_regs(vcpu, &regs);
	regs.rbx = order.write;
	regs.rsi = order.gpa;
	regs.rdi = order.value;
	regs.rdx = order.stride;
	regs.rcx = order.count;
	regs.r8 = 0;
	vcpu_set_regs(vcpu, &regs);
	return access_continue(vcpu, sum);
}

void access_start(struct guest *guest, struct vcpu *vcpu)
{
	guest_load(guest, worker);
	vcpu_long_mode(guest, vcpu);
	vcpu_run_until(vcpu, KVM_EXIT_IO);
}

static void must(struct vcpu *vcpu, int r)
{
	if (r)
		kvm_die(__FILE__, __LINE__, "%s, exit %s", r > 0 ? strerror(r) : "no end",
			kvm_exit_name(vcpu->run->exit_reason));
}

void guest_write(struct vcpu *vcpu, uint64_t gpa, uint64_t value)
{
	must(vcpu, access_run(vcpu, (struct access){ true, gpa, value, 8, 1 }, NULL));
}

uint64_t guest_read(struct vcpu *vcpu, uint64_t gpa)
{
	uint64_t sum;

	must(vcpu, access_run(vcpu, (struct access){ false, gpa, 0, 8, 1 }, &sum));
	return sum;
}
