/*
 * Socket options that TCP has and the kernel's MPTCP refuses, and that are only hints: who sets one
 * wants it faster or tidier, not different. A program is told they were set.
 */
#ifndef BRI_RUN_OPTIONS_H
#define BRI_RUN_OPTIONS_H

/* bri_options_hint(): the option's name when it is such a hint, else NULL. Static. */
const char *bri_options_hint(int level, int option);

#endif
