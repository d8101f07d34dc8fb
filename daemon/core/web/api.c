#include "daemon/core/web/api.h"
#include "daemon/core/card/chip_flow.h"
#include "daemon/core/card/inspect.h"
#include "daemon/core/card/print_flow.h"
#include "daemon/core/custody/spoil.h"
#include "daemon/core/custody/stock.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <string.h>

struct core *api_core(const struct request *r)
{
        return r->context;
}

bool api_actor(struct request *r, unsigned roles, struct who *ret)
{
        const struct config_person *person;
        struct error err;

        if (actor_by_uid(&api_core(r)->config, r->uid, &person, &err) < 0 || actor_check(person, roles, &err) < 0) {
                web_reply_error(r, &err);
                return false;
        }
        *ret = core_who(person);
        return true;
}

void api_done(struct request *r, int result, const struct error *err, json_t *json)
{
        if (result >= 0) {
                web_reply(r, 200, json);
                return;
        }
        json_decref(json);
        web_reply_error(r, err);
}

struct line *api_line(struct request *r, const char *name)
{
        struct line *line = line_by_name(api_core(r), name);
        struct error err;

        if (!line) {
                (void)err_input(&err, REASON_NOT_FOUND, "no line %s", name);
                web_reply_error(r, &err);
        }
        return line;
}

json_t *api_second(bool needed)
{
        return json_pack("{s:b}", "second_person_needed", needed);
}

/* ---- stock ------------------------------------------------------------------------------------------------------- */

static int read_range(struct request *r, const char **ret_from, const char **ret_to, struct error *err)
{
        struct jread in = jread_begin(r->body, "request", err);

        jread_str(&in, "from", 6, 20, ret_from);
        jread_str(&in, "to", 6, 20, ret_to);
        return jread_end(&in);
}

static json_t *count_json(int64_t n)
{
        return json_pack("{s:I}", "count", (json_int_t)n);
}

static void post_blanks(struct request *r)
{
        const char *from = "", *to = "";
        struct error err;
        struct who who;
        int64_t n = 0;
        int result;

        if (!api_actor(r, MAY_STOCK, &who))
                return;
        result = read_range(r, &from, &to, &err) < 0 ? -1 : stock_add(api_core(r), &who, from, to, &n, &err);
        api_done(r, result, &err, count_json(n));
}

static void post_hopper(struct request *r)
{
        const char *from = "", *to = "";
        struct line *line;
        struct error err;
        struct who who;
        int64_t n = 0;
        int result;

        if (!api_actor(r, MAY_ISSUE, &who) || !(line = api_line(r, r->vars[0])))
                return;
        result = read_range(r, &from, &to, &err) < 0 ? -1 : stock_load(line, &who, from, to, &n, &err);
        api_done(r, result, &err, count_json(n));
}

static void post_unload(struct request *r)
{
        struct line *line;
        struct error err;
        struct who who;
        int64_t n = 0;
        int result;

        if (!api_actor(r, MAY_ISSUE, &who) || !(line = api_line(r, r->vars[0])))
                return;
        result = stock_unload(line, &who, &n, &err);
        api_done(r, result, &err, count_json(n));
}

static int read_sorted(const json_t *item, struct sorted *ret, struct error *err)
{
        struct jread in = jread_begin(item, "cards", err);
        const char *serial = "", *face = "";

        jread_str(&in, "serial", 6, SERIAL_TEXT - 1, &serial);
        jread_str_opt(&in, "face", 0, 200, &face);
        if (jread_end(&in) < 0)
                return -1;
        *ret = (struct sorted){ 0 };
        memcpy(ret->serial, serial, strlen(serial) + 1);
        return face[0] ? face_code_parse(face, ret->face, err) : 0;
}

static int read_sort(struct request *r, struct sorted *ret, size_t *ret_n, const char **ret_next, struct error *err)
{
        struct jread in = jread_begin(r->body, "request", err);
        const json_t *cards = NULL;

        jread_array(&in, "cards", SORT_CARDS_MAX, &cards);
        jread_str_opt(&in, "next", 0, SERIAL_TEXT - 1, ret_next);
        if (jread_end(&in) < 0)
                return -1;
        *ret_n = json_array_size(cards);
        for (size_t i = 0; i < *ret_n; i++)
                if (read_sorted(json_array_get(cards, i), &ret[i], err) < 0)
                        return -1;
        return 0;
}

static void post_sort(struct request *r)
{
        struct sorted cards[SORT_CARDS_MAX];
        const char *next = "";
        bool second = false;
        struct line *line;
        struct error err;
        struct who who;
        size_t n = 0;
        int result;

        if (!api_actor(r, MAY_DECIDE, &who) || !(line = api_line(r, r->vars[0])))
                return;
        result = read_sort(r, cards, &n, &next, &err) < 0 ? -1 : stock_sort(line, &who, cards, n, next, &second, &err);
        api_done(r, result, &err, api_second(second));
}

