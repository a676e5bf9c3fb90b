// SPDX-License-Identifier: GPL-2.0
/*
 * Both ends of an upgrade. The guest runs until the new VMM has all that does
 * not change; only then it pauses.
 *
 *   old                                   new
 *   OFFER: size, vCPUs; the VM, its memory →
 *                                         new VM; link the memory; same slots
 *                                       ← READY
 *   stop the vCPUs, save them
 *   STATE: registers                      →
 *                                         move; restore; run
 *                                       ← RUNNING
 *   exit
 *
 * Up to the move nothing has changed for the old VMM: whatever goes wrong
 * before, it goes on with its guest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm.h"

#define OFFER_MAGIC	0x6b766d31	/* "kvm1": changes with struct vcpu_state */

struct offer {
	uint32_t magic;
	uint32_t nr_vcpus;
	uint64_t size;
};

struct saved {
	uint64_t stopped_at;	/* now(), when the vCPUs were told to stop */
	struct vcpu_state vcpu[MAX_VCPUS];
};

enum { READY = 1, RUNNING };

bool upgrade_give(struct vm *vm, const char *path)
{
	struct offer offer = { OFFER_MAGIC, vm->nr_vcpus, vm->size };
	struct saved *saved = calloc(1, sizeof(*saved));
	int fds[] = { vm->fd, vm->gmem }, sock = channel_connect(path), i;
	uint32_t word;
	bool given;

	if (sock < 0 || channel_send(sock, &offer, sizeof(offer), fds, 2) ||
	    channel_receive(sock, &word, sizeof(word), NULL, 0) || word != READY) {
		printf("no new VMM at %s: the guest stays\n", path);
		close(sock);
		free(saved);
		return false;
	}

	saved->stopped_at = now();
	vcpus_stop(vm);
	for (i = 0; i < vm->nr_vcpus; i++)
		vcpu_save(&vm->vcpu[i], &saved->vcpu[i]);
	given = !channel_send(sock, saved, sizeof(*saved), NULL, 0) &&
		!channel_receive(sock, &word, sizeof(word), NULL, 0) && word == RUNNING;
	if (!given) {
		printf("the new VMM is gone: the guest stays\n");
		vcpus_run(vm);
	}
	close(sock);
	free(saved);
	return given;
}

static void move(struct vm *vm, int source)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM, .args = { source },
	};

	vm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static void resume(struct vm *vm, const struct saved *saved)
{
	int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		vcpu_restore(&vm->vcpu[i], &saved->vcpu[i]);
	vcpus_run(vm);
}

bool upgrade_take(struct vm *vm, const char *path)
{
	struct saved *saved = calloc(1, sizeof(*saved));
	uint32_t ready = READY, running = RUNNING;
	int sock = channel_listen(path), fds[2];
	uint64_t received, moved, resumed;
	struct offer offer;

	if (channel_receive(sock, &offer, sizeof(offer), fds, 2))
		die("no offer");
	if (offer.magic != OFFER_MAGIC || !offer.nr_vcpus || offer.nr_vcpus > MAX_VCPUS ||
	    offer.size <= GUEST_DATA || offer.size > MAX_MEMORY)
		die("an offer that cannot be taken");
	vm_adopt(vm, fds[1], offer.size, offer.nr_vcpus);

	if (channel_send(sock, &ready, sizeof(ready), NULL, 0) ||
	    channel_receive(sock, saved, sizeof(*saved), NULL, 0))
		die("the old VMM is gone");
	received = now();
	move(vm, fds[0]);
	moved = now();
	resume(vm, saved);
	resumed = now();
	channel_send(sock, &running, sizeof(running), NULL, 0);

	printf("pause %.2f ms: stop, save and send %.2f, move %.2f, restore and run %.2f\n",
	       (resumed - saved->stopped_at) / 1e6, (received - saved->stopped_at) / 1e6,
	       (moved - received) / 1e6, (resumed - moved) / 1e6);
	close(fds[0]);
	close(fds[1]);
	close(sock);
	free(saved);
	return true;
}
