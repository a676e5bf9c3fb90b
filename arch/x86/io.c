// SPDX-License-Identifier: GPL-2.0
/* IN and OUT: to a device in the kernel, else to userspace. */
#include <linux/string.h>

#include "backend.h"
#include "emulate.h"
#include "run.h"
#include "trace.h"

/* The part of RAX that an instruction of this size uses; 32 bits clear the rest. */
static void write_rax(struct x86_vcpu *vcpu, const void *data, u8 size)
{
	if (size == 4)
		vcpu->gpr[X86_RAX] = 0;
	memcpy(&vcpu->gpr[X86_RAX], data, size);
}

/* Userspace may have moved the guest elsewhere (reset): then nothing is left to do. */
static int complete_out(struct x86_vcpu *vcpu)
{
	if (x86_linear_rip(vcpu) != vcpu->io_rip)
		return X86_RUN_AGAIN;
	return x86_skip_insn(vcpu);
}

static int complete_in(struct x86_vcpu *vcpu)
{
	if (x86_linear_rip(vcpu) != vcpu->io_rip)
		return X86_RUN_AGAIN;
	write_rax(vcpu, vcpu->vcpu.pio_data, vcpu->exit.io.size);
	return x86_skip_insn(vcpu);
}

int x86_io_to_user(struct x86_vcpu *vcpu, u32 count)
{
	struct kvm_run *run = vcpu->vcpu.run;
	const struct x86_exit *exit = &vcpu->exit;

	vcpu->io_rip = x86_linear_rip(vcpu);
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = exit->io.in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = exit->io.size;
	run->io.port = exit->io.port;
	run->io.count = count;
	run->io.data_offset = KVM_PIO_OFFSET;
	return X86_RUN_EXIT;
}

static noinline bool in_from_kernel(struct x86_vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->exit;
	u64 data = 0;

	if (kvm_bus_read(vcpu->vcpu.kvm, KVM_BUS_PIO, exit->io.port, exit->io.size, &data))
		return false;
	write_rax(vcpu, &data, exit->io.size);
	return true;
}

static bool x86_io_in_kernel(struct x86_vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->exit;

	if (exit->io.in)
		return in_from_kernel(vcpu);
	return !kvm_bus_write(vcpu->vcpu.kvm, KVM_BUS_PIO, exit->io.port, exit->io.size,
			      &vcpu->gpr[X86_RAX]);
}

int x86_handle_io(struct x86_vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->exit;

	vcpu->stat.io_exits++;
	if (exit->io.string)
		return x86_emulate_string_io(vcpu);
	trace_kvm_pio(!exit->io.in, exit->io.port, exit->io.size, 1,
		      exit->io.in ? 0 : vcpu->gpr[X86_RAX]);
	if (x86_io_in_kernel(vcpu))
		return x86_skip_insn(vcpu);
	/* All of EAX, of which userspace takes what the size says. */
	if (!exit->io.in)
		memcpy(vcpu->vcpu.pio_data, &vcpu->gpr[X86_RAX], sizeof(u32));
	vcpu->complete = exit->io.in ? complete_in : complete_out;
	return x86_io_to_user(vcpu, 1);
}
