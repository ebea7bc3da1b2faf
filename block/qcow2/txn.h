/* qcow2: changes of many refcounts at once */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_QCOW2_TXN_H
#define BLOCK_QCOW2_TXN_H

#include "block/qcow2/qcow2.h"

typedef struct Qcow2Txn {
    Qcow2 *s;
    Qcow2Header header;         /* what it shall be: for the caller to change */
    unsigned order, block_bits; /* of the new refcounts */
    uint64_t max;
    bool from_nothing;          /* what the image has of refcounts is not looked at */
    uint8_t **blocks;           /* new refcount blocks, by index; NULL: the old one stays */
    uint64_t *places;           /* where they go */
    uint64_t nr_blocks;
    uint64_t search;            /* where to look for free clusters */
} Qcow2Txn;

/* With the lock held and no requests under way. NULL and *ret on failure. */
Qcow2Txn *co_qcow2_txn_begin(Qcow2 *s, unsigned order, bool from_nothing, int *ret);
void qcow2_txn_free(Qcow2Txn *t);
/* All clusters that the range touches. */
int co_qcow2_txn_add(Qcow2Txn *t, uint64_t offset, uint64_t bytes, int delta);
/* The count that a cluster will have. */
int co_qcow2_txn_refcount(Qcow2Txn *t, uint64_t cluster, uint64_t *count);
/* Clusters in a row, to be written before the commit. */
int co_qcow2_txn_alloc(Qcow2Txn *t, uint64_t bytes, uint64_t *offset);
int co_qcow2_txn_write_table(Qcow2Txn *t, const uint64_t *table, uint32_t entries,
                             uint64_t *offset);
/* On success the caller brings s->l1 and others up to date, then co_qcow2_meta_build(). */
int co_qcow2_txn_commit(Qcow2Txn *t);

/* snapshot.c: the snapshot table as it would be written today. */
int co_qcow2_snapshots_rewrite(Qcow2Txn *t);

#endif
