#include "tests/sim/card/card.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
        INS_EXTERNAL_AUTHENTICATE = 0x82,
        INS_SELECT = 0xA4,
        INS_READ_BINARY = 0xB0,
        INS_GET_RESPONSE = 0xC0,
        INS_STORE_DATA = 0xE2,
        BY_NAME = 0x04 /* P1 of SELECT */
};

const uint8_t isd_aid[ISD_AID_SIZE] = { 0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00 };
const uint8_t app_aid[APP_AID_SIZE] = { 0xF0, 0x49, 0x52, 0x53, 0x4B, 0x49, 0x4C, 0x4C, 0x01, 0x00 };

void card_init(struct card *ret_card, const struct options *options)
{
        *ret_card = (struct card){ .options = options };
        store_open(&ret_card->store, options);
}

void card_reset(struct card *card)
{
        card->app_selected = false;
        card->current_fid = 0;
        card->channel = (struct channel){ 0 };
        card->n_pending = 0;
        perso_end(&card->perso);
}

static void wait_ms(unsigned ms)
{
        struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L };

        while (ms > 0 && nanosleep(&t, &t) < 0)
                ;
}

/* GPCS 6.4.2.1: the card's own name, a part of it or none is the issuer security domain; a part needs its RID. */
static bool named(const struct command *c, const uint8_t *aid, size_t n_aid)
{
        return c->lc >= 5 && c->lc <= n_aid && memcmp(c->data, aid, c->lc) == 0;
}

static uint16_t select_app(struct card *card)
{
        if (card->store.card_life == CARD_LOCKED || card->store.card_life == CARD_TERMINATED)
                return SW_NOT_FOUND;
        if (!(card->store.app_life & APP_LOCKED_BIT))
                return SW_OK;
        return card->options->lock_sw;
}

static void select_name(struct card *card, const struct command *c, struct answer *a)
{
        bool isd = c->lc == 0 || named(c, isd_aid, ISD_AID_SIZE);
        bool app = !isd && card->store.app_present && named(c, app_aid, APP_AID_SIZE);
        bool no_answer = c->p2 == 0x0C || (!c->has_le && !card->options->t0);

        if (c->p2 != 0x00 && c->p2 != 0x0C)
                a->sw = c->p2 == 0x02 ? SW_NOT_FOUND : SW_P1P2; /* 02: there is no next occurrence */
        else if (c->lc > 16)
                a->sw = SW_LENGTH;
        else if (!isd && !app)
                a->sw = SW_NOT_FOUND;
        else if (isd && card->store.card_life >= CARD_LOCKED)
                a->sw = card->store.card_life == CARD_TERMINATED ? SW_NOT_SUPPORTED : SW_DEACTIVATED;
        else if (app)
                a->sw = select_app(card);
        if (a->sw != SW_OK && a->sw >> 8 != 0x62)
                return; /* the former selection stays */
        card_reset(card);
        card->app_selected = app;
        if (!no_answer)
                describe_fci(card, app, a);
}

static uint16_t check_class(const struct command *c)
{
        if (c->cla & 0x10 && (c->cla & 0xE0) != 0xE0)
                return SW_CHAINING;
        if ((c->cla & 0x03) != 0 && (c->cla & 0x78) == 0)
                return SW_LOGICAL_CHANNEL;
        return c->cla == 0x00 || c->cla == 0x80 || c->cla == 0x84 ? SW_OK : SW_CLASS;
}

static void execute(struct card *card, struct command *command, struct answer *a)
{
        a->sw = check_class(command);
        if (a->sw == SW_OK && command->lc > card->options->max_command)
                a->sw = SW_LENGTH;
        if (a->sw != SW_OK)
                return;
        if (command->cla == 0x00 && command->ins == INS_SELECT && command->p1 == BY_NAME)
                select_name(card, command, a);
        else if (card->app_selected)
                applet_execute(card, command, a);
        else
                isd_execute(card, command, a);
}

