#include "proto/portal/reissue.h"
#include "proto/base/cleanup.h"
#include "proto/portal/read.h"
#include <string.h>

int reissue_decode(struct bytes payload, struct reissue *ret, struct error *err)
{
        cleanup(json_p) json_t *json = json_strict(payload, JWS_PAYLOAD_MAX, err);
        struct reissue a = { 0 };
        struct jread r;
        int64_t version = 0;

        if (!json)
                return -1;
        r = jread_begin(json, "authorisation", err);
        jread_int(&r, "v", 1, 1, &version);
        read_text(&r, "id", read_authorisation_id, a.id);
        read_text(&r, "application", read_application_id, a.application);
        read_serial(&r, "spoiled_serial", a.spoiled_serial);
        read_time(&r, "granted_at", &a.granted_at);
        a.names_approval = json_object_get(json, "approval_sha256") != NULL;
        if (a.names_approval)
                read_sha256(&r, "approval_sha256", a.approval_sha256);
        if (jread_end(&r) < 0)
                return -1;
        *ret = a;
        return 0;
}

int reissue_check(const struct reissue *a, const char *application, const char *spoiled_serial,
                  const uint8_t approval_sha256[32], struct error *err)
{
        const char *differs = NULL;

        if (application && strcmp(a->application, application) != 0)
                differs = "application";
        else if (spoiled_serial && strcmp(a->spoiled_serial, spoiled_serial) != 0)
                differs = "spoiled serial";
        else if (approval_sha256 && a->names_approval && memcmp(a->approval_sha256, approval_sha256, 32) != 0)
                differs = "approval";
        return differs ? err_input(err, REASON_AUTHORISATION_BROKEN, "the authorisation is for another %s", differs)
                       : 0;
}

int reissue_open(struct bytes jws_text, X509_STORE *ca, int64_t at, struct reissue *ret, struct error *err)
{
        cleanup(jws_done) struct jws jws = { 0 };

        if (jws_verify(jws_text, JWS_REISSUE, ca, at, &jws, err) < 0)
                return -1;
        if (reissue_decode(jws.payload, ret, err) == 0)
                return 0;
        err->reason = REASON_AUTHORISATION_BROKEN;
        return -1;
}

int withdrawn_decode(struct bytes payload, struct withdrawn *ret, struct error *err)
{
        cleanup(json_p) json_t *json = json_strict(payload, JWS_PAYLOAD_MAX, err);
        struct withdrawn w = { 0 };
        struct jread r;
        int64_t version = 0;

        if (!json)
                return -1;
        r = jread_begin(json, "withdrawn", err);
        jread_int(&r, "v", 1, 1, &version);
        read_serial(&r, "serial", w.serial);
        read_text_or_null(&r, "application", read_application_id, w.application);
        read_time(&r, "at", &w.at);
        if (jread_end(&r) < 0)
                return -1;
        *ret = w;
        return 0;
}

int withdrawn_open(struct bytes jws_text, X509_STORE *ca, int64_t at, struct withdrawn *ret, struct error *err)
{
        cleanup(jws_done) struct jws jws = { 0 };

        if (jws_verify(jws_text, JWS_WITHDRAWN, ca, at, &jws, err) < 0)
                return -1;
        if (withdrawn_decode(jws.payload, ret, err) == 0)
                return 0;
        err->reason = REASON_AUTHORISATION_BROKEN;
        return -1;
}
