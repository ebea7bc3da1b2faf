/* JSON values and text over json-c: framing of a stream, limits, exact integers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QAPI_JSON_H
#define QAPI_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* A value is json-c's, with its reference counts: json_object_get(), json_object_put(). */
typedef struct json_object Json;

#define JSON_DEPTH_MAX 1024
#define JSON_BYTES_MAX (64 * 1024 * 1024)

/*
 * One value, nothing behind it but white space. 'single quotes' are accepted
 * for strings, as QMP always did; integers that fit neither 64-bit kind are an
 * error. *value may be NULL for JSON's null, so the result says what happened.
 */
bool json_parse(const char *text, size_t len, Json **value, Error **errp);
/* The same for what must be an object; NULL on failure. */
Json *json_parse_object(const char *text, Error **errp);
/* Compact, or over several lines. g_free() */
char *json_text(const Json *value, bool pretty);
/* As it goes over a QMP connection: members in QEMU's order, all of it ASCII. g_free() */
char *json_wire_text(const Json *value, bool pretty);
/* "string", "integer", "number", "boolean", "object", "array", "null". */
const char *json_type_name(const Json *value);

/*
 * A stream of values without separators (QMP): feed it bytes, it calls back
 * for each value (owned by the callee) or error, after which it starts afresh.
 * A 0xff byte drops what is unfinished, silently.
 */
typedef struct JsonStream JsonStream;
typedef void JsonStreamFn(void *opaque, Json *value, Error *err);

JsonStream *json_stream_new(JsonStreamFn *fn, void *opaque);
void json_stream_free(JsonStream *stream);
/* The callback may free the stream; the rest of buf is then left out. */
void json_stream_feed(JsonStream *stream, const char *buf, size_t len);
/* The end: something unfinished is an error to call back with. */
void json_stream_end(JsonStream *stream);

static inline void json_cleanup(Json **value)
{
    json_object_put(*value);
}
#define JSON_AUTO __attribute__((cleanup(json_cleanup))) Json *

#endif
