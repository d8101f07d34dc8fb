#include "chain_case.h"
#include "util.h"
#include <stdlib.h>
#include <string.h>

static json_t *confirmations(struct portal *portal, const char *id)
{
        QUERY rows = store_query(&portal->store,
                                 "SELECT role, by, at FROM chain_confirmation WHERE application = ?1 ORDER BY role",
                                 "s", id);
        json_t *list = json_array();

        while (store_row(rows))
                json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "role",
                                                      chain_roles[sqlite3_column_int(rows, 0)].word, "by",
                                                      column_text(rows, 1), "at", column_text(rows, 2)));
        return list;
}

static char *payload_make(struct portal *portal, const struct chain_case *one, json_t *payment, int64_t at)
{
        json_int_t n_photo =
                store_int(&portal->store, "SELECT length(data) FROM photo WHERE sha256 = ?1", "s", one->photo);
        char issued[TIME_TEXT];

        time_text(at, issued);
        JSON json = json_pack("{s:i, s:s, s:I, s:s, s:s, s:o, s:O?, s:O, s:O, s:{s:s, s:I, s:s}, s:s}", "v", 1, "id",
                              one->id, "seq", (json_int_t)one->seq, "station_province", one->province, "kind",
                              one->kind, "confirmations", confirmations(portal, one->id), "payment", payment,
                              "certificate", json_object_get(one->data, "certificate"), "worksheet",
                              json_object_get(one->data, "worksheet"), "photo", "sha256", one->photo, "n_bytes",
                              n_photo, "type", "image/jpeg", "issued_at", issued);
        return must(json_dumps(must(json), JSON_COMPACT));
}

void chain_sign(struct portal *portal, struct chain_case *one, json_t *payment, int64_t at)
{
        struct store *store = &portal->store;
        char sha256[SHA256_HEX];

        one->seq++;
        OWNED char *payload = payload_make(portal, one, payment, at);
        OWNED char *approval = jws_sign(&portal->signers, SIGN_APPROVAL, payload);

        sha256_hex(payload, strlen(payload), sha256);
        store_run(store, "UPDATE chain_case SET stage = ?2, seq = ?3 WHERE id = ?1", "sii", one->id,
                  (int64_t)one->stage, one->seq);
        store_run(store,
                  "UPDATE application SET stage = CASE stage WHEN 'in_chain' THEN 'approved' ELSE stage END, change ="
                  " ?2, deadline = NULL, waiting_for = NULL, approval = ?3, data_sha256 = ?4, photo = ?5 WHERE id = ?1",
                  "sisss", one->id, store_next_change(store), approval, sha256, one->photo);
}
