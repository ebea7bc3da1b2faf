/* Registers of PCI configuration space, by the PCI Local Bus Specification 3.0, chapter 6 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_PCI_PCI_REGS_H
#define HW_PCI_PCI_REGS_H

#define PCI_VENDOR_ID               0x00
#define PCI_DEVICE_ID               0x02
#define PCI_COMMAND                 0x04
#define PCI_COMMAND_IO              0x0001
#define PCI_COMMAND_MEMORY          0x0002
#define PCI_COMMAND_MASTER          0x0004
#define PCI_COMMAND_SPECIAL         0x0008
#define PCI_COMMAND_INVALIDATE      0x0010
#define PCI_COMMAND_VGA_PALETTE     0x0020
#define PCI_COMMAND_PARITY          0x0040
#define PCI_COMMAND_SERR            0x0100
#define PCI_COMMAND_FAST_BACK       0x0200
#define PCI_COMMAND_INTX_DISABLE    0x0400
#define PCI_STATUS                  0x06
#define PCI_STATUS_INTERRUPT        0x0008
#define PCI_STATUS_CAP_LIST         0x0010
#define PCI_STATUS_66MHZ            0x0020
#define PCI_STATUS_FAST_BACK        0x0080
#define PCI_STATUS_DEVSEL_MEDIUM    0x0200
#define PCI_STATUS_ERRORS           0xf900  /* the bits cleared by writing 1 */
#define PCI_REVISION_ID             0x08
#define PCI_CLASS_PROG              0x09
#define PCI_CLASS_DEVICE            0x0a
#define PCI_CACHE_LINE_SIZE         0x0c
#define PCI_LATENCY_TIMER           0x0d
#define PCI_HEADER_TYPE             0x0e
#define PCI_HEADER_TYPE_BRIDGE      0x01
#define PCI_HEADER_MULTIFUNCTION    0x80
#define PCI_BASE_ADDRESS_0          0x10
#define PCI_SUBSYSTEM_VENDOR_ID     0x2c
#define PCI_SUBSYSTEM_ID            0x2e
#define PCI_ROM_ADDRESS             0x30
#define PCI_ROM_ADDRESS_ENABLE      0x01
#define PCI_CAPABILITY_LIST         0x34
#define PCI_INTERRUPT_LINE          0x3c
#define PCI_INTERRUPT_PIN           0x3d
#define PCI_CONFIG_HEADER_SIZE      0x40

/* Type 1 headers (bridges) */
#define PCI_PRIMARY_BUS             0x18
#define PCI_SECONDARY_BUS           0x19
#define PCI_SUBORDINATE_BUS         0x1a
#define PCI_IO_BASE                 0x1c
#define PCI_IO_LIMIT                0x1d
#define PCI_MEMORY_BASE             0x20
#define PCI_MEMORY_LIMIT            0x22
#define PCI_PREF_MEMORY_BASE        0x24
#define PCI_PREF_MEMORY_LIMIT       0x26
#define PCI_PREF_BASE_UPPER32       0x28
#define PCI_PREF_LIMIT_UPPER32      0x2c
#define PCI_BRIDGE_ROM_ADDRESS      0x38
#define PCI_BRIDGE_CONTROL          0x3e

/* The low bits of a BAR */
#define PCI_BAR_MEM                 0x00
#define PCI_BAR_IO                  0x01
#define PCI_BAR_MEM64               0x04
#define PCI_BAR_PREFETCH            0x08

/* Capabilities */
#define PCI_CAP_ID_PM               0x01
#define PCI_CAP_ID_MSI              0x05
#define PCI_CAP_ID_VENDOR           0x09
#define PCI_CAP_ID_EXPRESS          0x10
#define PCI_CAP_ID_MSIX             0x11

#define PCI_CLASS_STORAGE_IDE       0x0101
#define PCI_CLASS_DISPLAY_VGA       0x0300
#define PCI_CLASS_BRIDGE_HOST       0x0600
#define PCI_CLASS_BRIDGE_ISA        0x0601
#define PCI_CLASS_BRIDGE_PCI        0x0604
#define PCI_CLASS_BRIDGE_OTHER      0x0680
#define PCI_CLASS_SYSTEM_OTHER      0x0880

#define PCI_VENDOR_REDHAT           0x1b36
#define PCI_VENDOR_INTEL            0x8086
#define PCI_SUBVENDOR_DEFAULT       0x1af4
#define PCI_SUBDEVICE_DEFAULT       0x1100

#endif
