// SPDX-License-Identifier: GPL-2.0
/* Device files: made by KVM_CREATE_DEVICE, destroyed with their VM. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <kvm/device.h>
#include <kvm/ioctl.h>

static const struct kvm_device_ops *kvm_find_device_ops(u32 type)
{
	switch (type) {
	case KVM_DEV_TYPE_VFIO:
		return &kvm_vfio_ops;
#ifdef KVMCORE_DEBUG
	case KVM_DEV_TYPE_TEST:
		return &kvm_test_device_ops;
#endif
	default:
		return NULL;
	}
}

static long kvm_device_attr(struct kvm_device *dev, struct kvm_device_attr *attr,
			    int (*op)(struct kvm_device *, struct kvm_device_attr *))
{
	return op ? op(dev, attr) : -EPERM;
}

static long kvm_device_set_attr(struct kvm_ioctl_args *args)
{
	return kvm_device_attr(args->dev, args->data, args->dev->ops->set_attr);
}

static long kvm_device_get_attr(struct kvm_ioctl_args *args)
{
	return kvm_device_attr(args->dev, args->data, args->dev->ops->get_attr);
}

static long kvm_device_has_attr(struct kvm_ioctl_args *args)
{
	return kvm_device_attr(args->dev, args->data, args->dev->ops->has_attr);
}

static const struct kvm_ioctl device_rows[] = {
	KVM_ROW(KVM_SET_DEVICE_ATTR, kvm_device_set_attr),
	KVM_ROW(KVM_GET_DEVICE_ATTR, kvm_device_get_attr),
	KVM_ROW(KVM_HAS_DEVICE_ATTR, kvm_device_has_attr),
};

static const struct kvm_ioctl_table device_ioctls = KVM_IOCTL_TABLE(device_rows);

static long kvm_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm_device *dev = file->private_data;
	struct kvm_ioctl_args args = { .kvm = dev->kvm, .dev = dev, .arg = arg };

	return kvm_do_ioctl(&device_ioctls, NULL, &args, cmd);
}

static int kvm_device_release(struct inode *inode, struct file *file)
{
	struct kvm_device *dev = file->private_data;

	kvm_put(dev->kvm);
	return 0;
}

static const struct file_operations kvm_device_fops = {
	.owner		= THIS_MODULE,
	.release	= kvm_device_release,
	.unlocked_ioctl	= kvm_device_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

/* The device joins the VM only when nothing can fail any more. */
static struct file *kvm_make_device(struct kvm *kvm, const struct kvm_device_ops *ops)
{
	struct kvm_device *dev __free(kfree) = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	struct file *file;
	char name[32];
	int r;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->kvm = kvm;
	dev->ops = ops;

	guard(mutex)(&kvm->lock);
	r = ops->create(dev);
	if (r)
		return ERR_PTR(r);

	scnprintf(name, sizeof(name), "kvm-%s", ops->name);
	file = anon_inode_getfile(name, &kvm_device_fops, dev, O_RDWR);
	if (IS_ERR(file)) {
		ops->destroy(dev);
		return file;
	}

	kvm_get(kvm);
	list_add(&dev->node, &kvm->devices);
	retain_and_null_ptr(dev);
	return file;
}

long kvm_ioctl_create_device(struct kvm_ioctl_args *args)
{
	struct kvm_create_device __user *user = (void __user *)args->arg;
	const struct kvm_device_ops *ops;
	struct kvm_create_device cd;
	struct file *file;
	int fd;

	if (copy_from_user(&cd, user, sizeof(cd)))
		return -EFAULT;
	if (cd.flags & ~KVM_CREATE_DEVICE_TEST)
		return -EINVAL;
	ops = kvm_find_device_ops(cd.type);
	if (!ops)
		return -ENODEV;
	if (cd.flags & KVM_CREATE_DEVICE_TEST)
		return 0;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	/* Answer first: a device whose descriptor cannot be told must not exist. */
	file = put_user(fd, &user->fd) ? ERR_PTR(-EFAULT) : kvm_make_device(args->kvm, ops);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return 0;
}

/* Third stage of death: newest first, so that a device may lean on older ones. */
void kvm_destroy_devices(struct kvm *kvm)
{
	struct kvm_device *dev, *next;

	/* The VM has no file left, and so no other thread; no lock is needed. */
	list_for_each_entry_safe(dev, next, &kvm->devices, node) {
		list_del(&dev->node);
		dev->ops->destroy(dev);
		kfree(dev);
	}
}
