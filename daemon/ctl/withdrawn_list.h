/* The portal's signed withdrawn list against one serial (DESIGN 1.6): from a file, or from the running station. */
#pragma once
#include "daemon/ctl/ctl.h"

/* file: an entry (JWS) a line, as `mohr withdrawn` prints it; NULL: the station is asked. ca: the portal's CA (PEM
 * file); NULL: of the configuration. 1 and *ret_at when the serial is on the list, 0 when it is not, -1 and *err: no
 * list can be had, or an entry of it is not signed by the portal. */
int withdrawn_list_has(struct ctl *c, const char *file, const char *ca, const char *serial, int64_t *ret_at,
                       struct error *err);
