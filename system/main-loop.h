/* The main thread's loop */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_MAIN_LOOP_H
#define SYSTEM_MAIN_LOOP_H

/* VM lock held; returns (still held) when the program shall end. */
void main_loop_run(void);

#endif
