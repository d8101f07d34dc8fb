#include "daemon/core/loop/log.h"
#include "daemon/core/web/web_inside.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned status_of_exit(int exit_status)
{
        switch (exit_status) { /* proto/base/reason.h names them */
        case 2:
        case 3:
                return MHD_HTTP_BAD_REQUEST;
        case 7:
                return MHD_HTTP_SERVICE_UNAVAILABLE;
        case 8:
                return MHD_HTTP_FORBIDDEN;
        case 9:
                return MHD_HTTP_INTERNAL_SERVER_ERROR;
        default: /* a rule, a device, a card or an unknown outcome stands against it */
                return MHD_HTTP_CONFLICT;
        }
}

unsigned web_status(const struct error *e)
{
        if (e->reason == REASON_NOT_FOUND)
                return MHD_HTTP_NOT_FOUND;
        return e->kind == ERR_BUG ? MHD_HTTP_INTERNAL_SERVER_ERROR : status_of_exit(reason_exit_status(e->reason));
}

json_t *web_error_json(const struct error *e)
{
        return json_pack("{s:{s:s,s:s,s:s,s:s}}", "error", "reason", reason_word(e->reason), "text", e->text, "advice",
                         reason_advice(e->reason), "kind", error_kind_name(e->kind));
}

void web_answer(struct exchange *x, unsigned status, struct MHD_Response *response)
{
        static const char *const headers[][2] = {
                { "Cache-Control", "no-store" },
                { "X-Content-Type-Options", "nosniff" },
                { "Referrer-Policy", "no-referrer" },
                { "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'" },
                { "Cross-Origin-Resource-Policy", "same-origin" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
                (void)MHD_add_response_header(response, headers[i][0], headers[i][1]);
        x->response = response;
        x->status = status;
        if (!x->suspended)
                return; /* still inside the handler: queued when it returns */
        x->suspended = false;
        MHD_resume_connection(x->connection);
        x->daemon->owed = true;
}

static void answer_bytes(struct exchange *x, unsigned status, const char *type, const void *data, size_t n)
{
        struct MHD_Response *response =
                MHD_create_response_from_buffer(n, (void *)(uintptr_t)data, MHD_RESPMEM_MUST_COPY);

        if (!response)
                abort(); /* no memory for an answer of some bytes */
        (void)MHD_add_response_header(response, "Content-Type", type);
        web_answer(x, status, response);
}

void web_reply(struct request *r, unsigned status, json_t *json)
{
        static const char fault[] = "{\"error\":{\"reason\":\"internal\",\"text\":\"the answer cannot be written\","
                                    "\"advice\":\"\",\"kind\":\"bug\"}}";
        cleanup(json_p) json_t *owned = json ? json : json_object();
        cleanup(free_p) char *text = json_dumps(owned, JSON_COMPACT);

        if (text)
                answer_bytes(exchange_of(r), status, "application/json", text, strlen(text));
        else
                answer_bytes(exchange_of(r), MHD_HTTP_INTERNAL_SERVER_ERROR, "application/json", fault,
                             sizeof fault - 1);
}

void web_reply_error(struct request *r, const struct error *e)
{
        if (e->kind == ERR_BUG)
                log_error(LEVEL_ERROR, (struct log_at){ .step = "api" }, e);
        web_reply(r, web_status(e), web_error_json(e));
}

void web_reply_blob(struct request *r, unsigned status, const char *type, const void *data, size_t n)
{
        answer_bytes(exchange_of(r), status, type, data, n);
}

void web_reply_file(struct request *r, unsigned status, const char *type, int fd)
{
        struct MHD_Response *response = NULL;
        struct error err;
        struct stat st;

        if (fstat(fd, &st) == 0)
                response = MHD_create_response_from_fd((size_t)st.st_size, fd); /* closes fd in the end */
        if (!response) {
                (void)close(fd);
                (void)err_own(&err, ERR_RETRY, REASON_INTERNAL, "the file cannot be sent");
                web_reply_error(r, &err);
                return;
        }
        (void)MHD_add_response_header(response, "Content-Type", type);
        web_answer(exchange_of(r), status, response);
}
