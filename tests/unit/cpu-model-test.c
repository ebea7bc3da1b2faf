/* Tests of CPU models: levels that rise, the order of features, names, what a host cannot give */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/cpu-model.h"

static CpuModelHost all_of_it(void)
{
    CpuModelHost host = {
        .best = { .vendor = "GenuineIntel", .family = 6, .level = 0xd, .xlevel = 0x80000008,
                  .phys_bits = 46 },
        .unasked[FW_8_7_EDX] = 1u << 8,
    };

    memset(host.best.features, 0xff, sizeof(host.best.features));
    return host;
}

static CpuModel parse(const char *text, const CpuModelHost *host)
{
    Error *err = NULL;
    CpuModel m;

    if (!cpu_model_parse(text, "max", host, &m, &err)) {
        g_error("%s: %s", text, error_text(err));
    }
    return m;
}

static void levels(void)
{
    static const struct { const char *text; uint32_t level, xlevel, xlevel2; } rows[] = {
        { "phenom", 5, 0x8000001a, 0 }, { "Conroe", 10, 0x80000008, 0 },
        { "SandyBridge", 0xd, 0x80000008, 0 }, { "486", 1, 0, 0 },
        { "486,arat=on", 6, 0, 0 }, { "phenom,fsgsbase=on", 7, 0x8000001a, 0 },
        { "phenom,xsaveopt=on", 0xd, 0x8000001a, 0 }, { "486,3dnow=on", 1, 0x80000001, 0 },
        { "486,invtsc=on", 1, 0x80000007, 0 }, { "486,svm=on,npt=on", 1, 0x8000000a, 0 },
        { "athlon,svm=on", 2, 0x8000000a, 0 }, { "phenom,xstore=on", 5, 0x8000001a, 0xc0000001 },
        { "486,level=0xf,arat=on,xsaveopt=on", 0xf, 0, 0 }, { "486,level=2,arat=on", 2, 0, 0 },
        { "486,xlevel=0x80000002,3dnow=on,svm=on", 1, 0x80000002, 0 },
        { "486,xlevel2=0xc0000002,xstore=on", 1, 0, 0xc0000002 },
        { "486,min-level=4", 4, 0, 0 }, { "486,level=2,min-level=4", 2, 0, 0 },
        { "486,full-cpuid-auto-level=off,arat=on,3dnow=on", 1, 0, 0 },
    };
    CpuModelHost host = all_of_it();

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        CpuModel m = parse(rows[i].text, &host);

        g_test_message("%s", rows[i].text);
        g_assert_cmphex(m.level, ==, rows[i].level);
        g_assert_cmphex(m.xlevel, ==, rows[i].xlevel);
        g_assert_cmphex(m.xlevel2, ==, rows[i].xlevel2);
    }
}

static bool has(const CpuModel *m, const char *name)
{
    return cpu_model_has(m, cpu_feature_find(name));
}

/* -x beats +x beats x=on, wherever they stand. */
static void order(void)
{
    CpuModelHost host = all_of_it();
    CpuModel m = parse("pentium,-fpu,+fpu,+sse4_1,sse4_2=on,aes,+mmx,movbe=off", &host);

    g_assert_false(has(&m, "fpu"));
    g_assert_true(has(&m, "sse4.1"));
    g_assert_true(has(&m, "sse4-2"));
    g_assert_true(has(&m, "aes"));
    g_assert_true(has(&m, "mmx"));
    m = parse("Haswell,movbe=off,+movbe", &host);
    g_assert_true(has(&m, "movbe"));
}

static void names(void)
{
    CpuModelHost host = all_of_it();
    CpuModel plain = parse("Haswell-noTSX", &host), version = parse("Haswell-v2-x86_64-cpu", &host);
    Error *err = NULL;
    CpuModel m;

    g_assert_cmpstr(plain.name, ==, "Haswell-noTSX");
    g_assert_cmpstr(version.name, ==, "Haswell-v2");
    g_assert_cmpstr(cpu_model_alias_target("Haswell-noTSX"), ==, "Haswell-v2");
    g_assert_cmpmem(plain.features, sizeof(plain.features), version.features,
                    sizeof(version.features));
    g_assert_false(has(&plain, "rtm"));
    m = parse("Haswell", &host);
    g_assert_true(has(&m, "rtm"));
    g_assert_false(cpu_model_parse("haswell", "max", &host, &m, &err));
    g_assert_cmpstr(error_text(err), ==, "unable to find CPU model 'haswell'");
    error_free(err);
}

static void host_limits(void)
{
    CpuModelHost host = all_of_it();
    Error *err = NULL;
    CpuModel m = parse("max", &host);

    g_assert_false(has(&m, "invtsc"));
    m = parse("host,migratable=off", &host);
    g_assert_true(has(&m, "invtsc"));
    g_assert_false(cpu_model_parse("qemu64,migratable=off", "max", &host, &m, &err));
    error_free(err);
    err = NULL;
    host.best.features[FW_1_ECX] &= ~(1u << 25);
    m = parse("Westmere", &host);
    g_assert_false(has(&m, "aes"));
    g_assert_cmphex(m.filtered[FW_1_ECX], ==, 1u << 25);
    g_assert_false(cpu_model_parse("Westmere,enforce", "max", &host, &m, &err));
    g_assert_nonnull(strstr(error_text(err), "aes"));
    error_free(err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu-model/levels", levels);
    g_test_add_func("/cpu-model/order", order);
    g_test_add_func("/cpu-model/names", names);
    g_test_add_func("/cpu-model/host-limits", host_limits);
    return g_test_run();
}
