/* The chip profile: which cards are ours and how they are written, as data.
 *
 * A JSON file, config/chips/NAME.json, strict (unknown key refused). Its SHA-256 over the file's bytes is what the
 * ledger pins per card. Everything is checked here: a profile that parses can be used. */
#pragma once
#include "proto/base/json.h"
#include "proto/gp/card.h"
#include "proto/gp/command.h"
#include "proto/gp/kdf.h"
#include "proto/scp03.h"

enum {
        PROFILE_MAX = 65536,
        PROFILE_ID_MAX = 40,
        PROFILE_ATR_MAX = 33,
        PROFILE_I_MAX = 6,
        PROFILE_LEVELS_MAX = 6,
        PROFILE_OBJECTS_MAX = 16,
        PROFILE_OBJECT_NAME_MAX = 12,
        PROFILE_KEY_LABEL_MAX = 64,
};

struct profile_aid {
        uint8_t bytes[GP_AID_MAX];
        size_t n;
};
static inline struct bytes profile_aid_bytes(const struct profile_aid *aid)
{
        return (struct bytes){ aid->bytes, aid->n };
}

struct profile_object {
        char name[PROFILE_OBJECT_NAME_MAX + 1]; /* "dg2", "com", "sod" */
        uint16_t fid;                           /* and number of its DGI */
        uint8_t sfi;
        uint32_t max_bytes;
};

struct profile {
        char id[PROFILE_ID_MAX + 1];
        bool laboratory; /* well-known test keys are allowed; never true at a real station */
        struct {
                uint8_t atr[PROFILE_ATR_MAX], mask[PROFILE_ATR_MAX];
                size_t n_atr; /* 0: any ATR */
                uint8_t i[PROFILE_I_MAX];
                size_t n_i;
                uint8_t kvn; /* that the card's key information must name, e.g. FF = still on transport keys */
        } match;
        struct {
                unsigned max_command; /* most bytes in a command's data field, 64..255 */
                unsigned chunk;       /* most plain bytes per STORE DATA; 0: what fits */
        } transport;
        struct {
                enum scp03_level levels[PROFILE_LEVELS_MAX]; /* in order of preference */
                size_t n_levels;
                uint8_t kvn;  /* P1 of INITIALIZE UPDATE */
                size_t n_key; /* 16, 24 or 32 bytes */
                struct kdf diversification;
                char key_label[PROFILE_KEY_LABEL_MAX + 1]; /* CKA_LABEL of the master in the token */
        } auth;
        struct profile_aid aid;    /* of the application instance that is selected, personalised and read */
        struct profile_aid sd_aid; /* the security domain that authenticates */
        struct profile_object objects[PROFILE_OBJECTS_MAX]; /* in the order of writing; the security object is last */
        size_t n_objects;
        uint8_t store_p1; /* P1 of STORE DATA that is not the last: 08 = plain DGIs */
};

/* 0, or -1 and *err (INPUT, bad_config) with the key's path. */
int profile_parse(struct bytes text, struct profile *ret, struct error *err);
/* The object with this name or NULL. */
const struct profile_object *profile_object_find(const struct profile *p, const char *name);

struct profile_card { /* what discovery found */
        struct bytes atr;
        const struct gp_key_info *keys;
        size_t n_keys;
        const struct gp_scp *scps;
        size_t n_scps;
};
/* Whether this card is one of the profile's, before any key is used: ATR, SCP03 with an i of the list (when the card
 * names its protocols at all), and complete keys of the profile's version, type AES and size (when the card tells its
 * keys). 0, or -1 and *err (CARD, chip_foreign). */
int profile_match(const struct profile *p, const struct profile_card *card, struct error *err);
/* The first preferred level that a card with this i offers; i itself must be in the list. 0, or -1 and *err (CARD,
 * chip_foreign). */
int profile_level(const struct profile *p, uint8_t i, enum scp03_level *ret, struct error *err);
