// SPDX-License-Identifier: GPL-2.0
/*
 * A module that does wrong what the test machine must notice. Its parameter
 * `fault` says what; it never stays loaded.
 */
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

static char *fault = "";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "warn, kasan, ubsan, lockdep, rcu, atomic, odebug, leak or hang");

static DEFINE_MUTEX(a);
static DEFINE_MUTEX(b);
static DEFINE_SPINLOCK(spin);

static void use_after_free(void)
{
	char *bytes = kmalloc(64, GFP_KERNEL);

	if (!bytes)
		return;
	kfree(bytes);
	OPTIMIZER_HIDE_VAR(bytes);
	WRITE_ONCE(bytes[8], 1);
}

static void shift_too_far(void)
{
	unsigned int width = 40;

	OPTIMIZER_HIDE_VAR(width);
	width = 1 << width;
	OPTIMIZER_HIDE_VAR(width);
}

static void both_orders(void)
{
	mutex_lock(&a);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);
	mutex_lock(&b);
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_unlock(&b);
}

static void sleep_in_atomic(void)
{
	spin_lock(&spin);
	msleep(20);
	spin_unlock(&spin);
}

static void dereference_outside_of_rcu(void)
{
	static int __rcu *pointer;

	(void)rcu_dereference(pointer);
}

static void nothing(struct timer_list *timer)
{
}

static void free_armed_timer(void)
{
	struct timer_list *timer = kzalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, nothing, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static void lose_memory(void)
{
	char *bytes = kmalloc(100, GFP_KERNEL);

	if (bytes)
		strscpy(bytes, "nobody points to this", 100);
}

static void hang(void)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
}

static const struct {
	const char *name;
	void (*make)(void);
} faults[] = {
	{ "kasan", use_after_free },
	{ "ubsan", shift_too_far },
	{ "lockdep", both_orders },
	{ "rcu", dereference_outside_of_rcu },
	{ "atomic", sleep_in_atomic },
	{ "odebug", free_armed_timer },
	{ "leak", lose_memory },
	{ "hang", hang },
};

static int __init faults_init(void)
{
	WARN(!strcmp(fault, "warn"), "asked for\n");
	for (int i = 0; i < ARRAY_SIZE(faults); i++)
		if (!strcmp(fault, faults[i].name))
			faults[i].make();
	return -ECANCELED;
}
module_init(faults_init);

MODULE_DESCRIPTION("Faults for the test machine to notice");
MODULE_LICENSE("GPL");
