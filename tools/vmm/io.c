// SPDX-License-Identifier: GPL-2.0
/*
 * What KVM leaves to the VMM: ports. There is a serial line (a 16550 on IRQ 4)
 * on standard input and output, and the reset of the keyboard controller.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/serial_reg.h>

#include "vmm.h"

#define SERIAL_PORT	0x3f8
#define SERIAL_IRQ	4
#define CMOS_DATA	0x71
#define KBD_STATUS	0x64
#define KBD_RESET	0xfe

static void serial_update_irq(struct vm *vm)
{
	struct serial *s = &vm->serial;
	struct kvm_irq_level level = { .irq = SERIAL_IRQ };

	level.level = (s->received && s->reg[UART_IER] & UART_IER_RDI) ||
		      (s->sent && s->reg[UART_IER] & UART_IER_THRI);
	if (level.level == s->level)
		return;
	s->level = level.level;
	vm_ioctl(vm->fd, KVM_IRQ_LINE, &level);
}

static uint8_t serial_read(struct serial *s, unsigned int reg)
{
	uint8_t fifo = s->reg[UART_FCR] & UART_FCR_ENABLE_FIFO ? 0xc0 : 0;

	if (reg <= UART_IER && s->reg[UART_LCR] & UART_LCR_DLAB)
		return s->divisor[reg];
	switch (reg) {
	case UART_RX:
		s->received = false;
		pthread_cond_signal(&s->taken);
		return s->byte;
	case UART_IIR:
		if (s->received && s->reg[UART_IER] & UART_IER_RDI)
			return fifo | UART_IIR_RDI;
		if (!s->sent || !(s->reg[UART_IER] & UART_IER_THRI))
			return fifo | UART_IIR_NO_INT;
		s->sent = false;
		return fifo | UART_IIR_THRI;
	case UART_LSR:
		return UART_LSR_TEMT | UART_LSR_THRE | (s->received ? UART_LSR_DR : 0);
	case UART_MSR:
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	default:
		return s->reg[reg];
	}
}

static void serial_write(struct serial *s, unsigned int reg, uint8_t value)
{
	if (reg <= UART_IER && s->reg[UART_LCR] & UART_LCR_DLAB) {
		s->divisor[reg] = value;
		return;
	}
	if (reg == UART_TX)
		must(write(STDOUT_FILENO, &value, 1), "standard output");
	else
		s->reg[reg] = value;
	/* The line is never busy. */
	if (reg == UART_TX || reg == UART_IER)
		s->sent = true;
}

static void serial_access(struct vm *vm, unsigned int reg, bool in, uint8_t *data)
{
	pthread_mutex_lock(&vm->serial.lock);
	if (in)
		*data = serial_read(&vm->serial, reg);
	else
		serial_write(&vm->serial, reg, *data);
	serial_update_irq(vm);
	pthread_mutex_unlock(&vm->serial.lock);
}

/* One byte after the other, when the guest has taken the last. */
static void *serial_input(void *arg)
{
	struct vm *vm = arg;
	struct serial *s = &vm->serial;
	uint8_t byte;

	while (read(STDIN_FILENO, &byte, 1) == 1) {
		pthread_mutex_lock(&s->lock);
		while (s->received)
			pthread_cond_wait(&s->taken, &s->lock);
		s->byte = byte;
		s->received = true;
		serial_update_irq(vm);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

void serial_start(struct vm *vm)
{
	pthread_t thread;

	pthread_mutex_init(&vm->serial.lock, NULL);
	pthread_cond_init(&vm->serial.taken, NULL);
	if (pthread_create(&thread, NULL, serial_input, vm))
		die("no thread for the serial line");
	pthread_detach(thread);
}

static void port_access(struct vm *vm, uint16_t port, bool in, uint8_t *data, int size)
{
	if (size == 1 && port >= SERIAL_PORT && port < SERIAL_PORT + 8)
		serial_access(vm, port - SERIAL_PORT, in, data);
	else if (port == KBD_STATUS && in)
		*data = 0;	/* ready for a command */
	else if (port == KBD_STATUS && *data == KBD_RESET)
		sem_post(&vm->ended);
	else if (in)
		/* Nobody there. Of a clock, all ones would say: busy, ask again. */
		memset(data, port == CMOS_DATA ? 0 : 0xff, size);
}

bool io_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint32_t i;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		for (i = 0; i < run->io.count; i++, data += run->io.size)
			port_access(vcpu->vm, run->io.port, run->io.direction == KVM_EXIT_IO_IN,
				    data, run->io.size);
		return true;
	case KVM_EXIT_MMIO:
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, run->mmio.len);
		return true;
	default:
		return false;
	}
}