static const char *change_of(const struct card *card, const struct command *c)
{
        static const struct {
                uint8_t ins;
                const char *what;
        } changes[] = { { 0x50, "initialize_update" }, { 0x82, "external_authenticate" },
                        { 0xD8, "put_key" },           { INS_STORE_DATA, "store_data" },
                        { 0xE6, "install" },           { 0xF0, "set_status" } };

        for (size_t i = 0; i < sizeof changes / sizeof *changes && !card->app_selected && c->cla & 0x80; i++)
                if (changes[i].ins == c->ins)
                        return changes[i].what;
        return NULL;
}

static struct event event_of(const struct card *card, const char *what, const struct command *c)
{
        return (struct event){ card->n_commands, what, "", { c->cla, c->ins, c->p1, c->p2 }, c->lc, 0 };
}

/* Torn before the command is done. An authentication may have cost its try already: a chip counts it first. */
static enum wire tear_early(struct card *card, const struct command *command, struct event *event)
{
        if (card->options->tear == TEAR_DURING && command->ins == INS_EXTERNAL_AUTHENTICATE &&
            card->channel.state == CHANNEL_CHALLENGED && card->store.tries < TRIES_MAX)
                card->store.tries++;
        store_save(&card->store);
        event->note = card->options->tear == TEAR_DURING ? "torn during" : "torn before";
        store_log(&card->store, event);
        return WIRE_TORN;
}

/* State-changing commands are counted, logged and may be the moment the card is torn out, once in its life. */
static enum wire change(struct card *card, const char *what, struct command *command, struct answer *a)
{
        struct event event = event_of(card, what, command);
        bool tear = ++card->n_changes == card->options->tear_at && !card->store.torn;

        if (tear) {
                card->store.torn = true;
                store_save(&card->store);
        }
        if (tear && card->options->tear != TEAR_AFTER)
                return tear_early(card, command, &event);
        if (command->ins == INS_STORE_DATA)
                wait_ms(card->options->write_ms);
        execute(card, command, a);
        event.sw = a->sw;
        event.note = tear ? "torn after" : "";
        store_log(&card->store, &event);
        return tear ? WIRE_TORN : WIRE_ANSWER;
}

/* ISO/IEC 7816-3:2006 12.2: case 4 waits for GET RESPONSE, case 2 wants the exact length. */
static void shape_t0(struct card *card, const struct command *c, struct answer *a)
{
        if (a->n == 0)
                return;
        if (c->lc > 0) {
                memcpy(card->pending, a->data, a->n);
                card->n_pending = a->n;
                card->pending_sw = a->sw;
                a->sw = (uint16_t)(0x6100 | (a->n & 0xFF));
                a->n = 0;
        } else if (c->le != a->n) {
                a->sw = (uint16_t)(0x6C00 | (a->n & 0xFF));
                a->n = 0;
        }
}

static void shape_t1(const struct command *c, struct answer *a)
{
        if (!c->has_le) {
                a->n = 0;
        } else if (c->le < a->n) {
                a->sw = (uint16_t)(0x6C00 | (a->n & 0xFF));
                a->n = 0;
        }
}

static void get_response(struct card *card, const struct command *c, struct answer *a)
{
        size_t n = card->n_pending;

        if (n == 0 || c->p1 != 0 || c->p2 != 0 || c->lc > 0 || !c->has_le) {
                a->sw = n == 0 ? SW_CONDITIONS : SW_P1P2;
        } else if (c->le != n) {
                a->sw = (uint16_t)(0x6C00 | (n & 0xFF));
                return;
        } else {
                memcpy(a->data, card->pending, n);
                a->n = n;
                a->sw = card->pending_sw;
        }
        card->n_pending = 0;
}

static enum wire answer_command(struct card *card, struct command *command, struct answer *a)
{
        struct command sent = *command;
        enum wire wire = WIRE_ANSWER;
        const char *what;

