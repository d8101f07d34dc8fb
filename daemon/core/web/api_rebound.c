/* What became of a card that a former installation of this station began. */
#include "daemon/core/portal/rebound.h"
#include "daemon/core/web/api.h"

void api_post_rebound(struct request *r)
{
        struct rebound_answer answer = { .found = "" };
        bool second = false;
        struct jread in;
        struct error err;
        struct who who;
        int result;

        if (!api_actor(r, MAY_DECIDE, &who))
                return;
        in = jread_begin(r->body, "request", &err);
        jread_str(&in, "found", 1, 32, &answer.found);
        jread_str_opt(&in, "serial", 6, SERIAL_TEXT - 1, &answer.serial);
        jread_str_opt(&in, "face", 10, FACE_CODE_TEXT - 1, &answer.face);
        result = jread_end(&in) < 0 ? -1 : rebound_decide(api_core(r), &who, r->vars[0], &answer, &second, &err);
        api_done(r, result, &err, api_second(second));
}