static void post_resume(struct request *r)
{
        struct core *c = api_core(r);
        struct line *line;
        struct error err;
        struct who who;
        int result;

        if (!api_actor(r, MAY_MEND, &who) || !(line = api_line(r, r->vars[0])))
                return;
        ledger_begin(&c->ledger, &who);
        line_release(line);
        FAULT_COMMIT("core.resume");
        result = core_commit(c, &err) ? 0 : -1;
        line_tell(line);
        api_done(r, result, &err, NULL);
}

/* ---- one card ---------------------------------------------------------------------------------------------------- */

static void post_worksheet(struct request *r)
{
        struct jread in;
        const char *number = "";
        struct error err;
        struct who who;
        int result;

        if (!api_actor(r, MAY_ISSUE, &who))
                return;
        in = jread_begin(r->body, "request", &err);
        jread_str(&in, "number", 1, 40, &number);
        result = jread_end(&in) < 0 ? -1 : worksheet_confirm(api_core(r), &who, r->vars[0], number, &err);
        api_done(r, result, &err, NULL);
}

static void post_print(struct request *r)
{
        struct print_ask_card ask = { 0 };
        struct jread in;
        struct line *line;
        struct error err;
        int result;

        if (!api_actor(r, MAY_ISSUE, &ask.who) || !(line = api_line(r, r->vars[0])))
                return;
        in = jread_begin(r->body, "request", &err);
        jread_str_opt(&in, "application", 4, APPLICATION_TEXT - 1, &ask.application);
        result = jread_end(&in) < 0 ? -1 : print_flow_start(line, &ask, &err);
        if (result < 0)
                web_reply_error(r, &err);
        else
                web_reply(r, 202, json_pack("{s:o}", "printing", print_flow_json(line)));
}

struct spoil_body {
        const char *cause, *text, *line;
        bool no_chip;
};

/* With a chip to lock the card goes into the reader first, and the answer is 202: the outcome follows on the line. */
static void start_spoil(struct request *r, const struct who *who, const char *serial, const struct spoil_body *body)
{
        struct core *c = api_core(r);
        struct spoil_ask ask = {
                .serial = serial, .cause = body->cause, .text = body->text, .no_chip = body->no_chip, .who = *who
        };
        struct line *line = line_by_name(c, body->line);
        struct error err;

        if (spoil_check(c, &ask, &err) < 0) {
                web_reply_error(r, &err);
        } else if (!spoil_needs_chip(c, serial) || ask.no_chip) {
                const char *fate = spoil_needs_chip(c, serial) ? "withdrawn_list" : "unwritten";

                api_done(r, spoil_record(c, &ask, fate, NULL, &err), &err,
                         json_pack("{s:s,s:s}", "serial", serial, "chip", fate));
        } else if (!line) {
                (void)err_input(&err, REASON_BAD_REQUEST, "name the line whose reader takes the card");
                web_reply_error(r, &err);
        } else if (chip_flow_lock(line, &ask, &err) < 0) {
                web_reply_error(r, &err);
        } else {
                web_reply(r, 202, json_pack("{s:o}", "chipping", chip_flow_json(line)));
        }
}

static void read_spoil(struct jread *in, struct spoil_body *body)
{
        jread_str(in, "cause", 1, 32, &body->cause);
        jread_str_opt(in, "text", 0, SPOIL_TEXT_MAX, &body->text);
        jread_str_opt(in, "line", 1, CONFIG_NAME_MAX, &body->line);
        jread_bool_opt(in, "no_chip", &body->no_chip);
}

static void post_spoil(struct request *r)
{
        struct spoil_body body = { .cause = "", .text = "" };
        struct jread in;
        struct error err;
        struct who who;

        if (!api_actor(r, MAY_SPOIL, &who))
                return;
        in = jread_begin(r->body, "request", &err);
        read_spoil(&in, &body);
        if (jread_end(&in) < 0)
                web_reply_error(r, &err);
        else
                start_spoil(r, &who, r->vars[0], &body);
}

