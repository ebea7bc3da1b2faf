/* dump-guest-memory: an ELF core of the guest's memory and registers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/cpu-state.h"
#include "memory/memory.h"
#include "qapi/commands-memory.h"
#include "qapi/events-memory.h"
#include "system/paging.h"
#include "system/run.h"
#include "util/bswap.h"
#include "util/coroutine.h"
#include "util/fdset.h"
#include "util/thread-pool.h"

#include <elf.h>

#define PIECE_BYTES (4 << 20)
#define MAX_HEADERS 65000u       /* e_phnum has 16 bits */

/* A run of RAM that becomes a segment. */
typedef struct Segment {
    uint64_t addr, len;
    const uint8_t *host;
} Segment;

/* A run of virtual addresses that is a run of physical ones. */
typedef struct Mapping {
    uint64_t la, phys, len;
} Mapping;

typedef struct Dump {
    int fd;
    GArray *segments;           /* of Segment */
    GArray *mappings;           /* of Mapping, with paging; else NULL */
    GByteArray *head;           /* ELF header, program headers, notes */
    bool was_running, detached;
    uint64_t begin, end;
    const void *piece;          /* what the worker writes */
    size_t piece_len;
} Dump;

static DumpStatus status;
static uint64_t completed_bytes, total_bytes;

/* --- what goes in --- */

static void add_range(const MemRange *range, void *opaque)
{
    Dump *d = opaque;
    uint64_t first = MAX(range->addr, d->begin), last = MIN(range->last, d->end - 1);
    Segment s;

    if (!range->writable || !range->region->ram || first > last) {
        return;
    }
    s = (Segment){ first, last - first + 1,
                   range->region->ram->host + range->offset + (first - range->addr) };
    if (d->segments->len) {
        Segment *before = &g_array_index(d->segments, Segment, d->segments->len - 1);

        if (before->addr + before->len == s.addr && before->host + before->len == s.host) {
            before->len += s.len;
            total_bytes += s.len;
            return;
        }
    }
    g_array_append_val(d->segments, s);
    total_bytes += s.len;
}

static void append(GByteArray *out, const void *data, size_t len)
{
    g_byte_array_append(out, data, len);
}

static void append_note(GByteArray *out, uint32_t type, const char *name, const void *data,
                        size_t len)
{
    static const uint8_t zero[4];
    Elf64_Nhdr header = { strlen(name) + 1, len, type };

    append(out, &header, sizeof(header));
    append(out, name, header.n_namesz);
    append(out, zero, -header.n_namesz & 3);
    append(out, data, len);
    append(out, zero, -len & 3);
}

/* struct elf_prstatus of Linux on x86-64: registers from byte 112 on, in ptrace's order. */
static void append_prstatus(GByteArray *out, unsigned index, const CpuState *s)
{
    const uint64_t regs[27] = {
        s->gpr[CPU_R15], s->gpr[CPU_R14], s->gpr[CPU_R13], s->gpr[CPU_R12], s->gpr[CPU_RBP],
        s->gpr[CPU_RBX], s->gpr[CPU_R11], s->gpr[CPU_R10], s->gpr[CPU_R9], s->gpr[CPU_R8],
        s->gpr[CPU_RAX], s->gpr[CPU_RCX], s->gpr[CPU_RDX], s->gpr[CPU_RSI], s->gpr[CPU_RDI],
        0, s->rip, s->seg[CPU_CS].sel, s->rflags, s->gpr[CPU_RSP], s->seg[CPU_SS].sel,
        s->seg[CPU_FS].base, s->seg[CPU_GS].base, s->seg[CPU_DS].sel, s->seg[CPU_ES].sel,
        s->seg[CPU_FS].sel, s->seg[CPU_GS].sel,
    };
    uint8_t status_bytes[336] = { 0 };

    st32_le(status_bytes + 32, index + 1);
    memcpy(status_bytes + 112, regs, sizeof(regs));
    append_note(out, NT_PRSTATUS, "CORE", status_bytes, sizeof(status_bytes));
}

static void put_segment(uint8_t *at, const CpuSegment *seg)
{
    st32_le(at, seg->sel);
    st32_le(at + 4, seg->limit);
    st32_le(at + 8, (uint32_t)seg->attr << 8);
    st64_le(at + 16, seg->base);
}

