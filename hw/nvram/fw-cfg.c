/* fw_cfg: selector and data port, files, and the DMA interface */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/nvram/fw-cfg.h"
#include "memory/dma.h"
#include "util/bswap.h"
#include "util/log.h"
#include "util/trace.h"

#define DMA_BASE        (FW_CFG_IO_BASE + 4)
#define DMA_SIGNATURE   0x51454d5520434647ULL   /* "QEMU CFG": what drivers look for */
#define KEY_MASK        0xbfff      /* bit 14 once asked for writing; it selects the same item */
#define ID_TRADITIONAL  BIT(0)
#define ID_DMA          BIT(1)
#define FILE_ENTRY_SIZE 64

/* Control word of a DMA request */
enum {
    DMA_ERROR = 1 << 0,
    DMA_READ = 1 << 1,
    DMA_SKIP = 1 << 2,
    DMA_SELECT = 1 << 3,
    DMA_WRITE = 1 << 4,
};

typedef struct Item {
    GBytes *blob;
    uint8_t *writable;          /* the bytes where the guest may write; then blob is not used */
    size_t len;
    char *name;                 /* of a file */
    FwCfgSelectFn *select;
    void *opaque;
} Item;

struct FwCfg {
    Device dev;
    bool dma_enabled;
    MemRegion ports, dma;
    GHashTable *items;          /* key -> Item */
    uint16_t nr_files;
    uint16_t key;
    uint32_t offset;            /* of the next byte in the selected item */
    uint32_t dma_high;
};

static FwCfg *current;

static void item_free(void *opaque)
{
    Item *item = opaque;

    if (item->blob) {
        g_bytes_unref(item->blob);
    }
    g_free(item->writable);
    g_free(item->name);
    g_free(item);
}

static Item *item_find(FwCfg *s, uint16_t key)
{
    return g_hash_table_lookup(s->items, GUINT_TO_POINTER(key));
}

static Item *item_get(FwCfg *s, uint16_t key)
{
    Item *item = item_find(s, key);

    if (!item) {
        item = g_new0(Item, 1);
        g_hash_table_insert(s->items, GUINT_TO_POINTER(key), item);
    }
    return item;
}

static const uint8_t *item_bytes(const Item *item)
{
    return item->writable ? item->writable : g_bytes_get_data(item->blob, NULL);
}

static void item_set(Item *item, GBytes *blob)
{
    if (item->blob) {
        g_bytes_unref(item->blob);
    }
    item->blob = blob;
    item->len = g_bytes_get_size(blob);
    if (item->writable) {
        g_free(item->writable);
        item->writable = g_memdup2(g_bytes_get_data(blob, NULL), MAX(item->len, 1));
    }
}

static void fw_cfg_select(FwCfg *s, uint16_t key)
{
    Item *item;

    s->key = key & KEY_MASK;
    s->offset = 0;
    item = item_find(s, s->key);
    TRACE(fw_cfg_select, "key 0x%04x (%s)", s->key,
          !item ? "empty" : item->name ? item->name : "numbered");
    if (item && item->select) {
        item->select(s, item->opaque);
    }
}

/* The selector takes 16-bit writes; the data port gives the item's bytes one by one, then 0. */
static uint64_t fw_cfg_read(void *opaque, uint64_t offset, unsigned size)
{
    FwCfg *s = opaque;
    Item *item = item_find(s, s->key);

    if (size != 1 || !item || s->offset >= item->len) {
        return 0;
    }
    return item_bytes(item)[s->offset++];
}

static void fw_cfg_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    if (size == 2 && offset == 0) {
        fw_cfg_select(opaque, value);
    } else {
        /* Writing through the data port is a thing of the past. */
        guest_error("fw_cfg: %u-byte write of 0x%" PRIx64 " to port 0x%x ignored", size, value,
                    (unsigned)(FW_CFG_IO_BASE + offset));
    }
}

