/* Choosing by what the card tells, before any key is used: docs/card-applet.md 2; no second guess. */
#include "proto/gp/profile.h"
#include <string.h>

static int foreign(struct error *err, const char *what)
{
        return err_own(err, ERR_CARD, REASON_CHIP_FOREIGN, "%s", what);
}

static bool atr_fits(const struct profile *p, struct bytes atr)
{
        if (p->match.n_atr == 0)
                return true;
        if (atr.n != p->match.n_atr)
                return false;
        for (size_t i = 0; i < atr.n; i++)
                if ((atr.p[i] & p->match.mask[i]) != (p->match.atr[i] & p->match.mask[i]))
                        return false;
        return true;
}

static bool i_listed(const struct profile *p, uint8_t i)
{
        return memchr(p->match.i, i, p->match.n_i) != NULL;
}

static bool scp_fits(const struct profile *p, const struct profile_card *card)
{
        for (size_t i = 0; i < card->n_scps; i++)
                if (card->scps[i].scp == 0x03 && i_listed(p, card->scps[i].i))
                        return true;
        return card->n_scps == 0;
}

/* GPCS 11.8.2.3: keys 01, 02, 03 (ENC, MAC, DEK) of one version. */
static bool keys_fit(const struct profile *p, const struct profile_card *card)
{
        unsigned found = 0;

        for (size_t i = 0; i < card->n_keys; i++) {
                const struct gp_key_info *k = &card->keys[i];

                if (k->kvn == p->match.kvn && k->kid >= 1 && k->kid <= 3 && k->type == GP_KEY_AES &&
                    k->n_bytes == p->auth.n_key)
                        found |= 1u << k->kid;
        }
        return card->n_keys == 0 || found == 0x0E;
}

int profile_match(const struct profile *p, const struct profile_card *card, struct error *err)
{
        if (!atr_fits(p, card->atr))
                return foreign(err, "the chip's ATR is not of the profile");
        if (!scp_fits(p, card))
                return foreign(err, "the chip does not offer the profile's secure channel");
        if (!keys_fit(p, card))
                return foreign(err, "the chip does not hold keys of the profile's version, type and length");
        return 0;
}

int profile_level(const struct profile *p, uint8_t i, enum scp03_level *ret, struct error *err)
{
        if (!i_listed(p, i))
                return foreign(err, "the chip's variant of SCP03 is not of the profile");
        for (size_t n = 0; n < p->auth.n_levels; n++) {
                if (!scp03_level_offered(p->auth.levels[n], i))
                        continue;
                *ret = p->auth.levels[n];
                return 0;
        }
        return foreign(err, "the chip offers none of the profile's security levels");
}
