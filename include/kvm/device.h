/* SPDX-License-Identifier: GPL-2.0 */
/* In-kernel devices that userspace makes by KVM_CREATE_DEVICE. */
#ifndef KVM_DEVICE_H
#define KVM_DEVICE_H

#include <kvm/kvm.h>

/**
 * struct kvm_device_ops - one type of device
 * @name: the file is called kvm-@name
 * @create: fills dev->private; errno on failure, and then no @destroy
 * @destroy: frees what @create made; called once, when the VM dies, while
 *	vCPUs, interrupt controllers and guest memory still stand. There is no
 *	other release path.
 * @set_attr: KVM_SET_DEVICE_ATTR; may be NULL
 * @get_attr: KVM_GET_DEVICE_ATTR; may be NULL
 * @has_attr: KVM_HAS_DEVICE_ATTR; may be NULL
 *
 * @create runs under kvm->lock.
 */
struct kvm_device_ops {
	const char *name;
	int (*create)(struct kvm_device *dev);
	void (*destroy)(struct kvm_device *dev);
	int (*set_attr)(struct kvm_device *dev, struct kvm_device_attr *attr);
	int (*get_attr)(struct kvm_device *dev, struct kvm_device_attr *attr);
	int (*has_attr)(struct kvm_device *dev, struct kvm_device_attr *attr);
};

/**
 * struct kvm_device - one device, from its creation to the end of the VM
 * @kvm: the VM; the device's files hold the reference
 * @ops: its type
 * @node: link in kvm->devices, under kvm->lock
 * @private: the type's own
 */
struct kvm_device {
	struct kvm *kvm;
	const struct kvm_device_ops *ops;
	struct list_head node;
	void *private;
};

long kvm_ioctl_create_device(struct kvm_ioctl_args *args);
void kvm_destroy_devices(struct kvm *kvm);

extern const struct kvm_device_ops kvm_vfio_ops;

#ifdef KVMCORE_DEBUG
/* Outside the range that the kernel gives out; only in debug builds. */
#define KVM_DEV_TYPE_TEST	0x7e57
extern const struct kvm_device_ops kvm_test_device_ops;
#endif

#endif
