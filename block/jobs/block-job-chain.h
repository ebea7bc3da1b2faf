/* Backing chains as users of block jobs name them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_JOBS_BLOCK_JOB_CHAIN_H
#define BLOCK_JOBS_BLOCK_JOB_CHAIN_H

#include "block/driver.h"

/* The node below top, filters left out, that a user calls by this file name; NULL: none. */
BlockNode *block_chain_find_file(BlockNode *top, const char *filename);
/* By node name, found anywhere; NULL with errp. */
BlockNode *block_node_of_name(const char *node_name, Error **errp);

#endif
