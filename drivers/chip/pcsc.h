/* PC/SC (pcsc-lite 1.9) as a transport. drivers/chip/README.md tells what each call was seen to return.
 *
 * Connects EXCLUSIVE with T=0|T=1, one transaction for the whole use, and sends with the PCI of the negotiated
 * protocol. The daemon's socket comes from PCSCLITE_CSOCK_NAME. */
#pragma once
#include "drivers/chip/transport.h"

/* Makes no call to the daemon yet. reader is copied. NULL only without memory. */
struct transport *pcsc_new(const char *reader);
/* The one translation of what a call returned; what names the call. Always -1. changing: see transport.h. */
int pcsc_error(long code, bool changing, const char *what, struct error *err);
