/* Character devices: files, sockets, flow control, the multiplexer's commands, short forms */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/char.h"
#include "chardev/ringbuf.h"
#include "chardev/vc.h"
#include "qapi/keyval.h"
#include "qapi/types-char.h"
#include "qom/user-object.h"
#include "util/channel.h"
#include "util/loop.h"
#include "util/socket.h"

#include <netinet/in.h>
#include <pty.h>
#include <sys/socket.h>
#include <termios.h>

/* A front end that notes what happens. */
typedef struct User {
    CharFrontend fe;
    GString *seen;
    size_t room;
    int writable;
} User;

static size_t user_can_read(void *opaque)
{
    return ((User *)opaque)->room;
}

static void user_read(void *opaque, const uint8_t *buf, size_t len)
{
    User *u = opaque;

    g_assert_cmpuint(len, <=, u->room);
    u->room -= len;
    g_string_append_len(u->seen, (const char *)buf, len);
}

static void user_event(void *opaque, CharEvent event)
{
    static const char *const names[] = { "<open>", "<close>", "<break>", "<in>", "<out>" };

    g_string_append(((User *)opaque)->seen, names[event]);
}

static void user_writable(void *opaque)
{
    ((User *)opaque)->writable++;
}

static void user_connect(User *u, Chardev *chr, size_t room)
{
    Error *err = NULL;

    *u = (User){ .seen = g_string_new(NULL), .room = room };
    g_assert_true(char_fe_init(&u->fe, chr, &err));
    char_fe_set_handlers(&u->fe, user_can_read, user_read, user_event, u);
}

static void user_done(User *u)
{
    char_fe_deinit(&u->fe);
    g_string_free(u->seen, true);
}

static Chardev *make(const char *text)
{
    JSON_AUTO json = keyval_parse(text, "backend", NULL, NULL);
    g_autoptr(ChardevOptions) opts = qapi_parse_ChardevOptions(json, QAPI_KEYVAL, NULL);
    Error *err = NULL;
    Chardev *chr = chardev_new(opts, &err);

    if (!chr) {
        g_error("%s: %s", text, error_text(err));
    }
    return chr;
}

/* Run the loop until the text seen is as wanted; a hang is ended by the test's time limit. */
static void expect(User *u, const char *text)
{
    while (strcmp(u->seen->str, text)) {
        g_test_message("seen: %s", u->seen->str);
        loop_wait(loop_main());
        loop_dispatch(loop_main());
    }
    g_string_truncate(u->seen, 0);
}

static void turn(void)
{
    loop_post(loop_main(), (LoopFn *)loop_wake, loop_main());
    loop_wait(loop_main());
    loop_dispatch(loop_main());
}

/* --- back ends --- */

static void to_file(void)
{
    g_autofree char *dir = g_dir_make_tmp("chardev-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "out,put", NULL);
    g_autofree char *log = g_build_filename(dir, "log", NULL);
    g_autofree char *spec = g_strdup_printf("file,id=f,path=%s/out,,put,logfile=%s", dir, log);
    g_autofree char *text = NULL, *logged = NULL;
    Chardev *chr = make(spec);
    Error *err = NULL;
    User u;

    user_connect(&u, chr, 10);
    g_assert_cmpuint(char_fe_write(&u.fe, "hello", 5), ==, 5);
    g_assert_false(chardev_delete(chr, &err));
    g_assert_cmpstr(error_text(err), ==, "Chardev 'f' is busy");
    error_free(err);
    user_done(&u);
    g_assert_true(chardev_delete(chr, NULL));
    g_assert_null(chardev_find("f"));
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "hello");
    g_assert_true(g_file_get_contents(log, &logged, NULL, NULL));
    g_assert_cmpstr(logged, ==, "hello");
    unlink(path);
    unlink(log);
    rmdir(dir);
}

