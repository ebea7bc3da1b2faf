/* serial: the 16550A: FIFOs, interrupts, modem lines, loopback */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/run.h"
#include "hw/char/serial.h"
#include "util/trace.h"

/* Register names and bits as in the PC16550D datasheet, table II. */
enum {
    IER_RX = 0x01, IER_TX = 0x02, IER_LINE = 0x04, IER_MODEM = 0x08,
    IIR_NONE = 0x01, IIR_MODEM = 0x00, IIR_TX = 0x02, IIR_RX = 0x04, IIR_LINE = 0x06,
    IIR_TIMEOUT = 0x0c, IIR_FIFO = 0xc0,
    FCR_ENABLE = 0x01, FCR_CLEAR_RX = 0x02, FCR_CLEAR_TX = 0x04, FCR_KEPT = 0xc9,
    LCR_STOP = 0x04, LCR_PARITY = 0x08, LCR_EVEN = 0x10, LCR_BREAK = 0x40, LCR_DLAB = 0x80,
    MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10,
    LSR_DR = 0x01, LSR_OE = 0x02, LSR_BI = 0x10, LSR_ERRORS = 0x1e, LSR_THRE = 0x20,
    LSR_TEMT = 0x40, LSR_FIFO_ERROR = 0x80,
    MSR_DELTAS = 0x0f, MSR_TERI = 0x04, MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40,
    MSR_DCD = 0x80,
};

static void fifo_clear(SerialFifo *f)
{
    f->head = f->count = 0;
}

static void fifo_put(SerialFifo *f, uint8_t byte)
{
    f->data[(f->head + f->count) % SERIAL_FIFO] = byte;
    f->count++;
}

static uint8_t fifo_get(SerialFifo *f)
{
    uint8_t byte = f->data[f->head];

    f->head = (f->head + 1) % SERIAL_FIFO;
    f->count--;
    return byte;
}

static bool fifos_on(const Serial *s)
{
    return s->fcr & FCR_ENABLE;
}

/* Bytes that RX holds at most: one without FIFOs. */
static unsigned room(const Serial *s)
{
    return (fifos_on(s) ? SERIAL_FIFO : 1) - MIN(s->rx.count, fifos_on(s) ? SERIAL_FIFO : 1);
}

static unsigned trigger(const Serial *s)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return fifos_on(s) ? levels[s->fcr >> 6] : 1;
}

