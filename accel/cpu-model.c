/* -cpu: named models, feature names, what of them the accelerator can give */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/cpu-model.h"

#define B(n) (1u << (n))

/* What "check" and "enforce" look at, and the levels that were said. */
typedef struct Request {
    bool check, enforce;
    bool keep_level, keep_xlevel, keep_xlevel2, no_auto_level;
    const CpuModelHost *host;
    GPtrArray *plus, *minus;                /* +name and -name come last, -name at the very end */
} Request;

static bool set_feature(CpuModel *m, const char *name, bool on, Error **errp)
{
    int f = cpu_feature_find(name);
    uint32_t bit;

    if (!f) {
        error_set(errp, "CPU model %s has no property '%s'", m->name, name);
        return false;
    }
    bit = 1u << ((f - 1) & 31);
    if (f == CPU_FEATURE(FW_KVM, 0)) {
        bit |= B(3);            /* the clock has a second pair of MSRs, and no name of its own */
    }
    if (on) {
        m->features[(f - 1) / 32] |= bit;
    } else {
        m->features[(f - 1) / 32] &= ~bit;
    }
    return true;
}

static bool parse_bool(const char *value, bool *on)
{
    *on = !strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "true");
    return *on || !strcmp(value, "off") || !strcmp(value, "no") || !strcmp(value, "false");
}

static bool set_number(uint32_t *field, const char *key, const char *value, uint64_t max,
                       Error **errp)
{
    char *end;
    uint64_t v = g_ascii_strtoull(value, &end, 0);

    if (!*value || *end || v > max) {
        error_set(errp, "-cpu: '%s' wants a number up to %" PRIu64 ", not '%s'", key, max, value);
        return false;
    }
    *field = v;
    return true;
}

static bool set_tsc(CpuModel *m, const char *key, const char *value, Error **errp)
{
    char *end;
    double hz = g_ascii_strtod(value, &end), unit = 1;

    if (*end && !end[1]) {
        unit = *end == 'k' || *end == 'K' ? 1e3 : *end == 'M' ? 1e6 : *end == 'G' ? 1e9 : 0;
    } else if (*end) {
        unit = 0;
    }
    hz *= unit;
    if (end == value || !(hz >= 1e6 && hz <= 1e11)) {
        error_set(errp, "-cpu: '%s' wants a frequency in Hz (or with k, M, G) from 1M to 100G, "
                  "not '%s'", key, value);
        return false;
    }
    m->tsc_hz = hz;
    return true;
}

/* Is key one of these? then *ok tells whether value was one. A level that is said stays. */
static bool set_level(CpuModel *m, Request *rq, const char *key, const char *value, bool *ok,
                      Error **errp)
{
    const struct { const char *name; uint32_t *field, max; bool *keep, said; } rows[] = {
        { "level", &m->level, 0x20, &rq->keep_level, true },
        { "xlevel", &m->xlevel, 0x8000001f, &rq->keep_xlevel, true },
        { "xlevel2", &m->xlevel2, 0xc0000004, &rq->keep_xlevel2, true },
        { "min-level", &m->level, 0x20, &rq->keep_level, false },
        { "min-xlevel", &m->xlevel, 0x8000001f, &rq->keep_xlevel, false },
        { "min-xlevel2", &m->xlevel2, 0xc0000004, &rq->keep_xlevel2, false },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint32_t level;

        if (strcmp(key, rows[i].name)) {
            continue;
        }
        *ok = set_number(&level, key, value, rows[i].max, errp);
        if (*ok && (rows[i].said || !*rows[i].keep)) {
            *rows[i].keep |= rows[i].said;
            *rows[i].field = level;
        }
        return true;
    }
    return false;
}

/* Off: show what ties the guest to this host, a TSC that never changes its rate. */
static bool set_migratable(CpuModel *m, const CpuModelHost *host, bool on, Error **errp)
{
    if (strcmp(m->name, "max") && strcmp(m->name, "host")) {
        error_set(errp, "CPU model %s has no property 'migratable'", m->name);
        return false;
    }
    m->features[FW_8_7_EDX] = on ? m->features[FW_8_7_EDX] & ~host->unasked[FW_8_7_EDX]
                                 : m->features[FW_8_7_EDX] | host->best.features[FW_8_7_EDX];
    return true;
}

