/* SPDX-License-Identifier: GPL-2.0 */
/* The module itself: in, out, and what it says. */
#ifndef MODULE_H
#define MODULE_H

/* Where the machine loads it from, and where it is for a test that asked for no-module. */
#define LOADED_MODULE	"/modules/kvm.ko"
#define MODULE		"/tests/kvm.ko"

/* 0, or -1 with errno. Unloading does not wait for references to go. */
int load_module(const char *path);
int unload_module(const char *name);

/* The kernel's log from now on; how many lines since then have @word, and the last of them. */
int log_open(void);
int log_count(int fd, const char *word, char *last, int size);

#endif
