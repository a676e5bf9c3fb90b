// SPDX-License-Identifier: GPL-2.0
/*
 * The table by which a guest without ACPI finds its CPUs and the I/O APIC
 * (Intel's MultiProcessor Specification 1.4, chapter 4).
 */
#include <string.h>

#include "vmm.h"

#define MP_TABLE	0x9fc00		/* the last KiB below the video memory */
#define LAPIC_ADDRESS	0xfee00000
#define IOAPIC_ADDRESS	0xfec00000
#define ISA_IRQS	16
#define ALL_LAPICS	0xff

enum { PROCESSOR, BUS, IOAPIC, IO_INTERRUPT, LOCAL_INTERRUPT };
enum { INT, NMI, SMI, EXTINT };

struct mp_pointer {
	char signature[4];
	uint32_t table;
	uint8_t length, revision, checksum, features[5];
} __attribute__((packed));

struct mp_header {
	char signature[4];
	uint16_t length;
	uint8_t revision, checksum;
	char oem[8], product[12];
	uint32_t oem_table;
	uint16_t oem_length, entries;
	uint32_t lapic;
	uint32_t reserved;
} __attribute__((packed));

struct mp_processor {
	uint8_t type, id, version, flags;
	uint32_t signature, features;
	uint64_t reserved;
} __attribute__((packed));

struct mp_bus {
	uint8_t type, id;
	char name[6];
} __attribute__((packed));

struct mp_ioapic {
	uint8_t type, id, version, flags;
	uint32_t address;
} __attribute__((packed));

struct mp_interrupt {
	uint8_t type, kind;
	uint16_t flags;
	uint8_t bus, irq, apic, pin;
} __attribute__((packed));

static uint8_t checksum(const void *data, int size)
{
	const uint8_t *byte = data;
	uint8_t sum = 0;

	while (size--)
		sum += *byte++;
	return -sum;
}

/* Appends an entry behind the header. */
static void put(struct mp_header *header, const void *entry, uint16_t size)
{
	memcpy((uint8_t *)header + header->length, entry, size);
	header->length += size;
	header->entries++;
}

void mptable_build(struct vm *vm)
{
	struct mp_pointer *pointer = (void *)(vm->mem + MP_TABLE);
	struct mp_header *header = (void *)(pointer + 1);
	uint8_t ioapic_id = vm->nr_vcpus;
	int i;

	*header = (struct mp_header) {
		.signature = "PCMP", .length = sizeof(*header), .revision = 4,
		.oem = "KVMCORE ", .product = "SMALL VMM   ", .lapic = LAPIC_ADDRESS,
	};
	for (i = 0; i < vm->nr_vcpus; i++)
		put(header, &(struct mp_processor) {
			.type = PROCESSOR, .id = i, .version = 0x14, .flags = i ? 1 : 3 },
		    sizeof(struct mp_processor));
	put(header, &(struct mp_bus) { BUS, 0, "ISA   " }, sizeof(struct mp_bus));
	put(header, &(struct mp_ioapic) { IOAPIC, ioapic_id, 0x11, 1, IOAPIC_ADDRESS },
	    sizeof(struct mp_ioapic));
	for (i = 0; i < ISA_IRQS; i++)
		put(header, &(struct mp_interrupt) { IO_INTERRUPT, INT, 0, 0, i, ioapic_id, i },
		    sizeof(struct mp_interrupt));
	put(header, &(struct mp_interrupt) { LOCAL_INTERRUPT, EXTINT, 0, 0, 0, ALL_LAPICS, 0 },
	    sizeof(struct mp_interrupt));
	put(header, &(struct mp_interrupt) { LOCAL_INTERRUPT, NMI, 0, 0, 0, ALL_LAPICS, 1 },
	    sizeof(struct mp_interrupt));
	header->checksum = checksum(header, header->length);

	*pointer = (struct mp_pointer) {
		.signature = "_MP_", .table = MP_TABLE + sizeof(*pointer), .length = 1,
		.revision = 4,
	};
	pointer->checksum = checksum(pointer, sizeof(*pointer));
}