        if (card->options->t0 && command->ins == INS_GET_RESPONSE && (command->cla & 0x7F) == 0) {
                get_response(card, command, a);
                return WIRE_ANSWER;
        }
        card->n_pending = 0;
        what = change_of(card, command);
        if (what)
                wire = change(card, what, command, a);
        else
                execute(card, command, a);
        if (card->options->t0)
                shape_t0(card, &sent, a);
        else
                shape_t1(&sent, a);
        return wire;
}

/* Faults of the line or of a foreign card: no status word, or nonsense that claims success. */
static void spoil(const struct card *card, uint8_t *bytes, size_t *n)
{
        const struct options *o = card->options;

        if (o->mute_at && card->n_commands >= o->mute_at)
                *n = o->mute_short ? 1 : 0;
        if (o->garbage_at && card->n_commands >= o->garbage_at) {
                uint32_t x = 2463534242u + card->n_commands;

                for (*n = 0; *n < 64; ++*n) {
                        x = x * 1664525u + 1013904223u;
                        bytes[*n] = (uint8_t)(x >> 24);
                }
                bytes[*n - 2] = 0x90;
                bytes[*n - 1] = 0x00;
        }
}

/* Answers that lead on and on: more bytes to fetch, another length, a tag (1F FF FF ...) that does not end. */
static void lead_on(const struct card *card, const struct command *c, uint8_t *bytes, size_t *n)
{
        enum { MORE = 16 };
        size_t body = 0;

        if (card->options->endless == ENDLESS_TLV && c->ins != INS_READ_BINARY)
                return;
        if (card->options->endless == ENDLESS_61 && c->ins == INS_GET_RESPONSE)
                memset(bytes, 0xA5, body = MORE);
        if (card->options->endless == ENDLESS_TLV)
                bytes[body++] = c->p1 == 0 && c->p2 == 0 ? 0x1F : 0xFF;
        bytes[body] = card->options->endless == ENDLESS_TLV ? 0x90 : card->options->endless == ENDLESS_61 ? 0x61 : 0x6C;
        bytes[body + 1] = card->options->endless == ENDLESS_TLV ? 0x00 : MORE;
        *n = body + 2;
}

/* The test's own command, at a moment that is the same each time. */
static void hook(const struct card *card, bool after)
{
        const struct options *o = card->options;

        if (o->hook_at && card->n_commands == o->hook_at && o->hook_after == after && system(o->hook_run) != 0)
                warnx("the hook failed: %s", o->hook_run);
}

static enum wire run(struct card *card, const uint8_t *bytes, size_t n, struct command *command, struct answer *a)
{
        struct event event;
        enum wire wire;

        if (!apdu_parse(bytes, n, command)) {
                a->sw = SW_LENGTH;
                return WIRE_ANSWER;
        }
        event = event_of(card, "command", command);
        wire = answer_command(card, command, a);
        event.sw = a->sw;
        store_trace(&card->store, &event);
        return wire;
}

enum wire card_transmit(struct card *card, const uint8_t *bytes, size_t n, uint8_t *ret_bytes, size_t *ret_n)
{
        struct command command = { 0 };
        struct answer answer = { .sw = SW_OK };
        enum wire wire;

        card->n_commands++;
        hook(card, false);
        wait_ms(card->options->delay_ms);
        wire = run(card, bytes, n, &command, &answer);
        hook(card, true);
        memcpy(ret_bytes, answer.data, answer.n);
        ret_bytes[answer.n] = (uint8_t)(answer.sw >> 8);
        ret_bytes[answer.n + 1] = (uint8_t)answer.sw;
        *ret_n = answer.n + 2;
        spoil(card, ret_bytes, ret_n);
        if (card->options->endless_at && card->n_commands >= card->options->endless_at)
                lead_on(card, &command, ret_bytes, ret_n);
        return wire;
}
