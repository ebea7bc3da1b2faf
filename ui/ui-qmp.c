/* screendump, send-key, input-send-event */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/commands-ui.h"
#include "qom/object.h"
#include "ui/console.h"
#include "ui/input.h"

#define HOLD_MS 100
#define KEYS_MAX 256

static Console *find_console(const char *device, bool has_head, int64_t head, Error **errp)
{
    Object *obj;
    Console *c;

    if (!device) {
        if (has_head) {
            error_set(errp, "'head' must be specified together with 'device'");
            return NULL;
        }
        c = console_get(0);
        if (!c) {
            error_set(errp, "There is no console to take a screendump from");
        }
        return c;
    }
    obj = object_child(object_container("/machine/peripheral"), device);
    if (!obj) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", device);
        return NULL;
    }
    c = console_of_device(obj);
    if (!c || (has_head && head != 0)) {
        error_set(errp, "Device %s (head %" PRId64 ") is not bound to a QemuConsole", device,
                  has_head ? head : 0);
        return NULL;
    }
    return c;
}

void qmp_screendump(const char *filename, const char *device, bool has_head, int64_t head,
                    bool has_format, ImageFormat format, Error **errp)
{
    Console *c = find_console(device, has_head, head, errp);

    if (c) {
        co_console_dump(c, filename, has_format && format == IMAGE_FORMAT_PNG, errp);
    }
}

/* --- input --- */

static bool take_key(const KeyValue *value, KeyCode *key, Error **errp)
{
    int64_t number;

    if (value->type == KEY_VALUE_KIND_QCODE) {
        *key = key_from_name(QKeyCode_name(value->u.qcode.data));
        return true;                /* "unmapped" is one, and does nothing */
    }
    number = value->u.number.data;
    *key = number > 0 && number < 0x100 ? key_from_number(number) : KEY_UNMAPPED;
    if (*key == KEY_UNMAPPED) {
        error_set(errp, "Parameter 'keys' does not accept the number %" PRId64, number);
        return false;
    }
    return true;
}

void qmp_send_key(KeyValueList *keys, bool has_hold_time, int64_t hold_time, Error **errp)
{
    KeyCode codes[KEYS_MAX];
    unsigned n = 0;

    for (; keys; keys = keys->next) {
        if (n == KEYS_MAX) {
            error_set(errp, "Parameter 'keys' takes %d keys at most", KEYS_MAX);
            return;
        }
        if (!take_key(keys->value, &codes[n++], errp)) {
            return;
        }
    }
    if (has_hold_time && (hold_time < 0 || hold_time > 3600 * 1000)) {
        error_set(errp, "Parameter 'hold-time' expects milliseconds up to an hour");
        return;
    }
    if (!input_queue_keys(codes, n, has_hold_time && hold_time ? hold_time : HOLD_MS)) {
        error_set(errp, "too many keys wait to be sent already");
    }
}

static bool check_event(const InputEvent *event, Error **errp)
{
    KeyCode key;

    switch (event->type) {
    case INPUT_EVENT_KIND_KEY:
        if (!input_takes_keys()) {
            error_set(errp, "Input handler not found for event type key");
            return false;
        }
        return take_key(event->u.key.data->key, &key, errp);
    case INPUT_EVENT_KIND_BTN:
        if (!input_takes_buttons()) {
            error_set(errp, "Input handler not found for event type btn");
            return false;
        }
        return true;
    case INPUT_EVENT_KIND_REL:
        if (!input_takes_moves()) {
            error_set(errp, "Input handler not found for event type rel");
            return false;
        }
        return true;
    default:
        if (!input_takes_places()) {
            error_set(errp, "Input handler not found for event type abs");
            return false;
        }
        return true;
    }
}

static void send_event(const InputEvent *event, int *x, int *y)
{
    const InputMoveEvent *move = event->u.rel.data;
    KeyCode key;
    int value;

    switch (event->type) {
    case INPUT_EVENT_KIND_KEY:
        take_key(event->u.key.data->key, &key, NULL);
        input_key(key, event->u.key.data->down);
        break;
    case INPUT_EVENT_KIND_BTN:
        input_button(event->u.btn.data->button, event->u.btn.data->down);
        break;
    case INPUT_EVENT_KIND_REL:
        value = CLAMP(move->value, INT16_MIN, INT16_MAX);
        input_move(move->axis == INPUT_AXIS_X ? value : 0, move->axis == INPUT_AXIS_Y ? value : 0);
        break;
    default:
        move = event->u.abs.data;
        value = CLAMP(move->value, 0, INPUT_ABS_MAX);
        *(move->axis == INPUT_AXIS_X ? x : y) = value;
        input_place(*x, *y);
    }
}

void qmp_input_send_event(const char *device, bool has_head, int64_t head, InputEventList *events,
                          Error **errp)
{
    static int x, y;            /* an abs event tells one axis; the other stays */

    if (device && !find_console(device, has_head, head, errp)) {
        return;
    }
    if (!input_is_live()) {
        error_set(errp, "VM not running");
        return;
    }
    for (const InputEventList *l = events; l; l = l->next) {
        if (!check_event(l->value, errp)) {
            return;
        }
    }
    for (const InputEventList *l = events; l; l = l->next) {
        send_event(l->value, &x, &y);
    }
    input_sync();
}

typedef struct Mice {
    MouseInfoList *list, **tail;
} Mice;

static void add_mouse(const InputHandler *h, void *opaque)
{
    Mice *mice = opaque;
    MouseInfo *info = g_new0(MouseInfo, 1);

    info->name = g_strdup(h->desc ? h->desc : h->name);
    info->index = h->index;
    info->absolute = h->place;
    info->current = !mice->list;
    QAPI_APPEND(mice->tail, info);
}

MouseInfoList *qmp_query_mice(Error **errp)
{
    Mice mice = { NULL, &mice.list };

    input_pointers_for_each(add_mouse, &mice);
    return mice.list;
}