static const IoOps fw_cfg_ports = {
    .read = fw_cfg_read, .write = fw_cfg_write, .max_size = 2,
};

/* len zero bytes, or fewer when RAM ends before */
static bool dma_write_zeroes(uint64_t addr, uint64_t len)
{
    static const uint8_t zeroes[16384];

    while (len) {
        size_t n = MIN(len, sizeof(zeroes));

        if (!dma_write(memory_space(), addr, zeroes, n)) {
            return false;
        }
        addr += n;
        len -= n;
    }
    return true;
}

static bool dma_read_item(const Item *item, uint32_t offset, uint64_t addr, uint32_t len)
{
    uint64_t have = item && offset < item->len ? MIN(len, item->len - offset) : 0;

    if (have && !dma_write(memory_space(), addr, item_bytes(item) + offset, have)) {
        return false;
    }
    return dma_write_zeroes(addr + have, len - have);
}

static bool dma_write_item(Item *item, uint32_t offset, uint64_t addr, uint32_t len)
{
    if (!item || !item->writable || offset > item->len || len > item->len - offset) {
        return false;
    }
    return dma_read(memory_space(), addr, item->writable + offset, len);
}

/* One request: be32 control, be32 length, be64 address; the answer goes into control. */
static void fw_cfg_dma_run(FwCfg *s, uint64_t request)
{
    uint8_t raw[16], answer[4];
    uint32_t control, len;
    uint64_t addr;
    Item *item;
    bool ok = true;

    if (!dma_read(memory_space(), request, raw, sizeof(raw))) {
        guest_error("fw_cfg: DMA request at 0x%" PRIx64 " is not in RAM", request);
        return;
    }
    control = ld32_be(raw);
    len = ld32_be(raw + 4);
    addr = ld64_be(raw + 8);
    if (control & DMA_SELECT) {
        fw_cfg_select(s, control >> 16);
    }
    TRACE(fw_cfg_dma, "key 0x%04x control 0x%x offset 0x%x length 0x%x address 0x%" PRIx64, s->key,
          control & 0xffff, s->offset, len, addr);
    item = item_find(s, s->key);
    if (control & DMA_READ) {
        ok = dma_read_item(item, s->offset, addr, len);
    } else if (control & DMA_WRITE) {
        ok = dma_write_item(item, s->offset, addr, len);
    } else if (!(control & DMA_SKIP)) {
        len = 0;
    }
    s->offset = MIN((uint64_t)s->offset + len, UINT32_MAX);
    st32_be(answer, ok ? 0 : DMA_ERROR);
    dma_write(memory_space(), request, answer, sizeof(answer));
}

static uint64_t fw_cfg_dma_read(void *opaque, uint64_t offset, unsigned size)
{
    uint8_t signature[8];
    uint64_t value = 0;

    st64_be(signature, DMA_SIGNATURE);
    for (unsigned i = 0; i < size && offset + i < sizeof(signature); i++) {
        value |= (uint64_t)signature[offset + i] << (8 * i);
    }
    return value;
}

/* The address is big-endian; the write of its low half starts the request. */
static void fw_cfg_dma_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    FwCfg *s = opaque;
    uint64_t request;

    if (size != 4 || (offset != 0 && offset != 4)) {
        guest_error("fw_cfg: %u-byte write to the DMA address at offset %u", size,
                    (unsigned)offset);
        return;
    }
    if (offset == 0) {
        s->dma_high = GUINT32_SWAP_LE_BE((uint32_t)value);
        return;
    }
    request = (uint64_t)s->dma_high << 32 | GUINT32_SWAP_LE_BE((uint32_t)value);
    s->dma_high = 0;
    fw_cfg_dma_run(s, request);
}

static const IoOps fw_cfg_dma = {
    .read = fw_cfg_dma_read, .write = fw_cfg_dma_write, .max_size = 4,
};

