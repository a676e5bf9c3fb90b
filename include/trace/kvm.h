/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#if !defined(KVM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_TRACE_H

#include <linux/tracepoint.h>
#include <linux/types.h>

/* The life of a VM: one event when it is born, one for each stage of its death. */
DECLARE_EVENT_CLASS(kvm_vm,
	TP_PROTO(u64 vm),
	TP_ARGS(vm),
	TP_STRUCT__entry(__field(u64, vm)),
	TP_fast_assign(__entry->vm = vm;),
	TP_printk("vm %llu", __entry->vm)
);

#define DEFINE_KVM_VM_EVENT(name)	\
	DEFINE_EVENT(kvm_vm, name, TP_PROTO(u64 vm), TP_ARGS(vm))

DEFINE_KVM_VM_EVENT(kvm_vm_add);
DEFINE_KVM_VM_EVENT(kvm_vm_unlist);
DEFINE_KVM_VM_EVENT(kvm_vm_arch_remove);
DEFINE_KVM_VM_EVENT(kvm_vm_devices);
DEFINE_KVM_VM_EVENT(kvm_vm_arch_destroy);
DEFINE_KVM_VM_EVENT(kvm_vm_memslots);
DEFINE_KVM_VM_EVENT(kvm_vm_drop);

/* A memslot is there, moved or changed; or gone, and then has no pages. */
TRACE_EVENT(kvm_memslot,
	TP_PROTO(u64 vm, u32 slot, u64 gfn, u64 npages, u32 flags),
	TP_ARGS(vm, slot, gfn, npages, flags),
	TP_STRUCT__entry(
		__field(u64, vm)
		__field(u32, slot)
		__field(u32, flags)
		__field(u64, gfn)
		__field(u64, npages)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->slot = slot;
		__entry->flags = flags;
		__entry->gfn = gfn;
		__entry->npages = npages;
	),
	TP_printk("vm %llu slot %u gfn 0x%llx npages 0x%llx flags 0x%x", __entry->vm,
		  __entry->slot, __entry->gfn, __entry->npages, __entry->flags)
);

/* Memory of a guest_memfd goes to another VM. */
DECLARE_EVENT_CLASS(kvm_gmem,
	TP_PROTO(u64 vm, u64 source),
	TP_ARGS(vm, source),
	TP_STRUCT__entry(
		__field(u64, vm)
		__field(u64, source)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->source = source;
	),
	TP_printk("vm %llu from vm %llu", __entry->vm, __entry->source)
);

DEFINE_EVENT(kvm_gmem, kvm_gmem_link, TP_PROTO(u64 vm, u64 source), TP_ARGS(vm, source));
DEFINE_EVENT(kvm_gmem, kvm_gmem_move, TP_PROTO(u64 vm, u64 source), TP_ARGS(vm, source));

/* As in-tree. */
TRACE_EVENT(kvm_set_irq,
	TP_PROTO(unsigned int gsi, int level, int irq_source_id),
	TP_ARGS(gsi, level, irq_source_id),
	TP_STRUCT__entry(
		__field(unsigned int, gsi)
		__field(int, level)
		__field(int, irq_source_id)
	),
	TP_fast_assign(
		__entry->gsi = gsi;
		__entry->level = level;
		__entry->irq_source_id = irq_source_id;
	),
	TP_printk("gsi %u level %d source %d", __entry->gsi, __entry->level,
		  __entry->irq_source_id)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH trace
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE kvm
#include <trace/define_trace.h>
