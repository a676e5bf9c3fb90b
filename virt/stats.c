// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics as KVM_GET_STATS_FD gives them (api.rst 4.133): header, id,
 * descriptors, numbers, one after the other.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <kvm/ioctl.h>
#include <kvm/stats.h>
#include <kvm/vcpu.h>

static const struct kvm_stat_entry vm_entries[] = {
	KVM_STAT(kvm_vm_stat, vcpus, GAUGE),
	KVM_STAT(kvm_vm_stat, remote_tlb_flush, COUNT),
};

static_assert(ARRAY_SIZE(vm_entries) * sizeof(u64) == sizeof(struct kvm_vm_stat));

static const struct kvm_stat_entry vcpu_entries[] = {
	KVM_STAT(kvm_vcpu_stat, halt_successful_poll, COUNT),
	KVM_STAT(kvm_vcpu_stat, halt_attempted_poll, COUNT),
	KVM_STAT(kvm_vcpu_stat, halt_wakeup, COUNT),
	KVM_STAT(kvm_vcpu_stat, halt_poll_success_ns, NS),
	KVM_STAT(kvm_vcpu_stat, halt_poll_fail_ns, NS),
	KVM_STAT(kvm_vcpu_stat, halt_wait_ns, NS),
	KVM_STAT(kvm_vcpu_stat, blocking, BOOL),
	KVM_STAT(kvm_vcpu_stat, dirty_pages, COUNT),
};

static_assert(ARRAY_SIZE(vcpu_entries) * sizeof(u64) == sizeof(struct kvm_vcpu_stat));

const struct kvm_stat_table kvm_vm_stats = {
	.entries = vm_entries, .nr = ARRAY_SIZE(vm_entries),
};

const struct kvm_stat_table kvm_vcpu_stats = {
	.entries = vcpu_entries, .nr = ARRAY_SIZE(vcpu_entries),
};

static const struct {
	u32 flags;
	s16 exponent;
} stat_kinds[] = {
	[KVM_STAT_COUNT] = { KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE },
	[KVM_STAT_GAUGE] = { KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_NONE },
	[KVM_STAT_BOOL] = { KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BOOLEAN },
	[KVM_STAT_NS] = { KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_SECONDS, -9 },
};

/* A table, and the numbers that it describes. */
struct kvm_stat_block {
	const struct kvm_stat_entry *entries;
	unsigned int nr;
	const u64 *data;
};

/* Everything behind one descriptor. */
struct kvm_stat_view {
	char id[KVM_STATS_NAME_SIZE];
	struct kvm_stat_block blocks[2];
};

/* A file that is read piece by piece, each piece at its offset. */
struct kvm_stat_reader {
	char __user *buf;
	size_t left;
	loff_t pos;
	loff_t offset;
};

static void kvm_vm_stat_view(struct kvm *kvm, struct kvm_stat_view *view)
{
	view->blocks[0] = (struct kvm_stat_block) {
		vm_entries, ARRAY_SIZE(vm_entries), (u64 *)&kvm->stat };
	view->blocks[1] = (struct kvm_stat_block) {
		kvm_arch_vm_stats.entries, kvm_arch_vm_stats.nr, kvm_arch_vm_stat(kvm) };
	scnprintf(view->id, sizeof(view->id), "kvm-%d", kvm->owner_pid);
}

static void kvm_vcpu_stat_view(struct kvm_vcpu *vcpu, struct kvm_stat_view *view)
{
	view->blocks[0] = (struct kvm_stat_block) {
		vcpu_entries, ARRAY_SIZE(vcpu_entries), (u64 *)&vcpu->stat };
	view->blocks[1] = (struct kvm_stat_block) {
		kvm_arch_vcpu_stats.entries, kvm_arch_vcpu_stats.nr,
		kvm_arch_vcpu_stat(vcpu) };
	scnprintf(view->id, sizeof(view->id), "kvm-%d/vcpu-%d",
		  vcpu->kvm->owner_pid, vcpu->vcpu_id);
}

/* Copies what the reader wants of the next @size bytes of the file. */
static int kvm_stat_copy(struct kvm_stat_reader *r, const void *from, size_t size)
{
	loff_t skip = r->pos - r->offset;
	size_t n;

	r->offset += size;
	if (skip < 0 || skip >= size || !r->left)
		return 0;
	n = min_t(size_t, size - skip, r->left);
	if (copy_to_user(r->buf, from + skip, n))
		return -EFAULT;
	r->buf += n;
	r->left -= n;
	r->pos += n;
	return 0;
}

