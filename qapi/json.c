/* JSON values and text over json-c: framing of a stream, limits, exact integers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/json.h"

#include <math.h>

struct JsonStream {
    JsonStreamFn *fn;
    void *opaque;
    GString *text;          /* of the value under way, strings in double quotes */
    unsigned depth;
    char quote;             /* inside a string that began with it, else 0 */
    bool escape;            /* behind a backslash */
    bool word;              /* inside true, null, a number */
    bool skipping;          /* too large or deep: drop until the value ends */
    bool lost;              /* a string without an end: drop until the line ends */
    bool stray;             /* behind what can be in no text: drop until structure begins again */
    bool feeding, freed;    /* json_stream_free() while feeding takes effect at its end */
};

/* --- one text --- */

/*
 * json-c cuts integers to what fits, and takes 1e999 for infinity, which no text
 * can say: are all numbers in range, and integers without leading zeroes?
 */
static bool numbers_exact(const char *text)
{
    bool in_string = false;

    for (const char *p = text; *p; p++) {
        const char *digits = p + (*p == '-');
        char *end;

        if (in_string && *p == '\\' && p[1]) {
            p++;
        } else if (*p == '"') {
            in_string = !in_string;
        } else if (!in_string && g_ascii_isdigit(*digits)) {
            errno = 0;
            if (*p == '-') {
                (void)!strtoll(p, &end, 10);
            } else {
                (void)!strtoull(p, &end, 10);
            }
            if (errno != 0 && !(*end && strchr(".eE", *end))) {
                return false;
            }
            if (*digits == '0' && end > digits + 1) {
                return false;
            }
            if (*end && strchr(".eE", *end) && !isfinite(g_ascii_strtod(p, NULL))) {
                return false;
            }
            /* What is behind a point or an exponent is no integer. */
            while (*end && strchr(".eE+-0123456789", *end)) {
                end++;
            }
            p = end - 1;
        }
    }
    return true;
}

static Json *parse_text(const char *text, size_t len, Error **errp)
{
    struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
    enum json_tokener_error err;
    Json *value;

    if (!numbers_exact(text)) {
        error_set(errp, "JSON parse error, a number does not fit 64 bits or starts with 0");
        json_tokener_free(tok);
        return NULL;
    }
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    value = json_tokener_parse_ex(tok, text, len);
    err = json_tokener_get_error(tok);
    if (err == json_tokener_continue) {
        /* A number or word at the very end is complete only when a NUL says so. */
        value = json_tokener_parse_ex(tok, "", 1);
        err = json_tokener_get_error(tok);
    }
    if (err == json_tokener_continue) {
        error_set(errp, "JSON parse error, premature end of input");
    } else if (err != json_tokener_success) {
        error_set(errp, "JSON parse error, %s", json_tokener_error_desc(err));
    }
    if (err != json_tokener_success) {
        json_object_put(value);
        value = NULL;
    }
    json_tokener_free(tok);
    return value;
}

typedef struct One {
    unsigned n;
    Json *value;
    Error *err;
} One;

static void one_value(void *opaque, Json *value, Error *err)
{
    One *one = opaque;

    if (one->n++ == 0 || (err && !one->err)) {
        json_object_put(one->value);
        one->value = value;
        one->err = err;
    } else {
        json_object_put(value);
        error_free(err);
    }
}

bool json_parse(const char *text, size_t len, Json **value, Error **errp)
{
    One one = { 0 };
    JsonStream *stream = json_stream_new(one_value, &one);

    json_stream_feed(stream, text, len);
    json_stream_end(stream);
    json_stream_free(stream);
    *value = NULL;
    if (one.err) {
        json_object_put(one.value);
        error_propagate(errp, one.err);
        return false;
    }
    if (one.n != 1) {
        json_object_put(one.value);
        error_set(errp, "JSON parse error, %s",
                  one.n ? "there is more behind the value" : "expecting a value");
        return false;
    }
    *value = one.value;
    return true;
}

Json *json_parse_object(const char *text, Error **errp)
{
    Json *value;

    if (!json_parse(text, strlen(text), &value, errp)) {
        return NULL;
    }
    if (!json_object_is_type(value, json_type_object)) {
        error_set(errp, "JSON parse error, expecting an object in braces");
        json_object_put(value);
        return NULL;
    }
    return value;
}

char *json_text(const Json *value, bool pretty)
{
    int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
                (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : 0);

    return g_strdup(json_object_to_json_string_ext((Json *)value, flags));
}

const char *json_type_name(const Json *value)
{
    switch (json_object_get_type(value)) {
    case json_type_string:
        return "string";
    case json_type_int:
        return "integer";
    case json_type_double:
        return "number";
    case json_type_boolean:
        return "boolean";
    case json_type_object:
        return "object";
    case json_type_array:
        return "array";
    default:
        return "null";
    }
}

/* --- the stream --- */

JsonStream *json_stream_new(JsonStreamFn *fn, void *opaque)
{
    JsonStream *stream = g_new0(JsonStream, 1);

    stream->fn = fn;
    stream->opaque = opaque;
    stream->text = g_string_new(NULL);
    return stream;
}

