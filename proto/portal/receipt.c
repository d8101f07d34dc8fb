#include "proto/portal/receipt.h"
#include "proto/base/cleanup.h"
#include "proto/portal/read.h"
#include <string.h>

int receipt_decode(struct bytes payload, struct receipt *ret, struct error *err)
{
        cleanup(json_p) json_t *json = json_strict(payload, JWS_PAYLOAD_MAX, err);
        struct receipt receipt = { 0 };
        struct jread r;
        int64_t version = 0;
        unsigned what = 0;

        if (!json)
                return -1;
        r = jread_begin(json, "receipt", err);
        jread_int(&r, "v", 1, 1, &version);
        read_text(&r, "station", read_station_id, receipt.station);
        read_key(&r, "key", receipt.key);
        read_sha256(&r, "payload_sha256", receipt.payload_sha256);
        jread_int(&r, "portal_seq", 1, READ_INT_MAX, &receipt.portal_seq);
        read_time(&r, "at", &receipt.at);
        jread_word(&r, "what", portal_what_words, &what);
        if (jread_end(&r) < 0)
                return -1;
        receipt.what = (enum portal_what)what;
        *ret = receipt;
        return 0;
}

int receipt_check(const struct receipt *r, const struct receipt_wanted *wanted, struct error *err)
{
        const char *differs = NULL;

        if (strcmp(r->station, wanted->station) != 0)
                differs = "station";
        else if (strcmp(r->key, wanted->key) != 0)
                differs = "key";
        else if (memcmp(r->payload_sha256, wanted->payload_sha256, sizeof r->payload_sha256) != 0)
                differs = "payload_sha256";
        else if (r->what != wanted->what)
                differs = "what";
        return differs ? err_input(err, REASON_RECEIPT_BROKEN, "the receipt is for another %s", differs) : 0;
}

int receipt_open(struct bytes jws_text, X509_STORE *ca, int64_t at, const struct receipt_wanted *wanted,
                 struct receipt *ret, struct error *err)
{
        cleanup(jws_done) struct jws jws = { 0 };
        struct receipt receipt;

        if (jws_verify(jws_text, JWS_RECEIPT, ca, at, &jws, err) < 0)
                return -1;
        if (receipt_decode(jws.payload, &receipt, err) < 0) {
                err->reason = REASON_RECEIPT_BROKEN;
                return -1;
        }
        if (receipt_check(&receipt, wanted, err) < 0)
                return -1;
        *ret = receipt;
        return 0;
}
