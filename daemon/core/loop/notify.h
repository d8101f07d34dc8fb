/* Words to the service manager: sd_notify(3), sd_watchdog_enabled(3). Without NOTIFY_SOCKET all of it is silence. */
#pragma once
#include "daemon/core/loop/loop.h"

struct notify {
        struct loop *loop;
        struct timer watchdog;
        int64_t every_ms; /* half of WATCHDOG_USEC; 0 = no watchdog, no wake-ups */
};

void notify_ready(struct notify *n, struct loop *loop); /* READY=1 and the watchdog's first beat */
void notify_status(const char *text);                   /* STATUS=; without personal data */
void notify_stopping(struct notify *n);
