#include "daemon/work/key/content.h"
#include "proto/lds/group.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

enum { N_GROUPS = 4 };
#define COPY(to, from) (void)snprintf((to), sizeof(to), "%s", (from))

static void fill_holder(const struct approval_certificate *c, struct lds_holder *h)
{
        COPY(h->family_fa, c->family_fa);
        COPY(h->given_fa, c->given_fa);
        COPY(h->family_en, c->family_en);
        COPY(h->given_en, c->given_en);
        COPY(h->national_id, c->national_id);
        date_format(c->birth_date, h->birth_date);
}

static void fill_entry(const struct subject *s, struct lds_entry *e)
{
        const struct approval_certificate *c = &s->approval.certificate;

        COPY(e->code, c->skill.code);
        COPY(e->title_fa, c->skill.title_fa);
        COPY(e->title_en, c->skill.title_en);
        COPY(e->grade_fa, c->skill.grade_fa);
        COPY(e->grade_en, c->skill.grade_en);
        e->theory_score = (unsigned)c->skill.theory_score;
        e->practical_score = (unsigned)c->skill.practical_score;
        e->hours = (unsigned)c->skill.hours;
        date_format(c->skill.exam_date, e->exam_date);
        COPY(e->issue_date, s->issue_date);
        if (c->has_valid_until)
                date_format(c->valid_until, e->valid_until);
        COPY(e->centre_code, c->centre.code);
        COPY(e->centre_fa, c->centre.name_fa);
        COPY(e->centre_en, c->centre.name_en);
        COPY(e->number, c->number);
        lds_token_format(s->face_code, s->data_sha256, e->token);
}

static void fill_record(const struct content_card *card, struct lds_record *r)
{
        memset(r, 0, sizeof *r);
        r->bound = true;
        memcpy(r->chip_id, card->chip_id, sizeof r->chip_id);
        COPY(r->serial, card->serial);
        fill_holder(&card->subject->approval.certificate, &r->holder);
        COPY(r->document.authority_fa, card->authority_fa);
        COPY(r->document.authority_en, card->authority_en);
        COPY(r->document.issue_date, card->subject->issue_date);
        time_format(card->now, r->document.personalised_at);
        COPY(r->document.station, card->station);
        fill_entry(card->subject, &r->entries[0]);
        r->n_entries = 1;
        r->photo = card->photo;
        r->photo_type = card->subject->approval.photo.type == PHOTO_JPEG ? LDS_PHOTO_JPEG : LDS_PHOTO_PNG;
}

static int keep(struct content *c, size_t i, const struct writer *w, const struct profile *p, struct error *err)
{
        c->files[i] = (struct plan_file){ lds_fids[i], writer_bytes(w) };
        if (w->failed)
                return err_input(err, i == 0 ? REASON_PHOTO_LARGE : REASON_BAD_TEXT, "file %04X cannot be built",
                                 lds_fids[i]);
        for (size_t k = 0; k < p->n_objects; k++)
                if (p->objects[k].fid == lds_fids[i] && w->n > p->objects[k].max_bytes)
                        return i == 0 ? err_input(err, REASON_PHOTO_LARGE, "the photo is too large for the chip")
                                      : err_own(err, ERR_CARD, REASON_CHIP_SMALL, "file %04X is too large for the chip",
                                                lds_fids[i]);
        return 0;
}

static int build_groups(const struct lds_record *r, const struct profile *p, struct content *c,
                        struct lds_hash hashes[N_GROUPS], struct error *err)
{
        static void (*const build[N_GROUPS])(
                struct writer *, const struct lds_record *) = { lds_dg2_put, lds_dg11_put, lds_dg12_put, lds_dg13_put };
        uint8_t numbers[N_GROUPS];
        struct writer com = WRITER(c->bytes[N_GROUPS]);

        for (size_t i = 0; i < N_GROUPS; i++) {
                struct writer w = WRITER(c->bytes[i]);

                build[i](&w, r);
                if (keep(c, i, &w, p, err) < 0)
                        return -1;
                numbers[i] = hashes[i].group = (uint8_t)(lds_fids[i] - 0x0100);
                SHA256(w.p, w.n, hashes[i].sha256);
        }
        lds_com_put(&com, numbers, N_GROUPS);
        return keep(c, N_GROUPS, &com, p, err);
}

int content_build(const struct content_card *card, struct custody *custody, struct content *ret, struct error *err)
{
        struct lds_hash hashes[N_GROUPS];
        struct writer sod = WRITER(ret->bytes[N_GROUPS + 1]);

        fill_record(card, &ret->record);
        if (build_groups(&ret->record, &custody->profile, ret, hashes, err) < 0 ||
            lds_sod_build(hashes, N_GROUPS, (struct bytes){ custody->der, custody->n_der }, card->now, custody_sign,
                          custody, &sod, err) < 0)
                return -1;
        SHA256(sod.p, sod.n, ret->sod_sha256);
        return keep(ret, N_GROUPS + 1, &sod, &custody->profile, err);
}
