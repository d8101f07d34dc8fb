/* A small healthy ledger with a card in many a state, made by the real ledger and intent calls, for test-fsck. */
#pragma once

/* Writes it to path (a new file). Applications QM-0001 to QM-0007, serials SC-000001 to SC-000009 on line A:
 *   1  SC-000001 issued and registered            2  SC-000002 spoiled after its report, SC-000003 in its place
 *   3  SC-000004 print unknown                    4  SC-000005 lost while being written, by two people
 *   5  SC-000006 issued, its report refused       6  SC-000007 spoiled before its chip was written
 *   7  offered                                    -  SC-000008 in the hopper, SC-000009 back on the shelf by two people
 */
void healthy_ledger(const char *path);
/* The same, and after it a blank or card in each further state of the life cycles: serials SC-000010 to SC-000028,
 * applications QM-0008 to QM-0020. */
void every_state_ledger(const char *path);
