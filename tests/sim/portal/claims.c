/* The rules of claim, begin and release. */
#include "call.h"
#include "util.h"
#include <stdlib.h>
#include <string.h>

static char *column_copy(sqlite3_stmt *stmt, int column)
{
        const char *text = column_text(stmt, column);

        return text ? must(strdup(text)) : NULL;
}

bool application_load(const struct call *call, const char *id, struct application *ret)
{
        QUERY row = store_query(&call->portal->store,
                                "SELECT id, stage, holder, needs, face_code, issue_date, data_sha256, authorisation,"
                                " fence FROM application WHERE id = ?1 AND province = ?2",
                                "ss", id, call->province);
        char **texts[] = { &ret->id,        &ret->stage,      &ret->holder,      &ret->needs,
                           &ret->face_code, &ret->issue_date, &ret->data_sha256, &ret->authorisation };

        *ret = (struct application){ 0 };
        if (!store_row(row))
                return false;
        for (int i = 0; i < 8; i++)
                *texts[i] = column_copy(row, i);
        ret->fence = sqlite3_column_int64(row, 8);
        ret->mine = ret->holder && strcmp(ret->holder, call->station) == 0;
        return true;
}

void application_done(struct application *application)
{
        free(application->id);
        free(application->stage);
        free(application->holder);
        free(application->needs);
        free(application->face_code);
        free(application->issue_date);
        free(application->data_sha256);
        free(application->authorisation);
}

bool application_in(const struct application *application, const char *stage)
{
        return strcmp(application->stage, stage) == 0;
}

static bool authorised(const struct call *call, const struct application *app)
{
        return store_int(&call->portal->store,
                         "SELECT count(*) FROM authorisation WHERE application = ?1 AND spoiled_serial = ?2 AND"
                         " used_by IS NULL",
                         "ss", app->id, app->needs) > 0;
}

/* Refusals that claim, begin and release share. status 200: none of them. */
static struct outcome refuse_by_stage(const struct application *app)
{
        if (application_in(app, "in_chain"))
                return refuse(409, "wrong_state", "the application is not fully approved");
        if (application_in(app, "withdrawn"))
                return refuse(409, "withdrawn", "the application is withdrawn");
        if (application_in(app, "issued"))
                return refuse(409, "already_issued", "a card of this application is issued");
        return (struct outcome){ .status = 200 };
}

static struct outcome claim_allowed(const struct call *call, const struct application *app)
{
        struct outcome no = refuse_by_stage(app);
        bool held = app->holder && !application_in(app, "approved");

        if (no.status != 200)
                return no;
        if (held && !app->mine && !(application_in(app, "awaiting_reissue") && !app->face_code))
                return refuse(409, "claimed_elsewhere", "another station holds it");
        if (application_in(app, "bound"))
                return refuse(409, "wrong_state", "it is bound to this station already");
        if (application_in(app, "awaiting_reissue") && !authorised(call, app))
                return refuse(409, "awaiting_reissue", "headquarters has not authorised a new card");
        if (application_in(app, "awaiting_reissue") && app->face_code)
                return refuse(409, "wrong_state", "it is held here; begin it with the authorisation");
        return no;
}

static struct outcome claim_apply(const struct call *call, const struct application *app)
{
        struct portal *portal = call->portal;
        int64_t fence = app->fence + 1;

        store_run(&portal->store,
                  "UPDATE application SET holder = ?2, fence = ?3, lease_end_ms = ?4, lease_boot = ?5,"
                  " stage = 'claimed', change = ?6 WHERE id = ?1",
                  "ssiisi", app->id, call->station, fence, boottime_ms() + portal->lease_s * MONO_MS_PER_S, boot_id(),
                  store_next_change(&portal->store));
        return (struct outcome){
                .status = 200,
                .what = "claim",
                .application = call->id,
                .fence = fence,
                .answer = json_pack("{s:s, s:s, s:I, s:I}", "id", app->id, "stage", "claimed", "fence", fence,
                                    "lease_s", portal->lease_s),
        };
}

struct outcome call_claim(const struct call *call)
{
        __attribute__((cleanup(application_done))) struct application app = { 0 };
        struct outcome outcome;

        if (!application_load(call, call->id, &app))
                return refuse(404, "not_found", "no such application in this province");
        if (station_fenced(call, body_int(call, "epoch")))
                return refuse(409, "fenced", "this epoch of the station is not in force; say hello");
        outcome = claim_allowed(call, &app);
        return outcome.status == 200 ? claim_apply(call, &app) : outcome;
}

