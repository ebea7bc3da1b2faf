/* TLS sessions over a socket pair: anonymous and with keys, data both ways, wrong keys, refusals */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/tls.h"

#include <sys/socket.h>

typedef struct Pair {
    int fd[2];
    TlsCreds *creds[2];
    TlsSession *session[2];
} Pair;

static bool no_tls;

static TlsCreds *load(TlsKind kind, bool server, const char *dir, const char *username,
                      Error **errp)
{
    TlsConfig config = { .kind = kind, .server = server, .dir = dir, .username = username,
                         .verify_peer = true };

    return tls_creds_load(&config, errp);
}

static void pair_start(Pair *pair, TlsKind kind, const char *dir, const char *username)
{
    Error *err = NULL;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair->fd), ==, 0);
    for (int i = 0; i < 2; i++) {
        pair->creds[i] = load(kind, i, dir, username, &err);
        g_assert_null(err);
        pair->session[i] = tls_session_new(pair->creds[i], "localhost", pair->fd[i], &err);
        g_assert_null(err);
    }
}

static void pair_end(Pair *pair)
{
    for (int i = 0; i < 2; i++) {
        tls_session_free(pair->session[i]);
        tls_creds_unref(pair->creds[i]);
        close(pair->fd[i]);
    }
}

/* In turns until both are done or one failed; socket pairs never make a writer wait here. */
static int shake(Pair *pair, Error **errp)
{
    int done[2] = { 0, 0 };
    bool want_write;

    for (int turn = 0; turn < 100 && !(done[0] && done[1]); turn++) {
        int i = turn & 1;

        if (!done[i]) {
            done[i] = tls_session_handshake(pair->session[i], &want_write, errp);
            if (done[i] < 0) {
                return -1;
            }
        }
    }
    return done[0] && done[1] ? 1 : 0;
}

static void write_keys(const char *dir, const char *text)
{
    g_autofree char *path = g_build_filename(dir, "keys.psk", NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void remove_keys(char *dir)
{
    g_autofree char *path = g_build_filename(dir, "keys.psk", NULL);

    unlink(path);
    rmdir(dir);
    g_free(dir);
}

static void transfer(Pair *pair)
{
    char buf[64] = "";

    for (int i = 0; i < 2; i++) {
        g_assert_cmpint(tls_session_read(pair->session[!i], buf, sizeof(buf)), ==, -EAGAIN);
        g_assert_cmpint(tls_session_write(pair->session[i], "hello", 5), ==, 5);
        g_assert_cmpint(tls_session_read(pair->session[!i], buf, 2), ==, 2);
        g_assert_cmpint(tls_session_pending(pair->session[!i]), ==, 3);
        g_assert_cmpint(tls_session_read(pair->session[!i], buf + 2, 60), ==, 3);
        g_assert_cmpstr(buf, ==, "hello");
    }
    tls_session_bye(pair->session[0]);
    g_assert_cmpint(tls_session_read(pair->session[1], buf, sizeof(buf)), ==, 0);
    shutdown(pair->fd[1], SHUT_RDWR);
    g_assert_cmpint(tls_session_read(pair->session[0], buf, sizeof(buf)), ==, -ECONNABORTED);
}

static void anon(void)
{
    Pair pair;

    if (no_tls) {
        g_test_skip("built without GnuTLS");
        return;
    }
    pair_start(&pair, TLS_KIND_ANON, NULL, NULL);
    g_assert_cmpint(shake(&pair, NULL), ==, 1);
    g_assert_null(tls_session_peer(pair.session[1]));
    transfer(&pair);
    pair_end(&pair);
}

static void psk(void)
{
    char *dir = g_dir_make_tmp("tls-XXXXXX", NULL);
    g_autoptr(Error) err = NULL;
    Pair pair;

    if (no_tls) {
        g_test_skip("built without GnuTLS");
        remove_keys(dir);
        return;
    }
    write_keys(dir, "other:0011\nalice:a1b2c3d4e5f60718\n");
    pair_start(&pair, TLS_KIND_PSK, dir, "alice");
    g_assert_cmpint(shake(&pair, NULL), ==, 1);
    transfer(&pair);
    pair_end(&pair);

    /* The server has another key for her. */
    pair_start(&pair, TLS_KIND_PSK, dir, "alice");
    write_keys(dir, "alice:ffffffffffffffff\n");
    g_assert_cmpint(shake(&pair, &err), ==, -1);
    g_assert_true(g_str_has_prefix(error_text(err), "TLS handshake failed: "));
    pair_end(&pair);
    remove_keys(dir);
}

/* A peer that talks something else is an error, whatever it says. */
static void garbage(void)
{
    g_autoptr(Error) err = NULL;
    bool want_write;
    char noise[4096];
    Pair pair;

    if (no_tls) {
        g_test_skip("built without GnuTLS");
        return;
    }
    pair_start(&pair, TLS_KIND_ANON, NULL, NULL);
    memset(noise, 0x5a, sizeof(noise));
    g_assert_cmpint(write(pair.fd[0], noise, sizeof(noise)), ==, sizeof(noise));
    g_assert_cmpint(tls_session_handshake(pair.session[1], &want_write, &err), ==, -1);
    g_assert_nonnull(err);
    pair_end(&pair);
}

static void refused(void)
{
    static const struct {
        TlsKind kind;
        const char *dir, *username, *message;
    } rows[] = {
        { TLS_KIND_PSK, NULL, NULL, "Missing 'dir' property value" },
        { TLS_KIND_PSK, "/nonexistent", NULL, "Unable to access credentials "
          "/nonexistent/keys.psk: No such file or directory" },
        { TLS_KIND_X509, "/nonexistent", NULL, "Unable to access credentials "
          "/nonexistent/ca-cert.pem: No such file or directory" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(Error) err = NULL;

        g_assert_null(load(rows[i].kind, false, rows[i].dir, rows[i].username, &err));
        g_assert_cmpstr(error_text(err), ==,
                        no_tls ? "This build of Mica has no TLS" : rows[i].message);
    }
}

int main(int argc, char **argv)
{
    g_autoptr(TlsCreds) probe = load(TLS_KIND_ANON, true, NULL, NULL, NULL);

    g_test_init(&argc, &argv, NULL);
    no_tls = !probe;
    g_test_add_func("/tls/anon", anon);
    g_test_add_func("/tls/psk", psk);
    g_test_add_func("/tls/garbage", garbage);
    g_test_add_func("/tls/refused", refused);
    return g_test_run();
}