void fw_cfg_add_blob(FwCfg *s, uint16_t key, GBytes *blob)
{
    item_set(item_get(s, key), g_bytes_ref(blob));
}

void fw_cfg_add_bytes(FwCfg *s, uint16_t key, const void *data, size_t len)
{
    item_set(item_get(s, key), g_bytes_new(data, len));
}

void fw_cfg_add_string(FwCfg *s, uint16_t key, const char *text)
{
    fw_cfg_add_bytes(s, key, text, strlen(text) + 1);
}

void fw_cfg_add_u16(FwCfg *s, uint16_t key, uint16_t value)
{
    value = htole16(value);
    fw_cfg_add_bytes(s, key, &value, sizeof(value));
}

void fw_cfg_add_u32(FwCfg *s, uint16_t key, uint32_t value)
{
    value = htole32(value);
    fw_cfg_add_bytes(s, key, &value, sizeof(value));
}

void fw_cfg_add_u64(FwCfg *s, uint16_t key, uint64_t value)
{
    value = htole64(value);
    fw_cfg_add_bytes(s, key, &value, sizeof(value));
}

static Item *file_find(FwCfg *s, const char *name)
{
    for (unsigned i = 0; i < s->nr_files; i++) {
        Item *item = item_find(s, FW_CFG_FILE_FIRST + i);

        if (!strcmp(item->name, name)) {
            return item;
        }
    }
    return NULL;
}

void fw_cfg_files_for_each(FwCfg *s, void (*fn)(const char *name, size_t len, void *opaque),
                           void *opaque)
{
    for (unsigned i = 0; i < s->nr_files; i++) {
        const Item *item = item_find(s, FW_CFG_FILE_FIRST + i);

        fn(item->name, item->len, opaque);
    }
}

/* be32 count, then 64 bytes a file: be32 size, be16 key, 2 reserved, name */
static void build_directory(FwCfg *s)
{
    size_t len = 4 + (size_t)s->nr_files * FILE_ENTRY_SIZE;
    uint8_t *dir = g_malloc0(len);

    st32_be(dir, s->nr_files);
    for (unsigned i = 0; i < s->nr_files; i++) {
        uint8_t *entry = dir + 4 + i * FILE_ENTRY_SIZE;
        Item *item = item_find(s, FW_CFG_FILE_FIRST + i);

        st32_be(entry, item->len);
        st16_be(entry + 4, FW_CFG_FILE_FIRST + i);
        g_strlcpy((char *)entry + 8, item->name, FW_CFG_NAME_SIZE);
    }
    item_set(item_get(s, FW_CFG_FILE_DIR), g_bytes_new_take(dir, len));
}

bool fw_cfg_add_file_select(FwCfg *s, const char *name, const void *data, size_t len,
                            FwCfgSelectFn *fn, void *opaque, Error **errp)
{
    Item *item;

    if (strlen(name) >= FW_CFG_NAME_SIZE) {
        error_set(errp, "fw_cfg: the file name '%s' is longer than %d characters", name,
                  FW_CFG_NAME_SIZE - 1);
        return false;
    }
    if (file_find(s, name)) {
        error_set(errp, "fw_cfg: there is a file '%s' already", name);
        return false;
    }
    if (s->nr_files >= 0x4000 - FW_CFG_FILE_FIRST) {
        error_set(errp, "fw_cfg: no number is left for the file '%s'", name);
        return false;
    }
    item = item_get(s, FW_CFG_FILE_FIRST + s->nr_files);
    item->name = g_strdup(name);
    item->select = fn;
    item->opaque = opaque;
    item_set(item, g_bytes_new(data, len));
    s->nr_files++;
    build_directory(s);
    return true;
}

bool fw_cfg_add_file(FwCfg *s, const char *name, const void *data, size_t len, Error **errp)
{
    return fw_cfg_add_file_select(s, name, data, len, NULL, NULL, errp);
}

