/* mica-io: what its files share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOOLS_IO_H
#define TOOLS_IO_H

#include "block/block.h"
#include "tools/tool.h"

/* The program's state: one image at a time. */
typedef struct Io {
    ToolImage image;            /* node NULL: none is open */
    BlockBackend *blk;          /* requests go through it, with its limits and counts; or NULL */
    bool embedded;              /* in the emulator, which the commands must not end */
    bool misaligned;            /* -m: buffers begin at odd addresses */
    bool quit;
    unsigned in_flight;         /* aio_* requests */
    CoQueue idle;
} Io;

typedef struct IoCommand IoCommand;

/* 0 or a negative errno; what went wrong is told. */
typedef int IoCommandFn(Io *io, int argc, char **argv);

struct IoCommand {
    const char *name, *alias;
    IoCommandFn *co_run;
    int min, max;               /* arguments; max -1: any number */
    bool without_image;
    uint32_t perm;              /* BLOCK_PERM_* that it needs beside reading */
    const char *args, *oneline;
    const char *help;           /* further lines, or NULL */
    bool only_tool;             /* not for the emulator */
};

/* Each of these ends with a row without a name. */
extern const IoCommand io_rw_commands[], io_image_commands[], io_program_commands[];

IoCommandFn co_io_reopen;

void io_usage(const IoCommand *command);
const IoCommand *io_find(const char *name);
/* Call fn for each, in the order of their names. */
void io_commands_for_each(void (*fn)(const IoCommand *command));
/* Parse short options into args; a wrong one is told. Shifts argc and argv to what is left. */
bool io_parse(const IoCommand *command, const ToolOption *options, void *args, int *argc,
              char ***argv);
/* A size or offset; an error is told. */
bool io_parse_size(const char *text, int64_t *value);
/* "64 KiB", "1.500 MiB", "512 bytes" */
char *io_size(double bytes);
/* -t, -d, -i of the program and of open: what is wrong is told. */
bool io_apply_modes(ToolOpen *how, const char *cache, const char *discard, const char *aio);
/* For open: what the options say, in argv's order. */
int co_io_open(Io *io, const ToolOpen *how, const char *options);
void co_io_close(Io *io);
/* The machine state of an image that can hold one. */
int co_io_load_vmstate(BlockNode *node, int64_t pos, const struct iovec *iov, unsigned niov);
int co_io_save_vmstate(BlockNode *node, int64_t pos, const struct iovec *iov, unsigned niov);
/* 0 or a negative errno, which was told. */
int co_io_run_line(Io *io, const char *line);
/* Wait until aio_* requests have ended. */
void co_io_drain(Io *io);

#endif
