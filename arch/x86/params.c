// SPDX-License-Identifier: GPL-2.0
/*
 * Parameters of in-tree KVM that programs read to learn what the module does.
 * Here they are no choices but facts: they can be read, and be given at load
 * only as what they are.
 */
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/sysfs.h>

static int x86_fact_set(const char *text, const struct kernel_param *param)
{
	bool value;
	int r = kstrtobool(text, &value);

	if (r)
		return r;
	return value == *(const bool *)param->arg ? 0 : -EINVAL;
}

static int x86_fact_get_int(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", *(const bool *)param->arg);
}

static const struct kernel_param_ops x86_fact_bool = {
	.set = x86_fact_set,
	.get = param_get_bool,
};

static const struct kernel_param_ops x86_fact_int = {
	.set = x86_fact_set,
	.get = x86_fact_get_int,
};

#define X86_FACT(_name, _type, _value)					\
	static bool _name = _value;					\
	module_param_cb(_name, &x86_fact_##_type, &_name, 0444)

X86_FACT(tdp_mmu, bool, true);
MODULE_PARM_DESC(tdp_mmu, "guests run on nested page tables; always Y");

X86_FACT(enable_pmu, bool, false);
MODULE_PARM_DESC(enable_pmu, "guests have performance counters; always N");

/* In-tree it asks for the emulation of what follows UD2 and "kvm". */
X86_FACT(force_emulation_prefix, int, false);
MODULE_PARM_DESC(force_emulation_prefix, "guests can ask for emulation; always 0");
