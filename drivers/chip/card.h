/* One card over a transport: commands with their status words, discovery without keys, reading of files.
 *
 * docs/card-applet.md is the contract with the card. All calls block as long as the card does; tick, where there is
 * one, is called before each command that may be slow. Errors are the transport's, and CARD with the status word.
 * A card that leads on without end is let go: chip_answer at an answer over its bounds (proto/apdu.h), chip_slow when
 * all its answers together took the transport's ns_limit; UNKNOWN while it is being changed, CARD else. */
#pragma once
#include "drivers/chip/transport.h"
#include "proto/gp/card.h"
#include "proto/gp/command.h"

enum { CARD_FILE_MAX = 65536 };

/* Sends one short command, follows 61xx and 6Cxx, appends the body to body. 0 and *ret_sw whatever the status word
 * is; -1 when the card is lost or its answer has no end. */
int card_send(struct transport *t, struct bytes command, struct writer *body, uint16_t *ret_sw, struct error *err);
/* The same for a command of a script: the whole answer, status word last, is one item appended to list. */
int card_send_listed(struct transport *t, struct bytes command, struct writer *list, uint16_t *ret_sw,
                     struct error *err);

struct card_identity {
        uint8_t chip_id[GP_CHIP_ID_SIZE];
        uint8_t cplc[GP_CPLC_SIZE];
        bool has_cplc;
        uint8_t isd_aid[GP_AID_MAX];
        size_t n_isd_aid; /* 0: the card does not tell */
        struct gp_key_info keys[GP_KEYS_MAX];
        size_t n_keys;
        struct gp_scp scps[GP_SCP_MAX];
        size_t n_scps;
        unsigned max_lc; /* most data bytes of a command, from FCI 9F65 */
};
/* Selects the security domain: isd_aid, or with isd_aid.n == 0 the card's default, then the well-known ones. Asks CPLC
 * (or the card image number), key information, card data, sequence counter. -1: chip_foreign when there is no
 * security domain or no id, chip_locked when the card is locked, chip_answer when an answer is malformed. */
int card_identify(struct transport *t, struct bytes isd_aid, struct card_identity *ret, struct error *err);
/* The chip's id alone (SELECT, CPLC or image number). */
int card_chip_id(struct transport *t, struct bytes isd_aid, uint8_t ret[GP_CHIP_ID_SIZE], struct error *err);
/* Selects the security domain again; authentication follows. */
int card_select_isd(struct transport *t, struct bytes isd_aid, struct error *err);

enum card_app { CARD_APP_ABSENT, CARD_APP_SELECTED, CARD_APP_LOCKED };
/* Selects the application. max_lc, when not NULL, is lowered to what its FCI announces. -1 only for a lost card. */
int card_select_app(struct transport *t, struct bytes aid, enum card_app *ret, unsigned *max_lc, struct error *err);

enum card_file {
        CARD_FILE_READ,    /* whole: its outer TLV is complete */
        CARD_FILE_ABSENT,  /* the card does not select it, or it is empty */
        CARD_FILE_REFUSED, /* the card refuses to read it */
        CARD_FILE_BROKEN,  /* no TLV, cut off, or over CARD_FILE_MAX or the writer's room */
};
/* Selects a file of the selected application and reads its outer TLV, nothing behind it; appended to content when
 * whole, else content is as before. tick (may be NULL) gets the bytes so far before each READ BINARY. -1 only for a
 * lost card. */
int card_read_file(struct transport *t, unsigned fid, void (*tick)(void *context, size_t n), void *context,
                   struct writer *content, enum card_file *ret, struct error *err);
