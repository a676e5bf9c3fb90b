/* SPDX-License-Identifier: GPL-2.0 */
/* The edu device of QEMU (docs/specs/edu.txt there) behind VFIO, and KVM_DEV_TYPE_VFIO. */
#ifndef SELFTESTS_VFIO_H
#define SELFTESTS_VFIO_H

#include <stdint.h>

/* Its registers. */
#define EDU_ID			0x00
#define EDU_ID_VALUE		0x010000edu
#define EDU_INVERT		0x04	/* reads as the complement of what was written */
#define EDU_INTERRUPT		0x60	/* a write raises it */
#define EDU_DMA_FROM		0x80
#define EDU_DMA_TO		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_RUN		1u
#define EDU_DMA_OUT		2u	/* from the device to memory */
#define EDU_BUFFER		0x40000

struct vfio {
	int group;
	int container;
	int device;
	void *bar;
	uint64_t bar_size;
};

/* The group of the device, bound to vfio-pci if need be: a descriptor, or -1 with errno. */
int vfio_open_group(void);

/* The device of a group, on and mapped; its DMA reaches @memory at address 0. */
void vfio_open(struct vfio *vfio, int group, void *memory, uint64_t size);
void vfio_close(struct vfio *vfio);

/* The device's message goes to an eventfd. */
void vfio_set_msi(struct vfio *vfio, int event);

/* KVM_DEV_TYPE_VFIO: a descriptor, or -1 with errno. */
int kvm_vfio_create(int vm);
/* KVM_DEV_VFIO_FILE: 0, or -1 with errno. */
int kvm_vfio_add(int device, int fd);
int kvm_vfio_del(int device, int fd);

#endif
