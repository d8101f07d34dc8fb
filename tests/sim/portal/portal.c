#include "portal.h"
#include "check.h"
#include "util.h"
#include <stdlib.h>

void portal_open(struct portal *portal, const char *dir, const char *pki)
{
        *portal = (struct portal){ 0 };
        signers_load(&portal->signers, pki);
        store_open(&portal->store, dir);
}

void portal_close(struct portal *portal)
{
        store_close(&portal->store);
        signers_done(&portal->signers);
}

void portal_set_stage(struct portal *portal, const char *application, const char *stage)
{
        store_run(&portal->store, "UPDATE application SET stage = ?2, change = ?3 WHERE id = ?1", "ssi", application,
                  stage, store_next_change(&portal->store));
}

void portal_sweep(struct portal *portal)
{
        static const char lapsed[] = "SELECT id FROM application WHERE stage = 'claimed' AND"
                                     " (lease_boot <> ?1 OR lease_end_ms <= ?2) LIMIT 1";
        OWNED char *id = NULL;

        while ((id = store_text(&portal->store, lapsed, "si", boot_id(), boottime_ms()))) {
                bool needs = store_int(&portal->store, "SELECT needs IS NOT NULL FROM application WHERE id = ?1", "s",
                                       id) != 0;

                portal_set_stage(portal, id, needs ? "awaiting_reissue" : "approved");
                free(id);
                id = NULL;
        }
}

void portal_withdraw_serial(struct portal *portal, const char *province, const char *application, const char *serial)
{
        char at[TIME_TEXT];
        OWNED char *payload = NULL;
        OWNED char *statement = NULL;

        time_now_text(at);
        JSON json = json_pack("{s:i, s:s, s:s?, s:s}", "v", 1, "serial", serial, "application", application, "at", at);
        payload = must(json_dumps(json, JSON_COMPACT));
        statement = jws_sign(&portal->signers, SIGN_WITHDRAWN, payload);
        store_run(&portal->store,
                  "INSERT INTO withdrawn(province, kind, application, serial, at, statement)"
                  " VALUES(?1, 'serial', ?2, ?3, ?4, ?5)",
                  "sssss", province, application, serial, at, statement);
}
