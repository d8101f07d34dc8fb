/* Serials: the numbers pre-printed on the blanks, `[A-Z0-9-]{6,20}`, rising in their trailing decimal digits
 * (SC-1405-000123). Blanks are stacked and listed in serial order (I-3.7, annexes 1, 2, 4: from serial, to serial). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { SERIAL_MIN = 6, SERIAL_MAX = 20, SERIAL_TEXT_MAX = SERIAL_MAX + 1, SERIAL_DIGITS_MAX = 12 };

/* A serial that can count: the last 1 to SERIAL_DIGITS_MAX trailing digits are its number. */
bool serial_ok(const char *text);
/* The serial `step` places further (negative: back). False for no serial, or when the number leaves its width. ret may
 * be text. */
bool serial_step(const char *text, int64_t step, char ret[SERIAL_TEXT_MAX]);
/* How far `to` stands after `from`: *ret_steps with serial_step(from, steps) = to. False when either is no serial, or
 * prefix or width differ. */
bool serial_distance(const char *from, const char *to, int64_t *ret_steps);
/* Serials in FROM..TO, both included. False as serial_distance, and when TO stands before FROM. */
bool serial_range_count(const char *from, const char *to, int64_t *ret_count);
bool serial_in_range(const char *serial, const char *from, const char *to);
