/* The rules of what a station reports: issued, spoiled, delivered, void, received. */
#include "call.h"
#include "util.h"
#include <stdlib.h>
#include <string.h>

static struct outcome issuance_stage(const struct application *app)
{
        if (application_in(app, "issued"))
                return refuse(409, "already_issued", "a card of this application is issued");
        if (application_in(app, "withdrawn"))
                return refuse(409, "withdrawn", "the application is withdrawn");
        if (application_in(app, "awaiting_reissue"))
                return refuse(409, "awaiting_reissue", "its card was spoiled; begin again when authorised");
        if (!application_in(app, "bound"))
                return refuse(409, "wrong_state", "production was not begun");
        return (struct outcome){ .status = 200 };
}

static bool body_is(const struct call *call, const char *key, const char *expected)
{
        return expected && strcmp(body_text(call, key), expected) == 0;
}

static struct outcome issuance_content(const struct call *call, const struct application *app)
{
        struct store *store = &call->portal->store;

        if (!body_is(call, "face_code", app->face_code) || !body_is(call, "issue_date", app->issue_date))
                return refuse(409, "wrong_state", "face code or issue date differ from those begun");
        if (!body_is(call, "data_sha256", app->data_sha256))
                return refuse(409, "data_differs", "not the data that were approved");
        if (store_int(store, "SELECT count(*) FROM card WHERE serial = ?1", "s", body_text(call, "serial")))
                return refuse(409, "serial_used", "this serial was reported before");
        if (store_int(store, "SELECT count(*) FROM card WHERE chip_id = ?1", "s", body_text(call, "chip_id")))
                return refuse(409, "chip_taken", "this chip was reported under another serial");
        return (struct outcome){ .status = 200 };
}

static struct outcome issuance_allowed(const struct call *call, const struct application *app)
{
        struct outcome no = fence_holds(app, body_int(call, "fence"));

        if (no.status != 200)
                return no;
        no = issuance_stage(app);
        if (no.status != 200)
                return no;
        return issuance_content(call, app);
}

struct outcome call_issuance(const struct call *call)
{
        __attribute__((cleanup(application_done))) struct application app = { 0 };
        struct outcome outcome;

        if (strcmp(body_text(call, "printed_at"), body_text(call, "written_at")) > 0 ||
            strcmp(body_text(call, "written_at"), body_text(call, "verified_at")) > 0)
                return refuse(400, "bad_request", "printed_at, written_at, verified_at must not decrease");
        if (!application_load(call, call->id, &app))
                return refuse(404, "not_found", "no such application in this province");
        outcome = issuance_allowed(call, &app);
        if (outcome.status != 200)
                return outcome;
        store_run(&call->portal->store,
                  "INSERT INTO card(serial, application, station, chip_id, status, operator, expert, at)"
                  " VALUES(?1, ?2, ?3, ?4, 'issued', ?5, ?6, ?7)",
                  "sssssss", body_text(call, "serial"), app.id, call->station, body_text(call, "chip_id"),
                  body_text(call, "operator"), body_text(call, "expert"), body_text(call, "verified_at"));
        portal_set_stage(call->portal, app.id, "issued");
        outcome.what = "issuance";
        outcome.application = call->id;
        outcome.serial = body_text(call, "serial");
        outcome.fence = app.fence;
        outcome.answer = json_pack("{s:s, s:s}", "id", app.id, "stage", "issued");
        return outcome;
}

/* What is known of the serial: NULL, or its status; *ret_mine when it is this application's. */
static char *card_status(const struct call *call, const char *serial, const char *application, bool *ret_mine)
{
        QUERY row = store_query(&call->portal->store, "SELECT status, application IS ?2 FROM card WHERE serial = ?1",
                                "ss", serial, application);

        if (!store_row(row))
                return NULL;
        *ret_mine = sqlite3_column_int(row, 1) != 0;
        return must(strdup(column_text(row, 0)));
}

static struct outcome spoil_allowed(const struct call *call, const struct application *app)
{
        bool registered = json_is_true(json_object_get(call->body, "registered"));
        bool mine = false;
        OWNED char *status = card_status(call, body_text(call, "serial"), app->id, &mine);

        if (app->id) {
                struct outcome no = fence_holds(app, body_int(call, "fence"));

                if (no.status != 200)
                        return no;
        }
        if (status && (!mine || strcmp(status, "issued") != 0))
                return refuse(409, "serial_used", "spoiled or void before, or issued to another application");
        if (registered && !status)
                return refuse(409, "wrong_state", "this serial was not reported as issued");
        if (!registered && status)
                return refuse(409, "already_issued", "this serial was reported as issued");
        return (struct outcome){ .status = 200 };
}

static struct outcome spoil_sense(const struct call *call)
{
        bool no_application = json_is_null(json_object_get(call->body, "application"));

        if (no_application != json_is_null(json_object_get(call->body, "fence")))
                return refuse(400, "bad_request", "application and fence go together");
        if (no_application && json_is_true(json_object_get(call->body, "registered")))
                return refuse(400, "bad_request", "a registered serial has its application");
        if (body_is(call, "cause", "other") && !*body_text(call, "text"))
                return refuse(400, "bad_request", "the cause other needs a text");
        return (struct outcome){ .status = 200 };
}

/* The application must wait for headquarters after this spoil (R3). */
static bool spoil_ends_card(const struct call *call, const struct application *app, bool registered)
{
        if (application_in(app, "issued"))
                return registered;
        return application_in(app, "bound") && !call->portal->registered_only;
}

