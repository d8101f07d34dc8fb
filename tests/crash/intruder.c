/* intruder: another PC/SC client resets the card right before a command of ours. Preloaded into mohr-chip.
 *
 * A reader held exclusively cannot be reset by others, and pcscd keeps that; so this lets the program connect SHARED
 * and hold no transaction, and before its N-th SCardTransmit (INTRUDER_AT) a second client of the same pcscd connects
 * and leaves with a reset (INTRUDER_WITH=reset) or with the power off (unpower). What the program gets is pcscd's own
 * word. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>

static void *next(const char *name)
{
        void *f = dlsym(RTLD_NEXT, name);

        if (!f)
                abort();
        return f;
}

/* Calls the library's own function of this name. */
#define REAL(name, ...) ((__typeof__(&name))(size_t)next(#name))(__VA_ARGS__)

static char reader[256];

static void say(const char *what, LONG r)
{
        (void)fprintf(stderr, "intruder: %s: 0x%08lX\n", what, (unsigned long)r);
}

static void intrude(void)
{
        const char *with = getenv("INTRUDER_WITH");
        DWORD leave = with && strcmp(with, "unpower") == 0 ? SCARD_UNPOWER_CARD : SCARD_RESET_CARD, protocol;
        SCARDCONTEXT context;
        SCARDHANDLE card;
        LONG r = REAL(SCardEstablishContext, SCARD_SCOPE_SYSTEM, NULL, NULL, &context);

        if (r != SCARD_S_SUCCESS) {
                say("context", r);
                return;
        }
        r = REAL(SCardConnect, context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card,
                 &protocol);
        if (r == SCARD_S_SUCCESS)
                r = REAL(SCardDisconnect, card, leave);
        say("reset", r);
        (void)REAL(SCardReleaseContext, context);
}

PCSC_API LONG SCardConnect(SCARDCONTEXT context, LPCSTR name, DWORD share, DWORD protocols, LPSCARDHANDLE ret,
                           LPDWORD ret_protocol)
{
        (void)share;
        (void)snprintf(reader, sizeof reader, "%s", name);
        return REAL(SCardConnect, context, name, SCARD_SHARE_SHARED, protocols, ret, ret_protocol);
}

PCSC_API LONG SCardReconnect(SCARDHANDLE card, DWORD share, DWORD protocols, DWORD init, LPDWORD ret_protocol)
{
        (void)share;
        return REAL(SCardReconnect, card, SCARD_SHARE_SHARED, protocols, init, ret_protocol);
}

PCSC_API LONG SCardBeginTransaction(SCARDHANDLE card)
{
        (void)card;
        return SCARD_S_SUCCESS;
}

PCSC_API LONG SCardEndTransaction(SCARDHANDLE card, DWORD leave)
{
        (void)card, (void)leave;
        return SCARD_S_SUCCESS;
}

PCSC_API LONG SCardTransmit(SCARDHANDLE card, const SCARD_IO_REQUEST *pci, LPCBYTE sent, DWORD n_sent,
                            SCARD_IO_REQUEST *ret_pci, LPBYTE ret, LPDWORD ret_n)
{
        const char *at = getenv("INTRUDER_AT");
        static unsigned n;

        if (at && ++n == (unsigned)atoi(at))
                intrude();
        return REAL(SCardTransmit, card, pci, sent, n_sent, ret_pci, ret, ret_n);
}