static void ringbuf(void)
{
    Chardev *chr = make("ringbuf,id=r,size=8");
    char buf[16] = "";
    Error *err = NULL;
    CharFrontend other;
    User u;

    user_connect(&u, chr, 10);
    g_assert_false(char_fe_init(&other, chr, &err));
    g_assert_nonnull(strstr(error_text(err), "in use"));
    error_free(err);
    char_fe_printf(&u.fe, "%s", "0123456789");
    g_assert_cmpuint(ringbuf_read(chr, buf, 5), ==, 5);
    g_assert_cmpstr(buf, ==, "23456");
    g_assert_cmpuint(ringbuf_read(chr, buf, 16), ==, 3);
    g_assert_cmpuint(ringbuf_read(chr, buf, 16), ==, 0);
    user_done(&u);
    chardev_delete(chr, NULL);
}

static void over_socket(void)
{
    g_autofree char *dir = g_dir_make_tmp("chardev-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *server = g_strdup_printf("socket,id=s,path=%s,server=on,wait=off", path);
    g_autofree char *client = g_strdup_printf("socket,id=c,path=%s", path);
    Chardev *s = make(server), *c;
    int fds[2];
    Error *err = NULL;
    Chardev *again;
    User us, uc;
    char byte;

    user_connect(&us, s, 3);
    g_assert_cmpuint(char_fe_write(&us.fe, "lost", 4), ==, 4);
    c = make(client);
    user_connect(&uc, c, 1000);
    expect(&uc, "<open>");
    char_fe_write(&uc.fe, "abcdef", 6);
    expect(&us, "<open>abc");
    turn();
    turn();
    g_assert_cmpstr(us.seen->str, ==, "");      /* there is no room */
    us.room = 100;
    char_fe_accept_input(&us.fe);
    expect(&us, "def");
    char_fe_write(&us.fe, "reply", 5);
    expect(&uc, "reply");
    g_assert_nonnull(strstr(chardev_where(s), "unix:"));
    user_done(&uc);
    chardev_delete(c, NULL);
    expect(&us, "<close>");

    /* A second client, with a descriptor. */
    {
        SockAddr addr = { .kind = SOCK_KIND_UNIX, .path = path };
        int fd = socket_connect(&addr, &err);

        g_assert_cmpint(pipe(fds), ==, 0);
        g_assert_true(socket_send_fd(fd, "x", 1, fds[1]));
        expect(&us, "<open>x");
        close(fds[1]);
        fds[1] = char_fe_take_fd(&us.fe);
        g_assert_cmpint(fds[1], >=, 0);
        g_assert_cmpint(char_fe_take_fd(&us.fe), ==, -1);
        g_assert_cmpint(write(fds[1], "y", 1), ==, 1);
        g_assert_cmpint(read(fds[0], &byte, 1), ==, 1);
        close(fds[0]);
        close(fds[1]);
        close(fd);
        expect(&us, "<close>");
    }
    user_done(&us);
    chardev_delete(s, NULL);
    again = chardev_new_short("unix:/nonexistent/dir/s", "n", NULL, &err);
    g_assert_null(again);
    g_assert_nonnull(strstr(error_text(err), "/nonexistent/dir/s"));
    error_free(err);
    g_assert_cmpint(access(path, F_OK), ==, -1);
    rmdir(dir);
}

/* A peer that does not read: bounded buffer, then a call when there is room. */
static void flow_control(void)
{
    static uint8_t data[CHANNEL_SOFT_BYTES];
    int pair[2];
    g_autofree char *spec = NULL;
    size_t sent = 0, got = 0, n;
    Chardev *chr;
    Error *err = NULL;
    User u;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    spec = g_strdup_printf("fd:%d", pair[0]);
    chr = chardev_new_short(spec, "s", NULL, &err);
    g_assert_nonnull(chr);
    user_connect(&u, chr, 0);
    while ((n = char_fe_write(&u.fe, data, sizeof(data))) == sizeof(data)) {
        sent += n;
        g_assert_cmpuint(sent, <, 64 << 20);
    }
    sent += n;
    g_assert_cmpuint(char_fe_write(&u.fe, data, 1), ==, 0);
    g_assert_true(char_fe_write_all(&u.fe, data, 1000));
    sent += 1000;
    char_fe_notify_writable(&u.fe, user_writable, &u);
    while (got < sent) {
        static uint8_t buf[65536];
        ssize_t r = read(pair[1], buf, sizeof(buf));

        g_assert_cmpint(r, >, 0);
        got += r;
        turn();
    }
    g_assert_cmpint(u.writable, ==, 1);
    g_assert_cmpuint(char_fe_write(&u.fe, data, 1), ==, 1);
    user_done(&u);
    chardev_delete(chr, NULL);
    close(pair[1]);
}

static void telnet(void)
{
    g_autofree char *spec = NULL;
    static const uint8_t in[] = { 'a', 255, 251, 3, 'b', 255, 255, 255, 243, 255, 250, 24, 0, 255,
                                  240, 'c', '\r', 0 };
    uint8_t buf[64];
    int pair[2];
    Chardev *chr;
    Error *err = NULL;
    User u;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    spec = g_strdup_printf("fd:%d,telnet=on", pair[0]);
    chr = chardev_new_short(spec, "t", NULL, &err);
    user_connect(&u, chr, 100);
    g_assert_cmpint(read(pair[1], buf, sizeof(buf)), ==, 12);
    g_assert_cmphex(buf[0], ==, 255);
    g_assert_cmpint(write(pair[1], in, sizeof(in)), ==, sizeof(in));
    expect(&u, "<open><break>ab\xff" "c\r");
    char_fe_write(&u.fe, "x\xffy", 3);
    g_assert_cmpint(read(pair[1], buf, sizeof(buf)), ==, 4);
    g_assert_cmpmem(buf, 4, "x\xff\xffy", 4);
    user_done(&u);
    chardev_delete(chr, NULL);
    close(pair[1]);
}

static void pty(void)
{
    Chardev *chr = make("pty,id=p");
    const char *where = chardev_where(chr);
    char buf[8];
    Error *err = NULL;
    User u;
    int fd;

    g_assert_true(g_str_has_prefix(where, "pty:/dev/pts/"));
    user_connect(&u, chr, 100);
    g_assert_cmpuint(char_fe_write(&u.fe, "lost", 4), ==, 4);
    fd = open(where + 4, O_RDWR | O_NOCTTY);
    g_assert_cmpint(fd, >=, 0);
    expect(&u, "<open>");
    g_assert_cmpint(write(fd, "in", 2), ==, 2);
    expect(&u, "in");
    char_fe_write(&u.fe, "out", 3);
    g_assert_cmpint(read(fd, buf, sizeof(buf)), ==, 3);
    close(fd);
    expect(&u, "<close>");
    user_done(&u);
    g_assert_true(chardev_delete(chr, &err));
}

/* The other end of a pseudo terminal stands for the cable. */
static void serial(void)
{
    static const CharParams slow = { 9600, 7, 2, 'E' };
    char name[64], buf[8];
    g_autofree char *spec = NULL;
    struct termios tio;
    int master, slave;
    Error *err = NULL;
    Chardev *chr;
    User u;

    g_assert_cmpint(openpty(&master, &slave, name, NULL, NULL), ==, 0);
    chr = chardev_new_short(name, "tty", NULL, &err);
    g_assert_nonnull(chr);
    spec = g_strdup_printf("serial:%s", name);
    g_assert_cmpstr(chardev_where(chr), ==, spec);
    user_connect(&u, chr, 100);
    g_assert_cmpint(write(master, "a\xff" "b\r\n\x03", 6), ==, 6);
    expect(&u, "<open>a\xff" "b\r\n\x03");
    char_fe_write(&u.fe, "x\n\xff", 3);
    g_assert_cmpint(read(master, buf, sizeof(buf)), ==, 3);
    g_assert_cmpmem(buf, 3, "x\n\xff", 3);
    char_fe_set_params(&u.fe, &slow);
    g_assert_cmpint(tcgetattr(slave, &tio), ==, 0);
    g_assert_cmpint(cfgetospeed(&tio), ==, B9600);
    /* The kernel's pty has 8 bits and no parity, whatever it is told. */
    g_assert_cmphex(tio.c_cflag & (CSTOPB | PARODD | CLOCAL), ==, CSTOPB | CLOCAL);
    g_assert_cmphex(tio.c_lflag & (ICANON | ECHO | ISIG), ==, 0);
    user_done(&u);
    g_assert_true(chardev_delete(chr, NULL));
    g_assert_cmpint(tcgetattr(slave, &tio), ==, 0);
    g_assert_cmphex(tio.c_lflag & ICANON, ==, ICANON);      /* as it was before */
    close(master);
    close(slave);
}

static int udp_socket(struct sockaddr_in *sin)
{
    socklen_t len = sizeof(*sin);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    *sin = (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    g_assert_cmpint(bind(fd, (struct sockaddr *)sin, len), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)sin, &len), ==, 0);
    return fd;
}

