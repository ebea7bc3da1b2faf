/* TLS over GnuTLS: credentials of three kinds, sessions on non-blocking sockets */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define CERTS_MAX 16            /* of a file */
#define FILE_BYTES_MAX (1 << 20)

struct TlsCreds {
    gint refs;
    TlsKind kind;
    bool server, verify_peer;
    char *priority;
    gnutls_certificate_credentials_t x509;
    gnutls_psk_server_credentials_t psk_server;
    gnutls_psk_client_credentials_t psk_client;
    gnutls_anon_server_credentials_t anon_server;
    gnutls_anon_client_credentials_t anon_client;
};

struct TlsSession {
    TlsCreds *creds;
    gnutls_session_t session;
    char *hostname, *peer;
    bool handshaken;
};

/* --- files --- */

/* The path of a credential file; NULL when it is not there, with errp where it is required. */
static char *find_file(const TlsConfig *config, const char *name, bool required, Error **errp)
{
    g_autofree char *path = NULL;

    if (!config->dir) {
        if (required) {
            error_set(errp, "Missing 'dir' property value");
        }
        return NULL;
    }
    path = g_build_filename(config->dir, name, NULL);
    if (!access(path, R_OK)) {
        return g_steal_pointer(&path);
    }
    if (required || errno != ENOENT) {
        error_set_errno(errp, errno, "Unable to access credentials %s", path);
    }
    return NULL;
}

static bool fail(Error **errp, int ret, const char *what, const char *path)
{
    error_set(errp, "Cannot load %s '%s': %s", what, path, gnutls_strerror(ret));
    return false;
}

/* --- sanity of our own certificates: better now than at the first connection --- */

static bool check_certificate(gnutls_x509_crt_t cert, const char *path, bool is_ca, Error **errp)
{
    time_t now = time(NULL);
    unsigned critical;
    int ca;

    if (gnutls_x509_crt_get_expiration_time(cert) < now) {
        error_set(errp, "The certificate %s has expired", path);
        return false;
    }
    if (gnutls_x509_crt_get_activation_time(cert) > now) {
        error_set(errp, "The certificate %s is not yet active", path);
        return false;
    }
    ca = gnutls_x509_crt_get_basic_constraints(cert, &critical, NULL, NULL);
    if (is_ca && ca == 0) {
        error_set(errp, "The certificate %s basic constraints do not show a CA", path);
        return false;
    }
    if (!is_ca && ca > 0) {
        error_set(errp, "The certificate %s basic constraints show a CA, but we need one for a "
                  "%s", path, "server or client");
        return false;
    }
    return true;
}

/* Free with free_certificates(). */
static int read_certificates(const char *path, gnutls_x509_crt_t *certs, Error **errp)
{
    g_autofree char *text = NULL;
    gsize len;
    unsigned n = CERTS_MAX;
    gnutls_datum_t datum;
    int ret;

    if (!g_file_get_contents(path, &text, &len, NULL) || len > FILE_BYTES_MAX) {
        error_set(errp, "Cannot load certificates from '%s'", path);
        return -1;
    }
    datum = (gnutls_datum_t){ (unsigned char *)text, len };
    ret = gnutls_x509_crt_list_import(certs, &n, &datum, GNUTLS_X509_FMT_PEM, 0);
    if (ret < 0) {
        fail(errp, ret, "certificates", path);
        return -1;
    }
    return ret;
}

static void free_certificates(gnutls_x509_crt_t *certs, int n)
{
    for (int i = 0; i < n; i++) {
        gnutls_x509_crt_deinit(certs[i]);
    }
}

static bool check_files(const char *ca_path, const char *cert_path, bool server, Error **errp)
{
    gnutls_x509_crt_t cas[CERTS_MAX], certs[CERTS_MAX];
    int nr_ca = read_certificates(ca_path, cas, errp), n = 0;
    unsigned status = 0;
    bool ok = nr_ca >= 0;

    for (int i = 0; ok && i < nr_ca; i++) {
        ok = check_certificate(cas[i], ca_path, true, errp);
    }
    if (ok && cert_path) {
        n = read_certificates(cert_path, certs, errp);
        ok = n > 0 && check_certificate(certs[0], cert_path, false, errp);
        if (ok && (gnutls_x509_crt_list_verify(certs, n, cas, nr_ca, NULL, 0, 0, &status) < 0 ||
                   status)) {
            error_set(errp, "Our own certificate %s failed validation against %s", cert_path,
                      ca_path);
            error_hint(errp, "Is it signed by that authority, for a %s?",
                       server ? "server" : "client");
            ok = false;
        }
    }
    free_certificates(certs, n);
    free_certificates(cas, nr_ca);
    return ok;
}

