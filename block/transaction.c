/* Transactions: actions on nodes that all happen at one point in time, or none */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/transaction.h"
#include "qapi/commands-block-qmp.h"
#include "util/trace.h"

REGISTRY(block_action, BlockActionOps)

typedef struct Part {
    const TransactionAction *action;
    const BlockActionOps *ops;
    void *state;
} Part;

static const BlockActionOps *ops_of(TransactionActionKind kind)
{
    size_t n;
    const BlockActionOps *const *all = registry_block_action(&n);

    for (size_t i = 0; i < n; i++) {
        if (all[i]->kind == kind) {
            return all[i];
        }
    }
    return NULL;
}

static GArray *parts_of(const TransactionActionList *actions, Error **errp)
{
    GArray *parts = g_array_new(false, false, sizeof(Part));

    for (; actions; actions = actions->next) {
        Part part = { actions->value, ops_of(actions->value->type), NULL };

        if (!part.ops) {
            error_set(errp, "Action '%s' cannot be part of a transaction",
                      TransactionActionKind_name(actions->value->type));
            break;
        }
        part.state = g_malloc0(MAX(part.ops->size, 1));
        g_array_append_val(parts, part);
    }
    return parts;
}

static bool co_prepare_all(GArray *parts, JobTxn *jobs, Error **errp)
{
    for (unsigned i = 0; i < parts->len; i++) {
        Part *p = &g_array_index(parts, Part, i);

        if (p->ops->co_prepare && !p->ops->co_prepare(p->state, p->action, jobs, errp)) {
            return false;
        }
    }
    return true;
}

static bool apply_all(GArray *parts, BlockTran *tran, Error **errp)
{
    for (unsigned i = 0; i < parts->len; i++) {
        Part *p = &g_array_index(parts, Part, i);

        if (p->ops->apply && !p->ops->apply(p->state, p->action, tran, errp)) {
            return false;
        }
    }
    return true;
}

bool co_block_transaction(const TransactionActionList *actions, JobTxn *jobs, Error **errp)
{
    Error *err = NULL;
    GArray *parts = parts_of(actions, &err);
    bool ok = !err && co_prepare_all(parts, jobs, &err);
    BlockTran *tran = block_tran_new();

    ok = block_tran_finish(tran, ok && apply_all(parts, tran, &err));
    TRACE(block_transaction, "%u actions: %s", parts->len, ok ? "done" : "undone");
    for (unsigned i = 0; i < parts->len; i++) {
        Part *p = &g_array_index(parts, Part, i);

        if (ok && p->ops->co_done) {
            p->ops->co_done(p->state, p->action);
        }
    }
    for (unsigned i = 0; i < parts->len; i++) {
        Part *p = &g_array_index(parts, Part, i);

        if (p->ops->co_clean) {
            p->ops->co_clean(p->state);
        }
        g_free(p->state);
    }
    g_array_free(parts, true);
    error_propagate(errp, err);
    return ok;
}

bool co_block_action(TransactionActionKind kind, void *data, Error **errp)
{
    TransactionAction action = { .type = kind };
    TransactionActionList list = { NULL, &action };

    /* All branches are wrappers with one pointer. */
    action.u.block_dirty_bitmap_add.data = data;
    return co_block_transaction(&list, NULL, errp);
}

void qmp_transaction(TransactionActionList *actions, TransactionProperties *properties,
                     Error **errp)
{
    bool grouped = properties && properties->has_completion_mode &&
                   properties->completion_mode == ACTION_COMPLETION_MODE_GROUPED;
    JobTxn *jobs = grouped ? job_txn_new() : NULL;

    co_block_transaction(actions, jobs, errp);
    if (jobs) {
        job_txn_unref(jobs);
    }
}

/* abort: for those who want to see that all is undone */

static bool abort_apply(void *state, const TransactionAction *action, BlockTran *tran,
                        Error **errp)
{
    error_set(errp, "Transaction aborted using Abort action");
    return false;
}

static const BlockActionOps abort_action = {
    .kind = TRANSACTION_ACTION_KIND_ABORT, .apply = abort_apply,
};
REGISTER_BLOCK_ACTION(abort_action)
