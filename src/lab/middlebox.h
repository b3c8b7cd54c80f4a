/*
 * What firewalls and proxies do to Multipath TCP: its option (TCP option 30, RFC 8684) in Ethernet
 * frames. Pure. Knows nothing of paths.
 */
#ifndef BRI_LAB_MIDDLEBOX_H
#define BRI_LAB_MIDDLEBOX_H

#include "lab/lab.h"

/* bri_middlebox_drops(): a frame that such a middlebox does not let through. */
bool bri_middlebox_drops(enum bri_lab_mptcp mode, const void *frame, uint32_t len);

/* bri_middlebox_change(): makes no-operations of the options that it removes, and the TCP checksum
 * right again. Frames that are not whole TCP segments stay as they are. */
void bri_middlebox_change(enum bri_lab_mptcp mode, void *frame, uint32_t len);

#endif