/* --- credentials --- */

static bool load_x509(TlsCreds *creds, const TlsConfig *config, Error **errp)
{
    Error *err = NULL;
    g_autofree char *ca = find_file(config, "ca-cert.pem", true, errp);
    g_autofree char *crl = NULL, *cert = NULL, *key = NULL;
    const char *side = config->server ? "server" : "client";
    g_autofree char *cert_name = g_strdup_printf("%s-cert.pem", side);
    g_autofree char *key_name = g_strdup_printf("%s-key.pem", side);
    int ret;

    if (!ca) {
        return false;
    }
    cert = find_file(config, cert_name, config->server, &err);
    key = err ? NULL : find_file(config, key_name, config->server || cert, &err);
    crl = err ? NULL : find_file(config, "ca-crl.pem", false, &err);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    if (config->sanity_check && !check_files(ca, cert, config->server, errp)) {
        return false;
    }
    gnutls_certificate_allocate_credentials(&creds->x509);
    ret = gnutls_certificate_set_x509_trust_file(creds->x509, ca, GNUTLS_X509_FMT_PEM);
    if (ret < 0) {
        return fail(errp, ret, "CA certificate", ca);
    }
    if (cert && key) {
        ret = gnutls_certificate_set_x509_key_file(creds->x509, cert, key, GNUTLS_X509_FMT_PEM);
        if (ret < 0) {
            return fail(errp, ret, "certificate and key", cert);
        }
    }
    if (crl) {
        ret = gnutls_certificate_set_x509_crl_file(creds->x509, crl, GNUTLS_X509_FMT_PEM);
        if (ret < 0) {
            return fail(errp, ret, "CRL", crl);
        }
    }
    return true;
}

/* "user:hexkey" lines: the key of that user */
static bool find_psk(const char *path, const char *username, gnutls_datum_t *key, Error **errp)
{
    g_autofree char *text = NULL, *prefix = g_strdup_printf("%s:", username);
    g_auto(GStrv) lines = NULL;
    gsize len;

    if (!g_file_get_contents(path, &text, &len, NULL)) {
        error_set(errp, "Cannot read key file '%s'", path);
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(*line, prefix)) {
            const char *hex = g_strstrip(*line + strlen(prefix));

            *key = (gnutls_datum_t){ (unsigned char *)g_strdup(hex), strlen(hex) };
            return true;
        }
    }
    error_set(errp, "Username '%s' not found in key file '%s'", username, path);
    return false;
}

static bool load_psk(TlsCreds *creds, const TlsConfig *config, Error **errp)
{
    g_autofree char *path = find_file(config, "keys.psk", true, errp);
    const char *username = config->username ? config->username : "qemu";
    gnutls_datum_t key;
    int ret;

    if (!path) {
        return false;
    }
    if (config->server) {
        gnutls_psk_allocate_server_credentials(&creds->psk_server);
        gnutls_psk_set_server_known_dh_params(creds->psk_server, GNUTLS_SEC_PARAM_MEDIUM);
        ret = gnutls_psk_set_server_credentials_file(creds->psk_server, path);
        return ret < 0 ? fail(errp, ret, "keys", path) : true;
    }
    if (!find_psk(path, username, &key, errp)) {
        return false;
    }
    gnutls_psk_allocate_client_credentials(&creds->psk_client);
    ret = gnutls_psk_set_client_credentials(creds->psk_client, username, &key,
                                            GNUTLS_PSK_KEY_HEX);
    g_free(key.data);
    return ret < 0 ? fail(errp, ret, "the key from", path) : true;
}

static bool load_anon(TlsCreds *creds, const TlsConfig *config, Error **errp)
{
    if (config->server) {
        gnutls_anon_allocate_server_credentials(&creds->anon_server);
        gnutls_anon_set_server_known_dh_params(creds->anon_server, GNUTLS_SEC_PARAM_MEDIUM);
    } else {
        gnutls_anon_allocate_client_credentials(&creds->anon_client);
    }
    return true;
}

