/* Numbers in human commands: sums, products, bits and registers, as "x /4i $rip - 16" has them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/hmp.h"

#define MAX_DEPTH 64

/*
 *   sum     = logic { (+ | -) logic }
 *   logic   = product { (& | | | ^) product }
 *   product = unary { (* | / | %) unary }
 *   unary   = (+ | - | ~) unary | ( sum ) | 'c' | $register | number
 */
typedef struct Expr {
    const char *at;
    unsigned depth;
    Error *err;
} Expr;

static HmpRegisterFn *read_register;

void hmp_set_registers(HmpRegisterFn *fn)
{
    read_register = fn;
}

static void skip(Expr *e)
{
    while (g_ascii_isspace(*e->at)) {
        e->at++;
    }
}

/* After the first error nothing is looked at any more. */
static uint64_t fail(Expr *e, const char *what)
{
    if (!e->err) {
        error_set(&e->err, "%s", what);
    }
    e->at = "";
    return 0;
}

static uint64_t co_sum(Expr *e);

static uint64_t co_register(Expr *e)
{
    size_t n = 1 + strspn(e->at + 1, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._");
    g_autofree char *name = g_strndup(e->at + 1, n - 1);
    uint64_t value = 0;

    e->at += n;
    if (!read_register || !read_register(name, &value, &e->err)) {
        return fail(e, "unknown register");
    }
    skip(e);
    return value;
}

static uint64_t take_number(Expr *e)
{
    char *end;
    uint64_t value;

    errno = 0;
    value = g_ascii_strtoull(e->at, &end, 0);
    if (end == e->at || !g_ascii_isdigit(*e->at)) {
        return fail(e, *e->at ? "invalid char in expression" : "unexpected end of expression");
    }
    if (errno) {
        return fail(e, "number too large");
    }
    if (g_ascii_isalnum(*end) || *end == '_') {
        return fail(e, "invalid char in expression");
    }
    e->at = end;
    skip(e);
    return value;
}

static uint64_t take_char(Expr *e)
{
    uint64_t value = (uint8_t)e->at[1];

    if (!value || e->at[2] != '\'') {
        return fail(e, "missing terminating ' character");
    }
    e->at += 3;
    skip(e);
    return value;
}

static uint64_t co_unary(Expr *e)
{
    char op = *e->at;
    uint64_t value;

    switch (op) {
    case '+':
    case '-':
    case '~':
        e->at++;
        skip(e);
        value = ++e->depth > MAX_DEPTH ? fail(e, "expression too deep") : co_unary(e);
        e->depth--;
        return op == '-' ? -value : op == '~' ? ~value : value;
    case '(':
        e->at++;
        skip(e);
        value = ++e->depth > MAX_DEPTH ? fail(e, "expression too deep") : co_sum(e);
        e->depth--;
        if (*e->at != ')') {
            return fail(e, "')' expected");
        }
        e->at++;
        skip(e);
        return value;
    case '\'':
        return take_char(e);
    case '$':
        return co_register(e);
    default:
        return take_number(e);
    }
}

static uint64_t co_product(Expr *e)
{
    uint64_t value = co_unary(e);

    while (*e->at && strchr("*/%", *e->at)) {
        char op = *e->at++;
        int64_t right;

        skip(e);
        right = co_unary(e);
        if (op == '*') {
            value *= (uint64_t)right;
        } else if (!right) {
            return fail(e, "division by zero");
        } else if (right == -1) {       /* the one quotient that does not fit wraps around */
            value = op == '/' ? -value : 0;
        } else {
            value = op == '/' ? (int64_t)value / right : (int64_t)value % right;
        }
    }
    return value;
}

static uint64_t co_logic(Expr *e)
{
    uint64_t value = co_product(e);

    while (*e->at && strchr("&|^", *e->at)) {
        char op = *e->at++;
        uint64_t right;

        skip(e);
        right = co_product(e);
        value = op == '&' ? value & right : op == '|' ? value | right : value ^ right;
    }
    return value;
}

static uint64_t co_sum(Expr *e)
{
    uint64_t value = co_logic(e);

    while (*e->at == '+' || *e->at == '-') {
        char op = *e->at++;
        uint64_t right;

        skip(e);
        right = co_logic(e);
        value = op == '+' ? value + right : value - right;
    }
    return value;
}

bool co_hmp_expr(const char **line, int64_t *value, Error **errp)
{
    Expr e = { .at = *line };

    skip(&e);
    *value = (int64_t)co_sum(&e);
    if (e.err) {
        error_propagate(errp, e.err);
        return false;
    }
    *line = e.at;
    return true;
}