/* I-6.7. A good print needs the face as well as the serial; a spoiled one may be too spoiled to show its face. */
static void post_inspect(struct request *r)
{
        static const char *const verdicts[] = { "good", "spoiled", NULL };
        struct spoil_body body = { .cause = "", .text = "" };
        const char *serial = "", *face = NULL;
        char code[FACE_CODE_TEXT];
        unsigned verdict = 0;
        struct jread in;
        struct error err;
        struct who who;

        if (!api_actor(r, MAY_ISSUE, &who))
                return;
        in = jread_begin(r->body, "request", &err);
        jread_str(&in, "serial", 6, SERIAL_TEXT - 1, &serial);
        jread_str_opt(&in, "face", 1, 200, &face);
        jread_word(&in, "verdict", verdicts, &verdict);
        if (verdict == 1)
                read_spoil(&in, &body);
        if (jread_end(&in) < 0) {
                web_reply_error(r, &err);
        } else if (verdict == 1) {
                start_spoil(r, &who, serial, &body);
        } else if (!face) {
                (void)err_input(&err, REASON_FACE_MISMATCH, "scan the face code as well");
                web_reply_error(r, &err);
        } else {
                int result = face_code_parse(face, code, &err) < 0
                                     ? -1
                                     : inspect_accept(api_core(r), &who, code, serial, &err);

                api_done(r, result, &err, NULL);
        }
}

static void post_write(struct request *r)
{
        const char *serial = "";
        struct line *line;
        struct jread in;
        struct error err;
        struct who who;
        int result;

        if (!api_actor(r, MAY_ISSUE, &who) || !(line = api_line(r, r->vars[0])))
                return;
        in = jread_begin(r->body, "request", &err);
        jread_str(&in, "serial", 6, SERIAL_TEXT - 1, &serial);
        result = jread_end(&in) < 0 ? -1 : chip_flow_write(line, &who, serial, &err);
        if (result < 0)
                web_reply_error(r, &err);
        else
                web_reply(r, 202, json_pack("{s:o}", "chipping", chip_flow_json(line)));
}

static void post_confirm(struct request *r)
{
        bool match = false;
        struct jread in;
        struct error err;
        struct who who;
        int result;

        if (!api_actor(r, MAY_ISSUE, &who))
                return;
        in = jread_begin(r->body, "request", &err);
        jread_bool(&in, "match", &match);
        result = jread_end(&in) < 0 ? -1 : inspect_confirm(api_core(r), &who, r->vars[0], match, &err);
        api_done(r, result, &err, NULL);
}

static void post_sync(struct request *r)
{
        struct who who;

        if (!api_actor(r, MAY_READ & ~ROLE_BIT(ROLE_AUDITOR), &who))
                return;
        sync_kick(&api_core(r)->sync);
        outbox_kick(&api_core(r)->outbox);
        web_reply(r, 202, NULL);
}

const struct route api_routes[] = {
        { "GET", "/v1/status", api_get_status },
        { "GET", "/v1/events", api_get_events },
        { "GET", "/v1/states", api_get_states },
        { "GET", "/v1/queue", api_get_queue },
        { "GET", "/v1/applications/{id}", api_get_application },
        { "GET", "/v1/applications/{id}/photo", api_get_photo },
        { "GET", "/v1/blanks/{serial}", api_get_blank },
        { "GET", "/v1/lines/{line}/shown", api_get_shown },
        { "GET", "/v1/lines/{line}/shown/photo", api_get_shown_photo },
        { "GET", "/v1/unknown", api_get_unknown },
        { "GET", "/v1/cases", api_get_cases },
        { "GET", "/v1/withdrawn", api_get_withdrawn },
        { "GET", "/v1/audit", api_get_audit },
        { "GET", "/v1/snapshot", api_get_snapshot },
        { "GET", "/v1/portal/ledger", api_get_portal_ledger },
        { "POST", "/v1/sync", post_sync },
        { "POST", "/v1/blanks", post_blanks },
        { "POST", "/v1/lines/{line}/hopper", post_hopper },
        { "POST", "/v1/lines/{line}/unload", post_unload },
        { "POST", "/v1/lines/{line}/sort", post_sort },
        { "POST", "/v1/lines/{line}/resume", post_resume },
        { "POST", "/v1/applications/{id}/worksheet", post_worksheet },
        { "POST", "/v1/applications/{id}/rebound", api_post_rebound },
        { "POST", "/v1/lines/{line}/print", post_print },
        { "POST", "/v1/inspect", post_inspect },
        { "POST", "/v1/lines/{line}/write", post_write },
        { "POST", "/v1/blanks/{serial}/confirm", post_confirm },
        { "POST", "/v1/blanks/{serial}/spoil", post_spoil },
        { "POST", "/v1/blanks/{serial}/missing", api_post_missing },
        { "POST", "/v1/blanks/{serial}/void", api_post_void },
        { "POST", "/v1/found", api_post_found },
        { "POST", "/v1/dispatches", api_post_dispatch },
        { "POST", "/v1/unknown/{intent}", api_post_unknown },
        { "POST", "/v1/cases/{case}/close", api_post_case_close },
        { NULL, NULL, NULL },
};