TlsCreds *tls_creds_load(const TlsConfig *config, Error **errp)
{
    static const char *const suffixes[] = {
        [TLS_KIND_ANON] = ":+ANON-ECDH:+ANON-DH",
        [TLS_KIND_PSK] = ":+ECDHE-PSK:+DHE-PSK:+PSK",
        [TLS_KIND_X509] = "",
    };
    g_autoptr(TlsCreds) creds = g_new0(TlsCreds, 1);
    bool ok;

    creds->refs = 1;
    creds->kind = config->kind;
    creds->server = config->server;
    creds->verify_peer = config->verify_peer;
    creds->priority = g_strconcat(config->priority ? config->priority : "NORMAL",
                                  suffixes[config->kind], NULL);
    switch (config->kind) {
    case TLS_KIND_X509:
        ok = load_x509(creds, config, errp);
        break;
    case TLS_KIND_PSK:
        ok = load_psk(creds, config, errp);
        break;
    default:
        ok = load_anon(creds, config, errp);
        break;
    }
    return ok ? g_steal_pointer(&creds) : NULL;
}

TlsCreds *tls_creds_ref(TlsCreds *creds)
{
    g_atomic_int_inc(&creds->refs);
    return creds;
}

void tls_creds_unref(TlsCreds *creds)
{
    if (!creds || !g_atomic_int_dec_and_test(&creds->refs)) {
        return;
    }
    if (creds->x509) {
        gnutls_certificate_free_credentials(creds->x509);
    }
    if (creds->psk_server) {
        gnutls_psk_free_server_credentials(creds->psk_server);
    }
    if (creds->psk_client) {
        gnutls_psk_free_client_credentials(creds->psk_client);
    }
    if (creds->anon_server) {
        gnutls_anon_free_server_credentials(creds->anon_server);
    }
    if (creds->anon_client) {
        gnutls_anon_free_client_credentials(creds->anon_client);
    }
    g_free(creds->priority);
    g_free(creds);
}

bool tls_creds_for_server(const TlsCreds *creds)
{
    return creds->server;
}

/* --- sessions --- */

static int set_credentials(gnutls_session_t session, TlsCreds *creds)
{
    switch (creds->kind) {
    case TLS_KIND_X509:
        return gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, creds->x509);
    case TLS_KIND_PSK:
        return gnutls_credentials_set(session, GNUTLS_CRD_PSK,
                                      creds->server ? (void *)creds->psk_server
                                                    : (void *)creds->psk_client);
    default:
        return gnutls_credentials_set(session, GNUTLS_CRD_ANON,
                                      creds->server ? (void *)creds->anon_server
                                                    : (void *)creds->anon_client);
    }
}

TlsSession *tls_session_new(TlsCreds *creds, const char *hostname, int fd, Error **errp)
{
    TlsSession *s = g_new0(TlsSession, 1);
    unsigned side = creds->server ? GNUTLS_SERVER : GNUTLS_CLIENT;
    const char *bad = NULL;
    int ret;

    s->creds = tls_creds_ref(creds);
    s->hostname = g_strdup(hostname);
    ret = gnutls_init(&s->session, GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | side);
    if (ret < 0) {
        s->session = NULL;
    } else {
        ret = gnutls_priority_set_direct(s->session, creds->priority, &bad);
    }
    if (ret >= 0) {
        ret = set_credentials(s->session, creds);
    }
    if (ret < 0) {
        error_set(errp, bad ? "Unable to set TLS session priority %s: %s"
                            : "Cannot make a TLS session (priority %s): %s", creds->priority,
                  gnutls_strerror(ret));
        tls_session_free(s);
        return NULL;
    }
    if (creds->kind == TLS_KIND_X509 && creds->server) {
        gnutls_certificate_server_set_request(s->session, creds->verify_peer
                                                              ? GNUTLS_CERT_REQUIRE
                                                              : GNUTLS_CERT_IGNORE);
    } else if (creds->kind == TLS_KIND_X509 && hostname) {
        gnutls_server_name_set(s->session, GNUTLS_NAME_DNS, hostname, strlen(hostname));
    }
    gnutls_handshake_set_timeout(s->session, GNUTLS_INDEFINITE_TIMEOUT);
    gnutls_transport_set_int(s->session, fd);
    return s;
}