void json_stream_free(JsonStream *stream)
{
    if (stream && stream->feeding) {
        stream->freed = true;
    } else if (stream) {
        g_string_free(stream->text, true);
        g_free(stream);
    }
}

static void restart(JsonStream *stream)
{
    g_string_truncate(stream->text, 0);
    stream->depth = 0;
    stream->quote = 0;
    stream->escape = stream->word = stream->skipping = false;
    stream->lost = stream->stray = false;
}

static void fail(JsonStream *stream, const char *why)
{
    Error *err = NULL;

    error_set(&err, "JSON parse error, %s", why);
    stream->fn(stream->opaque, NULL, err);
}

static void complete(JsonStream *stream)
{
    bool skipped = stream->skipping;
    Error *err = NULL;
    Json *value;

    if (skipped) {
        restart(stream);
        return;
    }
    value = parse_text(stream->text->str, stream->text->len, &err);
    restart(stream);
    stream->fn(stream->opaque, value, err);
}

static void append(JsonStream *stream, char c)
{
    if (stream->skipping) {
        return;
    }
    if (stream->text->len >= JSON_BYTES_MAX) {
        stream->skipping = true;
        g_string_truncate(stream->text, 0);
        fail(stream, "value is too long");
        return;
    }
    g_string_append_c(stream->text, c);
}

/* A character inside a string, which json-c is to get in double quotes. */
static bool feed_string(JsonStream *stream, char c)
{
    if ((uint8_t)c < ' ') {
        /* So that a forgotten quote costs its line only. */
        restart(stream);
        stream->lost = c != '\n';
        fail(stream, "control character in a string");
    } else if (stream->escape) {
        stream->escape = false;
        if (c == '\'') {
            append(stream, c);              /* \' is no escape of JSON's */
        } else {
            append(stream, '\\');
            append(stream, c);
        }
    } else if (c == '\\') {
        stream->escape = true;
    } else if (c == stream->quote) {
        append(stream, '"');
        stream->quote = 0;
        return stream->depth == 0;
    } else if (c == '"') {
        append(stream, '\\');
        append(stream, c);
    } else {
        append(stream, c);
    }
    return false;
}

/* A character outside strings; true: a value of its own ends before it. */
static bool ends_word(char c)
{
    return strchr(" \t\r\n{}[],:\"'", c) != NULL;
}

/* Returns true when c was the last character of a value. */
static bool feed_plain(JsonStream *stream, char c)
{
    switch (c) {
    case '"':
    case '\'':
        stream->quote = c;
        append(stream, '"');
        return false;
    case '{':
    case '[':
        append(stream, c);
        if (++stream->depth == JSON_DEPTH_MAX + 1 && !stream->skipping) {
            stream->skipping = true;
            g_string_truncate(stream->text, 0);
            fail(stream, "value is nested too deeply");
        }
        return false;
    case '}':
    case ']':
        append(stream, c);
        if (stream->depth) {
            stream->depth--;
        }
        return stream->depth == 0;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        if (stream->depth) {
            append(stream, c);
        }
        return false;
    default:
        append(stream, c);
        if (strchr(",:", c)) {
            return stream->depth == 0;      /* an error, told by the parser */
        }
        stream->word = stream->depth == 0;
        return false;
    }
}

/*
 * What no text can go on with is told at once, for more need not come: bytes
 * that UTF-8 has not, and outside of strings control characters and '%'.
 */
static bool impossible(const JsonStream *stream, char c)
{
    uint8_t byte = c;

    if (byte == 0xc0 || byte == 0xc1 || byte > 0xf4) {
        return true;
    }
    return !stream->quote && ((byte < ' ' && !strchr("\t\r\n", c)) || c == '%');
}

void json_stream_feed(JsonStream *stream, const char *buf, size_t len)
{
    stream->feeding = true;
    for (size_t i = 0; i < len && !stream->freed; i++) {
        char c = buf[i];

        if (stream->lost) {
            stream->lost = c != '\n';
            continue;
        }
        if (impossible(stream, c)) {
            if (!stream->stray) {
                restart(stream);
                stream->stray = true;
                fail(stream, "stray byte");
            }
            continue;
        }
        if (stream->stray) {
            if (!strchr("{}[],:\n", c)) {
                continue;
            }
            stream->stray = false;
        }
        if (stream->quote) {
            if (feed_string(stream, c)) {
                complete(stream);
            }
            continue;
        }
        if (stream->word && ends_word(c)) {
            complete(stream);
            if (stream->freed) {
                break;
            }
        }
        if (feed_plain(stream, c)) {
            complete(stream);
        }
    }
    stream->feeding = false;
    if (stream->freed) {
        json_stream_free(stream);
    }
}

void json_stream_end(JsonStream *stream)
{
    if (stream->word) {
        complete(stream);
    } else if (stream->text->len && !stream->skipping) {
        restart(stream);
        fail(stream, "premature end of input");
    }
}
