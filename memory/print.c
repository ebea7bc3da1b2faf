/* Regions as text, for people: what is where, and what hides what */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "memory/memory.h"

#define MAX_DEPTH 64

typedef struct Printer {
    GString *out;
    bool with_owner, with_disabled;
} Printer;

static const char *kind_name(const MemRegion *r)
{
    switch (r->kind) {
    case REGION_RAM:
        return r->readonly ? "rom" : "ram";
    case REGION_ROM:
        return "rom";
    case REGION_ALIAS:
        return r->target->kind == REGION_ALIAS ? "i/o" : kind_name(r->target);
    default:
        return "i/o";
    }
}

static uint64_t last_of(const MemRegion *r)
{
    return r->size == UINT64_MAX ? UINT64_MAX : r->size - 1;
}

static void print_region(const Printer *p, const MemRegion *r, uint64_t base, unsigned depth)
{
    uint64_t first = base + r->addr;
    const MemRegion *child;

    if ((!r->enabled && !p->with_disabled) || depth > MAX_DEPTH) {
        return;
    }
    g_string_append_printf(p->out, "%*s%016" PRIx64 "-%016" PRIx64 " (prio %d, %s): ",
                           2 * (int)depth, "", first, first + last_of(r), r->priority,
                           kind_name(r));
    if (r->kind == REGION_ALIAS) {
        g_string_append_printf(p->out, "alias %s @%s %016" PRIx64 "-%016" PRIx64, r->name,
                               r->target->name, r->target_offset, r->target_offset + last_of(r));
    } else {
        g_string_append(p->out, r->name);
    }
    if (!r->enabled) {
        g_string_append(p->out, " [disabled]");
    }
    if (p->with_owner && r->owner) {
        g_autofree char *path = object_path(r->owner);

        g_string_append_printf(p->out, " owner:{obj path=%s}", path);
    }
    g_string_append_c(p->out, '\n');
    list_for_each(child, &r->children, MemRegion, sibling) {
        print_region(p, child, first, depth + 1);
    }
}

void mem_print_tree(const MemRegion *r, bool with_owner, bool with_disabled, GString *out)
{
    const Printer p = { out, with_owner, with_disabled };

    print_region(&p, r, 0, 1);
}