void tls_session_free(TlsSession *s)
{
    if (!s) {
        return;
    }
    if (s->session) {
        gnutls_deinit(s->session);
    }
    tls_creds_unref(s->creds);
    g_free(s->hostname);
    g_free(s->peer);
    g_free(s);
}

/* Whose certificate is it? Kept as text for access lists. */
static void take_peer_name(TlsSession *s)
{
    unsigned n = 0;
    const gnutls_datum_t *certs = gnutls_certificate_get_peers(s->session, &n);
    gnutls_x509_crt_t cert;
    gnutls_datum_t dn;

    if (!certs || !n || gnutls_x509_crt_init(&cert) < 0) {
        return;
    }
    if (gnutls_x509_crt_import(cert, &certs[0], GNUTLS_X509_FMT_DER) >= 0 &&
        gnutls_x509_crt_get_dn2(cert, &dn) >= 0) {
        s->peer = g_strndup((const char *)dn.data, dn.size);
        gnutls_free(dn.data);
    }
    gnutls_x509_crt_deinit(cert);
}

static bool check_peer(TlsSession *s, Error **errp)
{
    unsigned status = 0;
    gnutls_datum_t text;
    int ret;

    if (s->creds->kind != TLS_KIND_X509 || !s->creds->verify_peer) {
        return true;
    }
    ret = gnutls_certificate_verify_peers3(s->session, s->creds->server ? NULL : s->hostname,
                                           &status);
    if (ret < 0) {
        error_set(errp, "TLS verify failed: %s", gnutls_strerror(ret));
        return false;
    }
    if (!s->creds->server && !s->hostname) {
        error_set(errp, "TLS verify failed: No hostname for certificate validation");
        return false;
    }
    if (status) {
        ret = gnutls_certificate_verification_status_print(
            status, gnutls_certificate_type_get2(s->session, GNUTLS_CTYPE_PEERS), &text, 0);
        error_set(errp, "TLS verify failed: %s",
                  ret < 0 ? "the certificate is not trusted"
                          : g_strchomp((char *)(void *)text.data));
        if (ret >= 0) {
            gnutls_free(text.data);
        }
        return false;
    }
    take_peer_name(s);
    return true;
}

int tls_session_handshake(TlsSession *s, bool *want_write, Error **errp)
{
    int ret;

    /* Warnings are survived; a peer that sends nothing else is ended by the caller's deadline. */
    ret = gnutls_handshake(s->session);
    if (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED ||
        (ret < 0 && !gnutls_error_is_fatal(ret))) {
        *want_write = gnutls_record_get_direction(s->session);
        return 0;
    }
    if (ret < 0) {
        error_set(errp, "TLS handshake failed: %s", gnutls_strerror(ret));
        return -1;
    }
    s->handshaken = true;
    return check_peer(s, errp) ? 1 : -1;
}

const char *tls_session_peer(const TlsSession *s)
{
    return s->peer;
}

static ssize_t result(ssize_t ret)
{
    if (ret >= 0) {
        return ret;
    }
    switch (ret) {
    case GNUTLS_E_AGAIN:
    case GNUTLS_E_INTERRUPTED:
        return -EAGAIN;
    case GNUTLS_E_PREMATURE_TERMINATION:
        return -ECONNABORTED;
    case GNUTLS_E_PUSH_ERROR:
        return -EPIPE;
    default:
        return -EIO;
    }
}

ssize_t tls_session_read(TlsSession *s, void *buf, size_t len)
{
    unsigned fuel = 64;
    ssize_t ret;

    /* What is not fatal (a warning, a wish to negotiate anew) was no data and is passed over. */
    do {
        ret = gnutls_record_recv(s->session, buf, len);
    } while (ret < 0 && ret != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(ret) && --fuel);
    return result(ret);
}

ssize_t tls_session_write(TlsSession *s, const void *buf, size_t len)
{
    return result(gnutls_record_send(s->session, buf, len));
}

size_t tls_session_pending(const TlsSession *s)
{
    return gnutls_record_check_pending(s->session);
}

void tls_session_bye(TlsSession *s)
{
    if (s->handshaken) {
        gnutls_bye(s->session, GNUTLS_SHUT_WR);
    }
}
