/* The GlobalPlatform and ISO 7816-4 commands that the station sends, plain, each into a writer.
 *
 * GPCS = GPC Card Specification 2.3.1, chapter 11; ISO/IEC 7816-4:2020 11.2 (SELECT), 11.3 (READ BINARY). Lengths
 * out of range are asserted: callers pass checked values. */
#pragma once
#include "proto/apdu.h"

enum { GP_AID_MIN = 5, GP_AID_MAX = 16 };
/* GPCS 11.10 table 11-85: P1 of SET STATUS for applications; state bit b8 locks, the other bits are ignored then. */
enum { GP_STATUS_APPLICATION = 0x40, GP_STATE_LOCKED = 0x80 };
/* GET DATA tags, GPCS 11.3 and annex H */
enum {
        GP_DATA_CPLC = 0x9F7F,
        GP_DATA_KEY_INFO = 0x00E0,
        GP_DATA_CARD = 0x0066,
        GP_DATA_CIN = 0x0045,
        GP_DATA_SEQUENCE = 0x00C1
};

void gp_write_select(struct writer *w, struct bytes aid);             /* 00 A4 04 00; empty AID: the default one */
void gp_write_select_file(struct writer *w, unsigned fid);            /* 00 A4 02 0C: no FCI wanted */
void gp_write_read_binary(struct writer *w, unsigned offset, int le); /* offset <= 7FFF */
void gp_write_get_data(struct writer *w, unsigned tag);               /* 80 CA */
/* 80 50; host_challenge 8 (S8) or 16 bytes (S16); kvn 00 = the card's choice. GPCS D.4.1, AmdD 7.1.1 */
void gp_write_initialize_update(struct writer *w, unsigned kvn, struct bytes host_challenge);
void gp_write_install_personalization(struct writer *w, struct bytes aid); /* 80 E6 20 00, GPCS 11.5.2.3.6 */
void gp_write_store_data(struct writer *w, unsigned p1, unsigned p2, struct bytes data); /* 80 E2, GPCS 11.11 */
void gp_write_lock_application(struct writer *w, struct bytes aid);                      /* 80 F0 40 80, GPCS 11.10 */
