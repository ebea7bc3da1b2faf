/* Transactions: actions on nodes that all happen at one point in time, or none */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_TRANSACTION_H
#define BLOCK_TRANSACTION_H

#include "block/driver.h"
#include "block/jobs/job.h"
#include "block/tran.h"
#include "qapi/types-block-qmp.h"
#include "util/registry.h"

/*
 * One kind of action. All actions are prepared, in order; then, without a
 * yield, all are applied, in order, to nodes that are drained; then tran is
 * committed or aborted; then all are cleaned, also those that were not
 * prepared. If one fails, what follows is left out.
 */
typedef struct BlockActionOps {
    TransactionActionKind kind;
    size_t size;                /* of its state, zeroed at first */
    /*
     * Check, open files, drain (co_drain_begin()) what apply will change. jobs:
     * those that are started belong to it; NULL: each is on its own.
     */
    bool (*co_prepare)(void *state, const TransactionAction *action, JobTxn *jobs, Error **errp);
    /* The steps, all with their undoing in tran. */
    bool (*apply)(void *state, const TransactionAction *action, BlockTran *tran, Error **errp);
    /* All was done: what cannot be undone, or may yield, comes now. */
    void (*co_done)(void *state, const TransactionAction *action);
    void (*co_clean)(void *state);
} BlockActionOps;
#define REGISTER_BLOCK_ACTION(desc) REGISTER(block_action, desc)

bool co_block_transaction(const TransactionActionList *actions, JobTxn *jobs, Error **errp);
/* One action as a command of its own; data: of the action's branch, borrowed. */
bool co_block_action(TransactionActionKind kind, void *data, Error **errp);

#endif
