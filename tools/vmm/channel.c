// SPDX-License-Identifier: GPL-2.0
/* Messages with descriptors over a UNIX socket. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm.h"

#define MAX_FDS		8

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path))
		die("%s is too long for a socket", path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	return addr;
}

/* One connection. */
int channel_listen(const char *path)
{
	int sock = must(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket"), peer;
	struct sockaddr_un addr = address(path);

	unlink(path);
	must(bind(sock, (struct sockaddr *)&addr, sizeof(addr)), path);
	must(listen(sock, 1), path);
	peer = must(accept4(sock, NULL, NULL, SOCK_CLOEXEC), path);
	unlink(path);
	close(sock);
	return peer;
}

/* The listener may need a moment to come up. */
int channel_connect(const char *path)
{
	int sock = must(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket"), i;
	struct sockaddr_un addr = address(path);

	for (i = 0; i < 500; i++) {
		if (!connect(sock, (struct sockaddr *)&addr, sizeof(addr)))
			return sock;
		usleep(10000);
	}
	close(sock);
	return -1;
}

int channel_send(int sock, const void *data, size_t size, const int *fds, int nr_fds)
{
	char control[CMSG_SPACE(MAX_FDS * sizeof(int))] = {};
	struct iovec iov = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (nr_fds) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nr_fds * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

int channel_receive(int sock, void *data, size_t size, int *fds, int nr_fds)
{
	char control[CMSG_SPACE(MAX_FDS * sizeof(int))];
	struct iovec iov = { data, size };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != (ssize_t)size)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!nr_fds)
		return 0;
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(nr_fds * sizeof(int)))
		return -1;
	memcpy(fds, CMSG_DATA(cmsg), nr_fds * sizeof(int));
	return 0;
}