static bool set_property(CpuModel *m, Request *rq, const char *key, const char *value,
                         Error **errp)
{
    bool on;

    if (!strcmp(key, "vendor")) {
        if (strlen(value) != 12) {
            error_set(errp, "-cpu: 'vendor' wants 12 characters, not '%s'", value);
            return false;
        }
        g_strlcpy(m->vendor, value, sizeof(m->vendor));
        return true;
    }
    if (!strcmp(key, "model-id")) {
        g_strlcpy(m->model_id, value, sizeof(m->model_id));
        return true;
    }
    if (!strcmp(key, "family")) {
        return set_number(&m->family, key, value, 0xff + 0xf, errp);
    }
    if (!strcmp(key, "model")) {
        return set_number(&m->model, key, value, 0xff, errp);
    }
    if (!strcmp(key, "stepping")) {
        return set_number(&m->stepping, key, value, 0xf, errp);
    }
    if (set_level(m, rq, key, value, &on, errp)) {
        return on;
    }
    if (!strcmp(key, "tsc-frequency") || !strcmp(key, "tsc-freq")) {
        return set_tsc(m, key, value, errp);
    }
    if (!strcmp(key, "phys-bits")) {
        if (!set_number(&m->phys_bits, key, value, 52, errp)) {
            return false;
        }
        if (m->phys_bits && m->phys_bits < 32) {
            error_set(errp, "-cpu: 'phys-bits' must be 0 or from 32 to 52");
            return false;
        }
        return true;
    }
    if (!strcmp(key, "apic-id")) {
        if (strcmp(value, "0")) {
            error_set(errp, "-cpu: APIC IDs follow from -smp: 'apic-id' is 0, that of the boot "
                      "CPU, not '%s'", value);
            return false;
        }
        return true;
    }
    if (hyperv_set_property(&m->hyperv, key, value, &on, errp)) {
        return on;
    }
    if (!parse_bool(value, &on)) {
        error_set(errp, "-cpu: '%s' wants on or off, not '%s'", key, value);
        return false;
    }
    if (!strcmp(key, "kvm")) {
        m->hide_kvm = !on;
        return true;
    }
    if (!strcmp(key, "check")) {
        rq->check = on;
        return true;
    }
    if (!strcmp(key, "enforce")) {
        rq->enforce = on;
        return true;
    }
    if (!strcmp(key, "full-cpuid-auto-level")) {
        rq->no_auto_level = !on;
        return true;
    }
    if (!strcmp(key, "migratable")) {
        return set_migratable(m, rq->host, on, errp);
    }
    return set_feature(m, key, on, errp);
}

const char *cpu_model_alias_target(const char *name)
{
    for (const CpuModelAlias *a = cpu_model_aliases; a->name; a++) {
        if (!strcmp(a->name, name)) {
            return a->target;
        }
    }
    return NULL;
}

static const CpuModel *find_model(const char *name)
{
    const char *target = cpu_model_alias_target(name);

    for (const CpuModel *m = cpu_model_table; *m->name; m++) {
        if (!strcmp(m->name, target ? target : name)) {
            return m;
        }
    }
    return NULL;
}

/* Drop what cannot be given; tell of it as asked. */
static bool restrict_to(CpuModel *m, const Request *rq, const CpuModel *best, Error **errp)
{
    g_autoptr(GString) missing = g_string_new(NULL);

    for (int w = 0; w < NR_FEATURE_WORDS; w++) {
        uint32_t lost = m->features[w] & ~best->features[w];

        for (int bit = 0; bit < 32; bit++) {
            if (lost >> bit & 1) {
                g_autofree char *name = cpu_feature_name(w, bit);

                g_string_append_printf(missing, "%s%s", missing->len ? ", " : "",
                                       name ? name : "?");
            }
        }
        m->features[w] &= best->features[w];
        m->filtered[w] = lost;
    }
    if (missing->len && rq->enforce) {
        error_set(errp, "CPU model %s cannot be given in full (enforce): not here: %s", m->name,
                   missing->str);
        return false;
    }
    if (missing->len && rq->check) {
        fprintf(stderr, "warning: CPU model %s: not here: %s\n", m->name, missing->str);
    }
    return true;
}

