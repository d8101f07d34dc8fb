#define _GNU_SOURCE
#include "daemon/work/key/channel.h"
#include "proto/base/cleanup.h"
#include <openssl/rand.h>
#include <string.h>

enum { S8 = 8, S16 = 16, LOCK_LIST_MAX = 1024 };

static int refuse(struct error *err, enum reason reason, const char *what)
{
        return err_own(err, ERR_CARD, reason, "%s", what);
}

/* Every fault of the codec in the words of the station. */
static int fault(int code, struct error *err)
{
        switch (code) {
        case SCP03_E_CRYPTOGRAM:
        case SCP03_E_CHALLENGE: /* the chip's challenge is forged or its keys are others: the same consequence */
                return refuse(err, REASON_CHIP_KEY_REFUSED, scp03_text(code));
        case SCP03_E_ANSWER:
                return refuse(err, REASON_CHIP_ANSWER, scp03_text(code));
        case SCP03_E_LEVEL:
                return refuse(err, REASON_CHIP_FOREIGN, scp03_text(code));
        case SCP03_E_MAC:
                return refuse(err, REASON_CHIP_MAC, scp03_text(code));
        case SCP03_E_SIZE:
                return refuse(err, REASON_CHIP_SMALL, scp03_text(code));
        default: /* an int of proto/scp03.h: what is left is our own fault */
                return err_own(err, ERR_BUG, REASON_INTERNAL, "%s", scp03_text(code));
        }
}

static int match(const struct profile *p, const struct key_challenge *c, struct error *err)
{
        struct gp_key_info keys[KEY_INFOS_MAX];
        struct gp_scp scp = { (uint8_t)c->scp, (uint8_t)c->i };
        struct profile_card card = { { c->atr, c->n_atr }, keys, c->n_infos, &scp, c->scp >= 0 && c->i >= 0 };

        for (size_t i = 0; i < c->n_infos; i++)
                keys[i] = (struct gp_key_info){ (uint8_t)c->infos[i].kid, (uint8_t)c->infos[i].kvn,
                                                (uint8_t)c->infos[i].type, (uint16_t)c->infos[i].len };
        return profile_match(p, &card, err);
}

int channel_begin(const struct profile *p, const struct key_challenge *c, struct session *s, struct key_challenged *ret,
                  struct error *err)
{
        struct writer w = WRITER(ret->apdu);

        if (match(p, c, err) < 0)
                return -1;
        s->max_lc = c->max_command < (int64_t)p->transport.max_command ? (unsigned)c->max_command
                                                                       : p->transport.max_command;
        s->n_challenge = c->i >= 0 && (c->i & SCP03_I_S16) ? S16 : S8;
        if (RAND_bytes(s->challenge, (int)s->n_challenge) != 1)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "no randomness");
        gp_write_initialize_update(&w, p->auth.kvn, (struct bytes){ s->challenge, s->n_challenge });
        ret->n = w.n;
        return 0;
}

static int parse_init(const struct profile *p, const struct session *s, struct bytes answer, struct scp03_init *ret,
                      struct error *err)
{
        struct apdu_answer a;
        int r;

        if (apdu_answer_parse(answer, &a) < 0)
                return refuse(err, REASON_CARD_SHORT_ANSWER, "the answer to INITIALIZE UPDATE broke off");
        if (apdu_sw_check(a.sw, false, "INITIALIZE UPDATE", err) < 0)
                return -1;
        r = scp03_parse_init(a.data, ret);
        if (r < 0)
                return fault(r, err);
        if (ret->n != s->n_challenge)
                return refuse(err, REASON_CHIP_FOREIGN, "the chip wants another size of challenge");
        if (p->auth.kvn != 0 && ret->kvn != p->auth.kvn)
                return refuse(err, REASON_CHIP_FOREIGN, "the chip answers with another key version");
        return 0;
}

int channel_open(struct custody *custody, struct session *s, struct bytes answer, struct key_opened *ret,
                 struct error *err)
{
        const struct profile *p = &custody->profile;
        struct scp03_keys keys = { 0 };
        struct scp03_init init;
        enum scp03_level level;
        struct writer w = WRITER(ret->apdu);
        int r;

