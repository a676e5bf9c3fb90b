// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics: the binary descriptors of KVM_GET_STATS_FD and the text of debugfs.
 */
/* machine: smp=2 timeout=200 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/kvm.h>

#include "kselftest_harness.h"
#include "files.h"

#define DEBUGFS		"/sys/kernel/debug/kvm"
#define STORM_ROUNDS	300

struct stat_desc {
	struct kvm_stats_desc d;
	char name[48];
};

FIXTURE(stats) {
	int kvm, vm, vcpu;
	time_t born;
};

FIXTURE_SETUP(stats)
{
	self->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->kvm);
	self->born = time(NULL);
	self->vm = ioctl(self->kvm, KVM_CREATE_VM, 0);
	ASSERT_LE(0, self->vm);
	self->vcpu = ioctl(self->vm, KVM_CREATE_VCPU, 3);
	ASSERT_LE(0, self->vcpu);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
}

FIXTURE_TEARDOWN(stats)
{
	close(self->vcpu);
	close(self->vm);
	close(self->kvm);
}

/* Reads every descriptor; returns where the numbers stand and how many there are. */
static void read_all(struct __test_metadata *_metadata, int fd, const char *id_end)
{
	struct kvm_stats_header h;
	struct stat_desc *descs;
	char id[64];
	__u64 *data;
	unsigned int i;

	ASSERT_EQ(sizeof(h), pread(fd, &h, sizeof(h), 0));
	EXPECT_EQ(0, h.flags);
	ASSERT_EQ(sizeof(descs->name), h.name_size);
	ASSERT_LT(0, h.num_desc);
	ASSERT_EQ(h.name_size, pread(fd, id, h.name_size, h.id_offset));
	EXPECT_EQ(0, strncmp(id, "kvm-", 4));
	EXPECT_EQ(atoi(id + 4), getpid());
	EXPECT_STREQ(id_end, strchrnul(id, '/'));

	descs = calloc(h.num_desc, sizeof(*descs));
	data = calloc(h.num_desc, sizeof(*data));
	ASSERT_EQ(h.num_desc * sizeof(*descs),
		  pread(fd, descs, h.num_desc * sizeof(*descs), h.desc_offset));
	for (i = 0; i < h.num_desc; i++) {
		EXPECT_NE(0, descs[i].name[0]);
		EXPECT_EQ(1, descs[i].d.size);
		EXPECT_EQ(i * sizeof(__u64), descs[i].d.offset);
		EXPECT_GE(KVM_STATS_UNIT_MAX, descs[i].d.flags & KVM_STATS_UNIT_MASK);
		/* One number at its own offset is the same as in the whole. */
		EXPECT_EQ(sizeof(__u64), pread(fd, &data[i], sizeof(__u64),
					       h.data_offset + descs[i].d.offset));
	}
	/* Past the end there is nothing. */
	EXPECT_EQ(0, pread(fd, id, 1, h.data_offset + h.num_desc * sizeof(__u64)));
	EXPECT_EQ(h.num_desc * sizeof(__u64),
		  pread(fd, data, 1 << 16, h.data_offset));
	free(descs);
	free(data);
}

TEST_F(stats, vm_and_vcpu)
{
	int fd;

	fd = ioctl(self->vm, KVM_GET_STATS_FD, NULL);
	ASSERT_LE(0, fd);
	read_all(_metadata, fd, "");
	close(fd);
	fd = ioctl(self->vcpu, KVM_GET_STATS_FD, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	read_all(_metadata, fd, "/vcpu-3");
	close(fd);
}

TEST_F(stats, capability)
{
	EXPECT_EQ(1, ioctl(self->kvm, KVM_CHECK_EXTENSION, KVM_CAP_BINARY_STATS_FD));
}

TEST_F(stats, errors)
{
	/* Past what the compiler can see through. */
	void *nowhere = (void *)strtoul("16", NULL, 10);
	char byte;
	int fd = ioctl(self->vm, KVM_GET_STATS_FD, NULL);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, pread(fd, nowhere, 8, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pread(fd, &byte, 1, -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, pread(fd, &byte, 1, 1LL << 62));
	EXPECT_EQ(0, pread(fd, &byte, 0, 0));
	close(fd);
}

/* Known bug 25: the descriptor alone keeps the VM. */
TEST_F(stats, known_bug_25_outlives_the_vm_file)
{
	int vm_fd = ioctl(self->vm, KVM_GET_STATS_FD, NULL);
	int vcpu_fd = ioctl(self->vcpu, KVM_GET_STATS_FD, NULL);

	ASSERT_LE(0, vm_fd);
	ASSERT_LE(0, vcpu_fd);
	close(self->vm);
	close(self->vcpu);
	read_all(_metadata, vm_fd, "");
	read_all(_metadata, vcpu_fd, "/vcpu-3");
	close(vm_fd);
	read_all(_metadata, vcpu_fd, "/vcpu-3");
	close(vcpu_fd);
}

/* The path of this process's first VM directory in debugfs, if there is one. */
static bool find_dir(char *path, size_t size)
{
	DIR *dir = opendir(DEBUGFS);
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir)))
		if (strchr(e->d_name, '-') && atoi(e->d_name) == getpid()) {
			snprintf(path, size, DEBUGFS "/%s", e->d_name);
			found = true;
		}
	if (dir)
		closedir(dir);
	return found;
}

