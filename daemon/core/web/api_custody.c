/* Custody over HTTP: missing, found, void, dispatch. Every rule lives in custody.c. */
#include "daemon/core/card/chip_flow.h"
#include "daemon/core/card/inspect.h"
#include "daemon/core/custody/custody.h"
#include "daemon/core/web/api.h"
#include "proto/base/cleanup.h"
#include <string.h>

void api_post_missing(struct request *r)
{
        bool second = false;
        struct error err;
        struct jread in;
        struct who who;
        int result;

        if (!api_actor(r, MAY_DECIDE, &who))
                return;
        in = jread_begin(r->body, "request", &err);
        result = jread_end(&in) < 0 ? -1 : custody_missing(api_core(r), &who, r->vars[0], &second, &err);
        api_done(r, result, &err, api_second(second));
}

static json_t *found_json(enum found found, int64_t id)
{
        json_t *json = api_second(found == FOUND_SECOND_NEEDED);

        if (found != FOUND_SECOND_NEEDED)
                (void)json_object_set_new(json, "found", json_string(found == FOUND_AGAIN ? "found" : "stray"));
        if (id > 0)
                (void)json_object_set_new(json, "case", json_integer((json_int_t)id));
        return json;
}

void api_post_found(struct request *r)
{
        struct found_ask ask = { "", "", "" };
        enum found found = FOUND_SECOND_NEEDED;
        char code[FACE_CODE_TEXT] = "";
        const char *face = "";
        int64_t id = 0;
        struct error err;
        struct jread in;
        struct who who;
        int result;

        if (!api_actor(r, MAY_DECIDE, &who))
                return;
        in = jread_begin(r->body, "request", &err);
        jread_str(&in, "scanned", 1, CUSTODY_SCANNED_MAX, &ask.scanned);
        jread_str_opt(&in, "face", 0, 200, &face);
        jread_str_opt(&in, "chip_id", 0, 20, &ask.chip_id);
        result = jread_end(&in);
        if (result == 0 && face[0])
                result = face_code_parse(face, code, &err);
        ask.face = code;
        if (result == 0)
                result = custody_found(api_core(r), &who, &ask, &found, &id, &err);
        api_done(r, result, &err, found_json(found, id));
}

static void reply_void(struct request *r, const struct line *line, enum voided voided, const char *serial,
                       const char *fate)
{
        switch (voided) {
        case VOID_SECOND_NEEDED:
                web_reply(r, 200, api_second(true));
                break;
        case VOID_DONE:
                web_reply(r, 200,
                          json_pack("{s:b,s:s,s:s}", "second_person_needed", false, "serial", serial, "chip", fate));
                break;
        case VOID_LOCKING:
                web_reply(r, 202,
                          json_pack("{s:b,s:o}", "second_person_needed", false, "chipping", chip_flow_json(line)));
                break;
        }
}

void api_post_void(struct request *r)
{
        struct spoil_ask ask = { .serial = r->vars[0], .text = "", .minutes = "", .minutes_sha256 = "" };
        enum voided voided = VOID_SECOND_NEEDED;
        const char *name = NULL, *fate = "";
        struct line *line;
        struct error err;
        struct jread in;

        if (!api_actor(r, MAY_VOID, &ask.who))
                return;
        in = jread_begin(r->body, "request", &err);
        jread_str(&in, "minutes", 1, CUSTODY_NUMBER_MAX, &ask.minutes);
        jread_str(&in, "minutes_sha256", 64, 64, &ask.minutes_sha256);
        jread_str_opt(&in, "text", 0, SPOIL_TEXT_MAX, &ask.text);
        jread_str_opt(&in, "line", 1, CONFIG_NAME_MAX, &name);
        jread_bool_opt(&in, "no_chip", &ask.no_chip);
        if (jread_end(&in) < 0) {
                web_reply_error(r, &err);
                return;
        }
        line = line_by_name(api_core(r), name);
        if (custody_void(api_core(r), line, &ask, &voided, &fate, &err) < 0)
                web_reply_error(r, &err);
        else
                reply_void(r, line, voided, ask.serial, fate);
}

static int read_serials(const json_t *list, const char **ret, size_t *ret_n, struct error *err)
{
        *ret_n = json_array_size(list);
        for (size_t i = 0; i < *ret_n; i++) {
                ret[i] = json_string_value(json_array_get(list, i));
                if (!ret[i] || strlen(ret[i]) < 6 || strlen(ret[i]) >= SERIAL_TEXT)
                        return err_input(err, REASON_BAD_SERIAL, "serials[%zu] is no serial", i);
        }
        return 0;
}

/* The signed list, for whoever verifies a card. */
void api_get_withdrawn(struct request *r)
{
        static const char *const keys[] = { "serial", "#at", "statement", NULL };
        struct who who;

        if (!api_actor(r, MAY_READ, &who))
                return;
        web_reply(r, 200,
                  json_pack("{s:o}", "withdrawn",
                            api_rows(&api_core(r)->ledger, keys,
                                     "SELECT serial, at, CAST(statement AS TEXT) FROM withdrawn ORDER BY serial", "",
                                     NULL, 0)));
}

void api_post_dispatch(struct request *r)
{
        const char *serials[CUSTODY_SERIALS_MAX], *letter = "";
        const json_t *list = NULL;
        bool acknowledged = false, second = false;
        struct error err;
        struct jread in;
        struct who who;
        size_t n = 0;
        int result;

        if (!api_actor(r, MAY_DISPATCH, &who))
                return;
        in = jread_begin(r->body, "request", &err);
        jread_array(&in, "serials", CUSTODY_SERIALS_MAX, &list);
        jread_str(&in, "letter", 1, CUSTODY_NUMBER_MAX, &letter);
        jread_bool_opt(&in, "acknowledged", &acknowledged);
        result = jread_end(&in) < 0 || read_serials(list, serials, &n, &err) < 0
                         ? -1
                         : custody_dispatch(api_core(r), &who, serials, n, letter, acknowledged, &second, &err);
        api_done(r, result, &err,
                 json_pack("{s:b,s:I}", "second_person_needed", second, "count", (json_int_t)(second ? 0 : n)));
}
