#include "drivers/chip/pcsc.h"
#include "proto/base/cleanup.h"
#include <string.h>
#include <time.h>
#include <winscard.h>

enum {
        SLICE_MS = 500,          /* of one wait for insertion */
        LONG_SLICE_MS = 60000,   /* of one who is patient: the service tells of the card at once anyway */
        PAUSE_MS = 100,          /* between tries */
        LONG_PAUSE_MS = 1000,    /* between tries of one who is patient */
        READER_GRACE_MS = 5000,  /* a restarted service finds its readers again within this */
        CONNECT_GRACE_MS = 3000, /* a killed holder is released after 100 ms, a card powered up after 600 ms (seen) */
};

struct pcsc {
        struct transport base;
        char *reader;
        SCARDCONTEXT context;
        SCARDHANDLE card;
        DWORD protocol;
        bool has_context, has_card;
        bool keeps_le; /* T=0, but this card counts Le among the bytes */
        uint8_t answer[TRANSPORT_ANSWER_MAX];
};

static struct pcsc *pcsc_of(struct transport *t)
{
        return owner_of(t, struct pcsc, base);
}

static uint64_t now_ns(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int64_t ms_since(uint64_t start)
{
        return (int64_t)((now_ns() - start) / 1000000u);
}

static void pause_ms(long ms)
{
        struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

        (void)nanosleep(&t, NULL);
}

static void let_go(struct pcsc *p)
{
        if (!p->has_card)
                return;
        (void)SCardEndTransaction(p->card, SCARD_LEAVE_CARD);
        (void)SCardDisconnect(p->card, SCARD_UNPOWER_CARD);
        p->has_card = p->keeps_le = false;
}

/* A context does not outlive the service: each fault of the service ends it. */
static void drop_context(struct pcsc *p)
{
        let_go(p);
        if (p->has_context)
                (void)SCardReleaseContext(p->context);
        p->has_context = false;
}

static LONG need_context(struct pcsc *p)
{
        LONG r;

        if (p->has_context)
                return SCARD_S_SUCCESS;
        r = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &p->context);
        p->has_context = r == SCARD_S_SUCCESS;
        return r;
}

static bool service_is_down(LONG r)
{
        return r == SCARD_E_NO_SERVICE || r == SCARD_E_SERVICE_STOPPED || r == SCARD_F_COMM_ERROR ||
               r == SCARD_E_INVALID_HANDLE;
}

static bool reader_is_gone(LONG r)
{
        return service_is_down(r) || r == SCARD_E_UNKNOWN_READER || r == SCARD_E_READER_UNAVAILABLE ||
               r == SCARD_E_NO_READERS_AVAILABLE;
}

/* One slice of the wait. Success means that *state was looked at. */
static LONG look(struct pcsc *p, DWORD ms, DWORD *state)
{
        SCARD_READERSTATE s = { .szReader = p->reader, .dwCurrentState = *state };
        LONG r = need_context(p);

        if (r == SCARD_S_SUCCESS)
                r = SCardGetStatusChange(p->context, ms, &s, 1);
        if (r == SCARD_E_TIMEOUT)
                return SCARD_S_SUCCESS;
        if (r != SCARD_S_SUCCESS) {
                *state = SCARD_STATE_UNAWARE;
                if (service_is_down(r))
                        drop_context(p);
                return r;
        }
        *state = s.dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
        return *state & (SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE) ? SCARD_E_UNKNOWN_READER : SCARD_S_SUCCESS;
}

static int no_card(struct error *err)
{
        return err_own(err, ERR_OPERATOR, REASON_NO_CARD, "no card was put into the reader");
}

static bool waits_for_reader(const struct pcsc *p, LONG r, int64_t gone_ms)
{
        return reader_is_gone(r) && (p->base.patient || gone_ms < READER_GRACE_MS);
}

static int pcsc_wait(struct transport *t, int64_t wait_ms, int (*tick)(void *, int64_t), void *context,
                     struct error *err)
{
        struct pcsc *p = pcsc_of(t);
        uint64_t start = now_ns(), seen = start;
        DWORD state = SCARD_STATE_UNAWARE;