/* The note "QEMU", by which crash finds page tables: version 1, 440 bytes. */
static void append_system_registers(GByteArray *out, const CpuState *s)
{
    static const uint8_t order[] = { CPU_RAX, CPU_RBX, CPU_RCX, CPU_RDX, CPU_RSI, CPU_RDI, CPU_RSP,
                                     CPU_RBP, CPU_R8, CPU_R9, CPU_R10, CPU_R11, CPU_R12, CPU_R13,
                                     CPU_R14, CPU_R15 };
    static const uint8_t segs[] = { CPU_CS, CPU_DS, CPU_ES, CPU_FS, CPU_GS, CPU_SS };
    const uint64_t cr[] = { s->cr0, 0, s->cr2, s->cr3, s->cr4 };
    uint8_t note[440] = { 0 };
    CpuSegment gdt = { .base = s->gdt.base, .limit = s->gdt.limit };
    CpuSegment idt = { .base = s->idt.base, .limit = s->idt.limit };
    uint64_t kernel_gs = 0;

    cpu_state_msr(s, 0xc0000102, &kernel_gs);       /* IA32_KERNEL_GS_BASE */
    st32_le(note, 1);
    st32_le(note + 4, sizeof(note));
    for (unsigned i = 0; i < 16; i++) {
        st64_le(note + 8 + 8 * i, s->gpr[order[i]]);
    }
    st64_le(note + 136, s->rip);
    st64_le(note + 144, s->rflags);
    for (unsigned i = 0; i < 6; i++) {
        put_segment(note + 152 + 24 * i, &s->seg[segs[i]]);
    }
    put_segment(note + 296, &s->ldt);
    put_segment(note + 320, &s->tr);
    put_segment(note + 344, &gdt);
    put_segment(note + 368, &idt);
    for (unsigned i = 0; i < 5; i++) {
        st64_le(note + 392 + 8 * i, cr[i]);
    }
    st64_le(note + 432, kernel_gs);
    append_note(out, 0, "QEMU", note, sizeof(note));
}

static GByteArray *make_notes(void)
{
    GByteArray *notes = g_byte_array_new();
    g_autofree CpuState *s = g_new0(CpuState, 1);

    for (unsigned i = 0; i < vcpu_count(); i++) {
        if (accel_get_state(vcpu_get(i), s)) {
            append_prstatus(notes, i, s);
            append_system_registers(notes, s);
        }
    }
    return notes;
}

/* --- the guest's page tables --- */

static bool add_page(const PagingPage *page, void *opaque)
{
    GArray *mappings = opaque;
    Mapping m = { page->la, page->phys, page->bytes };

    if (mappings->len) {
        Mapping *before = &g_array_index(mappings, Mapping, mappings->len - 1);

        if (before->la + before->len == m.la && before->phys + before->len == m.phys) {
            before->len += m.len;
            return true;
        }
    }
    g_array_append_val(mappings, m);
    return mappings->len <= MAX_HEADERS;
}

static gint by_address(gconstpointer a, gconstpointer b)
{
    const Mapping *x = a, *y = b;

    return x->la != y->la ? x->la < y->la ? -1 : 1 : x->phys < y->phys ? -1 : x->phys > y->phys;
}

/* What any CPU sees, each mapping once. */
static bool co_add_mappings(Dump *d, Error **errp)
{
    g_autofree CpuState *s = g_new0(CpuState, 1);
    unsigned kept = 0;

    d->mappings = g_array_new(false, false, sizeof(Mapping));
    for (unsigned i = 0; i < vcpu_count(); i++) {
        if (accel_get_state(vcpu_get(i), s) &&
            co_paging_walk(s, add_page, d->mappings) == PAGING_CUT) {
            error_set(errp, "dump: the guest has too many mappings for an ELF file: use "
                      "'paging': false");
            return false;
        }
    }
    g_array_sort(d->mappings, by_address);
    for (unsigned i = 0; i < d->mappings->len; i++) {
        Mapping *m = &g_array_index(d->mappings, Mapping, i);

        if (!kept || by_address(m, &g_array_index(d->mappings, Mapping, kept - 1)) ||
            m->len != g_array_index(d->mappings, Mapping, kept - 1).len) {
            g_array_index(d->mappings, Mapping, kept++) = *m;
        }
    }
    g_array_set_size(d->mappings, kept);
    return true;
}

