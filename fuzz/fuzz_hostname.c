/* Fuzz target: what a host name says by itself. A text is classified the same with and without room
 * for the address, an address survives being printed, and a name stays within its limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "transport/hostname.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *host = malloc(size + 1), text[BRI_SOCKADDR_TEXT_MAX];
	union bri_sockaddr a, b;
	enum bri_hostname_kind kind;

	if (!host)
		return 0;
	memcpy(host, data, size);
	host[size] = 0;
	kind = bri_hostname_classify(host, &a);
	if (bri_hostname_classify(host, NULL) != kind)
		abort();
	if (kind == BRI_HOSTNAME_ADDRESS) {
		bri_sockaddr_format_host(&a, text, sizeof(text));
		if (bri_hostname_classify(text, &b) != kind || !bri_sockaddr_equal(&a, &b))
			abort();
	} else if (kind != BRI_HOSTNAME_INVALID && kind != BRI_HOSTNAME_NO_ZONE) {
		if (!*host || strlen(host) > BRI_HOSTNAME_MAX)
			abort();
	}
	free(host);
	return 0;
}