        for (;;) {
                int64_t left = wait_ms - ms_since(start);
                int64_t most = t->patient ? LONG_SLICE_MS : SLICE_MS;
                LONG r = look(p, (DWORD)(left < 0 ? 0 : left < most ? left : most), &state);

                if (r == SCARD_S_SUCCESS && (state & SCARD_STATE_PRESENT) && !t->fresh)
                        return 0;
                if (r == SCARD_S_SUCCESS) {
                        seen = now_ns();
                        t->fresh = t->fresh && (state & SCARD_STATE_PRESENT);
                } else if (!waits_for_reader(p, r, ms_since(seen))) {
                        return pcsc_error(r, t->changing, "waiting for a card", err);
                } else {
                        pause_ms(ms_since(seen) < READER_GRACE_MS ? PAUSE_MS : LONG_PAUSE_MS);
                }
                if (r == SCARD_S_SUCCESS && ms_since(start) >= wait_ms)
                        return no_card(err);
                if (tick && tick(context, ms_since(start)) < 0)
                        return no_card(err);
        }
}

static int read_atr(struct pcsc *p, const char *what, struct error *err)
{
        DWORD n_reader = 0, state, protocol, n_atr = sizeof p->base.atr;
        LONG r = SCardStatus(p->card, NULL, &n_reader, &state, &protocol, p->base.atr, &n_atr);

        if (r != SCARD_S_SUCCESS)
                return pcsc_error(r, p->base.changing, what, err);
        p->base.n_atr = n_atr;
        return 0;
}

/* What passes by itself: a killed holder not yet released, a card not yet powered. */
static bool passes(LONG r)
{
        return r == SCARD_E_SHARING_VIOLATION || r == SCARD_W_UNPOWERED_CARD || r == SCARD_W_UNRESPONSIVE_CARD ||
               r == SCARD_W_RESET_CARD;
}

static LONG try_connect(struct pcsc *p)
{
        LONG r = need_context(p);

        if (r == SCARD_S_SUCCESS)
                r = SCardConnect(p->context, p->reader, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
                                 &p->card, &p->protocol);
        p->has_card = r == SCARD_S_SUCCESS;
        if (r == SCARD_S_SUCCESS)
                r = SCardBeginTransaction(p->card);
        if (r != SCARD_S_SUCCESS)
                let_go(p);
        if (service_is_down(r))
                drop_context(p);
        return r;
}

static int pcsc_connect(struct transport *t, struct error *err)
{
        struct pcsc *p = pcsc_of(t);
        uint64_t start = now_ns();
        LONG r;

        let_go(p);
        while ((r = try_connect(p)) != SCARD_S_SUCCESS) {
                if (!passes(r) || ms_since(start) >= CONNECT_GRACE_MS)
                        return pcsc_error(r, t->changing, "connecting to the card", err);
                pause_ms(PAUSE_MS);
        }
        if (read_atr(p, "reading the ATR", err) == 0)
                return 0;
        let_go(p);
        return -1;
}

/* The session is over: the handle may stand for another card from here on. */
static int lost(struct pcsc *p, LONG r, const char *what, struct error *err)
{
        if (service_is_down(r))
                drop_context(p);
        let_go(p);
        return pcsc_error(r, p->base.changing, what, err);
}

/* A card pulled in mid-command shows as success without a byte (observed); one byte is no status word either. */
static int cut_short(struct pcsc *p, DWORD n, struct error *err)
{
        enum error_kind kind = p->base.changing ? ERR_UNKNOWN : ERR_OPERATOR;

        let_go(p);
        if (n == 0)
                return err_own(err, kind, REASON_CARD_REMOVED, "the card was taken out during a command");
        return err_own(err, kind, REASON_CARD_SHORT_ANSWER, "the chip answered with a single byte");
}

/* ISO/IEC 7816-3:2006 12.2: a TPDU of T=0 has no room for Le beside data; what waits comes by GET RESPONSE. Readers
 * pass the bytes on as they are. */
static struct bytes for_protocol(const struct pcsc *p, struct bytes command)
{
        enum { HEAD = 5 };

