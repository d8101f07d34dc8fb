/* Error answers of the portal: components/responses and ErrorReason of proto/portal.openapi.yaml. */
#include "proto/base/cleanup.h"
#include "proto/portal/messages.h"
#include "proto/portal/read.h"

static const struct read_form word_form = { READ_LOWER "_", 1, 40 };

/* The reason word, or "" when the body is none of the contract's. */
static void read_reason(struct bytes body, char ret[41])
{
        struct error ignored;
        cleanup(json_p) json_t *json = body.n > 0 ? json_strict(body, PORTAL_BODY_MAX, &ignored) : NULL;
        const json_t *inner = NULL;
        const char *text = NULL;
        struct jread r;

        ret[0] = '\0';
        r = jread_begin(json, "answer", &ignored);
        jread_object(&r, "error", &inner);
        if (jread_end(&r) < 0)
                return;
        r = jread_begin(inner, "error", &ignored);
        read_text(&r, "reason", word_form, ret);
        jread_str(&r, "text", 0, 2000, &text);
        if (jread_end(&r) < 0)
                ret[0] = '\0';
}

/* Our word for the portal's, where it means the same on both sides. */
static enum reason known_reason(int status, const char *word)
{
        enum reason reason;

        if (status != 403 && status != 404 && status != 409)
                return REASON_PORTAL_REFUSED; /* our own call was wrong: nothing a user could mend by that word */
        return reason_parse(word, &reason) ? reason : REASON_PORTAL_REFUSED;
}

static bool transient(int status)
{
        return status == 408 || status == 429 || status >= 500;
}

int portal_refusal(int status, struct bytes body, struct error *err)
{
        char word[41];

        read_reason(body, word);
        if (transient(status))
                return err_set(err, ERR_RETRY, ORIGIN_HTTP, (uint32_t)status, REASON_PORTAL_DOWN,
                               "the portal answers %d %s", status, word);
        return err_set(err, ERR_INPUT, ORIGIN_HTTP, (uint32_t)status, known_reason(status, word),
                       "the portal refuses with %d %s", status, word);
}
