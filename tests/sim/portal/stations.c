/* The rules of hello and anchors: which installation of a station is in force. */
#include "call.h"
#include "util.h"
#include <string.h>

enum { HELLO_MAX = 1000 };

bool station_fenced(const struct call *call, int64_t epoch)
{
        return store_int(&call->portal->store, "SELECT fenced <> 0 OR epoch <> ?2 FROM station WHERE id = ?1", "si",
                         call->station, epoch) != 0;
}

/* A head that differs from the one remembered for the same place of the chain means two chains. */
static bool head_forks(const struct call *call, int64_t epoch, int64_t seq, const char *head)
{
        return store_int(&call->portal->store,
                         "SELECT count(*) FROM anchor WHERE station = ?1 AND epoch = ?2 AND seq = ?3 AND head <> ?4",
                         "siis", call->station, epoch, seq, head) > 0;
}

static void anchor_store(const struct call *call, int64_t epoch, int64_t seq, const char *head)
{
        store_run(&call->portal->store, "INSERT OR IGNORE INTO anchor VALUES(?1, ?2, ?3, ?4)", "siis", call->station,
                  epoch, seq, head);
        store_run(&call->portal->store, "UPDATE station SET seq = max(seq, ?2) WHERE id = ?1", "si", call->station,
                  seq);
}

static json_t *hello_bound(const struct call *call)
{
        QUERY rows = store_query(&call->portal->store,
                                 "SELECT id, stage, fence, face_code, issue_date, needs FROM application"
                                 " WHERE holder = ?1 AND stage IN ('bound', 'awaiting_reissue') AND"
                                 " face_code IS NOT NULL ORDER BY change DESC LIMIT ?2",
                                 "si", call->station, (int64_t)HELLO_MAX);
        json_t *list = json_array();

        while (store_row(rows))
                json_array_append_new(list,
                                      json_pack("{s:s, s:s, s:I, s:s, s:s, s:s?}", "id", column_text(rows, 0), "stage",
                                                column_text(rows, 1), "fence", sqlite3_column_int64(rows, 2),
                                                "face_code", column_text(rows, 3), "issue_date", column_text(rows, 4),
                                                "spoiled_serial", column_text(rows, 5)));
        return list;
}

static json_t *hello_issued(const struct call *call)
{
        QUERY rows = store_query(&call->portal->store,
                                 "SELECT a.id, a.fence, c.serial FROM application a JOIN card c ON c.application = a.id"
                                 " AND c.status = 'issued' WHERE a.holder = ?1 AND a.stage = 'issued'"
                                 " ORDER BY a.change DESC LIMIT ?2",
                                 "si", call->station, (int64_t)HELLO_MAX);
        json_t *list = json_array();

        while (store_row(rows))
                json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "id", column_text(rows, 0), "fence",
                                                      sqlite3_column_int64(rows, 1), "serial", column_text(rows, 2)));
        return list;
}

/* Judges the installation that says hello; true when it is in force from now on. */
static bool hello_judge(const struct call *call, int64_t remembered, int64_t epoch)
{
        int64_t seq = body_int(call, "seq");
        const char *head = body_text(call, "head");
        struct store *store = &call->portal->store;

        if (epoch < remembered)
                return false;
        if (epoch > remembered)
                store_run(store, "UPDATE station SET epoch = ?2, seq = ?3, fenced = 0 WHERE id = ?1", "sii",
                          call->station, epoch, seq);
        if (store_int(store, "SELECT fenced <> 0 OR ?2 < seq FROM station WHERE id = ?1", "si", call->station, seq) ||
            head_forks(call, epoch, seq, head)) {
                store_run(store, "UPDATE station SET fenced = 1 WHERE id = ?1", "s", call->station);
                return false;
        }
        anchor_store(call, epoch, seq, head);
        return true;
}

struct outcome call_hello(const struct call *call)
{
        int64_t epoch = body_int(call, "epoch");
        struct store *store = &call->portal->store;
        int64_t remembered = store_int(store, "SELECT epoch FROM station WHERE id = ?1", "s", call->station);
        char now[TIME_TEXT];

        if (strcmp(body_text(call, "station"), call->station) != 0)
                return refuse(403, "not_permitted", "the certificate names another station");
        if (epoch > store_int(store, "SELECT epoch_granted FROM station WHERE id = ?1", "s", call->station))
                return refuse(403, "not_permitted", "headquarters has not given out this epoch");
        bool ok = hello_judge(call, remembered, epoch);
        json_t *bound = hello_bound(call);
        json_t *issued = hello_issued(call);
        bool truncated = json_array_size(bound) == HELLO_MAX || json_array_size(issued) == HELLO_MAX;

        time_now_text(now);
        return (struct outcome){
                .status = 200,
                .what = "hello",
                .answer = json_pack("{s:s, s:I, s:s, s:o, s:o, s:b, s:s}", "station", call->station, "epoch",
                                    epoch > remembered ? epoch : remembered, "status", ok ? "ok" : "fenced", "bound",
                                    bound, "issued", issued, "truncated", truncated, "server_time", now),
        };
}

struct outcome call_anchor(const struct call *call)
{
        int64_t epoch = body_int(call, "epoch");
        int64_t seq = body_int(call, "seq");
        const char *head = body_text(call, "head");

        if (station_fenced(call, epoch))
                return refuse(409, "fenced", "this epoch of the station is not in force; say hello");
        if (head_forks(call, epoch, seq, head)) {
                store_run(&call->portal->store, "UPDATE station SET fenced = 1 WHERE id = ?1", "s", call->station);
                return refuse(409, "fenced", "another head is known for this sequence");
        }
        anchor_store(call, epoch, seq, head);
        return (struct outcome){ .status = 200, .what = "anchor", .answer = json_pack("{s:I}", "seq", seq) };
}
