/* Page tables for people: "info mem" and "info tlb" */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/cpu-state.h"
#include "monitor/hmp.h"
#include "system/hmp-machine.h"
#include "system/paging.h"

#define MAX_LINES (1 << 18)

typedef struct Show {
    GString *out;
    unsigned lines;
    bool any;
    uint64_t start, end;        /* "info mem": a run of pages with the same rights */
    unsigned rights;
} Show;

static bool print_page(const PagingPage *page, void *opaque)
{
    static const struct {
        unsigned bit;
        char letter;
    } flags[] = {
        { 63, 'X' }, { 8, 'G' }, { 7, 'P' }, { 6, 'D' }, { 5, 'A' }, { 4, 'C' }, { 3, 'T' },
        { 2, 'U' }, { 1, 'W' },
    };
    Show *s = opaque;

    g_string_append_printf(s->out, "%016" PRIx64 ": %016" PRIx64 " ", page->la, page->phys);
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
        g_string_append_c(s->out, page->entry >> flags[i].bit & 1 ? flags[i].letter : '-');
    }
    g_string_append_c(s->out, '\n');
    return ++s->lines < MAX_LINES;
}

static void end_run(Show *s)
{
    if (s->any) {
        s->lines++;
        g_string_append_printf(s->out, "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64 " %cr%c\n",
                               s->start, s->end, s->end - s->start,
                               s->rights & PAGING_USER ? 'u' : '-',
                               s->rights & PAGING_WRITE ? 'w' : '-');
    }
    s->any = false;
}

static bool add_to_run(const PagingPage *page, void *opaque)
{
    Show *s = opaque;

    if (!s->any || page->la != s->end || page->rights != s->rights) {
        end_run(s);
        s->any = true;
        s->start = page->la;
        s->rights = page->rights;
    }
    s->end = page->la + page->bytes;
    return s->lines < MAX_LINES;
}

static void co_show(GString *out, bool (*fn)(const PagingPage *page, void *opaque), Error **errp)
{
    Show s = { .out = out };
    Vcpu *cpu = hmp_current_cpu(errp);
    g_autofree CpuState *state = cpu ? co_hmp_cpu_state(cpu, errp) : NULL;
    PagingResult result;

    if (!state) {
        return;
    }
    result = co_paging_walk(state, fn, &s);
    end_run(&s);
    if (result != PAGING_DONE) {
        g_string_append(out, result == PAGING_OFF ? "PG disabled\n"
                                                  : "... there is more: too many pages to show\n");
    }
}

static void co_tlb(const Json *args, GString *out, Error **errp)
{
    co_show(out, print_page, errp);
}

static void co_mem(const Json *args, GString *out, Error **errp)
{
    co_show(out, add_to_run, errp);
}

static const HmpCommand info_rows[] = {
    { "mem", "", "the ranges that are mapped, and who may do what there", .co_run = co_mem },
    { "tlb", "", "the pages that are mapped", .co_run = co_tlb },
    { }
};
static const HmpTable info_table = { info_rows, true };
REGISTER_HMP(info_table)