static void udp(void)
{
    struct sockaddr_in far, near;
    socklen_t len = sizeof(near);
    int fd = udp_socket(&far);
    g_autofree char *spec = g_strdup_printf("udp:127.0.0.1:%d@127.0.0.1:0", ntohs(far.sin_port));
    Error *err = NULL;
    Chardev *chr = chardev_new_short(spec, "u", NULL, &err);
    char buf[64];
    User u;

    g_assert_nonnull(chr);
    user_connect(&u, chr, 3);
    char_fe_write(&u.fe, "hello", 5);
    g_assert_cmpint(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&near, &len), ==, 5);
    g_assert_cmpmem(buf, 5, "hello", 5);
    sendto(fd, "abcdef", 6, 0, (struct sockaddr *)&near, len);
    sendto(fd, "", 0, 0, (struct sockaddr *)&near, len);
    sendto(fd, "ghi", 3, 0, (struct sockaddr *)&near, len);
    expect(&u, "<open>abc");
    turn();
    g_assert_cmpstr(u.seen->str, ==, "");       /* there is no room */
    u.room = 100;
    char_fe_accept_input(&u.fe);
    expect(&u, "defghi");
    user_done(&u);
    chardev_delete(chr, NULL);
    close(fd);
}

/* --- text consoles --- */

