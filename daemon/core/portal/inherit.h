/* Spoiled or void by a former installation of this station (I-8.1.2): the portal's hello names application, serial and
 * face. The serial enters this ledger as what it is, with its card, so that headquarters' authorisation, which names
 * the serial, finds it; the application waits for that authorisation. Nothing here is told to the portal again. */
#pragma once
#include "daemon/core/core.h"

/* Inside a transaction: hello says that this application waits since this serial, of a card begun under this face code
 * (rebound_note has made it), went. A serial that this ledger knows as anything but stock stays what it is. */
void inherit_spoiled(struct ledger *l, const char *application, const char *serial, const char *face_code);
/* Inside a transaction: an application that waits at the portal waits here too, once its serial was taken over; what
 * this ledger began itself is not touched. False: nobody has told yet which serial it waits for; ask by hello. */
bool inherit_wait(struct ledger *l, const char *application);
