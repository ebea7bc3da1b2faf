/* Block layer: steps that are all done or all undone */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/tran.h"

typedef struct Step {
    const BlockTranOps *ops;
    void *opaque;
} Step;

struct BlockTran {
    GArray *steps;
};

BlockTran *block_tran_new(void)
{
    BlockTran *tran = g_new0(BlockTran, 1);

    tran->steps = g_array_new(false, false, sizeof(Step));
    return tran;
}

void block_tran_add(BlockTran *tran, const BlockTranOps *ops, void *opaque)
{
    Step step = { ops, opaque };

    g_array_append_val(tran->steps, step);
}

bool block_tran_finish(BlockTran *tran, bool ok)
{
    GArray *steps = tran->steps;

    for (unsigned i = 0; i < steps->len; i++) {
        Step *step = &g_array_index(steps, Step, ok ? i : steps->len - 1 - i);

        if (ok && step->ops->commit) {
            step->ops->commit(step->opaque);
        } else if (!ok && step->ops->abort) {
            step->ops->abort(step->opaque);
        }
    }
    for (unsigned i = 0; i < steps->len; i++) {
        Step *step = &g_array_index(steps, Step, i);

        if (step->ops->clean) {
            step->ops->clean(step->opaque);
        }
    }
    g_array_free(steps, true);
    g_free(tran);
    return ok;
}
