/* The UNKNOWN desk and the cases over HTTP. */
#include "daemon/core/desk/cases.h"
#include "daemon/core/desk/unknown.h"
#include "daemon/core/web/api.h"
#include "proto/base/cleanup.h"
#include <stdlib.h>
#include <string.h>

void api_get_unknown(struct request *r)
{
        struct who who;

        if (api_actor(r, MAY_READ, &who))
                web_reply(r, 200, json_pack("{s:o}", "unknown", unknown_list(api_core(r))));
}

void api_post_unknown(struct request *r)
{
        const char *answer = "", *serial = NULL;
        bool second = false;
        struct jread in;
        struct error err;
        struct who who;
        int result;

        if (!api_actor(r, MAY_DECIDE, &who))
                return;
        in = jread_begin(r->body, "request", &err);
        jread_str(&in, "answer", 1, 32, &answer);
        jread_str_opt(&in, "serial", 6, SERIAL_TEXT - 1, &serial);
        result = jread_end(&in) < 0 ? -1 : unknown_decide(api_core(r), &who, r->vars[0], answer, serial, &second, &err);
        api_done(r, result, &err, api_second(second));
}

void api_get_cases(struct request *r)
{
        struct error err;
        struct who who;
        int64_t all = 0;

        if (!api_actor(r, MAY_READ, &who))
                return;
        if (web_query_int(r, "all", 0, 1, &all, &err) < 0)
                web_reply_error(r, &err);
        else
                web_reply(r, 200, json_pack("{s:o}", "cases", cases_list(api_core(r), all == 1)));
}

static int read_id(const char *text, int64_t *ret, struct error *err)
{
        size_t n = strspn(text, "0123456789");

        if (n == 0 || n > 18 || text[n] != '\0')
                return err_input(err, REASON_NOT_FOUND, "no open case %s", text);
        *ret = strtoll(text, NULL, 10);
        return 0;
}

void api_post_case_close(struct request *r)
{
        const char *finding = "", *text = "";
        bool second = false;
        struct jread in;
        struct error err;
        struct who who;
        int64_t id = 0;
        int result;

        if (!api_actor(r, MAY_DECIDE, &who))
                return;
        in = jread_begin(r->body, "request", &err);
        jread_str(&in, "finding", 1, 32, &finding);
        jread_str_opt(&in, "text", 0, CASE_TEXT_MAX, &text);
        result = jread_end(&in) < 0 || read_id(r->vars[0], &id, &err) < 0
                         ? -1
                         : case_close(api_core(r), &who, id, finding, text, &second, &err);
        api_done(r, result, &err, api_second(second));
}
