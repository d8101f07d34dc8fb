/* daemon/core/events: the ring and its cursors. Form of an event: HTML Living Standard 9.2.6. */
#include "daemon/core/web/events.h"
#include "tests/unit/test.h"
#include <inttypes.h>
#include <string.h>

static struct events e;

static void publish(int n)
{
        CHECK(events_publish(&e, "card", json_pack("{s:i}", "n", n)) == 0);
}

static void test_form(void)
{
        char want[100];
        const char *event;

        CHECK(events_read(&e, e.next_seq, &event) == 0 && e.next_seq == 1);
        publish(7);
        (void)snprintf(want, sizeof want, "id: %" PRIx32 "-1\nevent: card\ndata: {\"n\":7}\n\n", e.run);
        CHECK(events_read(&e, 1, &event) == 1 && strcmp(event, want) == 0);
        CHECK(events_read(&e, 2, &event) == 0 && events_read(&e, 3, &event) == -1 && events_read(&e, 0, &event) == -1);
}

/* A line break in the data must not end the event's line. */
static void test_line_break(void)
{
        const char *event;

        CHECK(events_publish(&e, "card", json_pack("{s:s}", "t", "a\n\nevent: forged")) == 0);
        CHECK(events_read(&e, e.next_seq - 1, &event) == 1 && strstr(event, "a\\n\\nevent") &&
              !strstr(event, "\nevent: forged"));
}

static void test_resume(void)
{
        char id[64];
        uint64_t seq = 0;

        (void)snprintf(id, sizeof id, "%" PRIx32 "-1", e.run);
        CHECK(events_resume(&e, id, &seq) && seq == 2);
        (void)snprintf(id, sizeof id, "%" PRIx32 "-%" PRIu64, e.run, e.next_seq - 1);
        CHECK(events_resume(&e, id, &seq) && seq == e.next_seq);
        (void)snprintf(id, sizeof id, "%" PRIx32 "-%" PRIu64, e.run, e.next_seq);
        CHECK(!events_resume(&e, id, &seq)); /* of the future */
        (void)snprintf(id, sizeof id, "%" PRIx32 "-1", e.run + 1);
        CHECK(!events_resume(&e, id, &seq)); /* of another run */
        (void)snprintf(id, sizeof id, "%" PRIx32 "-1x", e.run);
        CHECK(!events_resume(&e, id, &seq) && !events_resume(&e, "", &seq) && !events_resume(&e, "-", &seq));
        CHECK(!events_resume(&e, "ffffffffffffffffffffffffffffffffffffffffffffffffffff-1", &seq));
}

static void test_ring(void)
{
        const char *event;
        uint64_t first = e.next_seq;

        for (int i = 0; i < EVENTS_RING; i++)
                publish(i);
        CHECK(events_read(&e, first, &event) == 1 && strstr(event, "{\"n\":0}"));
        publish(EVENTS_RING);
        CHECK(events_read(&e, first, &event) == -1);
        CHECK(events_read(&e, first + 1, &event) == 1 && strstr(event, "{\"n\":1}"));
}

static void test_too_large(void)
{
        static char text[EVENT_MAX + 1];
        uint64_t before = e.next_seq;

        memset(text, 'x', EVENT_MAX);
        CHECK(events_publish(&e, "card", json_pack("{s:s}", "t", text)) == -1 && e.next_seq == before);
}

int main(void)
{
        struct error err;

        CHECK(events_init(&e, &err) == 0);
        test_form();
        test_line_break();
        test_resume();
        test_ring();
        test_too_large();
        events_done(&e);
        events_done(&e);
        return 0;
}
