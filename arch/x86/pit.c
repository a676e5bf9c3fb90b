// SPDX-License-Identifier: GPL-2.0
/*
 * The 8254: three counters at 1.193182 MHz (Intel 8254 data sheet, 231164).
 * Counter 0 drives GSI 0, counter 2 the speaker. A counter is no more than the
 * time it was loaded; what it reads is computed from the clock.
 */
#include <linux/cleanup.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/timex.h>
#include <linux/uaccess.h>

#include <kvm/ioctl.h>

#include "irqchip.h"
#include "pit.h"
#include "x86.h"

#define PIT_BASE	0x40
#define PIT_CONTROL	3
#define PIT_SPEAKER	0x61

/* How bytes of a counter are read and written; also where an access stands. */
enum { PIT_LATCH, PIT_LSB, PIT_MSB, PIT_WORD, PIT_WORD_SECOND };

/* No guest gets ticks faster than this, in ns. */
#define PIT_MIN_PERIOD	(200 * NSEC_PER_USEC)
/* A second of the fastest ticks; who is behind that far has lost the time anyway. */
#define PIT_MAX_MISSED	(NSEC_PER_SEC / PIT_MIN_PERIOD)

/* What a counter loaded with 0 counts; userspace divides by what it is shown. */
#define PIT_MAX_COUNT	0x10000

static u64 pit_ticks_to_ns(u64 ticks)
{
	return mul_u64_u32_div(ticks, NSEC_PER_SEC, PIT_TICK_RATE);
}

/* Ticks since the counter was loaded. */
static u64 pit_elapsed(const struct kvm_pit_channel_state *ch, ktime_t now)
{
	s64 ns = now - ch->count_load_time;

	return ns > 0 ? mul_u64_u32_div(ns, PIT_TICK_RATE, NSEC_PER_SEC) : 0;
}

static u16 pit_read_count(const struct kvm_pit_channel_state *ch, ktime_t now)
{
	u32 count = ch->count, phase;
	u64 ticks = pit_elapsed(ch, now);

	div_u64_rem(ticks, count, &phase);
	switch (ch->mode) {
	case 2:
		return count - phase;
	case 3:
		/* It counts by two, twice a period. */
		return count - (2 * phase) % count;
	default:
		return count - ticks;
	}
}

static bool pit_output(const struct kvm_pit_channel_state *ch, ktime_t now)
{
	u32 count = ch->count, phase;
	u64 ticks = pit_elapsed(ch, now);

	div_u64_rem(ticks, count, &phase);
	switch (ch->mode) {
	case 1:
		return ticks >= count;
	case 2:
		return phase != count - 1;
	case 3:
		return phase < (count + 1) / 2;
	case 4:
	case 5:
		return ticks != count;
	default:
		return ticks >= count;
	}
}

static bool pit_periodic(const struct kvm_pit_channel_state *ch)
{
	return ch->mode == 2 || ch->mode == 3;
}

/* Start channel 0 from its load time; that may be in the past. */
static void pit_start_timer(struct x86_pit *pit)
{
	struct kvm_pit_channel_state *ch = &pit->state.channels[0];
	u64 ns = pit_ticks_to_ns(ch->count);

	lockdep_assert_held(&pit->lock);

	pit->missed = 0;
	pit->waiting = false;
	pit->period = 0;
	/* The callback looks for the lock; it sees that it was started anew. */
	hrtimer_try_to_cancel(&pit->timer);
	if (pit->stopped || (pit->state.flags & KVM_PIT_FLAGS_HPET_LEGACY))
		return;
	if (pit_periodic(ch)) {
		ns = max_t(u64, ns, PIT_MIN_PERIOD);
		pit->period = ns;
	} else if (ch->mode == 5) {
		return;
	}
	hrtimer_start(&pit->timer, ktime_add_ns(ch->count_load_time, ns),
		      HRTIMER_MODE_ABS_HARD);
}

static void pit_load(struct x86_pit *pit, unsigned int channel, u16 count)
{
	struct kvm_pit_channel_state *ch = &pit->state.channels[channel];

	ch->count = count ?: PIT_MAX_COUNT;
	ch->count_load_time = ktime_get();
	if (channel == 0)
		pit_start_timer(pit);
}

static void pit_pulse(struct x86_pit *pit)
{
	struct kvm *kvm = &pit->vm->kvm;

	kvm_pulse_irq(kvm, KVM_IRQ_SOURCE_PIT, 0);
}

static enum hrtimer_restart pit_tick(struct hrtimer *timer)
{
	struct x86_pit *pit = container_of(timer, struct x86_pit, timer);
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	bool inject = true;

