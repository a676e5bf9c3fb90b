// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvm.h"
#include "vmstat.h"

uint64_t kvm_stat(int fd, const char *name)
{
	int stats = kvm_ioctl_ok(fd, KVM_GET_STATS_FD, NULL);
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	uint64_t value = 0;
	unsigned int i;
	size_t size;

	if (pread(stats, &header, sizeof(header), 0) != sizeof(header))
		kvm_die(__FILE__, __LINE__, "no header of statistics");
	size = sizeof(*desc) + header.name_size;
	desc = malloc(size);
	for (i = 0; i < header.num_desc; i++) {
		if (pread(stats, desc, size, header.desc_offset + i * size) != (ssize_t)size)
			kvm_die(__FILE__, __LINE__, "no descriptor of statistics");
		if (strcmp(desc->name, name))
			continue;
		if (pread(stats, &value, 8, header.data_offset + desc->offset) != 8)
			kvm_die(__FILE__, __LINE__, "no value of %s", name);
		break;
	}
	if (i == header.num_desc)
		kvm_die(__FILE__, __LINE__, "no statistic %s", name);
	free(desc);
	close(stats);
	return value;
}