/* What depends on a feature goes with it. */
static void drop_orphans(CpuModel *m)
{
    if (!cpu_model_has(m, CPUID_XSAVE)) {
        m->features[FW_1_ECX] &= ~(B(12) | B(28) | B(29));
        m->features[FW_D_1_EAX] = 0;
    }
    if (!cpu_model_has(m, CPUID_AVX)) {
        m->features[FW_1_ECX] &= ~(B(12) | B(29));
        m->features[FW_7_EBX] &= ~B(5);
    }
    if (!cpu_model_has(m, CPUID_LM)) {
        m->features[FW_1_ECX] &= ~B(17);
        m->features[FW_8_1_ECX] &= ~B(0);
    }
}

static uint32_t max_level(uint32_t level, uint32_t needed)
{
    return level < needed ? needed : level;
}

/* A leaf that has something to show must be within reach, unless its level was said. */
static void raise_levels(CpuModel *m, const Request *rq)
{
    for (unsigned w = 0; w < NR_FEATURE_WORDS && !rq->no_auto_level; w++) {
        uint32_t leaf = cpu_feature_place(w).leaf;

        if (!m->features[w] || w == FW_KVM) {
            continue;
        }
        if (leaf < 0x80000000 && !rq->keep_level) {
            m->level = max_level(m->level, leaf);
        } else if (leaf >= 0xc0000000 && !rq->keep_xlevel2) {
            m->xlevel2 = max_level(m->xlevel2, leaf);
        } else if (leaf >= 0x80000000 && leaf < 0xc0000000 && !rq->keep_xlevel) {
            m->xlevel = max_level(m->xlevel, leaf);
        }
    }
    if (cpu_model_has(m, CPUID_SVM) && !rq->keep_xlevel && !rq->no_auto_level) {
        m->xlevel = max_level(m->xlevel, 0x8000000a);
    }
}

static bool listed(const GPtrArray *names, const char *name)
{
    for (unsigned i = 0; i < names->len; i++) {
        if (!strcmp(names->pdata[i], name)) {
            return true;
        }
    }
    return false;
}

/* "x=on", "x"; +x and -x are put aside. */
static bool take_part(CpuModel *m, Request *rq, char *part, Error **errp)
{
    char *eq = strchr(part, '=');
    const char *value = "on";

    if (*part == '+' || *part == '-') {
        g_ptr_array_add(*part == '+' ? rq->plus : rq->minus, part + 1);
        return true;
    }
    if (eq) {
        *eq = 0;
        value = eq + 1;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (listed(i ? rq->minus : rq->plus, part)) {
            report_warning("Ambiguous CPU model string. Don't mix both \"%c%s\" and \"%s=%s\"",
                           i ? '-' : '+', part, part, value);
        }
    }
    return set_property(m, rq, part, value, errp);
}

static bool take_signs(CpuModel *m, const Request *rq, Error **errp)
{
    for (unsigned i = 0; i < rq->plus->len; i++) {
        if (!set_feature(m, rq->plus->pdata[i], true, errp)) {
            return false;
        }
    }
    for (unsigned i = 0; i < rq->minus->len; i++) {
        if (!set_feature(m, rq->minus->pdata[i], false, errp)) {
            return false;
        }
    }
    return true;
}