/* A header for each part of a mapping that is in the file. */
static void append_mapping(GArray *headers, const Dump *d, const Mapping *m, uint64_t offset)
{
    for (unsigned i = 0; i < d->segments->len; i++) {
        const Segment *s = &g_array_index(d->segments, Segment, i);
        uint64_t first = MAX(s->addr, m->phys), end = MIN(s->addr + s->len, m->phys + m->len);

        if (first < end) {
            Elf64_Phdr load = {
                .p_type = PT_LOAD, .p_offset = offset + (first - s->addr),
                .p_vaddr = m->la + (first - m->phys), .p_paddr = first,
                .p_filesz = end - first, .p_memsz = end - first,
            };

            g_array_append_val(headers, load);
        }
        offset += s->len;
    }
}

/* Offsets count from the first byte of memory in the file. */
static GArray *make_loads(const Dump *d)
{
    GArray *headers = g_array_new(false, false, sizeof(Elf64_Phdr));
    uint64_t offset = 0;

    for (unsigned i = 0; d->mappings && i < d->mappings->len; i++) {
        append_mapping(headers, d, &g_array_index(d->mappings, Mapping, i), 0);
    }
    for (unsigned i = 0; !headers->len && i < d->segments->len; i++) {
        const Segment *s = &g_array_index(d->segments, Segment, i);
        Elf64_Phdr load = {
            .p_type = PT_LOAD, .p_offset = offset, .p_paddr = s->addr, .p_filesz = s->len,
            .p_memsz = s->len,
        };

        g_array_append_val(headers, load);
        offset += s->len;
    }
    return headers;
}

static bool make_head(Dump *d, Error **errp)
{
    g_autoptr(GByteArray) notes = make_notes();
    g_autoptr(GArray) loads = make_loads(d);
    uint64_t offset = sizeof(Elf64_Ehdr) + (1 + loads->len) * sizeof(Elf64_Phdr);
    Elf64_Ehdr header = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
        .e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1 + loads->len,
    };
    Elf64_Phdr note = {
        .p_type = PT_NOTE, .p_offset = offset, .p_filesz = notes->len, .p_memsz = notes->len,
    };

    d->head = g_byte_array_new();
    if (loads->len > MAX_HEADERS) {
        error_set(errp, "dump: the guest has too many mappings for an ELF file: use "
                  "'paging': false");
        return false;
    }
    append(d->head, &header, sizeof(header));
    append(d->head, &note, sizeof(note));
    offset += notes->len;
    for (unsigned i = 0; i < loads->len; i++) {
        Elf64_Phdr *load = &g_array_index(loads, Elf64_Phdr, i);

        load->p_offset += offset;
        append(d->head, load, sizeof(*load));
    }
    append(d->head, notes->data, notes->len);
    return true;
}

/* --- writing --- */

static int write_piece(void *opaque)
{
    const Dump *d = opaque;
    const uint8_t *p = d->piece;

    for (size_t done = 0; done < d->piece_len;) {
        ssize_t n = write(d->fd, p + done, d->piece_len - done);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        done += MAX(n, 0);
    }
    return 0;
}

static int co_write(Dump *d, const void *data, uint64_t len)
{
    while (len) {
        int ret;

        d->piece = data;
        d->piece_len = MIN(len, PIECE_BYTES);
        ret = co_thread_call(write_piece, d);
        if (ret < 0) {
            return ret;
        }
        data = (const uint8_t *)data + d->piece_len;
        len -= d->piece_len;
    }
    return 0;
}

static int co_write_all(Dump *d)
{
    int ret = co_write(d, d->head->data, d->head->len);

    for (unsigned i = 0; i < d->segments->len && ret == 0; i++) {
        const Segment *s = &g_array_index(d->segments, Segment, i);

        ret = co_write(d, s->host, s->len);
        completed_bytes += s->len;
    }
    return ret;
}

/* Done, or given up where errp has been set. */
static void end_dump(Dump *d, bool failed, Error **errp)
{
    if (close(d->fd) < 0 && !failed) {
        error_set_errno(errp, errno, "dump: failed to save memory");
        failed = true;
    }
    status = failed ? DUMP_STATUS_FAILED : DUMP_STATUS_COMPLETED;
    if (d->was_running && run_state() == RUN_STATE_PAUSED) {
        run_start();
    }
    g_array_free(d->segments, true);
    if (d->mappings) {
        g_array_free(d->mappings, true);
    }
    if (d->head) {
        g_byte_array_free(d->head, true);
    }
    g_free(d);
}

