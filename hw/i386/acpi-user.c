/* -acpitable: an ACPI table from the user's files and header fields */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/loader.h"
#include "hw/i386/acpi.h"
#include "util/bswap.h"

#define TABLE_MAX (16u << 20)

/* "FILE:FILE...": all of them behind one another. */
static bool append_files(GByteArray *table, const char *names, Error **errp)
{
    g_auto(GStrv) paths = g_strsplit(names, ":", -1);

    for (unsigned i = 0; paths[i]; i++) {
        g_autoptr(GBytes) data = loader_read_file("ACPI table", paths[i], TABLE_MAX, errp);
        gsize len;
        const void *p;

        if (!data) {
            return false;
        }
        p = g_bytes_get_data(data, &len);
        if (table->len + len > TABLE_MAX) {
            error_set(errp, "ACPI table '%s': more than %u MiB", names, TABLE_MAX >> 20);
            return false;
        }
        g_byte_array_append(table, p, len);
    }
    return true;
}

/* Text for a field of the header, filled up with zeroes. */
static bool set_text(uint8_t *header, unsigned offset, unsigned size, const char *name,
                     const char *text, Error **errp)
{
    if (!text) {
        return true;
    }
    if (strlen(text) > size) {
        error_set(errp, "%s=%s: more than %u characters", name, text, size);
        return false;
    }
    memset(header + offset, 0, size);
    memcpy(header + offset, text, strlen(text));
    return true;
}

static void set_defaults(uint8_t *header)
{
    memcpy(header, "MICA", 4);
    header[8] = 1;
    memcpy(header + ACPI_HEADER_OEM, "MICA  MICAPC  ", ACPI_HEADER_OEM_SIZE);
    st32_le(header + 24, 1);
    memcpy(header + 28, "MICA", 4);
    st32_le(header + 32, 1);
}

GBytes *acpi_user_table(const AcpiTableOptions *opts, Error **errp)
{
    g_autoptr(GByteArray) table = g_byte_array_new();
    uint8_t *header;

    if (!opts->file == !opts->data) {
        error_set(errp, "exactly one of file and data is needed");
        return NULL;
    }
    if (opts->sig && strlen(opts->sig) != 4) {
        error_set(errp, "sig=%s: a signature has 4 characters", opts->sig);
        return NULL;
    }
    if (opts->data) {
        g_byte_array_set_size(table, ACPI_HEADER_SIZE);
        memset(table->data, 0, ACPI_HEADER_SIZE);
        set_defaults(table->data);
    }
    if (!append_files(table, opts->file ? opts->file : opts->data, errp)) {
        return NULL;
    }
    if (table->len < ACPI_HEADER_SIZE) {
        error_set(errp, "ACPI table '%s': %u bytes are no table header", opts->file, table->len);
        error_hint(errp, "With data=FILE the header is made");
        return NULL;
    }
    header = table->data;
    if (!set_text(header, 0, 4, "sig", opts->sig, errp) ||
        !set_text(header, ACPI_HEADER_OEM, 6, "oem_id", opts->oem_id, errp) ||
        !set_text(header, ACPI_HEADER_OEM + 6, 8, "oem_table_id", opts->oem_table_id, errp) ||
        !set_text(header, 28, 4, "asl_compiler_id", opts->asl_compiler_id, errp)) {
        return NULL;
    }
    st32_le(header + 4, table->len);
    if (opts->has_rev) {
        header[8] = opts->rev;
    }
    if (opts->has_oem_rev) {
        st32_le(header + 24, opts->oem_rev);
    }
    if (opts->has_asl_compiler_rev) {
        st32_le(header + 32, opts->asl_compiler_rev);
    }
    return g_byte_array_free_to_bytes(g_steal_pointer(&table));
}
