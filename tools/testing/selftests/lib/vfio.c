// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "files.h"
#include "kvm.h"
#include "vfio.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"
#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8

/* The name of a device on the bus. */
struct name {
	char text[256];
};

static int find_edu(struct name *name)
{
	DIR *dir = opendir(PCI_DEVICES);
	struct dirent *entry;
	char path[320];
	int found = -1;

	while (dir && found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), PCI_DEVICES "/%s/vendor", entry->d_name);
		if (read_number(path) != EDU_VENDOR)
			continue;
		snprintf(path, sizeof(path), PCI_DEVICES "/%s/device", entry->d_name);
		if (read_number(path) != EDU_DEVICE)
			continue;
		snprintf(name->text, sizeof(name->text), "%s", entry->d_name);
		found = 0;
	}
	if (dir)
		closedir(dir);
	errno = ENODEV;
	return found;
}

int vfio_open_group(void)
{
	char path[320], link[160] = "";
	struct name name;

	if (find_edu(&name))
		return -1;
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver", name.text);
	if (access(path, F_OK)) {
		snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver_override", name.text);
		if (write_text(path, "vfio-pci") ||
		    write_text("/sys/bus/pci/drivers_probe", name.text))
			return -1;
	}
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu_group", name.text);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		return -1;
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(link, '/'));
	return open(path, O_RDWR | O_CLOEXEC);
}

/* Memory and DMA on, in the command register. */
static void enable(int device)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	kvm_ioctl_ok(device, VFIO_DEVICE_GET_REGION_INFO, &info);
	if (pwrite(device, &command, sizeof(command), info.offset + PCI_COMMAND) < 0)
		kvm_die(__FILE__, __LINE__, "command register: %s", strerror(errno));
}

static void map_bar(struct vfio *vfio)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = VFIO_PCI_BAR0_REGION_INDEX,
	};

	kvm_ioctl_ok(vfio->device, VFIO_DEVICE_GET_REGION_INFO, &info);
	vfio->bar_size = info.size;
	vfio->bar = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, vfio->device,
			 info.offset);
	if (vfio->bar == MAP_FAILED)
		kvm_die(__FILE__, __LINE__, "BAR: %s", strerror(errno));
}

void vfio_open(struct vfio *vfio, int group, void *memory, uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory, .size = size,
	};
	struct name name;

	vfio->group = group;
	vfio->container = kvm_must(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC),
				   "/dev/vfio/vfio", __FILE__, __LINE__);
	kvm_ioctl_ok(group, VFIO_GROUP_SET_CONTAINER, &vfio->container);
	kvm_ioctl_ok(vfio->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
	kvm_ioctl_ok(vfio->container, VFIO_IOMMU_MAP_DMA, &map);
	if (find_edu(&name))
		kvm_die(__FILE__, __LINE__, "no device");
	vfio->device = kvm_ioctl_ok(group, VFIO_GROUP_GET_DEVICE_FD, name.text);
	enable(vfio->device);
	map_bar(vfio);
}

void vfio_close(struct vfio *vfio)
{
	munmap(vfio->bar, vfio->bar_size);
	close(vfio->device);
	close(vfio->container);
	close(vfio->group);
}

void vfio_set_msi(struct vfio *vfio, int event)
{
	struct {
		struct vfio_irq_set set;
		int32_t event;
	} msi = {
		.set.argsz = sizeof(msi), .set.index = VFIO_PCI_MSI_IRQ_INDEX, .set.count = 1,
		.set.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.event = event,
	};

	kvm_ioctl_ok(vfio->device, VFIO_DEVICE_SET_IRQS, &msi);
}

int kvm_vfio_create(int vm)
{
	struct kvm_create_device cd = { .type = KVM_DEV_TYPE_VFIO, .fd = -1 };

	return ioctl(vm, KVM_CREATE_DEVICE, &cd) ? -1 : (int)cd.fd;
}

static int set_attr(int device, uint64_t attr, int32_t fd)
{
	struct kvm_device_attr set = {
		.group = KVM_DEV_VFIO_FILE, .attr = attr, .addr = (uintptr_t)&fd,
	};

	return ioctl(device, KVM_SET_DEVICE_ATTR, &set);
}

int kvm_vfio_add(int device, int fd)
{
	return set_attr(device, KVM_DEV_VFIO_FILE_ADD, fd);
}

int kvm_vfio_del(int device, int fd)
{
	return set_attr(device, KVM_DEV_VFIO_FILE_DEL, fd);
}
