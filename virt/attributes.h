/* SPDX-License-Identifier: GPL-2.0 */
/* Ranges of frames with their attributes, apart from any VM. */
#ifndef KVM_VIRT_ATTRIBUTES_H
#define KVM_VIRT_ATTRIBUTES_H

#include <linux/maple_tree.h>

#include <kvm/types.h>

struct maple_tree *attributes_alloc(void);
void attributes_free(struct maple_tree *tree);

/* @last is inside. Writers exclude one another; readers need no lock. */
int attributes_store(struct maple_tree *tree, gfn_t start, gfn_t last, u64 attributes);
u64 attributes_load(struct maple_tree *tree, gfn_t gfn);
bool attributes_uniform(struct maple_tree *tree, gfn_t start, gfn_t last);

#endif