	scoped_guard(raw_spinlock_irqsave, &pit->lock) {
		u64 ticks = 1;

		/* Started anew while we waited for the lock. */
		if (hrtimer_is_queued(timer) || pit->stopped)
			return HRTIMER_NORESTART;
		if (pit->period) {
			ticks = hrtimer_forward_now(timer, pit->period);
			/* Started anew, and not due yet. */
			if (!ticks)
				return HRTIMER_RESTART;
			restart = HRTIMER_RESTART;
		}
		if (pit->reinject) {
			inject = !pit->waiting;
			pit->missed = min_t(u64, pit->missed + ticks - inject,
					    PIT_MAX_MISSED);
			pit->waiting = true;
		}
	}
	if (inject)
		pit_pulse(pit);
	return restart;
}

void pit_acked(struct x86_pit *pit)
{
	scoped_guard(raw_spinlock_irqsave, &pit->lock) {
		if (!pit->waiting)
			return;
		pit->waiting = pit->missed;
		if (!pit->missed)
			return;
		pit->missed--;
	}
	pit_pulse(pit);
}

void pit_unmasked(struct x86_pit *pit)
{
	guard(raw_spinlock_irqsave)(&pit->lock);
	pit->waiting = false;
	pit->missed = 0;
}

static void pit_latch_count(struct kvm_pit_channel_state *ch, ktime_t now)
{
	if (ch->count_latched)
		return;
	ch->latched_count = pit_read_count(ch, now);
	ch->count_latched = ch->rw_mode;
}

static void pit_latch_status(struct kvm_pit_channel_state *ch, ktime_t now)
{
	if (ch->status_latched)
		return;
	ch->status = pit_output(ch, now) << 7 | ch->rw_mode << 4 | ch->mode << 1 | ch->bcd;
	ch->status_latched = 1;
}

static void pit_read_back(struct x86_pit *pit, u8 val, ktime_t now)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (!(val & BIT(i + 1)))
			continue;
		if (!(val & BIT(5)))
			pit_latch_count(&pit->state.channels[i], now);
		if (!(val & BIT(4)))
			pit_latch_status(&pit->state.channels[i], now);
	}
}

static void pit_write_control(struct x86_pit *pit, u8 val)
{
	unsigned int channel = val >> 6, access = (val >> 4) & 3;
	struct kvm_pit_channel_state *ch;

	if (channel == 3) {
		pit_read_back(pit, val, ktime_get());
		return;
	}
	ch = &pit->state.channels[channel];
	if (access == PIT_LATCH) {
		pit_latch_count(ch, ktime_get());
		return;
	}
	ch->rw_mode = access;
	ch->read_state = access;
	ch->write_state = access;
	ch->mode = (val >> 1) & 7;
	/* Modes 6 and 7 are other names of 2 and 3. */
	if (ch->mode > 5)
		ch->mode -= 4;
	ch->bcd = val & 1;
}

static void pit_write_count(struct x86_pit *pit, unsigned int channel, u8 val)
{
	struct kvm_pit_channel_state *ch = &pit->state.channels[channel];

	switch (ch->write_state) {
	case PIT_MSB:
		pit_load(pit, channel, val << 8);
		break;
	case PIT_WORD:
		ch->write_latch = val;
		ch->write_state = PIT_WORD_SECOND;
		break;
	case PIT_WORD_SECOND:
		pit_load(pit, channel, ch->write_latch | val << 8);
		ch->write_state = PIT_WORD;
		break;
	default:
		pit_load(pit, channel, val);
		break;
	}
}

static u8 pit_read_latched(struct kvm_pit_channel_state *ch)
{
	switch (ch->count_latched) {
	case PIT_MSB:
		ch->count_latched = 0;
		return ch->latched_count >> 8;
	case PIT_WORD:
		ch->count_latched = PIT_MSB;
		return ch->latched_count;
	default:
		ch->count_latched = 0;
		return ch->latched_count;
	}
}

static u8 pit_read_counter(struct kvm_pit_channel_state *ch)
{
	u16 count;

	if (ch->status_latched) {
		ch->status_latched = 0;
		return ch->status;
	}
	if (ch->count_latched)
		return pit_read_latched(ch);

	count = pit_read_count(ch, ktime_get());
	switch (ch->read_state) {
	case PIT_MSB:
		return count >> 8;
	case PIT_WORD:
		ch->read_state = PIT_WORD_SECOND;
		return count;
	case PIT_WORD_SECOND:
		ch->read_state = PIT_WORD;
		return count >> 8;
	default:
		return count;
	}
}

