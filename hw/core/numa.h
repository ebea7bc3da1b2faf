/* NUMA: which node has which memory and CPUs, and how far nodes are apart */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_CORE_NUMA_H
#define HW_CORE_NUMA_H

#include "hw/core/machine.h"
#include "memory/backend.h"
#include "qapi/types-cli.h"

#define NUMA_MAX_NODES 128
#define NUMA_NO_NODE   0xff

typedef struct NumaNode {
    bool present;
    uint64_t size;              /* bytes */
    MemoryBackend *memdev;      /* NULL: a node without memory */
} NumaNode;

/* Machine.numa; NULL: the machine has no nodes. */
typedef struct NumaConfig {
    unsigned nr_nodes;
    NumaNode nodes[NUMA_MAX_NODES];
    uint8_t *node_of_cpu;       /* smp.max_cpus of them; NUMA_NO_NODE: not said */
    bool has_distances;
    uint8_t distance[NUMA_MAX_NODES][NUMA_MAX_NODES];   /* from, to; 0: not said */
} NumaConfig;

/* One -numa. */
bool numa_add(Machine *m, const NumaOptions *options, Error **errp);
/* After the last: check that it makes a whole, fill in what was left open. */
bool numa_finish(Machine *m, Error **errp);
uint64_t machine_plugged_memory(const Machine *m);  /* bytes in modules; hw/mem/pc-dimm.c */
uint64_t machine_plugged_in_node(const Machine *m, unsigned node);
/* Where a CPU sits: its sockets, dies, cores and threads count from 0 in each other. */
typedef struct CpuPlace {
    unsigned socket, die, core, thread;
} CpuPlace;
CpuPlace machine_cpu_place(const Machine *m, unsigned index);
/* Made of that place: each part has the bits for its largest number, as CPUID tells. */
uint32_t machine_apic_id(const Machine *m, unsigned index);

#endif