void fw_cfg_file_set_writable(FwCfg *s, const char *name)
{
    Item *item = file_find(s, name);

    if (item && !item->writable) {
        item->writable = g_malloc0(MAX(item->len, 1));
        memcpy(item->writable, g_bytes_get_data(item->blob, NULL), item->len);
    }
}

bool fw_cfg_modify_file(FwCfg *s, const char *name, const void *data, size_t len, Error **errp)
{
    Item *item = file_find(s, name);

    if (!item) {
        return fw_cfg_add_file(s, name, data, len, errp);
    }
    item_set(item, g_bytes_new(data, len));
    build_directory(s);
    return true;
}

const uint8_t *fw_cfg_file_data(FwCfg *s, const char *name, size_t *len)
{
    Item *item = file_find(s, name);

    if (!item) {
        return NULL;
    }
    *len = item->len;
    return item_bytes(item);
}

static void fw_cfg_init(Object *obj)
{
    FwCfg *s = OBJECT_OF(obj, FwCfg);

    s->items = g_hash_table_new_full(NULL, NULL, NULL, item_free);
    fw_cfg_add_bytes(s, FW_CFG_SIGNATURE, "QEMU", 4);
    build_directory(s);
}

static void fw_cfg_finalize(Object *obj)
{
    FwCfg *s = OBJECT_OF(obj, FwCfg);

    g_hash_table_destroy(s->items);
    if (current == s) {
        current = NULL;
    }
}

static bool fw_cfg_realize(Device *dev, Error **errp)
{
    FwCfg *s = DEVICE_OF(dev, FwCfg);

    fw_cfg_add_u32(s, FW_CFG_ID, ID_TRADITIONAL | (s->dma_enabled ? ID_DMA : 0));
    region_init_io(&s->ports, &dev->obj, &fw_cfg_ports, s, "fw_cfg", 2);
    region_add(io_root(), FW_CFG_IO_BASE, &s->ports, 0);
    if (s->dma_enabled) {
        region_init_io(&s->dma, &dev->obj, &fw_cfg_dma, s, "fw_cfg-dma", 8);
        region_add(io_root(), DMA_BASE, &s->dma, 0);
    }
    return true;
}

static void fw_cfg_unrealize(Device *dev)
{
    FwCfg *s = DEVICE_OF(dev, FwCfg);

    if (s->dma_enabled) {
        region_remove(&s->dma);
        region_destroy(&s->dma);
    }
    region_remove(&s->ports);
    region_destroy(&s->ports);
}

static void fw_cfg_reset(Device *dev)
{
    FwCfg *s = DEVICE_OF(dev, FwCfg);

    s->key = 0;
    s->offset = 0;
    s->dma_high = 0;
}

static const Prop fw_cfg_props[] = {
    PROP_BOOL(FwCfg, dma_enabled, true, "offer the DMA interface"),
    { }
};

static const StateField fw_cfg_state[] = {
    STATE_UINT_MAX(FwCfg, key, KEY_MASK),
    STATE_UINT(FwCfg, offset),
    STATE_UINT(FwCfg, dma_high),
    { }
};

static const DeviceType fw_cfg_type = {
    .name = "fw_cfg_io", .desc = "items that the host hands to the firmware", .internal = true,
    .size = sizeof(FwCfg), .props = fw_cfg_props, .state = fw_cfg_state,
    .init = fw_cfg_init, .finalize = fw_cfg_finalize,
    .realize = fw_cfg_realize, .unrealize = fw_cfg_unrealize, .reset = fw_cfg_reset,
};
REGISTER_DEVICE(fw_cfg_type)

FwCfg *fw_cfg_new(void)
{
    Device *dev = device_new_type(&fw_cfg_type);

    device_set_name(dev, "fw_cfg");
    current = DEVICE_OF(dev, FwCfg);
    device_realize(dev, NULL, NULL);
    object_unref(&dev->obj);        /* the tree keeps it */
    return current;
}

FwCfg *fw_cfg_current(void)
{
    return current;
}