static int pit_write(struct kvm_io_device *dev, gpa_t port, unsigned int len,
		     const void *val)
{
	struct x86_pit *pit = container_of(dev, struct x86_pit, ports);
	unsigned int reg = port & 3, i;

	if (reg + len > 4)
		return -EOPNOTSUPP;
	guard(raw_spinlock_irqsave)(&pit->lock);
	for (i = 0; i < len; i++, reg++) {
		u8 byte = ((const u8 *)val)[i];

		if (reg == PIT_CONTROL)
			pit_write_control(pit, byte);
		else
			pit_write_count(pit, reg, byte);
	}
	return 0;
}

static int pit_read(struct kvm_io_device *dev, gpa_t port, unsigned int len, void *val)
{
	struct x86_pit *pit = container_of(dev, struct x86_pit, ports);
	unsigned int reg = port & 3, i;
	u8 *bytes = val;

	if (reg + len > 4)
		return -EOPNOTSUPP;
	guard(raw_spinlock_irqsave)(&pit->lock);
	/* The control register cannot be read. */
	for (i = 0; i < len; i++, reg++)
		bytes[i] = reg == PIT_CONTROL ? 0xff :
			   pit_read_counter(&pit->state.channels[reg]);
	return 0;
}

static const struct kvm_io_ops pit_ops = { .read = pit_read, .write = pit_write };

/* Bit 0 is the gate of counter 2, bit 1 lets it through to the speaker. */
static int speaker_write(struct kvm_io_device *dev, gpa_t port, unsigned int len,
			 const void *val)
{
	struct x86_pit *pit = container_of(dev, struct x86_pit, speaker);
	struct kvm_pit_channel_state *ch = &pit->state.channels[2];
	u8 byte = *(const u8 *)val, gate = byte & 1;

	guard(raw_spinlock_irqsave)(&pit->lock);
	/* A rising gate starts the count again, but in modes 0 and 4. */
	if (gate && !ch->gate && ch->mode != 0 && ch->mode != 4)
		ch->count_load_time = ktime_get();
	ch->gate = gate;
	pit->state.flags &= ~KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	if (byte & 2)
		pit->state.flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	return 0;
}

static int speaker_read(struct kvm_io_device *dev, gpa_t port, unsigned int len,
			void *val)
{
	struct x86_pit *pit = container_of(dev, struct x86_pit, speaker);
	struct kvm_pit_channel_state *ch = &pit->state.channels[2];
	ktime_t now = ktime_get();
	/* Memory refresh toggles bit 4 every 15 us; programs time themselves by it. */
	u8 refresh = (ktime_to_ns(now) >> 14) & 1;

	guard(raw_spinlock_irqsave)(&pit->lock);
	memset(val, 0, len);
	*(u8 *)val = ch->gate | refresh << 4 | pit_output(ch, now) << 5 |
		     !!(pit->state.flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON) << 1;
	return 0;
}

static const struct kvm_io_ops speaker_ops = {
	.read = speaker_read, .write = speaker_write,
};

struct x86_pit *pit_create(struct x86_vm *vm, bool speaker)
{
	struct x86_pit *pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);
	int i, r;

	if (!pit)
		return ERR_PTR(-ENOMEM);
	pit->vm = vm;
	pit->reinject = true;
	raw_spin_lock_init(&pit->lock);
	hrtimer_init(&pit->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	pit->timer.function = pit_tick;
	for (i = 0; i < 3; i++) {
		pit->state.channels[i].mode = 0xff;
		pit->state.channels[i].count = PIT_MAX_COUNT;
		pit->state.channels[i].gate = i != 2;
		pit->state.channels[i].count_load_time = ktime_get();
	}
	pit->ports = (struct kvm_io_device) {
		.ops = &pit_ops, .addr = PIT_BASE, .len = 4,
	};
	pit->speaker = (struct kvm_io_device) {
		.ops = &speaker_ops, .addr = PIT_SPEAKER, .len = 1,
	};

	/* The counters last: as soon as they are there, a vCPU can start the timer. */
	r = speaker ? kvm_bus_add(&vm->kvm, KVM_BUS_PIO, &pit->speaker) : 0;
	if (!r) {
		r = kvm_bus_add(&vm->kvm, KVM_BUS_PIO, &pit->ports);
		if (!r)
			return pit;
		if (speaker)
			kvm_bus_remove(&vm->kvm, KVM_BUS_PIO, &pit->speaker);
	}
	kfree_rcu(pit, rcu);
	return ERR_PTR(r);
}

