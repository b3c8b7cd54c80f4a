/* An IP address without a port. */
#ifndef BRI_IP_H
#define BRI_IP_H

#include <stdint.h>

struct bri_ip {
	uint16_t family;   /* AF_INET, AF_INET6; 0: none */
	uint8_t bytes[16]; /* network order; the first 4 for AF_INET, the rest zero */
};

#endif
