// SPDX-License-Identifier: GPL-2.0
/*
 * The test device, in debug builds alone: it asserts the order of death from
 * where a device stands.
 */
#include <linux/bug.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <kvm/device.h>
#include <kvm/vcpu.h>

static int test_device_create(struct kvm_device *dev)
{
	dev->private = kzalloc(sizeof(u64), GFP_KERNEL_ACCOUNT);
	return dev->private ? 0 : -ENOMEM;
}

static void test_device_destroy(struct kvm_device *dev)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	/* In the death of a VM: off the list, and with every vCPU still there. */
	WARN_ON(!refcount_read(&dev->kvm->refs) &&
		dev->kvm->vm_list.next != LIST_POISON1);
	kvm_for_each_vcpu(i, vcpu, dev->kvm)
		WARN_ON(vcpu->kvm != dev->kvm || vcpu->index != i);
	kfree(dev->private);
}

/* Attribute 0 is a number that the device keeps; setting attribute 1 kills the VM. */
static int test_device_has_attr(struct kvm_device *dev, struct kvm_device_attr *attr)
{
	return attr->group || attr->attr > 1 ? -ENXIO : 0;
}

static int test_device_set_attr(struct kvm_device *dev, struct kvm_device_attr *attr)
{
	if (test_device_has_attr(dev, attr))
		return -ENXIO;
	if (attr->attr) {
		kvm_bug(dev->kvm);
		return 0;
	}
	return get_user(*(u64 *)dev->private, (u64 __user *)attr->addr) ? -EFAULT : 0;
}

static int test_device_get_attr(struct kvm_device *dev, struct kvm_device_attr *attr)
{
	if (attr->group || attr->attr)
		return -ENXIO;
	return put_user(*(u64 *)dev->private, (u64 __user *)attr->addr) ? -EFAULT : 0;
}

const struct kvm_device_ops kvm_test_device_ops = {
	.name		= "test",
	.create		= test_device_create,
	.destroy	= test_device_destroy,
	.set_attr	= test_device_set_attr,
	.get_attr	= test_device_get_attr,
	.has_attr	= test_device_has_attr,
};