        if (parse_init(p, s, answer, &init, err) < 0 || profile_level(p, init.i, &level, err) < 0)
                return -1;
        (void)secret_lock(&keys, sizeof keys);
        r = custody_card_keys(custody, init.kdd, &keys, err);
        if (r == 0) {
                r = scp03_open(&s->channel, &keys, level, &init, (struct bytes){ s->challenge, s->n_challenge },
                               profile_aid_bytes(&p->sd_aid), &w);
                if (r < 0)
                        (void)fault(r, err);
        }
        secret_done(&keys.enc);
        secret_done(&keys.mac);
        ret->n = w.n;
        return r < 0 ? -1 : 0;
}

int channel_confirm(struct session *s, struct bytes answer, struct error *err)
{
        struct apdu_answer a;

        (void)s;
        if (apdu_answer_parse(answer, &a) < 0)
                return refuse(err, REASON_CARD_SHORT_ANSWER, "the answer to EXTERNAL AUTHENTICATE broke off");
        if (a.sw == SW_OK && a.data.n != 0)
                return refuse(err, REASON_CHIP_KEY_REFUSED, "an answer with data, which EXTERNAL AUTHENTICATE has not");
        if (a.sw != SW_OK)
                return err_set(err, ERR_CARD, ORIGIN_SW, a.sw, REASON_CHIP_KEY_REFUSED, "EXTERNAL AUTHENTICATE: %s",
                               apdu_sw_text(a.sw));
        return 0;
}

static int wrap_list(struct session *s, const struct writer *plain, struct writer *script, struct error *err)
{
        int r = scp03_wrap_list(&s->channel, writer_bytes(plain), s->steps, ARRAY_SIZE(s->steps), script, &s->n_steps);

        return r < 0 ? fault(r, err) : 0;
}

int channel_wrap_card(const struct profile *p, struct session *s, const struct plan_file files[LDS_N_FILES],
                      struct writer *script, struct error *err)
{
        cleanup(free_p) uint8_t *buffer = malloc(PLAN_LIST_MAX);
        struct writer plain = { buffer, 0, PLAN_LIST_MAX, false };
        size_t n;
        int r;

        if (!buffer)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory for a plan");
        r = plan_write(p, files, LDS_N_FILES, s->max_lc, s->channel.level, s->channel.n_mac, &plain, &n);
        if (r < 0)
                (void)refuse(err, REASON_CHIP_SMALL, "the card's files do not fit the chip profile");
        else
                r = wrap_list(s, &plain, script, err);
        explicit_bzero(buffer, PLAN_LIST_MAX);
        return r < 0 ? -1 : 0;
}

/* INSTALL [for personalization], then the security object with nothing in it. */
static int plan_erase(const struct profile *p, const struct session *s, struct writer *plain)
{
        static const uint8_t empty[] = { LDS_TAG_SOD, 0 };
        const struct plan_file file = { LDS_FID_SOD, BYTES(empty) };
        size_t chunk = scp03_room(s->channel.level, s->channel.n_mac, s->max_lc), n;
        uint8_t install[APDU_MAX];
        struct writer w = WRITER(install);

        gp_write_install_personalization(&w, profile_aid_bytes(&p->aid));
        apdu_list_add(plain, writer_bytes(&w));
        return plan_store_data(&file, 1, p->store_p1, chunk, plain, &n);
}

int channel_wrap_lock(const struct profile *p, struct session *s, bool fallback, struct writer *script,
                      struct error *err)
{
        uint8_t buffer[LOCK_LIST_MAX];
        struct writer plain = WRITER(buffer);
        size_t n;

        if ((fallback ? plan_erase(p, s, &plain) : plan_lock(p, &plain, &n)) < 0)
                return refuse(err, REASON_CHIP_SMALL, "the lock script does not fit the chip profile");
        return wrap_list(s, &plain, script, err);
}

int channel_check(struct session *s, struct bytes answers, struct error *err)
{
        size_t at = 0;
        uint16_t sw = 0;
        int r = scp03_check_list(&s->channel, s->steps, s->n_steps, answers, &at, &sw);

        if (r == SCP03_OK)
                return 0;
        if (sw != 0 && sw != SW_OK && r != SCP03_E_MAC)
                return apdu_sw_check(sw, false, "the script", err) < 0
                               ? -1
                               : refuse(err, REASON_CHIP_STATUS, "the chip warned during the script");
        return fault(r, err);
}
