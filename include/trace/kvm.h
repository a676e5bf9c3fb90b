/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#if !defined(KVM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_TRACE_H

#include <linux/tracepoint.h>

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

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH trace
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE kvm
#include <trace/define_trace.h>
