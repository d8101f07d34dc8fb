/* mohr-net of the rig: a child of the test, so that it has the portal's keys. Lines "net VERB ACTION" of the script:
 * "claim", "begin", "issuance", "spoil" or "anchor" with a refusal's status ("409 withdrawn", "503"), "nonsense", "unsent" or
 * "unheard" (applied, the answer lost). */
#pragma once
#include <sys/types.h>

struct rig;
pid_t station_net_start(struct rig *r);