static int kvm_stat_copy_descs(struct kvm_stat_reader *r, const struct kvm_stat_view *view)
{
	const struct kvm_stat_entry *entry;
	struct kvm_stats_desc desc;
	u32 offset = 0;
	int i, j, e;

	for (i = 0; i < ARRAY_SIZE(view->blocks); i++) {
		for (j = 0; j < view->blocks[i].nr; j++, offset += sizeof(u64)) {
			entry = &view->blocks[i].entries[j];
			memset(&desc, 0, sizeof(desc));
			desc.flags = stat_kinds[entry->kind].flags;
			desc.exponent = stat_kinds[entry->kind].exponent;
			desc.size = 1;
			desc.offset = offset;
			strscpy_pad(desc.name, entry->name, KVM_STATS_NAME_SIZE);
			e = kvm_stat_copy(r, &desc, sizeof(desc));
			if (e)
				return e;
		}
	}
	return 0;
}

static ssize_t kvm_stat_read(const struct kvm_stat_view *view, char __user *buf,
			     size_t size, loff_t *pos)
{
	struct kvm_stat_reader r = { .buf = buf, .left = size, .pos = *pos };
	struct kvm_stats_header header = {
		.name_size = KVM_STATS_NAME_SIZE,
		.num_desc = view->blocks[0].nr + view->blocks[1].nr,
		.id_offset = sizeof(header),
		.desc_offset = sizeof(header) + KVM_STATS_NAME_SIZE,
	};
	ssize_t done;
	int i, e;

	header.data_offset = header.desc_offset +
			     header.num_desc * sizeof(struct kvm_stats_desc);
	e = kvm_stat_copy(&r, &header, sizeof(header));
	if (!e)
		e = kvm_stat_copy(&r, view->id, sizeof(view->id));
	if (!e)
		e = kvm_stat_copy_descs(&r, view);
	for (i = 0; !e && i < ARRAY_SIZE(view->blocks); i++)
		e = kvm_stat_copy(&r, view->blocks[i].data,
				  view->blocks[i].nr * sizeof(u64));

	done = r.pos - *pos;
	*pos = r.pos;
	return done ?: e;
}

static ssize_t kvm_vm_stats_read(struct file *file, char __user *buf, size_t size,
				 loff_t *pos)
{
	struct kvm_stat_view view = {};

	kvm_vm_stat_view(file->private_data, &view);
	return kvm_stat_read(&view, buf, size, pos);
}

static ssize_t kvm_vcpu_stats_read(struct file *file, char __user *buf, size_t size,
				   loff_t *pos)
{
	struct kvm_stat_view view = {};

	kvm_vcpu_stat_view(file->private_data, &view);
	return kvm_stat_read(&view, buf, size, pos);
}

static int kvm_vm_stats_release(struct inode *inode, struct file *file)
{
	kvm_put(file->private_data);
	return 0;
}

static int kvm_vcpu_stats_release(struct inode *inode, struct file *file)
{
	struct kvm_vcpu *vcpu = file->private_data;

	kvm_put(vcpu->kvm);
	return 0;
}

static const struct file_operations kvm_vm_stats_fops = {
	.owner		= THIS_MODULE,
	.read		= kvm_vm_stats_read,
	.release	= kvm_vm_stats_release,
	.llseek		= default_llseek,
};

static const struct file_operations kvm_vcpu_stats_fops = {
	.owner		= THIS_MODULE,
	.read		= kvm_vcpu_stats_read,
	.release	= kvm_vcpu_stats_release,
	.llseek		= default_llseek,
};

static long kvm_make_stats_fd(struct kvm *kvm, const char *name,
			      const struct file_operations *fops, void *private)
{
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = anon_inode_getfile(name, fops, private, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD;
	kvm_get(kvm);
	fd_install(fd, file);
	return fd;
}

long kvm_ioctl_vm_stats_fd(struct kvm_ioctl_args *args)
{
	return kvm_make_stats_fd(args->kvm, "kvm-vm-stats", &kvm_vm_stats_fops, args->kvm);
}

long kvm_ioctl_vcpu_stats_fd(struct kvm_ioctl_args *args)
{
	return kvm_make_stats_fd(args->kvm, "kvm-vcpu-stats", &kvm_vcpu_stats_fops,
				 args->vcpu);
}