        if (p->protocol == SCARD_PROTOCOL_T0 && !p->keeps_le && command.n > HEAD &&
            command.n == (size_t)HEAD + command.p[4] + 1)
                command.n--;
        return command;
}

static int send_bytes(struct pcsc *p, struct bytes sent, DWORD *ret_n, struct error *err)
{
        SCARD_IO_REQUEST pci = { p->protocol, sizeof pci };
        uint64_t start = now_ns();
        LONG r;

        *ret_n = sizeof p->answer;
        r = SCardTransmit(p->card, &pci, sent.p, (DWORD)sent.n, NULL, p->answer, ret_n);
        p->base.ns_device += now_ns() - start;
        p->base.n_commands++;
        if (r != SCARD_S_SUCCESS)
                return lost(p, r, "sending a command", err);
        return *ret_n < 2 ? cut_short(p, *ret_n, err) : 0;
}

/* A card whose ATR says T=0 but which takes whole APDUs answers a command without its Le with "wrong length". Such a
 * refusal of a command without secure messaging (ISO/IEC 7816-4:2020 5.4.1) changed nothing: it is sent whole, as all
 * that follow to this card. */
static bool wants_le(const struct pcsc *p, struct bytes command, struct bytes sent, DWORD n)
{
        enum { SECURE_MESSAGING = 0x0C };

        return sent.n < command.n && n == 2 && p->answer[0] == 0x67 && p->answer[1] == 0x00 &&
               (command.p[0] & SECURE_MESSAGING) == 0;
}

static int pcsc_transmit(struct transport *t, struct bytes command, struct writer *answer, struct error *err)
{
        struct pcsc *p = pcsc_of(t);
        struct bytes sent = for_protocol(p, command);
        DWORD n = 0;

        if (!p->has_card)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "no card is connected");
        if (send_bytes(p, sent, &n, err) < 0)
                return -1;
        if (wants_le(p, command, sent, n)) {
                p->keeps_le = true;
                if (send_bytes(p, command, &n, err) < 0)
                        return -1;
        }
        write_bytes(answer, (struct bytes){ p->answer, n });
        if (!answer->failed)
                return 0;
        let_go(p);
        return err_own(err, t->changing ? ERR_UNKNOWN : ERR_CARD, REASON_CHIP_ANSWER, "the chip's answer is too long");
}

/* Reconnect with a power cycle keeps the reader ours throughout. The caller identifies the card again. */
static int pcsc_reset(struct transport *t, struct error *err)
{
        struct pcsc *p = pcsc_of(t);
        LONG r;

        if (!p->has_card)
                return pcsc_connect(t, err);
        r = SCardEndTransaction(p->card, SCARD_LEAVE_CARD);
        if (r == SCARD_S_SUCCESS)
                r = SCardReconnect(p->card, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
                                   SCARD_UNPOWER_CARD, &p->protocol);
        if (r == SCARD_S_SUCCESS)
                r = SCardBeginTransaction(p->card);
        if (r != SCARD_S_SUCCESS)
                return lost(p, r, "resetting the card", err);
        if (read_atr(p, "reading the ATR", err) == 0)
                return 0;
        let_go(p);
        return -1;
}

static void pcsc_disconnect(struct transport *t)
{
        let_go(pcsc_of(t));
}

static void pcsc_close(struct transport *t)
{
        struct pcsc *p = pcsc_of(t);

        drop_context(p);
        free(p->reader);
        free(p);
}

static const struct transport_ops pcsc_ops = {
        .name = "pcsc",
        .wait = pcsc_wait,
        .connect = pcsc_connect,
        .transmit = pcsc_transmit,
        .reset = pcsc_reset,
        .disconnect = pcsc_disconnect,
        .close = pcsc_close,
};

struct transport *pcsc_new(const char *reader)
{
        struct pcsc *p = calloc(1, sizeof *p);

        if (!p)
                return NULL;
        p->base.ops = &pcsc_ops;
        p->reader = strdup(reader);
        if (!p->reader) {
                free(p);
                return NULL;
        }
        return &p->base;
}
