/* One card under power: selection, channel and personalisation session above the memory of store.h. */
#pragma once

#include "tests/sim/card/apdu.h"
#include "tests/sim/card/channel.h"
#include "tests/sim/card/store.h"

enum { ISD_AID_SIZE = 8, APP_AID_SIZE = 10 };

extern const uint8_t isd_aid[ISD_AID_SIZE];
extern const uint8_t app_aid[APP_AID_SIZE];

/* A personalisation session (GPCS 11.11.1); ends with its last block, any error, SELECT, reset or a new INSTALL. */
struct perso {
        bool open, got_sod;
        unsigned next_block; /* P2 expected */
        struct object objects[N_OBJECTS];
        struct object *filling; /* the DGI that runs on, NULL between DGIs */
        size_t filled;
};

enum wire { WIRE_ANSWER, WIRE_TORN }; /* WIRE_TORN: the card left the reader before it answered */

struct card {
        const struct options *options;
        struct store store;
        bool app_selected;
        uint16_t current_fid; /* 0 none */
        struct channel channel;
        struct perso perso;
        uint8_t pending[256]; /* T=0: waits for GET RESPONSE */
        size_t n_pending;
        uint16_t pending_sw;
        unsigned n_commands, n_changes; /* since insertion */
};

/* Opens the memory (store_open) and powers the card up. */
void card_init(struct card *ret_card, const struct options *options);

/* Power or reset: all that is not in the store is forgotten. */
void card_reset(struct card *card);

/* Executes one command APDU; ret_bytes holds 260 bytes. Sleeps the configured device time. */
enum wire card_transmit(struct card *card, const uint8_t *bytes, size_t n, uint8_t *ret_bytes, size_t *ret_n);

/* isd.c: every command of the issuer security domain but SELECT. */
void isd_execute(struct card *card, struct command *command, struct answer *ret_answer);

/* content.c: what runs inside a channel, protection removed. */
void content_execute(struct card *card, const struct command *command, struct answer *ret_answer);

/* describe.c: GET DATA, and the FCI of the two applications. */
void describe_get_data(const struct card *card, const struct command *command, struct answer *ret_answer);
void describe_fci(const struct card *card, bool app, struct answer *ret_answer);

/* applet.c: SELECT by file id and READ BINARY. */
void applet_execute(struct card *card, const struct command *command, struct answer *ret_answer);

/* perso.c */
void perso_begin(struct perso *perso);
void perso_end(struct perso *perso);
uint16_t perso_store(struct card *card, const struct command *command);
