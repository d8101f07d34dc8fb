/* The reference portal's own state, shared by the server's calls and the commands. */
#pragma once
#include "jws.h"
#include "store.h"
#include <stdbool.h>

struct portal {
        struct store store;
        struct signers signers;
        int64_t lease_s;
        bool registered_only; /* note 3 to the letter: only a reported serial needs an authorisation */
};

/* Reads settings from the store. Ends the process when DIR or PKI is not usable. */
void portal_open(struct portal *portal, const char *dir, const char *pki);
void portal_close(struct portal *portal);
/* Puts lapsed claims back: approved, or awaiting_reissue when a spoiled serial is pending. */
void portal_sweep(struct portal *portal);
/* One stage change with its new place in the order of changes; nothing else of the row is touched. */
void portal_set_stage(struct portal *portal, const char *application, const char *stage);
/* Adds the serial to the signed withdrawn list. application may be NULL. */
void portal_withdraw_serial(struct portal *portal, const char *province, const char *application, const char *serial);