/* The model that the list begins with. */
static bool take_model(const char *name, const CpuModelHost *host, CpuModel *out, Error **errp)
{
    g_autofree char *bare = g_str_has_suffix(name, CPU_TYPE_SUFFIX)
                                ? g_strndup(name, strlen(name) - strlen(CPU_TYPE_SUFFIX))
                                : g_strdup(name);
    bool best = !strcmp(bare, "max") || !strcmp(bare, "host");
    const CpuModel *base = find_model(bare);

    if (!base && !best && strcmp(bare, "base")) {
        error_set(errp, "unable to find CPU model '%s'", bare);
        return false;
    }
    *out = base ? *base : host->best;
    g_strlcpy(out->name, bare, sizeof(out->name));
    for (int w = 0; w < NR_FEATURE_WORDS; w++) {
        out->features[w] = base ? out->features[w] | host->added[w]
                         : best ? out->features[w] & ~host->unasked[w] : 0;
    }
    return true;
}

bool cpu_model_parse(const char *text, const char *def, const CpuModelHost *host, CpuModel *out,
                     Error **errp)
{
    const CpuModel *best = &host->best;
    g_auto(GStrv) parts = g_strsplit(text ? text : def, ",", -1);
    g_autoptr(GPtrArray) plus = g_ptr_array_new(), minus = g_ptr_array_new();
    Request rq = { .host = host, .plus = plus, .minus = minus };

    if (!take_model(parts[0] && *parts[0] ? parts[0] : def, host, out, errp)) {
        return false;
    }
    for (unsigned i = 1; parts[0] && parts[i]; i++) {
        if (*parts[i] && !take_part(out, &rq, parts[i], errp)) {
            return false;
        }
    }
    if (!take_signs(out, &rq, errp)) {
        return false;
    }
    raise_levels(out, &rq);
    if (hyperv_any(&out->hyperv) && !host->has_hyperv) {
        error_set(errp, "Hyper-V enlightenments (hv-*) are KVM's alone, and not of every host's");
        return false;
    }
    if (!hyperv_check(&out->hyperv, errp) || !restrict_to(out, &rq, best, errp)) {
        return false;
    }
    drop_orphans(out);
    if (!out->phys_bits) {
        out->phys_bits = best->phys_bits;
    }
    return true;
}

void cpu_models_for_each(void (*fn)(const char *name, const CpuModel *model, void *opaque),
                         void *opaque)
{
    for (const CpuModel *m = cpu_model_table; *m->name; m++) {
        fn(m->name, m, opaque);
    }
    for (const CpuModelAlias *a = cpu_model_aliases; a->name; a++) {
        fn(a->name, find_model(a->target), opaque);
    }
    fn("base", NULL, opaque);
    fn("host", NULL, opaque);
    fn("max", NULL, opaque);
}

static int compare_names(const void *a, const void *b)
{
    return g_ascii_strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

void cpu_model_help(FILE *out)
{
    const char *names[NR_FEATURE_WORDS * 32];
    unsigned n = 0, column = 0;

    fprintf(out, "Available CPUs:\n");
    for (const CpuModelAlias *a = cpu_model_aliases; a->name; a++) {
        fprintf(out, "x86 %-26s (alias of %s)\n", a->name, a->target);
    }
    for (const CpuModel *m = cpu_model_table; *m->name; m++) {
        fprintf(out, "x86 %-26s %s\n", m->name, m->model_id);
    }
    fprintf(out, "x86 %-26s base CPU model type with no features enabled\n", "base");
    fprintf(out, "x86 %-26s the same as max\n", "host");
    fprintf(out, "x86 %-26s Enables all features supported by the accelerator\n", "max");
    fprintf(out, "\nRecognized CPUID flags:\n");
    for (int w = 0; w < NR_FEATURE_WORDS; w++) {
        for (int bit = 0; bit < 32; bit++) {
            if (cpu_feature_spellings(w, bit)) {
                names[n++] = cpu_feature_spellings(w, bit);
            }
        }
    }
    qsort(names, n, sizeof(names[0]), compare_names);
    for (unsigned i = 0; i < n; i++) {
        int len = strcspn(names[i], "|");

        if (column + len + 1 > 75) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%s%.*s", column ? " " : "  ", len, names[i]);
    }
    fputc('\n', out);
}