struct outcome fence_holds(const struct application *app, int64_t fence)
{
        if (fence < app->fence)
                return refuse(409, "fenced", "a newer fence is in force");
        if (!app->holder)
                return refuse(409, "wrong_state", "no station has claimed it");
        if (!app->mine)
                return refuse(409, "claimed_elsewhere", "another station holds it");
        if (fence > app->fence)
                return refuse(409, "fenced", "this fence was never given");
        return (struct outcome){ .status = 200 };
}

static struct outcome authorisation_fits(const struct call *call, const struct application *app, const char *id)
{
        QUERY row = store_query(&call->portal->store,
                                "SELECT application, spoiled_serial, used_by FROM authorisation WHERE id = ?1", "s",
                                id);

        if (!store_row(row))
                return refuse(404, "not_found", "no such authorisation");
        if (column_text(row, 2) || strcmp(column_text(row, 0), app->id) != 0 ||
            strcmp(column_text(row, 1), app->needs) != 0)
                return refuse(409, "authorisation_used", "used before, or for another card");
        return (struct outcome){ .status = 200 };
}

static struct outcome begin_authorised(const struct call *call, const struct application *app, const char *id)
{
        if (!app->needs) {
                bool same = id && app->authorisation && strcmp(id, app->authorisation) == 0;

                return !id || same ? (struct outcome){ .status = 200 }
                                   : refuse(409, "wrong_state", "this application needs no authorisation");
        }
        if (!id)
                return refuse(409, "awaiting_reissue", "name headquarters' authorisation");
        return authorisation_fits(call, app, id);
}

static struct outcome begin_allowed(const struct call *call, const struct application *app)
{
        struct outcome no = refuse_by_stage(app);

        if (no.status != 200)
                return no;
        no = fence_holds(app, body_int(call, "fence"));
        if (no.status != 200)
                return no;
        if (application_in(app, "approved") || (application_in(app, "awaiting_reissue") && !app->face_code))
                return refuse(409, "lease_over", "the lease is over; claim again");
        return begin_authorised(call, app, body_text(call, "authorisation"));
}

static struct outcome begin_apply(const struct call *call, const struct application *app)
{
        struct portal *portal = call->portal;
        const char *authorisation = body_text(call, "authorisation");

        if (app->needs)
                store_run(&portal->store, "UPDATE authorisation SET used_by = ?2 WHERE id = ?1", "ss", authorisation,
                          call->key);
        store_run(&portal->store,
                  "UPDATE application SET stage = 'bound', face_code = ?2, issue_date = ?3, needs = NULL,"
                  " authorisation = coalesce(?4, authorisation), lease_end_ms = NULL, change = ?5 WHERE id = ?1",
                  "ssssi", app->id, body_text(call, "face_code"), body_text(call, "issue_date"), authorisation,
                  store_next_change(&portal->store));
        return (struct outcome){
                .status = 200,
                .what = "begin",
                .application = call->id,
                .fence = app->fence,
                .authorisation = authorisation,
                .answer = json_pack("{s:s, s:s, s:I}", "id", app->id, "stage", "bound", "fence", app->fence),
        };
}

struct outcome call_begin(const struct call *call)
{
        __attribute__((cleanup(application_done))) struct application app = { 0 };
        struct outcome outcome;

        if (!application_load(call, call->id, &app))
                return refuse(404, "not_found", "no such application in this province");
        if (station_fenced(call, body_int(call, "epoch")))
                return refuse(409, "fenced", "this epoch of the station is not in force; say hello");
        outcome = begin_allowed(call, &app);
        return outcome.status == 200 ? begin_apply(call, &app) : outcome;
}

static struct outcome release_allowed(const struct call *call, const struct application *app)
{
        struct outcome no = refuse_by_stage(app);

        if (no.status != 200)
                return no;
        no = fence_holds(app, body_int(call, "fence"));
        if (no.status != 200)
                return no;
        if (application_in(app, "bound"))
                return refuse(409, "wrong_state", "it is bound; only headquarters can unbind it");
        if (application_in(app, "awaiting_reissue") && app->face_code)
                return refuse(409, "awaiting_reissue", "its card was spoiled here");
        return no;
}

struct outcome call_release(const struct call *call)
{
        __attribute__((cleanup(application_done))) struct application app = { 0 };
        struct outcome outcome;

        if (!application_load(call, call->id, &app))
                return refuse(404, "not_found", "no such application in this province");
        outcome = release_allowed(call, &app);
        if (outcome.status != 200)
                return outcome;
        const char *stage = app.needs ? "awaiting_reissue" : "approved";
        portal_set_stage(call->portal, app.id, stage);
        store_run(&call->portal->store, "UPDATE application SET holder = NULL WHERE id = ?1", "s", app.id);
        outcome.what = "release";
        outcome.application = call->id;
        outcome.fence = app.fence;
        outcome.answer = json_pack("{s:s, s:s}", "id", app.id, "stage", stage);
        return outcome;
}