static void co_dump(Dump *d, Error **errp)
{
    int ret = co_write_all(d);

    if (ret < 0) {
        error_set_errno(errp, -ret, "dump: failed to save memory");
    }
    end_dump(d, ret < 0, errp);
}

static void dump_detached(void *opaque)
{
    DumpQueryResult *result;
    Error *err = NULL;

    co_dump(opaque, &err);
    result = qmp_query_dump(NULL);
    qapi_event_send_dump_completed(result, err ? error_text(err) : NULL);
    qapi_free_DumpQueryResult(result);
    error_free(err);
}

/* --- the commands --- */

typedef struct OpenFile {
    const char *path;
    int fd;
} OpenFile;

static int open_file(void *opaque)
{
    OpenFile *o = opaque;

    o->fd = fdset_open(o->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    return o->fd < 0 ? -errno : 0;
}

static int co_open_target(const char *protocol, Error **errp)
{
    OpenFile o = { NULL, -1 };
    int ret;

    if (g_str_has_prefix(protocol, "fd:")) {
        return fd_name_take(protocol + strlen("fd:"), errp);
    }
    if (!g_str_has_prefix(protocol, "file:")) {
        error_set(errp, "Invalid parameter 'protocol'");
        return -1;
    }
    o.path = protocol + strlen("file:");
    ret = co_thread_call(open_file, &o);
    if (ret < 0) {
        error_set_errno(errp, -ret, "Could not open '%s'", o.path);
    }
    return o.fd;
}

static bool check(bool has_begin, int64_t begin, bool has_length, int64_t length,
                  Error **errp)
{
    if (has_begin != has_length) {
        error_set(errp, "Parameter '%s' is missing", has_begin ? "length" : "begin");
    } else if (has_begin && (begin < 0 || length <= 0 || begin > INT64_MAX - length)) {
        error_set(errp, "Invalid parameter 'begin' or 'length'");
    } else if (status == DUMP_STATUS_ACTIVE) {
        error_set(errp, "There is a dump in process, please wait.");
    } else {
        return true;
    }
    return false;
}

void qmp_dump_guest_memory(bool paging, const char *protocol, bool has_detach, bool detach,
                           bool has_begin, int64_t begin, bool has_length, int64_t length,
                           bool has_format, DumpGuestMemoryFormat format, Error **errp)
{
    Dump *d;
    int fd;

    if (!check(has_begin, begin, has_length, length, errp)) {
        return;
    }
    status = DUMP_STATUS_ACTIVE;        /* before anything here waits */
    completed_bytes = total_bytes = 0;
    fd = co_open_target(protocol, errp);
    if (fd < 0) {
        status = DUMP_STATUS_FAILED;
        return;
    }
    d = g_new0(Dump, 1);
    d->fd = fd;
    d->begin = has_begin ? begin : 0;
    d->end = has_begin ? begin + length : UINT64_MAX;
    d->was_running = run_is_running();
    if (d->was_running) {
        run_stop(RUN_STATE_PAUSED);
    }
    d->segments = g_array_new(false, false, sizeof(Segment));
    mem_for_each_range(memory_space(), add_range, d);
    if ((paging && !co_add_mappings(d, errp)) || !make_head(d, errp)) {
        end_dump(d, true, NULL);
    } else if (has_detach && detach) {
        co_enter(co_create(dump_detached, d));
    } else {
        co_dump(d, errp);
    }
}

DumpQueryResult *qmp_query_dump(Error **errp)
{
    DumpQueryResult *result = g_new0(DumpQueryResult, 1);

    result->status = status;
    result->completed = completed_bytes;
    result->total = total_bytes;
    return result;
}

DumpGuestMemoryCapability *qmp_query_dump_guest_memory_capability(Error **errp)
{
    DumpGuestMemoryCapability *cap = g_new0(DumpGuestMemoryCapability, 1);
    DumpGuestMemoryFormatList **tail = &cap->formats;

    QAPI_APPEND(tail, DUMP_GUEST_MEMORY_FORMAT_ELF);
    return cap;
}
