#define _GNU_SOURCE
#include "daemon/work/key/subject.h"
#include "proto/lds/photo.h"
#include "proto/text/serial.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

static struct bytes text(const char *t)
{
        return (struct bytes){ (const uint8_t *)t, strlen(t) };
}

static int check_face(const struct key_subject *asked, int64_t issued_at, int64_t now, struct subject *ret,
                      struct error *err)
{
        int32_t day;

        if (!qr_face_code_ok(asked->face_code))
                return err_input(err, REASON_BAD_REQUEST, "the face code is malformed");
        if (!date_parse(asked->issue_date, &day))
                return err_input(err, REASON_BAD_DATE, "the issue date is no date");
        if (day < date_local(issued_at) || day > date_local(now) + 1)
                return err_input(err, REASON_BAD_DATE, "the issue date lies before the approval or in the future");
        (void)snprintf(ret->face_code, sizeof ret->face_code, "%s", asked->face_code);
        (void)snprintf(ret->issue_date, sizeof ret->issue_date, "%s", asked->issue_date);
        return 0;
}

/* The authorisation names this application and, where it does, this approval; which serial it may follow is the
 * store's to say. */
static int open_reissue(const struct key_subject *asked, X509_STORE *portal_ca, int64_t now, struct subject *ret,
                        struct error *err)
{
        if (!asked->authorisation)
                return 0;
        if (reissue_open(text(asked->authorisation), portal_ca, now, &ret->reissue, err) < 0 ||
            reissue_check(&ret->reissue, ret->approval.id, NULL, ret->data_sha256, err) < 0)
                return -1;
        ret->reissued = true;
        return 0;
}

static int take_unregistered(const struct key_subject *asked, bool registered, struct subject *ret, struct error *err)
{
        if (!asked->unregistered_serial)
                return 0;
        if (!registered)
                return err_input(err, REASON_KEY_REFUSED, "a new card always needs headquarters' authorisation here");
        if (!serial_ok(asked->unregistered_serial))
                return err_input(err, REASON_BAD_SERIAL, "the former serial is malformed");
        (void)snprintf(ret->unregistered_serial, sizeof ret->unregistered_serial, "%s", asked->unregistered_serial);
        return 0;
}

int subject_open(const struct key_subject *asked, X509_STORE *portal_ca, bool registered, int64_t now,
                 struct subject *ret, struct error *err)
{
        memset(ret, 0, sizeof *ret);
        if (approval_open(text(asked->approval), portal_ca, now, &ret->approval, ret->data_sha256, err) < 0 ||
            approval_check(&ret->approval, err) < 0)
                return -1;
        if (check_face(asked, ret->approval.issued_at, now, ret, err) < 0 ||
            open_reissue(asked, portal_ca, now, ret, err) < 0)
                return -1;
        return take_unregistered(asked, registered, ret, err);
}

void subject_wipe(struct subject *s)
{
        explicit_bzero(s, sizeof *s);
}

struct store_claim subject_claim(const struct subject *s, const uint8_t *chip_id, const char *serial)
{
        struct store_claim claim = { .application = s->approval.id, .chip_id = chip_id, .serial = serial };

        memcpy(claim.data_sha256, s->data_sha256, sizeof claim.data_sha256);
        if (s->reissued) {
                claim.authorisation = s->reissue.id;
                claim.spoiled_serial = s->reissue.spoiled_serial;
                claim.granted_at = s->reissue.granted_at;
        }
        if (s->unregistered_serial[0])
                claim.unregistered_serial = s->unregistered_serial;
        return claim;
}

int subject_check_photo(const struct subject *s, struct bytes photo, struct error *err)
{
        const struct approval_photo *named = &s->approval.photo;
        enum lds_photo_type type, expected = named->type == PHOTO_JPEG ? LDS_PHOTO_JPEG : LDS_PHOTO_PNG;
        uint8_t sha256[STORE_HASH_SIZE];
        unsigned width, height;

        SHA256(photo.p, photo.n, sha256);
        if ((int64_t)photo.n != named->n_bytes || memcmp(sha256, named->sha256, sizeof sha256) != 0)
                return err_input(err, REASON_PHOTO_BAD, "the photo is not the one that the approval names");
        if (!lds_photo_probe(photo, &type, &width, &height) || type != expected)
                return err_input(err, REASON_PHOTO_BAD, "the photo is not of the type that the approval names");
        return 0;
}