static unsigned vc_drawn;

static void *vc_screen_open(Chardev *chr, Error **errp)
{
    return &vc_drawn;
}

static void vc_screen_resized(void *screen, unsigned cols, unsigned rows)
{
    g_assert_cmpuint(cols * rows, ==, 50);
}

static void vc_screen_changed(void *screen, unsigned first_row, unsigned nr_rows)
{
    g_assert_cmpuint(first_row + nr_rows, <=, 5);
    vc_drawn |= ((1 << nr_rows) - 1) << first_row;
}

static void vc_screen_close(void *screen)
{
}

static char *vc_text(Chardev *chr)
{
    GString *text = g_string_new(NULL);

    for (unsigned row = 0; row < 5; row++) {
        for (unsigned col = 0; col < 10; col++) {
            g_string_append_c(text, vc_row(chr, row)[col].ch);
        }
        while (text->len && text->str[text->len - 1] == ' ') {
            g_string_truncate(text, text->len - 1);
        }
        g_string_append_c(text, '|');
    }
    return g_string_free(text, false);
}

/* What is written, and what the 10 by 5 characters are then. */
static void vc(void)
{
    static const VcScreenOps ops = { .open = vc_screen_open, .resized = vc_screen_resized,
                                     .changed = vc_screen_changed, .close = vc_screen_close };
    static const struct { const char *out, *screen; unsigned col, row; } rows[] = {
        { "one\r\ntwo\b\bW", "one|tWo||||", 2, 1 },
        { "0123456789", "0123456789|||||", 9, 0 },
        { "0123456789ab", "0123456789|ab||||", 2, 1 },
        { "a\tb\tc", "a       bc|||||", 9, 0 },
        { "1\r\n2\r\n3\r\n4\r\n5\r\n6", "2|3|4|5|6|", 1, 4 },
        { "\033[3;4Hx\033[99;99Hy\033[1;1Hz", "z||   x||         y|", 1, 0 },
        { "abc\033[5Dd\033[2Ce\033[B\033[Af", "dbcef|||||", 5, 0 },
        { "abcdef\033[3D\033[K", "abc|||||", 3, 0 },
        { "abcdef\033[3D\033[1K", "    ef|||||", 3, 0 },
        { "1\r\n2\r\n3\033[2;1H\033[J", "1|||||", 0, 1 },
        { "1\r\n2\r\n3\033[2;1H\033[1L", "1||2|3||", 0, 1 },
        { "1\r\n2\r\n3\033[2;1H\033[M", "1|3||||", 0, 1 },
        { "abcdef\033[1;2H\033[2P", "adef|||||", 1, 0 },
        { "abcdef\033[1;2H\033[3@", "a   bcdef|||||", 1, 0 },
        { "abcdef\033[1;2H\033[2X", "a  def|||||", 1, 0 },
        { "\033Mtop\033[s\033[4;4H\033[u!", "top!|||||", 4, 0 },
        { "x\033[999999999999A\033[;;;;;;;;;;;1my\033(0z", "xyz|||||", 3, 0 },
        { "a\033[2Jb", " b|||||", 2, 0 },
    };
    Chardev *chr;
    User u;

    vc_set_screen(&ops);
    chr = chardev_new_short("vc:10Cx5C", "v", NULL, NULL);
    user_connect(&u, chr, 100);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *text = NULL;
        unsigned col, row;

        char_fe_printf(&u.fe, "\033c%s", rows[i].out);
        text = vc_text(chr);
        vc_cursor(chr, &col, &row);
        g_test_message("row %zu", i);
        g_assert_cmpstr(text, ==, rows[i].screen);
        g_assert_cmpuint(col, ==, rows[i].col);
        g_assert_cmpuint(row, ==, rows[i].row);
    }
    char_fe_printf(&u.fe, "\033c\033[1;31;44mA\033[0;7mB\033[5;3H\033[6n");
    g_assert_cmpmem(vc_row(chr, 0), sizeof(VcCell), (&(VcCell){ 'A', 9, 4 }), sizeof(VcCell));
    g_assert_cmpmem(vc_row(chr, 0) + 1, sizeof(VcCell), (&(VcCell){ 'B', 0, 7 }),
                    sizeof(VcCell));
    g_assert_cmpstr(u.seen->str, ==, "<open>\033[5;3R");
    u.room = 2;
    vc_type(chr, "abc", 3);
    u.room = 9;
    char_fe_accept_input(&u.fe);
    g_assert_cmpstr(u.seen->str, ==, "<open>\033[5;3Rabc");
    vc_drawn = 0;
    char_fe_printf(&u.fe, "\033[2;1Hx");
    g_assert_cmphex(vc_drawn, ==, 0x1e);        /* where the cursor was, and where it is */
    user_done(&u);
    chardev_delete(chr, NULL);
    vc_set_screen(NULL);
}

