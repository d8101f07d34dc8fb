/* The Jalali calendar by the 33-year rule, which equals the official leap years from 1206 to 1498; days are counted
 * from 1970-01-01. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { JALALI_FIRST = 1206, JALALI_LAST = 1498, JALALI_TEXT = 11 };

bool jalali_leap(int year);
/* YYYY/MM/DD or YYYY-MM-DD of a day that exists; years JALALI_FIRST to JALALI_LAST. */
bool jalali_parse(const char *text, int64_t *ret_day);
/* YYYY/MM/DD; ends the process when the year lies outside. */
void jalali_text(int64_t day, char ret[JALALI_TEXT]);