TEST_F(stats, debugfs_directory_comes_and_goes)
{
	char dir[300], file[330], text[32] = "";
	int fd, i;

	/* A young VM has none; on a busy host it may be old by now. */
	if (time(NULL) <= self->born)
		EXPECT_FALSE(find_dir(dir, sizeof(dir)));
	for (i = 0; i < 600 && !find_dir(dir, sizeof(dir)); i++)
		usleep(100000);
	ASSERT_TRUE(find_dir(dir, sizeof(dir)));

	snprintf(file, sizeof(file), "%s/halt_wakeup", dir);
	/* The directory is there before its files are. */
	for (i = 0; i < 6000 && (fd = open(file, O_RDONLY)) < 0; i++)
		usleep(10000);
	ASSERT_LE(0, fd);

	/* The open file holds the VM. */
	close(self->vcpu);
	close(self->vm);
	EXPECT_TRUE(find_dir(dir, sizeof(dir)));
	EXPECT_LT(0, read(fd, text, sizeof(text) - 1));
	EXPECT_STREQ("0\n", text);
	close(fd);
	EXPECT_FALSE(find_dir(dir, sizeof(dir)));
	EXPECT_EQ(-1, open(file, O_RDONLY));
	EXPECT_EQ(ENOENT, errno);
}

static void *read_totals(void *stop)
{
	char text[32];
	int fd;

	while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED)) {
		fd = open(DEBUGFS "/exits", O_RDONLY);
		if (fd < 0 || read(fd, text, sizeof(text)) <= 0)
			return (void *)1;
		close(fd);
	}
	return NULL;
}

TEST_F(stats, totals_while_vms_die)
{
	pthread_t reader;
	void *failed;
	int i, vm, vcpu, fd, stop = 0;
	__u64 word;

	ASSERT_EQ(0, pthread_create(&reader, NULL, read_totals, &stop));
	for (i = 0; i < STORM_ROUNDS; i++) {
		vm = ioctl(self->kvm, KVM_CREATE_VM, 0);
		vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
		fd = ioctl(vcpu, KVM_GET_STATS_FD, NULL);
		ASSERT_LE(0, fd);
		close(vm);
		close(vcpu);
		EXPECT_EQ(sizeof(word), read(fd, &word, sizeof(word)));
		close(fd);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(reader, &failed);
	EXPECT_EQ(NULL, failed);
}

#define STORM_VMS	6
#define STORM_WAVES	4

struct storm {
	int stop;
	int failed;
	unsigned long nr_read;		/* files of VMs */
};

/* All files of a directory, read whole; some are gone by then. */
static void read_dir(struct storm *storm, const char *path)
{
	DIR *dir = opendir(path);
	char text[64], file[600];
	struct dirent *e;
	int fd;

	while (dir && (e = readdir(dir))) {
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR && strchr(e->d_name, '-'))
			read_dir(storm, file);
		if (e->d_type != DT_REG)
			continue;
		fd = open(file, O_RDONLY);
		if (fd < 0) {
			storm->failed += errno != ENOENT;
			continue;
		}
		if (read(fd, text, sizeof(text)) > 0)
			storm->nr_read += !!strchr(path, '-');
		else
			storm->failed++;
		close(fd);
	}
	if (dir)
		closedir(dir);
}

static void *read_everything(void *arg)
{
	struct storm *storm = arg;

	while (!__atomic_load_n(&storm->stop, __ATOMIC_RELAXED))
		read_dir(storm, DEBUGFS);
	return NULL;
}

/* Has a VM, lends its descriptors of statistics, and waits for its end. */
static void storm_owner(int sock)
{
	int vm = create_vm(), vcpu = create_vcpu(vm, 0);
	int fds[] = { create_stats(vm), create_stats(vcpu) };

	if (send_fds(sock, fds, 2))
		_exit(1);
	close(fds[0]);
	close(fds[1]);
	pause();
	_exit(1);
}

/* VMs that have one: of those that died, no directory is left behind for long. */
static int count_dirs(void)
{
	DIR *dir = opendir(DEBUGFS);
	struct dirent *e;
	int n = 0;

	while (dir && (e = readdir(dir)))
		n += e->d_type == DT_DIR && strchr(e->d_name, '-');
	if (dir)
		closedir(dir);
	return n;
}

/* One wave: owners come, live long enough for a directory, and are killed. */
static bool storm_wave(int *fds)
{
	pid_t pids[STORM_VMS];
	int i, pair[2];
	bool ok = true;

	for (i = 0; i < STORM_VMS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			return false;
		pids[i] = fork();
		if (!pids[i])
			storm_owner(pair[1]);
		ok &= !recv_fds(pair[0], fds + 2 * i, 2);
		close(pair[0]);
		close(pair[1]);
	}
	for (i = 0; i < 300 && count_dirs() < STORM_VMS; i++)
		usleep(100000);
	ok &= i < 300;
	usleep(200000);
	for (i = 0; i < STORM_VMS; i++) {
		kill(pids[i], SIGKILL);
		ok &= waitpid(pids[i], NULL, 0) == pids[i];
	}
	return ok;
}

TEST_F_TIMEOUT(stats, every_file_while_vms_die, 200)
{
	int fds[2 * STORM_VMS], wave, i;
	struct storm storm[2] = {};
	pthread_t readers[2];
	char all[8192];

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&readers[i], NULL, read_everything, &storm[i]));
	for (wave = 0; wave < STORM_WAVES; wave++) {
		EXPECT_TRUE(storm_wave(fds));
		/* The owners are dead, and yet the VMs are there. */
		for (i = 0; i < 2 * STORM_VMS; i++) {
			EXPECT_LT(sizeof(struct kvm_stats_header),
				  pread(fds[i], all, sizeof(all), 0));
			close(fds[i]);
		}
	}
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&storm[i].stop, 1, __ATOMIC_RELAXED);
		pthread_join(readers[i], NULL);
		EXPECT_EQ(0, storm[i].failed);
		/* It is no test if they never came to a VM's own. */
		EXPECT_LT(0, storm[i].nr_read);
	}
}

TEST_HARNESS_MAIN
