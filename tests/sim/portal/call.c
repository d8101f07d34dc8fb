/* From a request to its answer: station, path, size, headers, digest, stored key, schema, rule, receipt. */
#include "call.h"
#include "fault.h"
#include "routes.h"
#include "util.h"
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

static void answer_text(struct answer *ret, int status, char *body)
{
        ret->status = status;
        ret->body = body;
        ret->n_body = strlen(body);
}

static char *error_text(const char *reason, const char *text)
{
        JSON json = json_pack("{s:{s:s, s:s}}", "error", "reason", reason, "text", text);

        return must(json_dumps(json, JSON_COMPACT));
}

static void answer_error(struct answer *ret, int status, const char *reason, const char *text)
{
        answer_text(ret, status, error_text(reason, text));
}

static bool digest_fits(const struct request *request)
{
        uint8_t digest[SHA256_DIGEST_LENGTH];

        SHA256((const uint8_t *)request->body, request->n_body, digest);
        OWNED char *base64 = base64_text(digest, sizeof(digest));
        OWNED char *expected = text_format("sha-256=:%s:", base64);

        return strcmp(expected, request->digest) == 0;
}

/* Headers and digest of a mutating call. */
static bool headers_fit(const struct request *request, struct answer *ret)
{
        if (!request->type || strcmp(request->type, "application/json") != 0)
                answer_error(ret, 400, "bad_request", "Content-Type: application/json");
        else if (!request->key || !pattern_match(PATTERN_KEY, request->key))
                answer_error(ret, 400, "bad_request", "Idempotency-Key: a lower-case UUIDv4");
        else if (!request->digest || !pattern_match("^sha-256=:[A-Za-z0-9+/]{43}=:$", request->digest))
                answer_error(ret, 400, "bad_request", "Content-Digest: sha-256 of the body");
        else if (!digest_fits(request))
                answer_error(ret, 422, "digest_wrong", "the body is not the one that was digested");
        return ret->status == 0;
}

/* True when the key was used before: the stored answer, or 422. */
static bool answer_stored(const struct call *call, const char *what, struct answer *ret)
{
        QUERY row = store_query(&call->portal->store,
                                "SELECT call, payload_sha256, status, body FROM answer WHERE station = ?1 AND key = ?2",
                                "ss", call->station, call->key);

        if (!store_row(row))
                return false;
        if (strcmp(column_text(row, 0), what) != 0 || strcmp(column_text(row, 1), call->payload_sha256) != 0)
                answer_error(ret, 422, "key_reused", "this key belongs to another call");
        else
                answer_text(ret, sqlite3_column_int(row, 2), must(strdup(column_text(row, 3))));
        return true;
}

static json_t *schema_fits(const struct route *route, const struct request *request, struct answer *ret)
{
        const char *why = "";
        json_t *body = body_parse(request->body, request->n_body, &why);

        if (!body) {
                answer_error(ret, 400, "bad_json", why);
                return NULL;
        }
        if (!body_check(body, route->fields, route->n_fields, &why)) {
                answer_error(ret, 400, "bad_request", why);
                json_decref(body);
                return NULL;
        }
        return body;
}

static char *receipt_make(const struct call *call, const char *what, int64_t portal_seq, const char *at)
{
        JSON json = json_pack("{s:i, s:s, s:s, s:s, s:I, s:s, s:s}", "v", 1, "station", call->station, "key", call->key,
                              "payload_sha256", call->payload_sha256, "portal_seq", portal_seq, "at", at, "what", what);
        OWNED char *payload = must(json_dumps(json, JSON_COMPACT));

        return jws_sign(&call->portal->signers, SIGN_RECEIPT, payload);
}

/* The effect's row and its receipt: the portal's own append-only log. */
static void effect_record(const struct call *call, struct outcome *outcome)
{
        struct store *store = &call->portal->store;
        char at[TIME_TEXT];

        time_now_text(at);
        store_run(store,
                  "INSERT INTO effect(station, key, what, payload_sha256, at, mono_ns, boot, application, serial,"
                  " fence, authorisation) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, nullif(?10, 0), ?11)",
                  "sssssisssis", call->station, call->key, outcome->what, call->payload_sha256, at, monotonic_ns(),
                  boot_id(), outcome->application, outcome->serial, outcome->fence, outcome->authorisation);
        int64_t portal_seq = sqlite3_last_insert_rowid(store->db);
        OWNED char *receipt = receipt_make(call, outcome->what, portal_seq, at);

        if (strcmp(outcome->what, "hello") == 0)
                json_object_set_new(outcome->answer, "receipt_seq", json_integer(portal_seq));
        json_object_set_new(outcome->answer, "receipt", json_string(receipt));
}

static void rule_run(const struct route *route, const struct call *call, const char *what, struct answer *ret)
{
        struct outcome outcome = route->rule(call);

        if (outcome.status == 200) {
                effect_record(call, &outcome);
                answer_text(ret, 200, must(json_dumps(outcome.answer, JSON_COMPACT)));
                json_decref(outcome.answer);
        } else {
                answer_error(ret, outcome.status, outcome.reason, outcome.text);
        }
        if (ret->status == 200 || ret->status == 409)
                store_run(&call->portal->store, "INSERT INTO answer VALUES(?1, ?2, ?3, ?4, ?5, ?6)", "ssssis",
                          call->station, call->key, what, call->payload_sha256, (int64_t)ret->status, ret->body);
}

static void mutate(const struct route *route, struct call *call, const struct request *request, struct answer *ret)
{
        OWNED char *what = text_format("%s %s", request->method, request->path);

        if (!headers_fit(request, ret))
                return;
        call->key = request->key;
        sha256_hex(request->body, request->n_body, call->payload_sha256);
        if (answer_stored(call, what, ret))
                return;
        JSON body = schema_fits(route, request, ret);
        if (!body)
                return;
        call->body = body;
        rule_run(route, call, what, ret);
}

static void look_up(const struct route *route, const struct call *call, struct answer *ret)
{
        if (route->list) {
                JSON page = route->list(call);

                if (page)
                        answer_text(ret, 200, must(json_dumps(page, JSON_COMPACT)));
                else
                        answer_error(ret, 400, "bad_request", "after or limit is wrong");
                return;
        }
        photo_answer(call, ret);
        if (ret->status == 0)
                answer_error(ret, 404, "not_found", "no such photo for this station");
}

static void answer_make(struct portal *portal, const struct request *request, struct answer *ret)
{
        char id[80] = "";
        const struct route *route = route_find(request->method, request->path, id);
        OWNED char *province =
                store_text(&portal->store, "SELECT province FROM station WHERE id = ?1", "s", request->station);
        struct call call = {
                .portal = portal, .station = request->station, .province = province, .id = id, .query = request->query
        };

        if (!province)
                answer_error(ret, 403, "not_permitted", "no such station");
        else if (!route)
                answer_error(ret, 404, "not_found", "no such path and method");
        else if (request->too_large)
                answer_error(ret, 413, "too_large", "a body has at most 1 MiB");
        else if (route->rule)
                mutate(route, &call, request, ret);
        else
                look_up(route, &call, ret);
}

void portal_handle(void *ctx, const struct request *request, struct answer *ret)
{
        struct portal *portal = ctx;
        struct fault fault = { .mode = FAULT_NONE };

        store_run(&portal->store, "BEGIN IMMEDIATE", "");
        if (!request->delayed)
                fault_take(portal, request->path, &fault);
        if (!fault_before(&fault, ret)) {
                portal_sweep(portal);
                answer_make(portal, request, ret);
                fault_after(&fault, ret);
        }
        store_run(&portal->store, "COMMIT", "");
}
