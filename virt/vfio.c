// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_DEV_TYPE_VFIO (Documentation/virt/kvm/devices/vfio.rst): which VFIO files
 * serve the VM, and whether what their devices do to its memory is coherent with
 * the caches of the CPUs.
 *
 * VFIO is not told of the VM. It would pin the VM by functions that we do not
 * export, and a device's file, which the VM holds, would hold the VM: neither
 * would ever go.
 */
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include <kvm/arch.h>
#include <kvm/device.h>

/**
 * struct kvm_vfio - the device
 * @lock: of what follows
 * @files: struct kvm_vfio_file
 * @noncoherent: what the architecture was told last
 */
struct kvm_vfio {
	struct mutex lock;
	struct list_head files;
	bool noncoherent;
};

struct kvm_vfio_file {
	struct list_head node;
	struct file *file;
};

/* A function of VFIO, if that is loaded: kvm.ko does not depend on it. */
#define kvm_vfio_ask(function, file)			\
({							\
	typeof(function) *__ask = symbol_get(function);	\
	bool __yes = false;				\
							\
	if (__ask) {					\
		__yes = __ask(file);			\
		symbol_put(function);			\
	}						\
	__yes;						\
})

static struct kvm_vfio_file *kvm_vfio_find(struct kvm_vfio *vfio, const struct file *file)
{
	struct kvm_vfio_file *entry;

	list_for_each_entry(entry, &vfio->files, node)
		if (entry->file == file)
			return entry;
	return NULL;
}

/* Files may share an IOMMU domain, so that one changes what another answers. */
static void kvm_vfio_update_coherency(struct kvm_device *dev)
{
	struct kvm_vfio *vfio = dev->private;
	struct kvm_vfio_file *entry;
	bool noncoherent = false;

	list_for_each_entry(entry, &vfio->files, node)
		noncoherent |= !kvm_vfio_ask(vfio_file_enforced_coherent, entry->file);
	if (noncoherent == vfio->noncoherent)
		return;
	vfio->noncoherent = noncoherent;
	kvm_arch_set_noncoherent_dma(dev->kvm, noncoherent);
}

static int kvm_vfio_add(struct kvm_device *dev, struct file *file)
{
	struct kvm_vfio *vfio = dev->private;
	struct kvm_vfio_file *entry;

	if (!kvm_vfio_ask(vfio_file_is_valid, file))
		return -EINVAL;

	guard(mutex)(&vfio->lock);
	if (kvm_vfio_find(vfio, file))
		return -EEXIST;
	entry = kmalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return -ENOMEM;
	entry->file = get_file(file);
	list_add(&entry->node, &vfio->files);
	kvm_vfio_update_coherency(dev);
	return 0;
}

static int kvm_vfio_del(struct kvm_device *dev, struct file *file)
{
	struct kvm_vfio *vfio = dev->private;
	struct kvm_vfio_file *entry;

	guard(mutex)(&vfio->lock);
	entry = kvm_vfio_find(vfio, file);
	if (!entry)
		return -ENOENT;
	list_del(&entry->node);
	fput(entry->file);
	kfree(entry);
	kvm_vfio_update_coherency(dev);
	return 0;
}

/* KVM_DEV_VFIO_GROUP and its attributes are other names for the same numbers. */
static int kvm_vfio_has_attr(struct kvm_device *dev, struct kvm_device_attr *attr)
{
	if (attr->group != KVM_DEV_VFIO_FILE)
		return -ENXIO;
	return attr->attr == KVM_DEV_VFIO_FILE_ADD || attr->attr == KVM_DEV_VFIO_FILE_DEL ?
	       0 : -ENXIO;
}

static int kvm_vfio_set_attr(struct kvm_device *dev, struct kvm_device_attr *attr)
{
	int r = kvm_vfio_has_attr(dev, attr);
	s32 fd;

	if (r)
		return r;
	if (get_user(fd, (s32 __user *)u64_to_user_ptr(attr->addr)))
		return -EFAULT;

	CLASS(fd, f)(fd);
	if (fd_empty(f))
		return -EBADF;
	return attr->attr == KVM_DEV_VFIO_FILE_ADD ? kvm_vfio_add(dev, fd_file(f)) :
						     kvm_vfio_del(dev, fd_file(f));
}

static int kvm_vfio_create(struct kvm_device *dev)
{
	struct kvm_device *other;
	struct kvm_vfio *vfio;

	lockdep_assert_held(&dev->kvm->lock);
	list_for_each_entry(other, &dev->kvm->devices, node)
		if (other->ops == dev->ops)
			return -EBUSY;

	vfio = kzalloc(sizeof(*vfio), GFP_KERNEL_ACCOUNT);
	if (!vfio)
		return -ENOMEM;
	mutex_init(&vfio->lock);
	INIT_LIST_HEAD(&vfio->files);
	dev->private = vfio;
	return 0;
}

static void kvm_vfio_destroy(struct kvm_device *dev)
{
	struct kvm_vfio *vfio = dev->private;
	struct kvm_vfio_file *entry, *next;

	list_for_each_entry_safe(entry, next, &vfio->files, node) {
		/* Now and not behind the rest of the VM, if it is the last one. */
		__fput_sync(entry->file);
		kfree(entry);
	}
	mutex_destroy(&vfio->lock);
	kfree(vfio);
}

const struct kvm_device_ops kvm_vfio_ops = {
	.name		= "vfio",
	.create		= kvm_vfio_create,
	.destroy	= kvm_vfio_destroy,
	.set_attr	= kvm_vfio_set_attr,
	.has_attr	= kvm_vfio_has_attr,
};