/* The interrupt of highest priority that is enabled and there. */
static uint8_t interrupt(const Serial *s)
{
    if ((s->ier & IER_LINE) && (s->lsr & LSR_ERRORS)) {
        return IIR_LINE;
    }
    if ((s->ier & IER_RX) && s->rx.count >= trigger(s)) {
        return IIR_RX;
    }
    if ((s->ier & IER_RX) && s->timeout_pending) {
        return IIR_TIMEOUT;
    }
    if ((s->ier & IER_TX) && s->thre_pending) {
        return IIR_TX;
    }
    if ((s->ier & IER_MODEM) && (s->msr & MSR_DELTAS)) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

/* On a PC OUT2 drives the buffer between the chip and the bus. */
static void update_irq(Serial *s)
{
    irq_set(s->irq, interrupt(s) != IIR_NONE && (s->mcr & MCR_OUT2));
}

static unsigned divisor(const Serial *s)
{
    return s->divisor ? s->divisor : 1;
}

static int64_t char_ns(const Serial *s)
{
    unsigned bits = 1 + 5 + (s->lcr & 3) + !!(s->lcr & LCR_PARITY) + 1 + !!(s->lcr & LCR_STOP);

    return muldiv64((uint64_t)divisor(s) * bits, NS_PER_SECOND, s->baudbase);
}

static void watch_rx(Serial *s)
{
    if (fifos_on(s) && s->rx.count) {
        timer_arm(&s->timeout, clock_ns(CLOCK_TYPE_VIRTUAL) + 4 * char_ns(s));
    } else {
        timer_disarm(&s->timeout);
    }
}

static void timed_out(void *opaque)
{
    Serial *s = opaque;

    if (s->rx.count) {
        s->timeout_pending = true;
        update_irq(s);
    }
}

static void receive(Serial *s, uint8_t byte)
{
    if (!room(s)) {
        s->lsr |= LSR_OE;
        if (!fifos_on(s)) {
            s->rx.data[s->rx.head] = byte;  /* the holding register is overwritten */
        }
    } else {
        fifo_put(&s->rx, byte);
    }
    s->lsr |= LSR_DR;
    watch_rx(s);
}

static void modem_lines(Serial *s, uint8_t lines)
{
    uint8_t changed = (lines ^ s->msr) & ~MSR_DELTAS;
    uint8_t deltas = changed >> 4;

    if ((changed & MSR_RI) && (lines & MSR_RI)) {
        deltas &= ~MSR_TERI;    /* only the trailing edge of ring counts */
    }
    s->msr = (s->msr & MSR_DELTAS) | lines | deltas;
}

static uint8_t outside_lines(const Serial *s)
{
    return MSR_DCD | MSR_DSR | MSR_CTS;
}

static uint8_t looped_lines(const Serial *s)
{
    return (s->mcr & MCR_DTR ? MSR_DSR : 0) | (s->mcr & MCR_RTS ? MSR_CTS : 0) |
           (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void transmit(void *opaque)
{
    Serial *s = opaque;
    bool had = s->tx.count;

    s->stuck = false;
    while (s->tx.count) {
        uint8_t byte = s->tx.data[s->tx.head];

        if (s->mcr & MCR_LOOP) {
            receive(s, byte);
        } else if (!char_fe_write(&s->chr, &byte, 1)) {
            s->stuck = true;
            char_fe_notify_writable(&s->chr, transmit, s);
            break;
        }
        fifo_get(&s->tx);
    }
    if (!s->tx.count) {
        s->lsr |= LSR_THRE | LSR_TEMT;
        s->thre_pending |= had;
    }
    update_irq(s);
}

static void write_thr(Serial *s, uint8_t byte)
{
    unsigned size = fifos_on(s) ? SERIAL_FIFO : 1;

    if (s->tx.count >= size) {
        fifo_get(&s->tx);   /* the guest did not look at THRE: the oldest byte is lost */
    }
    fifo_put(&s->tx, byte);
    s->lsr &= ~(LSR_THRE | LSR_TEMT);
    s->thre_pending = false;
    if (!s->stuck) {
        transmit(s);
    } else {
        update_irq(s);
    }
}

static void line_params(Serial *s)
{
    CharParams params = {
        .baud = s->baudbase / divisor(s), .data_bits = 5 + (s->lcr & 3),
        .stop_bits = s->lcr & LCR_STOP ? 2 : 1,
        .parity = !(s->lcr & LCR_PARITY) ? 'N' : s->lcr & LCR_EVEN ? 'E' : 'O',
    };

    char_fe_set_params(&s->chr, &params);
}

static void write_ier(Serial *s, uint8_t value)
{
    uint8_t old = s->ier;

    s->ier = value & 0x0f;
    /* Enabling the transmitter's interrupt while it is empty reports that at once. */
    if (!(old & IER_TX) && (s->ier & IER_TX) && (s->lsr & LSR_THRE)) {
        s->thre_pending = true;
    }
    update_irq(s);
}

static void clear_rx(Serial *s)
{
    fifo_clear(&s->rx);
    s->lsr &= ~(LSR_DR | LSR_BI | LSR_FIFO_ERROR);
    s->timeout_pending = false;
    timer_disarm(&s->timeout);
}

static void write_fcr(Serial *s, uint8_t value)
{
    bool toggled = (value ^ s->fcr) & FCR_ENABLE;

    s->fcr = value & FCR_KEPT;
    if (toggled || (value & FCR_CLEAR_RX)) {
        clear_rx(s);
    }
    if (toggled || (value & FCR_CLEAR_TX)) {
        fifo_clear(&s->tx);
        s->lsr |= LSR_THRE | LSR_TEMT;
        s->thre_pending = true;
    }
    update_irq(s);
    char_fe_accept_input(&s->chr);
}

static void write_lcr(Serial *s, uint8_t value)
{
    uint8_t changed = value ^ s->lcr;

    s->lcr = value;
    if (changed & LCR_BREAK) {
        char_fe_set_break(&s->chr, value & LCR_BREAK);
    }
    if (changed & ~(LCR_BREAK | LCR_DLAB)) {
        line_params(s);
    }
}

static void write_mcr(Serial *s, uint8_t value)
{
    uint8_t old = s->mcr;

    s->mcr = value & 0x1f;
    modem_lines(s, s->mcr & MCR_LOOP ? looped_lines(s) : outside_lines(s));
    update_irq(s);
    if ((old & MCR_LOOP) && !(value & MCR_LOOP)) {
        char_fe_accept_input(&s->chr);
    }
}

static void serial_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Serial *s = opaque;

    TRACE(serial_write, "reg %d value 0x%02x", (int)offset, (int)value);
    if (offset < 2 && (s->lcr & LCR_DLAB)) {
        s->divisor = offset ? (s->divisor & 0xff) | value << 8 : (s->divisor & 0xff00) | value;
        line_params(s);
        return;
    }
    switch (offset) {
    case 0:
        write_thr(s, value);
        break;
    case 1:
        write_ier(s, value);
        break;
    case 2:
        write_fcr(s, value);
        break;
    case 3:
        write_lcr(s, value);
        break;
    case 4:
        write_mcr(s, value);
        break;
    case 7:
        s->scr = value;
        break;
    default:    /* LSR and MSR are read-only */
        break;
    }
}

static uint8_t read_rbr(Serial *s)
{
    uint8_t byte = 0;

    if (s->rx.count) {
        byte = fifo_get(&s->rx);
    }
    if (!s->rx.count) {
        s->lsr &= ~(LSR_DR | LSR_FIFO_ERROR);
    }
    s->timeout_pending = false;
    watch_rx(s);
    update_irq(s);
    if (!(s->mcr & MCR_LOOP)) {
        char_fe_accept_input(&s->chr);
    }
    return byte;
}

static uint8_t read_iir(Serial *s)
{
    uint8_t value = interrupt(s);

    if (value == IIR_TX) {
        s->thre_pending = false;
        update_irq(s);
    }
    return value | (fifos_on(s) ? IIR_FIFO : 0);
}

static uint8_t read_lsr(Serial *s)
{
    uint8_t value = s->lsr;

    s->lsr &= ~LSR_ERRORS;
    update_irq(s);
    return value;
}

static uint8_t read_msr(Serial *s)
{
    uint8_t value = s->msr;

    s->msr &= ~MSR_DELTAS;
    update_irq(s);
    return value;
}

static uint8_t read_reg(Serial *s, unsigned reg)
{
    if (reg < 2 && (s->lcr & LCR_DLAB)) {
        return reg ? s->divisor >> 8 : s->divisor;
    }
    switch (reg) {
    case 0:
        return read_rbr(s);
    case 1:
        return s->ier;
    case 2:
        return read_iir(s);
    case 3:
        return s->lcr;
    case 4:
        return s->mcr;
    case 5:
        return read_lsr(s);
    case 6:
        return read_msr(s);
    default:
        return s->scr;
    }
}

static uint64_t serial_read(void *opaque, uint64_t offset, unsigned size)
{
    uint8_t value = read_reg(opaque, offset & 7);

    TRACE(serial_read, "reg %d value 0x%02x", (int)offset, value);
    return value;
}

const IoOps serial_io = { .read = serial_read, .write = serial_write, .max_size = 1 };

static size_t can_receive(void *opaque)
{
    Serial *s = opaque;

    return s->mcr & MCR_LOOP ? 0 : room(s);
}

static void received(void *opaque, const uint8_t *buf, size_t len)
{
    Serial *s = opaque;

    if (s->wakeup) {
        run_request(RUN_REQUEST_WAKEUP, SHUTDOWN_CAUSE_NONE);
    }
    for (size_t i = 0; i < len; i++) {
        receive(s, buf[i]);
    }
    update_irq(s);
}

static void happened(void *opaque, CharEvent event)
{
    Serial *s = opaque;

    if (event == CHAR_EVENT_BREAK) {
        receive(s, 0);
        s->lsr |= LSR_BI;
        if (fifos_on(s)) {
            s->lsr |= LSR_FIFO_ERROR;
        }
        update_irq(s);
    }
}

void serial_reset(Serial *s)
{
    s->ier = 0;
    s->fcr = 0;
    s->lcr = 0;
    s->mcr = 0;
    s->scr = 0;
    s->divisor = 12;
    s->lsr = LSR_THRE | LSR_TEMT;
    s->msr = outside_lines(s);
    s->thre_pending = false;
    s->stuck = false;
    char_fe_notify_writable(&s->chr, NULL, NULL);
    fifo_clear(&s->tx);
    clear_rx(s);
    irq_lower(s->irq);
    char_fe_accept_input(&s->chr);
}

bool serial_realize(Serial *s, Chardev *chr, Error **errp)
{
    if (!s->baudbase) {
        error_set(errp, "baudbase is 0");
        return false;
    }
    if (!char_fe_init(&s->chr, chr, errp)) {
        return false;
    }
    timer_init(&s->timeout, CLOCK_TYPE_VIRTUAL, timed_out, s);
    char_fe_set_handlers(&s->chr, can_receive, received, happened, s);
    return true;
}

void serial_unrealize(Serial *s)
{
    timer_disarm(&s->timeout);
    char_fe_deinit(&s->chr);
}

static const StateField fifo_state[] = {
    STATE_BYTES(SerialFifo, data),
    STATE_UINT_MAX(SerialFifo, head, SERIAL_FIFO - 1),
    STATE_UINT_MAX(SerialFifo, count, SERIAL_FIFO),
    { }
};

const StateField serial_state[] = {
    STATE_UINT(Serial, ier),
    STATE_UINT(Serial, fcr),
    STATE_UINT(Serial, lcr),
    STATE_UINT(Serial, mcr),
    STATE_UINT(Serial, lsr),
    STATE_UINT(Serial, msr),
    STATE_UINT(Serial, scr),
    STATE_UINT(Serial, divisor),
    STATE_UINT_MAX(Serial, thre_pending, 1),
    STATE_UINT_MAX(Serial, timeout_pending, 1),
    STATE_STRUCT(Serial, rx, fifo_state),
    STATE_STRUCT(Serial, tx, fifo_state),
    STATE_TIMER(Serial, timeout),
    { }
};
