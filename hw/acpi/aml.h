/* AML writer: ACPI machine language, appended term by term */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_ACPI_AML_H
#define HW_ACPI_AML_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * AML is prefix notation, so a table is written in the order in which it
 * reads: an operator, then its operands. What has a package length is opened
 * by a function that returns a mark and closed by aml_end(), which puts the
 * length in. Names are ASL's: "_HID", "\\_SB.PCI0", "^ISA.PRQ0".
 */
typedef GByteArray Aml;
typedef guint AmlMark;

enum {
    AML_ZERO = 0x00, AML_ONE = 0x01, AML_LOCAL0 = 0x60, AML_ARG0 = 0x68, AML_STORE = 0x70,
    AML_AND = 0x7b, AML_OR = 0x7d, AML_CREATE_DWORD_FIELD = 0x8a, AML_LNOT = 0x92,
    AML_LOCAL1 = 0x61, AML_NOTIFY = 0x86, AML_ARG1 = 0x69, AML_ARG2 = 0x6a,
    AML_LEQUAL = 0x93, AML_LLESS = 0x95, AML_RETURN = 0xa4, AML_ONES = 0xff,
    AML_ADD = 0x72, AML_SUBTRACT = 0x74, AML_INDEX = 0x88,
};

typedef enum AmlSpace { AML_SYSTEM_MEMORY, AML_SYSTEM_IO, AML_PCI_CONFIG } AmlSpace;

void aml_op(Aml *a, uint8_t op);                /* one of the above */
void aml_path(Aml *a, const char *name);        /* a name as operand */
void aml_int(Aml *a, uint64_t value);
void aml_string(Aml *a, const char *text);
void aml_eisa_id(Aml *a, const char *id);       /* "PNP0A03" */

void aml_store_int(Aml *a, uint64_t value, const char *to);    /* Store (value, to) */
void aml_store_op(Aml *a, uint8_t op, const char *to);
/* Method (name, 2): Notify (what names says, Arg1), for Arg0 from 0 to count - 1 */
void aml_notify_method(Aml *a, const char *name, unsigned count,
                       void (*names)(char name[5], unsigned i));

void aml_name(Aml *a, const char *name);        /* Name (name, ...): the value follows */
void aml_name_int(Aml *a, const char *name, uint64_t value);
void aml_name_eisa(Aml *a, const char *name, const char *id);
void aml_name_string(Aml *a, const char *name, const char *text);

AmlMark aml_scope(Aml *a, const char *name);
AmlMark aml_device(Aml *a, const char *name);
AmlMark aml_method(Aml *a, const char *name, unsigned args, bool serialized);
AmlMark aml_package(Aml *a, unsigned elements);
AmlMark aml_if(Aml *a);                         /* the predicate follows, then the body */
AmlMark aml_else(Aml *a);
AmlMark aml_while(Aml *a);                      /* the same */
/* Mutex (name, 0); Acquire (name, forever); Release (name) */
void aml_mutex(Aml *a, const char *name);
void aml_acquire(Aml *a, const char *name);
void aml_release(Aml *a, const char *name);
void aml_buffer(Aml *a, const uint8_t *data, uint8_t len);
void aml_end(Aml *a, AmlMark mark);

void aml_operation_region(Aml *a, const char *name, AmlSpace space, uint32_t offset, uint32_t len);
AmlMark aml_field(Aml *a, const char *region, unsigned access_bytes);
AmlMark aml_field_zeroes(Aml *a, const char *region, unsigned access_bytes);    /* other bits: 0 */
void aml_field_unit(Aml *a, const char *name, unsigned bits);   /* NULL: a gap */

/* ResourceTemplate () {...}: the descriptors (ACPI 6.4, 6.4.2 and 6.4.3), then aml_crs_end(). */
AmlMark aml_crs(Aml *a);
void aml_crs_end(Aml *a, AmlMark mark);
void aml_crs_io(Aml *a, uint16_t first, uint8_t count);
void aml_crs_irq(Aml *a, unsigned irq);                 /* edge, active high, exclusive */
void aml_crs_dma(Aml *a, unsigned channel);             /* of ISA: 8 bits, compatible timing */
void aml_crs_interrupts(Aml *a, const uint8_t *irqs, unsigned count);   /* level, high, shared */
void aml_crs_memory(Aml *a, uint32_t base, uint32_t len);   /* fixed, writable */
void aml_crs_window_bus(Aml *a, uint16_t first, uint16_t last);
void aml_crs_window_io(Aml *a, uint16_t first, uint16_t last);
void aml_crs_window_memory(Aml *a, uint64_t first, uint64_t last, bool cacheable);

#endif
