/* HTTP to the core on its unix socket (libcurl, CURLOPT_UNIX_SOCKET_PATH). Blocking; each call its own connection, so
 * that nothing is ever sent twice. */
#pragma once
#include "daemon/ctl/ctl.h"

enum { CLIENT_ANSWER_MAX = 64 << 20 };

/* 0 and the answer's JSON (new reference; ret may be NULL), or -1 and *err: what the core refused, or core_down. body
 * may be NULL; it is TAKEN. path is already encoded. */
int client_call(struct ctl *c, const char *method, const char *path, json_t *body, json_t **ret, struct error *err);
/* GET of any bytes into a descriptor. */
int client_fetch(struct ctl *c, const char *path, int fd, struct error *err);
/* "/v1/blanks/" and one segment, percent-encoded (RFC 3986 2.1), and the rest. */
void client_path(char *ret, size_t max, const char *before, const char *segment, const char *after);

/* The event stream, beside the calls: something happened, look again. */
struct client_events;
struct client_events *client_events_open(struct ctl *c); /* NULL without memory */
void client_events_close(struct client_events *e);       /* accepts NULL */
/* Waits at most wait_ms for an event of any kind; a stream that broke is opened anew at the next call. */
void client_events_wait(struct client_events *e, int wait_ms);
