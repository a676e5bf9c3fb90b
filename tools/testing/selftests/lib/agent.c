// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

/* RDI says what to do, at RSI, with RDX. The answer is in RAX. */
GUEST_CODE64(agent_code,
	     "1:	test	%rdi, %rdi\n"
	     "	jnz	2f\n"
	     "	mov	(%rsi), %rax\n"
	     "	out	%al, $0x80\n"
	     "	jmp	1b\n"
	     "2:	mov	%rdx, (%rsi)\n"
	     "	out	%al, $0x80\n"
	     "	jmp	1b\n");

void agent_create(struct agent *agent, unsigned long type, int nr_vcpus)
{
	struct guest *guest = &agent->guest;

	memset(guest, 0, sizeof(*guest));
	guest->kvm = kvm_must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm",
			      __FILE__, __LINE__);
	guest->vm = kvm_ioctl_ok(guest->kvm, KVM_CREATE_VM, type);
	guest->size = GUEST_MEM;
	guest->mem = guest_add_memory(guest, 0, 0, GUEST_MEM, NULL, 0);
	guest_load(guest, agent_code);
	while (guest->nr_vcpus < nr_vcpus)
		vcpu_long_mode(guest, guest_add_vcpu(guest, guest->nr_vcpus));
}

void agent_destroy(struct agent *agent)
{
	guest_destroy(&agent->guest);
}

static int agent_access(struct agent *agent, int nr, bool write, uint64_t gpa, uint64_t *value)
{
	struct vcpu *vcpu = &agent->guest.vcpu[nr];
	struct kvm_regs regs;
	int r;

	/* By hand, for the VM may be dead, which is no failure of the test. */
	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs))
		return errno;
	/* Behind a fault it stands on the access; otherwise it is about to start. */
	if (vcpu->run->exit_reason == KVM_EXIT_MEMORY_FAULT)
		regs.rip = GUEST_CODE;
	regs.rdi = write;
	regs.rsi = gpa;
	regs.rdx = *value;
	r = ioctl(vcpu->fd, KVM_SET_REGS, &regs) ? errno : EINTR;
	while (r == EINTR)
		r = ioctl(vcpu->fd, KVM_RUN, 0) ? errno : 0;
	if (!r && vcpu->run->exit_reason != KVM_EXIT_IO)
		return ECANCELED;
	if (!r && ioctl(vcpu->fd, KVM_GET_REGS, &regs))
		return errno;
	if (r)
		return r;
	*value = regs.rax;
	return 0;
}

int agent_read(struct agent *agent, int nr, uint64_t gpa, uint64_t *value)
{
	return agent_access(agent, nr, false, gpa, value);
}

int agent_write(struct agent *agent, int nr, uint64_t gpa, uint64_t value)
{
	return agent_access(agent, nr, true, gpa, &value);
}

uint64_t agent_load(struct agent *agent, uint64_t gpa)
{
	uint64_t value = 0;
	int r = agent_read(agent, 0, gpa, &value);

	if (r)
		kvm_die(__FILE__, __LINE__, "read of %lx: %s, exit %s", gpa, strerror(r),
			kvm_exit_name(agent->guest.vcpu[0].run->exit_reason));
	return value;
}

void agent_store(struct agent *agent, uint64_t gpa, uint64_t value)
{
	int r = agent_write(agent, 0, gpa, value);

	if (r)
		kvm_die(__FILE__, __LINE__, "write of %lx: %s, exit %s", gpa, strerror(r),
			kvm_exit_name(agent->guest.vcpu[0].run->exit_reason));
}

bool agent_saw_memory_fault(struct agent *agent, uint64_t gpa, uint64_t flags)
{
	const struct kvm_run *run = agent->guest.vcpu[0].run;

	return run->exit_reason == KVM_EXIT_MEMORY_FAULT && run->memory_fault.flags == flags &&
	       run->memory_fault.gpa == (gpa & ~0xfffUL) && run->memory_fault.size == 0x1000;
}
