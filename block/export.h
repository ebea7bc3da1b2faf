/* Exports: a node that somebody outside of the process may use */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_EXPORT_H
#define BLOCK_EXPORT_H

#include "block/driver.h"
#include "qapi/types-export.h"

typedef struct BlockExport BlockExport;

/* A kind of export; name is the schema's. Callbacks run in the main loop. */
typedef struct ExportType {
    const char *name, *desc;
    size_t size;                        /* of an instance, whose first member is BlockExport */
    /* root is there, with the permissions that options ask for. */
    bool (*co_open)(BlockExport *exp, const BlockExportOptions *options, Error **errp);
    /* Break off all who use it: they give their references back, soon. */
    void (*request_shutdown)(BlockExport *exp);
    /* The last reference is gone. */
    void (*close)(BlockExport *exp);
} ExportType;
#define REGISTER_EXPORT(desc) REGISTER(export, desc)

struct BlockExport {
    const ExportType *type;
    char *id;
    unsigned refs;                      /* one is the user's, until the export is deleted */
    bool owned;                         /* that one is not given back yet */
    BlockChild *root;
    const BlockBackend *drive;          /* it goes with this one's medium; NULL: with nothing */
    bool writable;
    bool writethrough;                  /* each write is stable when it is answered */
    bool quiesced;                      /* the node is drained: requests wait in co_export_enter */
    unsigned in_flight;
    CoQueue resumed;
    ListLink link;
};

/* The user's reference keeps it until block_export_del() or request_shutdown. */
BlockExport *co_block_export_add(const BlockExportOptions *options, Error **errp);
BlockExport *block_export_find(const char *id);
void block_export_ref(BlockExport *exp);
void block_export_unref(BlockExport *exp);
void block_export_request_shutdown(BlockExport *exp);
/* Shut down what shows the medium of this drive, which is taken out. */
void block_export_medium_gone(const BlockBackend *drive);
/* In order of creation; fn may delete exp. */
void block_exports_for_each(void (*fn)(BlockExport *exp, void *opaque), void *opaque);
/* Shut down those of a type (NULL: all), and wait until they are gone. */
void co_block_export_close_all(const char *type);

/* Around each request: waits while the node is drained. */
void co_export_enter(BlockExport *exp);
void block_export_leave(BlockExport *exp);

#endif
