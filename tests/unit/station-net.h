/* mohr-net of the rig: a child of the test, so that it has the portal's keys. Lines "net VERB ACTION" of the script:
 * "claim", "begin", "issuance", "spoil" or "anchor" with a refusal's status, reason and
 * Retry-After ("409 withdrawn", "503 busy 60"), "nonsense", "unsent", "unheard" (applied, the answer lost), "chatty"
 * (tells on the way how far it is), or an answer that is not one of mohr-net: "garbled", "unsealed", "silent" (no
 * body), "die". */
#pragma once
#include <sys/types.h>

struct rig;
pid_t station_net_start(struct rig *r);