void pit_stop(struct x86_pit *pit)
{
	if (!pit)
		return;
	scoped_guard(raw_spinlock_irqsave, &pit->lock)
		pit->stopped = true;
	hrtimer_cancel(&pit->timer);
}

/* Ioctls */

static struct x86_pit *pit_of(struct kvm_ioctl_args *args)
{
	/* Pairs with the release in pit_attach(). */
	return smp_load_acquire(&to_x86_vm(args->kvm)->chips.pit);
}

static long pit_attach(struct kvm *kvm, u32 flags)
{
	struct x86_vm *vm = to_x86_vm(kvm);
	struct x86_pit *pit;

	if (flags & ~KVM_PIT_SPEAKER_DUMMY)
		return -EINVAL;
	guard(mutex)(&kvm->irq_lock);
	if (vm->chips.pit)
		return -EEXIST;
	if (vm->chips.mode != X86_IRQCHIP_FULL)
		return -ENOENT;
	pit = pit_create(vm, flags & KVM_PIT_SPEAKER_DUMMY);
	if (IS_ERR(pit))
		return PTR_ERR(pit);
	/* Pairs with the acquire in pit_of(). */
	smp_store_release(&vm->chips.pit, pit);
	return 0;
}

long x86_ioctl_create_pit(struct kvm_ioctl_args *args)
{
	return pit_attach(args->kvm, KVM_PIT_SPEAKER_DUMMY);
}

long x86_ioctl_create_pit2(struct kvm_ioctl_args *args)
{
	const struct kvm_pit_config *config = args->data;

	return pit_attach(args->kvm, config->flags);
}

static void pit_set_channels(struct x86_pit *pit,
			     const struct kvm_pit_channel_state *channels)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct kvm_pit_channel_state *ch = &pit->state.channels[i];

		*ch = channels[i];
		if (!ch->count || ch->count > PIT_MAX_COUNT)
			ch->count = PIT_MAX_COUNT;
		/* 0xff: never programmed. */
		if (ch->mode > 5)
			ch->mode = 0xff;
		ch->rw_mode &= 3;
		ch->bcd &= 1;
		ch->gate &= 1;
		/* The saved time was of another boot, perhaps of another host. */
		ch->count_load_time = ktime_get();
	}
	if (pit->state.channels[0].mode != 0xff)
		pit_start_timer(pit);
	else
		hrtimer_try_to_cancel(&pit->timer);
}

long x86_ioctl_get_pit2(struct kvm_ioctl_args *args)
{
	struct x86_pit *pit = pit_of(args);

	if (!pit)
		return -ENXIO;
	guard(raw_spinlock_irqsave)(&pit->lock);
	*(struct kvm_pit_state2 *)args->data = pit->state;
	return 0;
}

long x86_ioctl_set_pit2(struct kvm_ioctl_args *args)
{
	const struct kvm_pit_state2 *state = args->data;
	struct x86_pit *pit = pit_of(args);

	if (!pit)
		return -ENXIO;
	guard(raw_spinlock_irqsave)(&pit->lock);
	pit->state.flags = state->flags &
		(KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	pit_set_channels(pit, state->channels);
	return 0;
}

long x86_ioctl_get_pit(struct kvm_ioctl_args *args)
{
	struct kvm_pit_state *state = args->data;
	struct x86_pit *pit = pit_of(args);

	if (!pit)
		return -ENXIO;
	guard(raw_spinlock_irqsave)(&pit->lock);
	memcpy(state->channels, pit->state.channels, sizeof(state->channels));
	return 0;
}

/* The direction in this ioctl's number is wrong: it takes its payload in. */
long x86_ioctl_set_pit(struct kvm_ioctl_args *args)
{
	struct x86_pit *pit = pit_of(args);
	struct kvm_pit_state state;

	if (copy_from_user(&state, (void __user *)args->arg, sizeof(state)))
		return -EFAULT;
	if (!pit)
		return -ENXIO;
	guard(raw_spinlock_irqsave)(&pit->lock);
	pit_set_channels(pit, state.channels);
	return 0;
}

long x86_ioctl_reinject_control(struct kvm_ioctl_args *args)
{
	struct x86_pit *pit = pit_of(args);
	struct kvm_reinject_control control;

	if (copy_from_user(&control, (void __user *)args->arg, sizeof(control)))
		return -EFAULT;
	if (!pit)
		return -ENXIO;
	guard(raw_spinlock_irqsave)(&pit->lock);
	pit->reinject = control.pit_reinject;
	pit->waiting = false;
	pit->missed = 0;
	return 0;
}