/* --- TLS --- */

static bool add_object(const char *text)
{
    JSON_AUTO json = keyval_parse(text, "qom-type", NULL, NULL);
    g_autoptr(Error) err = NULL;

    if (user_object_add(json, &err)) {
        return true;
    }
    g_assert_cmpstr(error_text(err), ==, "This build of Mica has no TLS");
    return false;
}

static char *port_of(Chardev *chr)
{
    return g_strdup_printf("%d", atoi(strrchr(chardev_where(chr), ':') + 1));
}

static void tls(void)
{
    g_autofree char *port = NULL, *client = NULL, *plain = NULL;
    static char data[100000], got[sizeof(data)];
    size_t sent = 0, seen = 0;
    Chardev *s, *c;
    User us, uc;

    if (!add_object("tls-creds-anon,id=ts,endpoint=server")) {
        g_test_skip("this build has no TLS");
        return;
    }
    g_assert_true(add_object("tls-creds-anon,id=tc,endpoint=client"));
    s = make("socket,id=s,host=127.0.0.1,port=0,server=on,wait=off,tls-creds=ts");
    user_connect(&us, s, 0);
    port = port_of(s);

    /* Who speaks no TLS is shown the door, and the next one comes in. */
    plain = g_strdup_printf("socket,id=p,host=127.0.0.1,port=%s", port);
    c = make(plain);
    user_connect(&uc, c, 100);
    char_fe_write(&uc.fe, "GET / HTTP/1.0\r\n\r\n", 18);
    while (!g_str_has_suffix(uc.seen->str, "<close>")) {
        loop_wait(loop_main());
        loop_dispatch(loop_main());
    }
    g_assert_cmpstr(us.seen->str, ==, "");
    user_done(&uc);
    chardev_delete(c, NULL);

    client = g_strdup_printf("socket,id=c,host=127.0.0.1,port=%s,tls-creds=tc", port);
    c = make(client);
    user_connect(&uc, c, 100);
    expect(&uc, "<open>");
    expect(&us, "<open>");
    char_fe_write(&us.fe, "hello", 5);
    expect(&uc, "hello");

    /* A reader that takes it in small pieces gets what was decrypted at once. */
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = 'a' + i % 23;
    }
    while (seen < sizeof(data)) {
        sent += char_fe_write(&uc.fe, data + sent, sizeof(data) - sent);
        turn();
        us.room = 700;
        char_fe_accept_input(&us.fe);
        turn();
        g_assert_cmpuint(seen + us.seen->len, <=, sizeof(data));
        memcpy(got + seen, us.seen->str, us.seen->len);
        seen += us.seen->len;
        g_string_truncate(us.seen, 0);
    }
    g_assert_cmpmem(got, sizeof(got), data, sizeof(data));
    user_done(&uc);
    chardev_delete(c, NULL);
    us.room = 1;
    char_fe_accept_input(&us.fe);
    expect(&us, "<close>");
    user_done(&us);
    chardev_delete(s, NULL);
}

