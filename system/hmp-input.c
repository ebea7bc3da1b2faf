/* Human commands for the mouse: mouse_move, mouse_button, mouse_set */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/hmp.h"
#include "ui/input.h"

static bool take_step(const Json *args, const char *name, int *value, Error **errp)
{
    const char *text = hmp_str(args, name);
    char *end;
    int64_t n;

    *value = 0;
    if (!text) {
        return true;
    }
    n = g_ascii_strtoll(text, &end, 0);
    if (end == text || *end) {
        error_set(errp, "%s: '%s' is no number", name, text);
        return false;
    }
    *value = CLAMP(n, INT16_MIN, INT16_MAX);
    return true;
}

static void click(InputButton button)
{
    input_button(button, true);
    input_sync();
    input_button(button, false);
}

/* Words, for "5 -3" is one number where expressions are taken. */
static void co_mouse_move(const Json *args, GString *out, Error **errp)
{
    int dx, dy, dz;

    if (take_step(args, "dx", &dx, errp) && take_step(args, "dy", &dy, errp) &&
        take_step(args, "dz", &dz, errp)) {
        input_move(dx, dy);
        if (dz) {
            click(dz > 0 ? INPUT_BUTTON_WHEEL_UP : INPUT_BUTTON_WHEEL_DOWN);
        }
        input_sync();
    }
}

static void co_mouse_button(const Json *args, GString *out, Error **errp)
{
    static const InputButton buttons[] = {
        INPUT_BUTTON_LEFT, INPUT_BUTTON_MIDDLE, INPUT_BUTTON_RIGHT,
    };
    /* Bits as they were in X's old protocols: 1 left, 2 middle, 4 right. */
    static int64_t before;
    int64_t now = hmp_int(args, "state");

    for (unsigned i = 0; i < ARRAY_SIZE(buttons); i++) {
        if ((before ^ now) & BIT(i)) {
            input_button(buttons[i], now & BIT(i));
        }
    }
    before = now;
    input_sync();
}

static void co_mouse_set(const Json *args, GString *out, Error **errp)
{
    int64_t index = hmp_int(args, "index");

    if (index < 0 || index > UINT_MAX || !input_pointer_select(index)) {
        error_set(errp, "Mouse at index '%" PRId64 "' not found", index);
        error_hint(errp, "'info mice' lists them");
    }
}

static void show_mice(const Json *v, GString *out)
{
    size_t n = json_object_array_length(v);

    if (!n) {
        g_string_append(out, "No mouse devices connected\n");
    }
    for (size_t i = 0; i < n; i++) {
        const Json *row = json_object_array_get_idx(v, i);

        g_string_append_printf(out, "%c Mouse #%" PRId64 ": %s%s\n",
                               hmp_bool(row, "current") ? '*' : ' ', hmp_int(row, "index"),
                               hmp_str(row, "name"),
                               hmp_bool(row, "absolute") ? " (absolute)" : "");
    }
}

static const HmpCommand rows[] = {
    { "mouse_move", "DX DY [DZ]", "move the mouse, turn its wheel",
      { { "dx", HMP_WORD }, { "dy", HMP_WORD }, { "dz", HMP_WORD, true } },
      .co_run = co_mouse_move },
    { "mouse_button", "STATE", "press and release the mouse's buttons (1=L, 2=M, 4=R)",
      { { "state", HMP_INT } }, .co_run = co_mouse_button },
    { "mouse_set", "INDEX", "which mouse gets events", { { "index", HMP_INT } },
      .co_run = co_mouse_set },
    { }
};
static const HmpTable table = { rows, false };
REGISTER_HMP(table)

static const HmpCommand info_rows[] = {
    { "mice", "", "the mice", .qmp = "query-mice", .show = show_mice },
    { }
};
static const HmpTable info_table = { info_rows, true };
REGISTER_HMP(info_table)
