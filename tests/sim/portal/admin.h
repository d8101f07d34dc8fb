/* What people at headquarters do, and what tests look at. Each is one transaction on the store while `serve` runs. */
#pragma once
#include "portal.h"

void admin_station(struct portal *portal, const char *station, const char *province);
/* Gives out the next epoch to a new installation and prints it. */
void admin_epoch(struct portal *portal, const char *station);
/* Authorises a new card for each application that waits for it, or for the one. Prints one JSON line per grant. */
void admin_authorise(struct portal *portal, const char *application);
void admin_withdraw(struct portal *portal, const char *application);
/* Takes the application away from its station (two signatures at headquarters): free for another claim. */
void admin_unbind(struct portal *portal, const char *application);
void admin_ship(struct portal *portal, const char *province, const char *from, const char *to);
/* Prints one JSON object: stations, applications, cards, authorisations, withdrawn, effects. */
void admin_ledger(struct portal *portal);
void admin_fault(struct portal *portal, const char *mode, const char *path, int64_t count, int64_t arg);