static void spoil_apply(const struct call *call, const struct application *app)
{
        struct store *store = &call->portal->store;
        const char *serial = body_text(call, "serial");
        bool registered = json_is_true(json_object_get(call->body, "registered"));

        if (registered)
                store_run(store, "UPDATE card SET status = 'spoiled', cause = ?2 WHERE serial = ?1", "ss", serial,
                          body_text(call, "cause"));
        else
                store_run(store,
                          "INSERT INTO card(serial, application, station, status, cause, operator, at)"
                          " VALUES(?1, ?2, ?3, 'spoiled', ?4, ?5, ?6)",
                          "ssssss", serial, app->id, call->station, body_text(call, "cause"),
                          body_text(call, "operator"), body_text(call, "at"));
        if (app->id && spoil_ends_card(call, app, registered)) {
                store_run(store, "UPDATE application SET needs = ?2 WHERE id = ?1", "ss", app->id, serial);
                portal_set_stage(call->portal, app->id, "awaiting_reissue");
        }
        if (body_is(call, "chip", "withdrawn_list"))
                portal_withdraw_serial(call->portal, call->province, app->id, serial);
}

struct outcome call_spoil(const struct call *call)
{
        __attribute__((cleanup(application_done))) struct application app = { 0 };
        const char *id = body_text(call, "application");
        struct outcome outcome = spoil_sense(call);

        if (outcome.status != 200)
                return outcome;
        if (id && !application_load(call, id, &app))
                return refuse(404, "not_found", "no such application in this province");
        outcome = spoil_allowed(call, &app);
        if (outcome.status != 200)
                return outcome;
        spoil_apply(call, &app);
        OWNED char *stage = store_text(&call->portal->store, "SELECT stage FROM application WHERE id = ?1", "s", id);

        outcome.what = "spoil";
        outcome.application = id;
        outcome.serial = body_text(call, "serial");
        outcome.fence = app.fence;
        outcome.answer = json_pack("{s:s?, s:s, s:s?}", "application", id, "serial", outcome.serial, "stage", stage);
        return outcome;
}

/* Deliveries and voids speak of an application's live card. */
static struct outcome live_card(const struct call *call, struct application *app)
{
        bool mine = false;
        OWNED char *status = NULL;

        if (!application_load(call, body_text(call, "application"), app))
                return refuse(404, "not_found", "no such application in this province");
        if (!app->mine)
                return refuse(409, "claimed_elsewhere", "another station issued it");
        status = card_status(call, body_text(call, "serial"), app->id, &mine);
        if (!status || !mine || strcmp(status, "issued") != 0)
                return refuse(409, "wrong_state", "not the application's issued serial");
        return (struct outcome){ .status = 200 };
}

struct outcome call_delivery(const struct call *call)
{
        __attribute__((cleanup(application_done))) struct application app = { 0 };
        struct outcome outcome = live_card(call, &app);
        struct store *store = &call->portal->store;
        const char *serial = body_text(call, "serial");

        if (outcome.status != 200)
                return outcome;
        if (store_int(store, "SELECT delivered FROM card WHERE serial = ?1", "s", serial))
                return refuse(409, "wrong_state", "delivered before");
        store_run(store, "UPDATE card SET delivered = 1 WHERE serial = ?1", "s", serial);
        outcome.what = "delivery";
        outcome.application = body_text(call, "application");
        outcome.serial = serial;
        outcome.answer = json_pack("{s:s, s:s}", "application", app.id, "serial", serial);
        return outcome;
}

struct outcome call_void(const struct call *call)
{
        __attribute__((cleanup(application_done))) struct application app = { 0 };
        struct outcome outcome = live_card(call, &app);
        struct store *store = &call->portal->store;
        const char *serial = body_text(call, "serial");

        if (outcome.status != 200)
                return outcome;
        if (application_in(&app, "withdrawn"))
                return refuse(409, "withdrawn", "the application is withdrawn");
        store_run(store, "UPDATE card SET status = 'void' WHERE serial = ?1", "s", serial);
        store_run(store, "UPDATE application SET needs = ?2 WHERE id = ?1", "ss", app.id, serial);
        portal_set_stage(call->portal, app.id, "awaiting_reissue");
        if (body_is(call, "chip", "withdrawn_list"))
                portal_withdraw_serial(call->portal, call->province, app.id, serial);
        outcome.what = "void";
        outcome.application = body_text(call, "application");
        outcome.serial = serial;
        outcome.answer =
                json_pack("{s:s, s:s, s:s}", "application", app.id, "serial", serial, "stage", "awaiting_reissue");
        return outcome;
}

struct outcome call_shipment_receipt(const struct call *call)
{
        struct store *store = &call->portal->store;
        OWNED char *by = store_text(store,
                                    "SELECT coalesce(received_by, '') FROM shipment WHERE id = ?1 AND province = ?2",
                                    "ss", call->id, call->province);

        if (!by)
                return refuse(404, "not_found", "no such shipment to this province");
        if (*by)
                return refuse(409, "wrong_state", "received before");
        store_run(store, "UPDATE shipment SET received_by = ?2 WHERE id = ?1", "ss", call->id, call->station);
        return (struct outcome){ .status = 200,
                                 .what = "shipment_receipt",
                                 .answer = json_pack("{s:s}", "id", call->id) };
}