/* A client whose server comes later, goes, and comes back. */
static void reconnect(void)
{
    g_autofree char *dir = g_dir_make_tmp("chardev-XXXXXX", NULL);
    g_autofree char *server = g_strdup_printf("socket,id=s,path=%s/s,server=on,wait=off", dir);
    g_autofree char *client = g_strdup_printf("socket,id=c,path=%s/s,reconnect=1", dir);
    Chardev *c = make(client), *s;
    User u, us;

    user_connect(&u, c, 100);
    g_assert_true(g_str_has_prefix(chardev_where(c), "disconnected:unix:"));
    g_assert_cmpuint(char_fe_write(&u.fe, "lost", 4), ==, 4);
    for (int i = 0; i < 2; i++) {
        s = make(server);
        user_connect(&us, s, 100);
        expect(&us, "<open>");
        expect(&u, "<open>");
        char_fe_write(&u.fe, "ping", 4);
        expect(&us, "ping");
        user_done(&us);
        chardev_delete(s, NULL);
        expect(&u, "<close>");
    }
    user_done(&u);
    chardev_delete(c, NULL);
    rmdir(dir);
}

/* --- mux --- */

static int quits;

static void quit(void *opaque)
{
    quits++;
}

static void mux(void)
{
    int pair[2];
    g_autofree char *spec = NULL;
    char buf[2048] = "";
    Error *err = NULL;
    bool monitor = false;
    Chardev *chr;
    User a, b;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    spec = g_strdup_printf("mon:fd:%d", pair[0]);
    chr = chardev_new_short(spec, "m", &monitor, &err);
    g_assert_nonnull(chr);
    g_assert_true(monitor);
    g_assert_nonnull(chardev_find("m-base"));
    user_connect(&a, chr, 2);
    expect(&a, "<in><open>");
    user_connect(&b, chr, 100);
    expect(&a, "<out>");
    expect(&b, "<in><open>");
    g_assert_cmpint(write(pair[1], "b1\001c" "abcd", 8), ==, 8);
    expect(&b, "b1<out>");
    expect(&a, "<in>ab");
    /* The guest does not read, but commands work. */
    chardev_set_quit_handler(quit, NULL);
    g_assert_cmpint(write(pair[1], "\001x\001h", 4), ==, 4);
    while (!quits) {
        turn();
    }
    g_assert_cmpint(read(pair[1], buf, sizeof(buf) - 1), >, 0);
    g_assert_nonnull(strstr(buf, "C-a x"));
    g_assert_null(strstr(buf, "C-a s"));
    a.room = 10;
    char_fe_accept_input(&a.fe);
    expect(&a, "cd");
    g_assert_cmpint(write(pair[1], "\001b\001\001", 4), ==, 4);
    expect(&a, "<break>\001");
    g_assert_cmpint(write(pair[1], "\001t", 2), ==, 2);
    turn();
    char_fe_write(&a.fe, "one\ntwo\n", 8);
    memset(buf, 0, sizeof(buf));
    g_assert_cmpint(read(pair[1], buf, sizeof(buf) - 1), >, 0);
    g_assert_true(g_str_has_prefix(buf, "one\n[00:00:0"));
    g_assert_nonnull(strstr(buf, "] two\n"));
    user_done(&b);
    user_done(&a);
    g_assert_true(chardev_delete(chr, NULL));
    g_assert_null(chardev_find("m-base"));
    close(pair[1]);
}

