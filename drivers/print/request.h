/* Private to drivers/print: one IPP request and its answer over a connection that is made when needed. */
#pragma once
#include "drivers/print/queue.h"
#include <cups/cups.h>

struct queue {
        http_t *http; /* NULL: not connected */
        char name[PRINT_QUEUE_MAX + 1], media[128], resource[PRINT_QUEUE_MAX + 16], uri[512];
};

static inline void ipp_p(ipp_t **ipp)
{
        ippDelete(*ipp);
}

const char *request_no_password(const char *prompt, http_t *http, const char *method, const char *resource,
                                void *context);

/* A request on the queue or, with job_id, on one of its jobs. */
ipp_t *request_new(const struct queue *q, ipp_op_t operation, int job_id);
void request_want(ipp_t *request, size_t n, const char *const *names);

/* Sends and frees the request. On 0 the caller owns *ret. -1 and *err as in drivers/print/queue.h. */
int request_send(struct queue *q, ipp_t *request, const char *resource, ipp_t **ret, struct error *err);
int request_send_document(struct queue *q, ipp_t *request, struct bytes document, struct error *err);
