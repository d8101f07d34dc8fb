/* What an exchange's end means: libcurl's codes and the answer's header lines to proto/ipc/net.h's outcomes. The one
 * translation table of origin curl. */
#pragma once
#include "proto/ipc/net.h"
#include <curl/curl.h>

/* Fills *err and answers -1. sent: the request may have left; alert: the server's fatal TLS alert or 0. */
int answer_failed(CURL *curl, CURLcode code, bool sent, int alert, bool mutating, struct error *err);
/* Judges a complete answer of n body bytes. 0 and *ret, or -1 and *err: portal_nonsense (RETRY, or UNKNOWN for a
 * mutating call) for a redirect, a coding, a foreign content type, or a body whose end is not told. */
int answer_read(CURL *curl, size_t n, bool photo, bool mutating, struct net_answer *ret, struct error *err);
