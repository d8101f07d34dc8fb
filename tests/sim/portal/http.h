/* HTTP/1.1 messages (RFC 9112): one request read piece by piece, the head of one answer. */
#pragma once
#include "server.h"

enum http_state { HTTP_MORE, HTTP_CONTINUE, HTTP_DONE, HTTP_BROKEN };

struct http_in {
        char *data;
        size_t n, n_head; /* n_head = 0 until the head is complete */
        struct request request;
        size_t n_length;
};

/* Adds what came. HTTP_DONE: in->request points into in->data. A body over BODY_MAX is not read: too_large is set.
 * HTTP_CONTINUE: the head asks for 100 Continue. */
enum http_state http_in_add(struct http_in *in, const char *data, size_t n);
void http_in_done(struct http_in *in);
/* Status line and headers. Heap. */
char *http_head(const struct answer *answer, size_t *ret_n);
