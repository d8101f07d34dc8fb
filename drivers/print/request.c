#include "drivers/print/request.h"
#include "proto/base/cleanup.h"
#include <sys/socket.h>

const char *request_no_password(const char *prompt, http_t *http, const char *method, const char *resource,
                                void *context)
{
        (void)prompt, (void)http, (void)method, (void)resource, (void)context;
        return NULL; /* the local socket's credentials must do; a worker has nobody to ask */
}

static int give_up(http_t *http, void *context)
{
        (void)http, (void)context;
        return 0;
}

static int connect_queue(struct queue *q, struct error *err)
{
        if (q->http)
                return 0;
        q->http = httpConnect2(cupsServer(), ippPort(), NULL, AF_UNSPEC, HTTP_ENCRYPTION_IF_REQUESTED, 1,
                               QUEUE_CONNECT_MS, NULL);
        if (!q->http)
                return err_set(err, ERR_RETRY, ORIGIN_IPP, IPP_STATUS_ERROR_SERVICE_UNAVAILABLE, REASON_QUEUE_GONE,
                               "the print service does not answer");
        httpSetTimeout(q->http, QUEUE_ANSWER_S, give_up, NULL);
        return 0;
}

static void disconnect(struct queue *q)
{
        httpClose(q->http);
        q->http = NULL;
}

/* ipp_status_t -> error; the text of cupsd may quote a request and is left out. */
static int ipp_error(struct error *err, ipp_status_t status)
{
        const char *word = ippErrorString(status);

        switch ((int)status) { /* a foreign enum: only those that need a person are named */
        case IPP_STATUS_ERROR_NOT_FOUND:
                return err_set(err, ERR_OPERATOR, ORIGIN_IPP, (uint32_t)status, REASON_QUEUE_GONE,
                               "the print service knows no such queue or job");
        case IPP_STATUS_ERROR_FORBIDDEN:
        case IPP_STATUS_ERROR_NOT_AUTHENTICATED:
        case IPP_STATUS_ERROR_NOT_AUTHORIZED:
        case IPP_STATUS_ERROR_CUPS_AUTHENTICATION_CANCELED:
        case IPP_STATUS_ERROR_NOT_ACCEPTING_JOBS:
        case IPP_STATUS_ERROR_DOCUMENT_FORMAT_NOT_SUPPORTED:
        case IPP_STATUS_ERROR_ATTRIBUTES_OR_VALUES:
                return err_set(err, ERR_OPERATOR, ORIGIN_IPP, (uint32_t)status, REASON_QUEUE_WRONG,
                               "the print service refuses: %s", word);
        default:
                return err_set(err, ERR_RETRY, ORIGIN_IPP, (uint32_t)status & 0xFFFF, REASON_QUEUE_GONE,
                               "the print service failed: %s", word);
        }
}

ipp_t *request_new(const struct queue *q, ipp_op_t operation, int job_id)
{
        ipp_t *request = ippNewRequest(operation);

        (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, q->uri);
        if (job_id > 0)
                (void)ippAddInteger(request, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "job-id", job_id);
        (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL, cupsUser());
        return request;
}

void request_want(ipp_t *request, size_t n, const char *const *names)
{
        (void)ippAddStrings(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes", (int)n, NULL, names);
}

static int check_answer(struct queue *q, ipp_t *answer, struct error *err)
{
        ipp_status_t status = answer ? ippGetStatusCode(answer) : cupsLastError();

        if (answer && status <= IPP_STATUS_OK_EVENTS_COMPLETE)
                return 0;
        if (status <= IPP_STATUS_OK_EVENTS_COMPLETE) /* no answer, and no word why */
                status = IPP_STATUS_ERROR_SERVICE_UNAVAILABLE;
        disconnect(q);
        return ipp_error(err, status);
}

int request_send(struct queue *q, ipp_t *request, const char *resource, ipp_t **ret, struct error *err)
{
        cleanup(ipp_p) ipp_t *answer = NULL;

        if (connect_queue(q, err) < 0) {
                ippDelete(request);
                return -1;
        }
        answer = cupsDoRequest(q->http, request, resource); /* frees the request */
        if (check_answer(q, answer, err) < 0)
                return -1;
        *ret = steal(&answer);
        return 0;
}

int request_send_document(struct queue *q, ipp_t *request, struct bytes document, struct error *err)
{
        cleanup(ipp_p) ipp_t *owned = request, *answer = NULL;
        http_status_t status;

        if (connect_queue(q, err) < 0)
                return -1;
        status = cupsSendRequest(q->http, owned, q->resource, CUPS_LENGTH_VARIABLE);
        if (status == HTTP_STATUS_CONTINUE)
                status = cupsWriteRequestData(q->http, (const char *)document.p, document.n);
        answer = cupsGetResponse(q->http, q->resource);
        if (status != HTTP_STATUS_CONTINUE) {
                disconnect(q);
                return ipp_error(err, IPP_STATUS_ERROR_SERVICE_UNAVAILABLE);
        }
        return check_answer(q, answer, err);
}
