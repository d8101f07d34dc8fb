#include "daemon/core/loop/log.h"
#include "daemon/core/web/web_inside.h"
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* "reset" has no id: the browser keeps the last one it saw. */
static const char first_words[] = "retry: 1000\nevent: reset\ndata: {}\n\n";
static const char resumed_words[] = "retry: 1000\n\n";
static const char ping_words[] = ": ping\n\n";

static void wake(struct stream *s)
{
        if (!s->suspended)
                return;
        s->suspended = false;
        MHD_resume_connection(s->connection);
        s->daemon->owed = true;
}

/* The peer left; libmicrohttpd does not look at suspended connections. */
static void stream_gone(struct source *source, uint32_t events)
{
        struct stream *s = owner_of(source, struct stream, gone);

        (void)events;
        loop_source_del(s->daemon->web->loop, source);
        s->ended = true;
        wake(s);
}

/* libmicrohttpd calls it before the descriptor is closed or reused. */
static void stream_free(void *cls)
{
        struct stream *s = cls;
        struct web *w = s->daemon->web;

        loop_source_del(w->loop, &s->gone);
        if (s->next)
                s->next->prev = s->prev;
        if (s->prev)
                s->prev->next = s->next;
        else
                w->streams = s->next;
        if (--w->n_streams == 0)
                loop_timer_clear(w->loop, &w->ping);
        free(s);
}

static ssize_t take_text(struct stream *s, const char *text, char *buf, size_t max, bool *ret_whole)
{
        size_t left = strlen(text) - s->sent, n = left < max ? left : max;

        memcpy(buf, text + s->sent, n);
        *ret_whole = n == left;
        s->sent = *ret_whole ? 0 : s->sent + n;
        return (ssize_t)n;
}

static ssize_t stream_read(void *cls, uint64_t position, char *buf, size_t max)
{
        struct stream *s = cls;
        const char *event;
        bool whole;
        ssize_t n;
        int r;

        (void)position;
        if (s->ended)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        if (s->extra) {
                n = take_text(s, s->extra, buf, max, &whole);
                s->extra = whole ? NULL : s->extra;
                return n;
        }
        r = events_read(s->daemon->web->events, s->seq, &event);
        if (r < 0) /* too slow: the reader comes again and looks at the state anew */
                return MHD_CONTENT_READER_END_OF_STREAM;
        if (r == 0) {
                s->suspended = true;
                MHD_suspend_connection(s->connection);
                return 0;
        }
        n = take_text(s, event, buf, max, &whole);
        s->seq += whole;
        return n;
}

static struct stream *stream_new(struct exchange *x)
{
        struct web *w = x->request.web;
        struct stream *s = calloc(1, sizeof *s);
        const char *last = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Last-Event-ID");

        if (!s)
                return NULL;
        *s = (struct stream){ .gone = { web_connection_fd(x->connection), stream_gone },
                              .connection = x->connection,
                              .daemon = x->daemon,
                              .next = w->streams,
                              .extra = first_words,
                              .seq = w->events->next_seq };
        if (last && events_resume(w->events, last, &s->seq))
                s->extra = resumed_words;
        if (s->next)
                s->next->prev = s;
        w->streams = s;
        if (w->n_streams++ == 0)
                loop_timer_set(w->loop, &w->ping, now_boot_ms() + WEB_PING_MS);
        return s;
}

void web_reply_events(struct request *r)
{
        struct exchange *x = exchange_of(r);
        struct stream *s = stream_new(x);
        struct MHD_Response *response =
                s ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_read, s, stream_free) : NULL;
        struct error err;

        if (!response)
                abort(); /* no memory for some bytes */
        if (loop_source_add(x->daemon->web->loop, &s->gone, EPOLLRDHUP, &err) < 0)
                log_error(LEVEL_WARNING, (struct log_at){ .step = "events" }, &err);
        (void)MHD_add_response_header(response, "Content-Type", "text/event-stream");
        web_answer(x, MHD_HTTP_OK, response);
}

void web_ping(struct timer *t)
{
        struct web *w = owner_of(t, struct web, ping);

        for (struct stream *s = w->streams; s; s = s->next) {
                if (!s->suspended) /* is being written to: no need */
                        continue;
                s->extra = ping_words;
                wake(s);
        }
        loop_timer_set(w->loop, &w->ping, now_boot_ms() + WEB_PING_MS);
}

void web_publish(struct web *w, const char *name, json_t *data)
{
        if (events_publish(w->events, name, data) < 0) {
                log_say(LEVEL_ERROR, "event '%s' does not fit", name);
                return;
        }
        for (struct stream *s = w->streams; s; s = s->next)
                wake(s);
}

unsigned web_n_streams(const struct web *w)
{
        return w->n_streams;
}

void web_end_streams(struct web *w)
{
        for (struct stream *s = w->streams; s; s = s->next) {
                s->ended = true;
                wake(s);
        }
}