/* --- wrong options --- */

static void short_errors(void)
{
    static const char *const rows[][2] = {
        { "foo", "'foo' is not a valid char driver" },
        { "nullx", "'nullx' is not a valid char driver" },
        { "file:", "'file:' lacks the path" },
        { "tcp:1234", "'tcp:1234' lacks a port: HOST:PORT is expected" },
        { "chardev:none", "Chardev 'none' not found" },
        { "vc", "chardev 'e': there is no screen for a text console" },
        { "vc:0x0", "chardev 'e': a text console has 1 to 512 columns, not 0" },
        { "null,x=1", "'null' takes no options" },
        { "unix:/tmp/x,sever=on", "Parameter 'sever' is unexpected" },
        { "unix:/tmp/x,server=maybe", "Parameter 'server' expects 'on' or 'off'" },
        { "fd:99999", "chardev 'e': File descriptor '99999' is not a socket" },
        { "unix:/tmp/x,wait=off",
          "chardev 'e': 'wait' option is incompatible with socket in client connect mode" },
        { "mon:stdio", "'mon:stdio': 'mon:' is of no use here" },
        { "msmouse", "'msmouse' is not possible: there is no support for a serial mouse" },
        { "websocket:h:1", "'websocket:h:1' is not possible: there is no support for "
                           "WebSocket chardevs" },
        { "udp:1234", "'udp:1234' lacks a port: HOST:PORT is expected" },
        { "udp:h:1@x", "'udp:h:1@x' lacks a port: HOST:PORT is expected" },
        { "/dev/null", "chardev 'e': '/dev/null' is not a serial port: Inappropriate ioctl for "
                       "device" },
        { "/dev/none", "chardev 'e': Could not open '/dev/none': No such file or directory" },
        { "unix:/tmp/x,tls-creds=t",
          "chardev 'e': 'tls_creds' option is incompatible with 'unix' address type" },
        { "tcp:h:1,tls-creds=none", "chardev 'e': No TLS credentials with id 'none'" },
        { "fd:99999,reconnect=1",
          "chardev 'e': 'reconnect' option is incompatible with 'fd' address type" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(Error) err = NULL;

        g_assert_null(chardev_new_short(rows[i][0], "e", NULL, &err));
        g_assert_cmpstr(error_text(err), ==, rows[i][1]);
        g_assert_null(chardev_find("e"));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chardev/file", to_file);
    g_test_add_func("/chardev/ringbuf", ringbuf);
    g_test_add_func("/chardev/socket", over_socket);
    g_test_add_func("/chardev/flow", flow_control);
    g_test_add_func("/chardev/telnet", telnet);
    g_test_add_func("/chardev/pty", pty);
    g_test_add_func("/chardev/serial", serial);
    g_test_add_func("/chardev/udp", udp);
    g_test_add_func("/chardev/vc", vc);
    g_test_add_func("/chardev/tls", tls);
    g_test_add_func("/chardev/reconnect", reconnect);
    g_test_add_func("/chardev/mux", mux);
    g_test_add_func("/chardev/short-errors", short_errors);
    return g_test_run();
}
