/* Statistics that KVM keeps: read from a descriptor that describes itself */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/kvm/kvm-int.h"

/* Far above what any kernel has; they bound what is allocated. */
#define MAX_NAME  4096
#define MAX_COUNT 4096
#define MAX_ITEMS 4096

/* Documentation/virt/kvm/api.rst, 4.131: a header, descriptors, values. */
typedef struct Stats {
    int fd;
    struct kvm_stats_header head;
    size_t desc_bytes;
    char *descs;
} Stats;

static bool read_all(int fd, void *buf, size_t len, uint64_t offset)
{
    return pread(fd, buf, len, (off_t)offset) == (ssize_t)len;
}

static bool read_head(Stats *s)
{
    if (!read_all(s->fd, &s->head, sizeof(s->head), 0) || s->head.name_size > MAX_NAME ||
        s->head.num_desc > MAX_COUNT) {
        return false;
    }
    s->desc_bytes = sizeof(struct kvm_stats_desc) + s->head.name_size;
    s->descs = g_malloc(s->desc_bytes * s->head.num_desc);
    return read_all(s->fd, s->descs, s->desc_bytes * s->head.num_desc, s->head.desc_offset);
}

/* What a later kernel may add is left out. */
static bool known(const struct kvm_stats_desc *d)
{
    return (d->flags & KVM_STATS_TYPE_MASK) <= KVM_STATS_TYPE_MAX &&
           (d->flags & KVM_STATS_UNIT_MASK) <= KVM_STATS_UNIT_MAX &&
           (d->flags & KVM_STATS_BASE_MASK) <= KVM_STATS_BASE_MAX && d->size &&
           d->size <= MAX_ITEMS;
}

static void tell(const Stats *s, const struct kvm_stats_desc *d, AccelStatFn *fn, void *opaque)
{
    g_autofree char *name = g_strndup((const char *)(d + 1), s->head.name_size);
    g_autofree uint64_t *values = g_new(uint64_t, d->size);
    AccelStat stat = {
        .name = name,
        .type = (d->flags & KVM_STATS_TYPE_MASK) >> KVM_STATS_TYPE_SHIFT,
        .unit = (d->flags & KVM_STATS_UNIT_MASK) >> KVM_STATS_UNIT_SHIFT,
        .base = (d->flags & KVM_STATS_BASE_MASK) == KVM_STATS_BASE_POW10 ? 10 : 2,
        .exponent = d->exponent, .bucket_size = d->bucket_size, .values = values, .nr = d->size,
    };

    if (g_utf8_validate(name, -1, NULL) &&
        read_all(s->fd, values, d->size * sizeof(*values),
                 (uint64_t)s->head.data_offset + d->offset)) {
        fn(&stat, opaque);
    }
}

bool kvm_read_stats(Vcpu *cpu, AccelStatFn *fn, void *opaque, Error **errp)
{
    Stats s = { .fd = cpu ? kvm_cpu(cpu)->stats_fd : kvm.stats_fd };
    bool ok;

    if (s.fd < 0) {
        return true;            /* this kernel counts nothing */
    }
    ok = read_head(&s);
    for (unsigned i = 0; ok && i < s.head.num_desc; i++) {
        const struct kvm_stats_desc *d = (const void *)(s.descs + i * s.desc_bytes);

        if (known(d)) {
            tell(&s, d, fn, opaque);
        }
    }
    g_free(s.descs);
    if (!ok) {
        error_set(errp, "KVM's statistics cannot be read");
    }
    return ok;
}

int kvm_open_stats(int fd)
{
    int stats = kvm_check(kvm.vm, KVM_CAP_BINARY_STATS_FD) > 0
                    ? kvm_call_value(fd, KVM_GET_STATS_FD, 0) : -1;

    return MAX(stats, -1);
}
